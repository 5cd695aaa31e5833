"""How a request's keys take the place of those that are listed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from node.domain.rekeying import KEY_OVERLAP, check_new_token_key, merge_keys
from node.errors import Conflict, InvalidInput
from protocol.member import Member, fingerprint
from protocol.member_keys import RetiredKey
from tests.members import NOW, MemberKeys

WEEK = timedelta(days=7)


def entry_of(keys: MemberKeys) -> Member:
    """Return an entry as a request has it: its token key begins now, its sealing key has an id of its own."""
    entry = keys.entry()
    (token_key,), (seal,) = entry.token_keys, entry.sealing_keys
    return replace(
        entry,
        joined=NOW,
        token_keys=(replace(token_key, since=NOW),),
        sealing_keys=(replace(seal, kid=seal.public[:8].hex()),),
    )


OLD = entry_of(MemberKeys("police.fr.example"))
NEW = entry_of(MemberKeys("police.fr.example"))


def test_every_replaced_key_counts_until_the_overlap_has_passed() -> None:
    merged = merge_keys(OLD, NEW, NOW, KEY_OVERLAP)
    ends = NOW + KEY_OVERLAP
    for old, new, feed in zip(OLD.feeds, NEW.feeds, merged.feeds, strict=True):
        assert (feed.keys, feed.retired) == (new.keys, (RetiredKey(old.keys[0], ends),))
    assert merged.token_keys == (replace(OLD.token_keys[0], until=ends), NEW.token_keys[0])
    assert merged.sealing_keys == (replace(OLD.sealing_keys[0], until=ends), NEW.sealing_keys[0])
    assert (merged.cosigner, merged.retired_cosigners) == (NEW.cosigner, (RetiredKey(OLD.cosigner, ends),))


def test_each_kind_is_replaced_alone() -> None:
    assert merge_keys(OLD, OLD, NOW, WEEK) == OLD
    merged = merge_keys(OLD, replace(OLD, cosigner=NEW.cosigner), NOW, WEEK)
    assert replace(merged, cosigner=OLD.cosigner, retired_cosigners=()) == OLD


def test_what_has_ended_leaves_the_list_with_the_next_request_but_for_token_keys() -> None:
    once = merge_keys(OLD, NEW, NOW, WEEK)
    third = entry_of(MemberKeys("police.fr.example"))
    (token,) = third.token_keys
    twice = merge_keys(once, replace(third, token_keys=(replace(token, since=NOW + WEEK),)), NOW + WEEK, WEEK)
    assert [old.key for old in twice.feeds[0].retired] == [*NEW.feeds[0].keys]
    assert [old.key for old in twice.retired_cosigners] == [NEW.cosigner]
    assert len(twice.sealing_keys) == 2
    assert [key.public for key in twice.token_keys] == [
        key.public for key in (*OLD.token_keys, *NEW.token_keys, *third.token_keys)
    ]


def test_the_end_of_a_replaced_key_stays_where_it_was() -> None:
    once = merge_keys(OLD, NEW, NOW, WEEK)
    again = merge_keys(once, NEW, NOW + timedelta(days=3), WEEK)
    assert fingerprint(again) == fingerprint(once)


def test_stolen_keys_are_struck_at_once() -> None:
    merged = merge_keys(merge_keys(OLD, OLD, NOW, WEEK), NEW, NOW, None)
    assert fingerprint(merged) == fingerprint(NEW)


@pytest.mark.parametrize("kind", ["token_keys", "sealing_keys", "cosigner", "feeds"])
def test_a_replaced_key_never_returns(kind: str) -> None:
    once = merge_keys(OLD, NEW, NOW, WEEK)
    with pytest.raises(InvalidInput, match="brings back a key"):
        merge_keys(once, replace(NEW, **{kind: getattr(OLD, kind)}), NOW, WEEK)


def test_a_new_token_key_cannot_begin_before_it_was_asked_for() -> None:
    (key,) = NEW.token_keys
    early = replace(NEW, token_keys=(replace(key, since=NOW - timedelta(days=2)),))
    with pytest.raises(InvalidInput, match="before the request"):
        merge_keys(OLD, early, NOW, WEEK)
    with pytest.raises(InvalidInput, match="before the request"):
        check_new_token_key(early)
    listed = replace(OLD, token_keys=(replace(OLD.token_keys[0], since=NOW - timedelta(days=99)),))
    assert merge_keys(listed, OLD, NOW, WEEK).token_keys == listed.token_keys


def test_what_a_request_cannot_change() -> None:
    with pytest.raises(InvalidInput, match="kind or country"):
        merge_keys(OLD, replace(NEW, country="DE"), NOW, WEEK)
    with pytest.raises(InvalidInput, match="leaves out"):
        merge_keys(OLD, replace(NEW, feeds=NEW.feeds[:1]), NOW, WEEK)
    with pytest.raises(Conflict, match="was removed"):
        merge_keys(replace(OLD, state="removed", removed_at=NOW), NEW, NOW, WEEK)

"""Bundles: what goes into one, what is taken from one, and that nothing false, foreign or partial is."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from node.adapters.bundles import BundleReader, BundleWriter
from node.errors import InvalidInput, NotAllowed, NotFound
from node.services.disclosure import publishing
from node.services.endings import erasure
from node.services.following import bundles
from node.services.following.bundles import Exported, Imported
from node.services.register import cases as register
from node.store.database import reading
from node.store.federation import carried
from node.store.published import feed_cases, feeds
from protocol.bundle import FeedRecord, format_known
from protocol.errors import BadProof, Malformed, NotAuthorized, ProtocolError
from protocol.note import MAX_NOTE_BYTES
from protocol.tiles import bundles_between
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, Federation
from tests.liars import Liar, case_states, dump, find_feed, problems

OWNER, CARRIER, HELPER = FR[0], DE[0], NGO[0]
DESK = "police.br.example"
MEMBERS = [FR, DE, (DESK, "BR", "law_enforcement"), NGO]


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    """The French police has published two cases; the German police has pulled them; the desk has no line."""
    made = Federation(tmp_path, MEMBERS)
    Image.new("RGB", (640, 800), "red").save(made.folder / "a.png")
    photo = {"kind": "photo", "file": "a.png", "primary": True, "taken": "2025-06"}
    made.publish(OWNER, sample_record("ar", photos=[photo]), sample_record("uk", photos=None))
    made.pull(CARRIER, OWNER)
    yield made
    made.close()


def export(federation: Federation, issuer: str, receiver: str, *of: str, whole: bool = False) -> bytes:
    target = io.BytesIO()
    bundles.export_bundle(federation[issuer], receiver, of, target, {} if whole else None)
    return target.getvalue()


def take(federation: Federation, receiver: str, data: bytes) -> Imported:
    return bundles.import_bundle(federation[receiver], io.BytesIO(data))


def held(federation: Federation, member: str, audience: str = "network") -> set[str]:
    with reading(federation[member].engine) as conn:
        if feeds.find_feed(conn, OWNER, audience) is None:
            return set()
    states = case_states(federation[member], OWNER, audience)
    return {case for case, (state, _) in states.items() if state == feed_cases.HELD}


def records(federation: Federation, receiver: str, data: bytes) -> list[str]:
    """Open a bundle as its receiver, and name what is in it."""
    node = federation[receiver]
    find = node.network().roster.token_key
    reader = BundleReader(io.BytesIO(data), receiver, find, node.keys.all_sealing(), node.now())
    return [str(record) for record, _, _ in reader.records()]


def write(federation: Federation, issuer: str, receiver: str, *contents: tuple[str, bytes]) -> bytes:
    """Make a bundle that says whatever a test wants, signed with its issuer's true key."""
    node = federation[issuer]
    key = node.network().roster.member(receiver).sealing_keys[-1]
    target = io.BytesIO()
    with BundleWriter(node.scratch(), node.token_signer(), receiver, key) as writer:
        for path, body in contents:
            writer.add(path, body)
        writer.finish(target, node.now())
    return target.getvalue()


# --- There and back ---


def test_a_desk_without_a_line_stays_a_member(federation: Federation) -> None:
    done = bundles.export_bundle(federation[CARRIER], DESK, [], io.BytesIO())
    assert done == Exported(
        DESK,
        {
            f"{CARRIER}/network": 0,
            f"{CARRIER}/police": 0,
            f"{OWNER}/network": 2,
            f"{OWNER}/police": 2,
        },
        4,
        1,
        0,
    )
    brought = take(federation, DESK, export(federation, CARRIER, DESK))
    assert (brought.issuer, brought.passed_over, brought.refused) == (CARRIER, [], [])
    assert sum(report.documents for report in brought.feeds) == 4
    assert sum(report.photographs for report in brought.feeds) == 1
    assert len(held(federation, DESK)) == len(held(federation, DESK, "police")) == 2
    assert find_feed(federation[DESK], OWNER).through == CARRIER
    assert problems(federation[DESK]) == []
    assert federation.wire.calls[-1][0].caller != DESK, "not a single call was made"


def test_receipts_travel_back_and_are_then_owed_no_more(federation: Federation) -> None:
    take(federation, DESK, export(federation, OWNER, DESK))
    back = export(federation, DESK, OWNER)
    assert take(federation, OWNER, back).receipts == 4
    (case, *_) = held(federation, DESK)
    holding = [one for one in register.holdings(federation[OWNER], case) if one.member == DESK]
    assert [one.version for one in holding] == [1] * len(holding)
    assert take(federation, OWNER, export(federation, DESK, OWNER)).receipts == 4, "it does not know yet"
    take(federation, DESK, export(federation, OWNER, DESK))
    assert take(federation, OWNER, export(federation, DESK, OWNER)).receipts == 0

    publishing.erase(federation[OWNER], case, "test")
    take(federation, DESK, export(federation, OWNER, DESK))
    assert case not in held(federation, DESK)
    erasure.purge(federation[DESK])
    assert take(federation, OWNER, export(federation, DESK, OWNER)).receipts == 2
    assert all(one.purged_at for one in register.holdings(federation[OWNER], case) if one.member == DESK)


def test_the_next_one_begins_where_the_receiver_stands(federation: Federation) -> None:
    take(federation, DESK, export(federation, OWNER, DESK))
    take(federation, OWNER, export(federation, DESK, OWNER))
    federation.publish(OWNER, sample_record("ja", photos=None, reference=None))
    target = io.BytesIO()
    done = bundles.export_bundle(federation[OWNER], DESK, [], target)
    assert (done.feeds[f"{OWNER}/network"], done.documents) == (1, 1)
    take(federation, DESK, target.getvalue())
    assert len(held(federation, DESK)) == 3
    assert bundles.export_bundle(federation[OWNER], DESK, [], io.BytesIO(), {}).documents == 5


def test_one_that_is_taken_in_twice_changes_nothing(federation: Federation) -> None:
    data = export(federation, CARRIER, DESK)
    take(federation, DESK, data)
    before = dump(federation[DESK])
    assert take(federation, DESK, data).issuer == CARRIER
    assert dump(federation[DESK]) == before


# --- Only what the receiver could have pulled ---


def test_it_holds_what_is_asked_for_and_the_receiver_may_have(federation: Federation) -> None:
    named = records(federation, HELPER, export(federation, CARRIER, HELPER, OWNER, CARRIER))
    assert any("network" in name for name in named)
    assert not any("police'" in name for name in named)
    of_one = records(federation, HELPER, export(federation, CARRIER, HELPER, OWNER))
    assert not any(CARRIER in name for name in of_one)
    take(federation, HELPER, export(federation, CARRIER, HELPER))
    assert len(held(federation, HELPER)) == 2
    assert held(federation, HELPER, "police") == set()


def test_an_ngo_reads_no_police_feed_that_a_careless_member_sends_it(
    federation: Federation,
) -> None:
    row = find_feed(federation[OWNER], OWNER, "police")
    with reading(federation[OWNER].engine) as conn:
        entries = feeds.read_file(conn, row.id, next(iter(bundles_between(0, row.size))))
    base = f"mirrors/{OWNER}/police"
    leak = write(
        federation,
        CARRIER,
        HELPER,
        (f"{base}/checkpoint", row.note or b""),
        (f"{base}/tile/entries/000.p/2", entries or b""),
    )
    before = dump(federation[HELPER])
    with pytest.raises(InvalidInput, match="not read here"):
        take(federation, HELPER, leak)
    assert dump(federation[HELPER]) == before


def test_a_case_that_is_kept_from_the_receiver_is_in_no_bundle(federation: Federation) -> None:
    (secret,) = register.add_cases(
        federation[OWNER], [sample_record("ar", photos=None)], "test", federation.folder
    )
    register.exclude_members(federation[OWNER], secret.case_id, [DESK], "test")
    publishing.publish(federation[OWNER], [secret.case_id], "test")
    federation.pull(CARRIER, OWNER)
    assert secret.case_id in held(federation, CARRIER)
    for issuer in (OWNER, CARRIER):
        take(federation, DESK, export(federation, issuer, DESK))
        assert len(held(federation, DESK)) == len(held(federation, DESK, "police")) == 2
    take(federation, HELPER, export(federation, OWNER, HELPER))
    assert secret.case_id in held(federation, HELPER)
    federation.pull(CARRIER, HELPER)
    take(federation, DESK, export(federation, CARRIER, DESK))
    assert secret.case_id not in held(federation, DESK)


def test_nobody_else_gets_one(federation: Federation) -> None:
    with pytest.raises(NotFound):
        export(federation, OWNER, "police.xx.example")
    with pytest.raises(NotAllowed):
        export(federation, OWNER, OWNER)
    federation.announce(DESK, state="suspended")
    done = bundles.export_bundle(federation[OWNER], DESK, [], io.BytesIO())
    assert (done.feeds[f"{OWNER}/network"], done.documents) == (2, 0), "erasures are honoured all the same"
    federation.announce(DESK, state="removed", removed_at=federation.clock())
    federation.clock.advance(days=31)
    with pytest.raises(NotAllowed):
        export(federation, OWNER, DESK)


# --- What is refused, with nothing changed ---


def signed_by_a_stranger(federation: Federation, data: bytes) -> bytes:
    node = federation[CARRIER]
    key = node.network().roster.member(DESK).sealing_keys[-1]
    signer = replace(node.token_signer(), private=Ed25519PrivateKey.generate())
    target = io.BytesIO()
    with BundleWriter(node.scratch(), signer, DESK, key) as writer:
        writer.finish(target, node.now())
    return target.getvalue()


BROKEN: dict[str, tuple[Callable[[Federation, bytes], bytes], type[Exception], str]] = {
    "nothing": (lambda _, data: b"", Malformed, "signed statement"),
    "no bundle": (lambda _, data: b"hello\n" * 1000, Malformed, "bundle"),
    "without an end of its first line": (lambda _, data: b"x" * 100_000, Malformed, "signed statement"),
    "cut off": (lambda _, data: data[:-100], BadProof, "altered, or cut off"),
    "cut off behind the statement": (
        lambda _, data: data[: data.index(b"\n") + 1],
        BadProof,
        "altered, or cut off",
    ),
    "continued": (lambda _, data: data + b"x", BadProof, "altered, or cut off"),
    "altered": (lambda _, data: data[:-50] + b"x" + data[-49:], BadProof, "altered, or cut off"),
    "put together from two": (
        lambda federation, data: (
            data[: data.index(b"\n")] + (other := export(federation, CARRIER, DESK))[other.index(b"\n") :]
        ),
        BadProof,
        "altered, or cut off",
    ),
    "for somebody else": (
        lambda federation, _: export(federation, CARRIER, HELPER),
        NotAuthorized,
        "made for another member",
    ),
    "by nobody of the network": (signed_by_a_stranger, ProtocolError, "signature"),
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """The desk has taken in one case. No test may leave anything in it."""
    made = Federation(tmp_path_factory.mktemp("bundles"), MEMBERS)
    made.publish(OWNER, sample_record("ar", photos=None, reference=None))
    made.pull(CARRIER, OWNER)
    take(made, DESK, export(made, CARRIER, DESK))
    made.publish(OWNER, sample_record("uk", photos=None, reference=None))
    made.pull(CARRIER, OWNER)
    yield made
    made.close()


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_whole_bundle_for_this_member_is_refused(shared: Federation, kind: str) -> None:
    change, error, reason = BROKEN[kind]
    before, data = dump(shared[DESK]), change(shared, export(shared, CARRIER, DESK))
    with pytest.raises(error, match=reason):
        take(shared, DESK, data)
    assert dump(shared[DESK]) == before


BASE = f"mirrors/{OWNER}/network"

LIES: dict[str, tuple[list[tuple[str, bytes]], str]] = {
    "a record of no kind": ([("mirrors/../etc", b"x")], "not known"),
    "a path out": ([(f"mirrors/{OWNER}/network/tile/entries/../../x", b"x")], "tile"),
    "no checkpoint": ([(f"{BASE}/readers", b'{"readers":[]}')], "note"),
    "bytes for a checkpoint": ([(f"{BASE}/checkpoint", b"hello")], "note"),
    "too long a checkpoint": ([(f"{BASE}/checkpoint", b"x" * (MAX_NOTE_BYTES + 1))], "more than"),
    "readers that are none": ([(f"{BASE}/readers", b"[]")], "readers"),
    "another document": ([(f"{BASE}/documents/{'a' * 64}", b"{}\n{}\n{}\n")], "not the one"),
    "no document": ([(f"{BASE}/documents/{'a' * 64}", b"hello")], "document"),
    "another photograph": ([(f"{BASE}/photographs/{'a' * 64}", b"GIF89a")], "not the one"),
    "known feeds that are none": ([("known", b'{"feeds":{"x":-1}}')], "sizes of feeds"),
    "too long a receipt": ([("receipts/0", b"x" * 200_000)], "longer record"),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_a_member_makes_up_is_refused_and_held_against_it(shared: Federation, lie: str) -> None:
    contents, reason = LIES[lie]
    before = dump(shared[DESK])
    with pytest.raises(ProtocolError, match=reason):
        take(shared, DESK, write(shared, CARRIER, DESK, *contents))
    assert dump(shared[DESK]) == before
    assert find_feed(shared[DESK], OWNER).state == feeds.OPEN


def test_entries_that_the_owner_did_not_sign_are_refused_before_anything_is_taken(shared: Federation) -> None:
    row = find_feed(shared[CARRIER], OWNER)
    with reading(shared[CARRIER].engine) as conn:
        entries = feeds.read_file(conn, row.id, next(iter(bundles_between(0, row.size)))) or b""
    before = dump(shared[DESK])
    for forged in (entries[:-5] + b"AAAA" + entries[-1:], entries[:-1], b""):
        contents = [(f"{BASE}/checkpoint", row.note or b""), (f"{BASE}/tile/entries/000.p/2", forged)]
        with pytest.raises(ProtocolError, match=CARRIER):
            take(shared, DESK, write(shared, CARRIER, DESK, *contents))
    assert dump(shared[DESK]) == before


def test_one_behind_a_gap_is_refused(shared: Federation) -> None:
    row = find_feed(shared[CARRIER], OWNER)
    before = dump(shared[DESK])
    with pytest.raises(InvalidInput, match="missing in between: 1 are known"):
        take(shared, DESK, write(shared, CARRIER, DESK, (f"{BASE}/checkpoint", row.note or b"")))
    assert dump(shared[DESK]) == before


def test_one_that_is_older_than_what_is_known_brings_nothing(federation: Federation) -> None:
    old = export(federation, OWNER, DESK)
    federation.publish(OWNER, sample_record("ja", photos=None))
    take(federation, DESK, export(federation, OWNER, DESK))
    before = dump(federation[DESK])
    with pytest.raises(InvalidInput, match="older than what is known"):
        take(federation, DESK, old)
    assert dump(federation[DESK]) == before


def test_two_faces_in_a_bundle_are_the_owners(federation: Federation) -> None:
    take(federation, DESK, export(federation, CARRIER, DESK))
    liar = Liar(federation, OWNER)
    liar.entries.clear()
    liar.put(1)
    liar.put(2)
    brought = take(
        federation, DESK, write(federation, CARRIER, DESK, (f"{BASE}/checkpoint", liar.checkpoint()))
    )
    assert brought.feeds[0].lying
    assert find_feed(federation[DESK], OWNER).state == feeds.SPLIT


def test_a_receipt_that_is_none_is_refused_and_the_rest_is_taken(federation: Federation) -> None:
    take(federation, DESK, export(federation, OWNER, DESK))
    brought = take(
        federation, OWNER, write(federation, DESK, OWNER, ("receipts/0", b"hello"), ("returned/0", b"x"))
    )
    assert (len(brought.refused), brought.receipts) == (1, 0)


def test_what_is_remembered_of_one_is_bounded(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever makes it could name any number of feeds, and give any number of receipts."""
    take(federation, DESK, export(federation, OWNER, DESK))
    back = export(federation, DESK, OWNER)
    node = federation[OWNER]
    reader = BundleReader(
        io.BytesIO(back), OWNER, node.network().roster.token_key, node.keys.all_sealing(), node.now()
    )
    tokens = [
        reader.read(place, length)
        for record, place, length in reader.records()
        if not isinstance(record, FeedRecord) and record.kind == "receipts"
    ]
    monkeypatch.setattr(bundles, "_MAX_RETURNED_BYTES", len(tokens[0]) * 3)
    made_up = {f"x{number}.example/network": 1 for number in range(1000)}
    known = format_known({f"{OWNER}/network": 2, **made_up})
    contents = [(f"receipts/{number}", tokens[0]) for number in range(10)]
    done = take(federation, OWNER, write(federation, DESK, OWNER, *contents, ("known", known)))
    assert (done.refused, done.receipts) == ([], 20)
    with reading(node.engine) as conn:
        assert carried.known_sizes(conn, DESK) == {f"{OWNER}/network": 2}
        assert len(carried.receipts_to_return(conn, DESK)) == 3


def test_of_members_that_the_roster_does_not_list_nothing_is_taken(shared: Federation) -> None:
    contents = [("mirrors/police.xx.example/network/checkpoint", b"x")]
    with pytest.raises(InvalidInput, match="lists no such member"):
        take(shared, DESK, write(shared, CARRIER, DESK, *contents))


def test_what_waits_in_the_scratch_folder_is_sealed(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = bytearray()
    real = BundleWriter._write

    def watch(self: BundleWriter, data: bytes) -> None:
        written.extend(data)
        real(self, data)

    monkeypatch.setattr(BundleWriter, "_write", watch)
    export(federation, OWNER, DESK)
    assert b'"case"' not in written
    assert len(written) > 5_000
    assert list(federation[OWNER].scratch().iterdir()) == []


@pytest.mark.parametrize(
    "path",
    [
        "mirrors/a{}.example/network/tile/entries/000",
        f"mirrors/{OWNER}/network/tile/entries/{{:03}}",
        "receipts/{}",
    ],
)
def test_one_of_countless_tiny_records_is_refused(
    shared: Federation, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(bundles, "_MAX_PLACES", 20)
    monkeypatch.setattr(bundles, "_MAX_FEEDS", 10)
    data = write(shared, CARRIER, DESK, *((path.format(number), b"") for number in range(30)))
    before = dump(shared[DESK])
    with pytest.raises(Malformed, match="more feeds, entry bundles or receipts"):
        take(shared, DESK, data)
    assert dump(shared[DESK]) == before

"""Messages reach the other member, once, or are refused with nothing changed."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from node.adapters.http import Answer
from node.errors import Conflict, InvalidInput, NotAllowed, NotFound, PeerUnavailable
from node.runtime import Node
from node.services import messages
from node.services.disclosure import publishing
from node.services.endings import erasure
from node.services.members import membership
from node.services.safekeeping import integrity
from node.services.status import status
from node.store.database import reading, writing
from node.store.federation import messages as store
from node.store.federation.messages import MessageRow
from node.store.journal import read_journal
from protocol.encoding import parse_object
from protocol.member_keys import SealingKey
from protocol.message import (
    MAX_CONTENT_BYTES,
    MAX_SEALED_BYTES,
    Address,
    Content,
    format_message,
    seal_content,
)
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, Ask, Call, Federation, down

SENDER, RECEIVER, HELPER = DE[0], FR[0], NGO[0]
CASE = f"{RECEIVER}/aaaaaaaaaaaaaaaaaaaaaaaaaa"
LEAD = Content({"case": CASE, "note": "Gare du Nord"}, b"picture")


@pytest.fixture
def federation(database_url: str, tmp_path: Path) -> Iterator[Federation]:
    """The French and the German police, the receiver on each kind of database."""
    made = Federation(
        tmp_path, [FR, DE], databases={RECEIVER: database_url, SENDER: f"sqlite:///{tmp_path}/s"}
    )
    yield made
    made.close()


@pytest.fixture
def light(tmp_path: Path) -> Federation:
    """The same and an NGO, on SQLite."""
    return Federation(tmp_path, [FR, DE, NGO])


def sent(node: Node) -> list[MessageRow]:
    return messages.list_messages(node, outgoing=True, everything=True, limit=100)


def came(node: Node) -> list[MessageRow]:
    return messages.list_messages(node, outgoing=False, everything=True, limit=100)


def lead(federation: Federation, content: Content = LEAD, kind: str = "lead") -> MessageRow:
    return messages.send_message(federation[SENDER], RECEIVER, kind, content, "test")


def post(
    federation: Federation, data: bytes, caller: str = SENDER, token: str | None = None
) -> tuple[int, str]:
    answer = federation.ask(caller, RECEIVER, "POST", "/messages", data, token=token)
    if answer.status == 200:
        return 200, ""
    return answer.status, str(parse_object(answer.body, "problem", 10_000)["detail"])


def made(
    federation: Federation, content: Content = LEAD, message_id: str = "bWVzc2FnZSAx", **other: str
) -> bytes:
    """A message as it goes over the wire."""
    node = federation[SENDER]
    address = Address(other.get("kind", "lead"), SENDER, other.get("audience", RECEIVER), message_id)
    key = node.network().roster.member(RECEIVER).sealing_keys[-1]
    sealed = seal_content(key, content, address)
    return format_message(node.token_signer(), address, sealed, node.now() + timedelta(days=1), node.now())


def test_a_message_reaches_the_other_member(federation: Federation) -> None:
    lead(federation)
    sender, receiver = federation[SENDER], federation[RECEIVER]
    assert messages.due(sender) == [RECEIVER]
    assert messages.deliver(sender, RECEIVER) == ""
    assert messages.due(sender) == []
    (out,) = sent(sender)
    assert (out.state, out.member, out.kind, out.case_id) == ("taken", RECEIVER, "lead", CASE)
    assert out.acknowledgement.count(".") == 2
    (row,) = came(receiver)
    assert (row.state, row.member, row.kind, row.case_id) == ("new", SENDER, "lead", CASE)
    assert messages.read_message(receiver, row.id, "test").content == LEAD
    with reading(receiver.engine) as conn:
        done = [(entry.action, entry.actor) for entry in read_journal(conn, CASE)]
    assert done == [("message.read", "test"), ("message.receive", f"member {SENDER}")]
    with reading(sender.engine) as conn:
        assert store.sealed_content(conn, out.id) is None
    assert messages.read_message(sender, out.id, "test").content is None
    assert status(receiver).messages == {"new": 1}
    assert any("that wait for you: 1" in warning for warning in status(receiver).warnings)
    assert status(sender).messages == {}


def test_a_type_that_nobody_knows_is_kept_and_shown(light: Federation) -> None:
    lead(light, Content({"anything": [1]}), kind="x-later.version")
    messages.deliver(light[SENDER], RECEIVER)
    (row,) = came(light[RECEIVER])
    content = messages.read_message(light[RECEIVER], row.id, "test").content
    assert row.kind == "x-later.version"
    assert content is not None
    assert content.body == {"anything": [1]}


def test_nothing_is_lost_while_the_receiver_is_down_and_order_is_kept(light: Federation) -> None:
    light.wire.faults[RECEIVER] = [down]
    sender = light[SENDER]
    for number in range(3):
        lead(light, Content({"number": number}))
    for _ in range(4):
        assert messages.deliver(sender, RECEIVER) == "It cannot be reached."
        light.clock.advance(minutes=20)
    (waiting,) = [row for row in sent(sender) if row.tries]
    assert (waiting.tries, waiting.state, waiting.reason) == (4, "waiting", "It cannot be reached.")
    light.wire.faults.clear()
    assert messages.deliver(sender, RECEIVER) == ""
    opened = [
        messages.read_message(light[RECEIVER], row.id, "test") for row in reversed(came(light[RECEIVER]))
    ]
    assert [item.content and item.content.body["number"] for item in opened] == [0, 1, 2]


def test_pauses_grow_and_end_with_a_sign_of_life(light: Federation) -> None:
    light.wire.faults[RECEIVER] = [down]
    sender, start = light[SENDER], light.clock()
    lead(light)
    pauses = []
    for _ in range(3):
        messages.deliver(sender, RECEIVER)
        next_at = sent(sender)[0].next_at
        assert next_at is not None
        pauses.append((next_at - start).total_seconds())
    assert pauses == [5, 10, 20]
    assert messages.due(sender) == []
    messages.hurry(sender, RECEIVER)
    assert messages.due(sender) == [RECEIVER]


def test_a_lost_acknowledgement_makes_no_second_message(light: Federation) -> None:
    def lose(call: Call, ask: Ask) -> Answer:
        ask()
        raise PeerUnavailable("Its answer was cut off or could not be read.")

    light.wire.faults[RECEIVER] = [lose]
    lead(light)
    assert messages.deliver(light[SENDER], RECEIVER)
    light.wire.faults.clear()
    light.clock.advance(minutes=1)
    assert messages.deliver(light[SENDER], RECEIVER) == ""
    assert len(came(light[RECEIVER])) == 1
    assert sent(light[SENDER])[0].state == "taken"


@pytest.mark.parametrize("change", [lambda data: b"", lambda data: data[:-8] + b"AAAAAAAA"])
def test_a_word_that_is_none_is_not_believed(light: Federation, change: Callable[[bytes], bytes]) -> None:
    def lie(call: Call, ask: Ask) -> Answer:
        answer = ask()
        return replace(answer, body=change(answer.body))

    light.wire.faults[RECEIVER] = [lie]
    lead(light)
    assert "acknowledgement" in messages.deliver(light[SENDER], RECEIVER)
    assert sent(light[SENDER])[0].state == "waiting"


def test_what_is_refused_changes_nothing(light: Federation) -> None:
    good = made(light)
    sealed_to_nobody = made(light).partition(b"\n")[0] + b"\n"
    token = light.token(SENDER, RECEIVER, "POST", "/messages", good)
    for data, caller, code, words in (
        (b"", SENDER, 400, "statement"),
        (good[:-1], SENDER, 400, "not those that were signed for"),
        (sealed_to_nobody, SENDER, 400, "not those that were signed for"),
        (made(light, audience=HELPER), SENDER, 403, "for another member"),
        (good, HELPER, 403, "by another member than the one that sends it"),
        (bytes(2_101_250), SENDER, 413, "longer than is allowed"),
    ):
        found = post(light, data, caller)
        assert found[0] == code, found
        assert words in found[1]
    assert came(light[RECEIVER]) == []
    assert post(light, good, token=token) == (200, "")
    assert post(light, good, token=token)[0] == 409  # the very same request
    assert post(light, good) == (200, "")  # delivered again, as it must be
    assert post(light, made(light, Content({"other": 1})))[0] == 400  # another one under the same id
    assert post(light, good, token="")[0] == 401
    assert len(came(light[RECEIVER])) == 1


def test_a_message_is_sealed_to_its_receiver_and_none_of_its_old_keys_is_forgotten(light: Federation) -> None:
    receiver = light[RECEIVER]
    light.wire.faults[RECEIVER] = [down]
    lead(light)
    messages.deliver(light[SENDER], RECEIVER)
    new = receiver.keys.add_sealing()
    entry = receiver.network().roster.member(RECEIVER)
    light.announce(RECEIVER, sealing_keys=(*entry.sealing_keys, SealingKey("new", new)))
    light.accept_all(light[SENDER])
    light.wire.faults.clear()
    light.clock.advance(minutes=1)
    lead(light)
    assert messages.deliver(light[SENDER], RECEIVER) == ""
    for row in came(receiver):
        assert messages.read_message(receiver, row.id, "test").content == LEAD


def test_what_is_sealed_to_a_replaced_key_is_taken_until_its_end_and_not_after(light: Federation) -> None:
    receiver = light[RECEIVER]
    (old,) = receiver.entry().sealing_keys
    new = SealingKey("new", receiver.keys.add_sealing())
    ends = light.clock() + timedelta(days=7)
    listed = light.coordinator.trusted.roster.member(RECEIVER)
    light.coordinator.announce(replace(listed, sealing_keys=(replace(old, until=ends), new)))
    membership.refresh(receiver)  # the sender still knows only the old one
    lead(light)
    assert messages.deliver(light[SENDER], RECEIVER) == ""
    light.clock.advance(days=7)
    lead(light)
    messages.deliver(light[SENDER], RECEIVER)
    assert len(came(receiver)) == 1


def test_one_sealed_to_a_stranger_is_refused_for_good_and_a_person_told(light: Federation) -> None:
    sender, other = light[SENDER], light[HELPER].network().roster.member(HELPER)
    entry = sender.network().roster.member(RECEIVER)
    with writing(sender.engine) as conn:
        wrong = replace(entry, sealing_keys=other.sealing_keys)
        messages.write_message(conn, sender, wrong, "lead", LEAD)
    lead(light)
    assert "400" in messages.deliver(sender, RECEIVER)  # it does not hold up what comes behind it
    good, bad = sent(sender)
    assert (good.state, bad.state) == ("taken", "refused")
    assert "sealed to another key" in bad.reason
    messages.retry(sender, bad.id)
    assert messages.due(sender) == [RECEIVER]
    with pytest.raises(Conflict):
        messages.retry(sender, good.id)
    messages.close(sender, bad.id, "test")
    assert messages.due(sender) == []


@pytest.mark.parametrize(("limit", "most"), [("MAX_OPEN_BYTES", 5_000), ("MAX_OPEN", 3)])
def test_one_sender_cannot_fill_the_disk_or_the_memory(
    light: Federation, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(messages, limit, most)
    for number in range(5):
        lead(light, Content({"number": number}, bytes(500)))
    assert "429" in messages.deliver(light[SENDER], RECEIVER)
    assert len(came(light[RECEIVER])) == 3
    for row in came(light[RECEIVER]):
        messages.close(light[RECEIVER], row.id, "test")
    light.clock.advance(minutes=1)
    assert messages.deliver(light[SENDER], RECEIVER) == ""
    assert len(came(light[RECEIVER])) == 5


def test_only_members_exchange_messages(light: Federation) -> None:
    lead(light)
    good = made(light)
    light.announce(SENDER, state="suspended")
    assert post(light, good)[0] == 403
    with pytest.raises(NotAllowed):
        lead(light)
    assert "Nothing is exchanged" in messages.deliver(light[SENDER], RECEIVER)
    assert came(light[RECEIVER]) == []
    light.announce(SENDER, state="active")
    light.clock.advance(minutes=1)
    assert messages.deliver(light[SENDER], RECEIVER) == ""


def test_what_cannot_be_sent_is_not_written(light: Federation) -> None:
    node = light[SENDER]
    for error, member, kind, content in (
        (NotFound, "police.xx.example", "lead", LEAD),
        (NotAllowed, SENDER, "lead", LEAD),
        (InvalidInput, RECEIVER, "Lead", LEAD),
        (InvalidInput, RECEIVER, "lead", Content({"case": 1})),
        (InvalidInput, RECEIVER, "lead", Content({}, bytes(1 << 21))),
    ):
        with pytest.raises(error):
            messages.send_message(node, member, kind, content, "test")
    assert sent(node) == []


def test_erasing_a_case_erases_what_messages_say_about_it(federation: Federation) -> None:
    lead(federation)
    lead(federation, Content({"note": "about none"}))
    messages.deliver(federation[SENDER], RECEIVER)
    lead(federation)
    for member, state in ((RECEIVER, "new"), (SENDER, "taken")):
        node = federation[member]
        with writing(node.engine) as conn:
            assert store.erase_about(conn, [CASE, CASE + "b"], node.clock()) == 1
        rows = messages.list_messages(node, outgoing=None, everything=True, limit=9)
        assert {row.state for row in rows} == {"erased", state}
    (gone,) = [row for row in came(federation[RECEIVER]) if row.state == "erased"]
    assert messages.read_message(federation[RECEIVER], gone.id, "test").content is None
    assert messages.deliver(federation[SENDER], RECEIVER) == ""
    assert len(came(federation[RECEIVER])) == 2


def test_messages_end(light: Federation) -> None:
    light.wire.faults[RECEIVER] = [down]
    lead(light)
    light.clock.advance(days=90)
    messages.expire(light[SENDER])
    assert sent(light[SENDER])[0].state == "lapsed"
    light.clock.advance(minutes=3)
    messages.expire(light[SENDER])
    assert sent(light[SENDER]) == []


def test_a_closed_message_does_not_come_back(light: Federation) -> None:
    good = made(light)
    assert post(light, good) == (200, "")
    receiver = light[RECEIVER]
    (row,) = came(receiver)
    messages.close(receiver, row.id, "test")
    with pytest.raises(Conflict):
        messages.close(receiver, row.id, "test")
    assert post(light, good) == (200, "")
    (row,) = came(receiver)
    assert (row.state, messages.read_message(receiver, row.id, "test").content) == ("closed", None)
    with pytest.raises(NotFound):
        messages.read_message(receiver, 99, "test")


def test_what_is_said_about_an_own_case_lasts_as_long_as_its_record(federation: Federation) -> None:
    receiver = federation[RECEIVER]
    case_id = federation.publish(RECEIVER, sample_record("ar", photos=None))[0].case_id
    lead(federation, Content({"case": case_id, "note": "Gare du Nord"}))
    messages.deliver(federation[SENDER], RECEIVER)
    publishing.withdraw(receiver, case_id, "test")
    erasure.purge(receiver)
    again = publishing.undo_withdrawal(receiver, case_id, "test").case_id
    (row,) = came(receiver)
    assert (row.state, row.case_id) == ("new", again)
    with reading(receiver.engine) as conn:
        sealed = store.sealed_content(conn, row.id)
    assert sealed is not None
    publishing.erase(receiver, again, "test")
    erasure.purge(receiver)
    assert came(receiver)[0].state == "erased"
    if receiver.engine.dialect.name == "sqlite":
        for file in receiver.config.home.rglob("node.db*"):
            assert sealed[:64] not in file.read_bytes()


def test_what_is_said_about_a_foreign_case_goes_with_it(light: Federation) -> None:
    case_id = light.publish(SENDER, sample_record("ar", photos=None))[0].case_id
    light.pull(RECEIVER, SENDER)
    lead(light, Content({"case": case_id, "note": "what the owner told us"}))
    messages.deliver(light[SENDER], RECEIVER)
    publishing.withdraw(light[SENDER], case_id, "test")
    light.pull(RECEIVER, SENDER)
    erasure.purge(light[RECEIVER])
    assert came(light[RECEIVER])[0].state == "erased"


def test_fsck_finds_a_message_that_is_damaged(light: Federation) -> None:
    light.wire.faults[RECEIVER] = [down]
    lead(light)
    assert integrity.check(light[SENDER]).findings == []
    with writing(light[SENDER].engine) as conn:
        conn.execute(store.message.update().values(sealed=b"x"))
    (found,) = integrity.check(light[SENDER]).findings
    assert (found.where, found.problem) == (f"message 1 to {RECEIVER}", "it is damaged")


def test_nothing_ends_by_a_clock_that_is_wrong(light: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    light.wire.faults[RECEIVER] = [down]
    lead(light)
    light.clock.advance(days=365)
    monkeypatch.setattr(messages, "clock_offset", lambda node: timedelta(days=-365))
    messages.expire(light[SENDER])
    assert sent(light[SENDER])[0].state == "waiting"


def test_the_longest_message_goes_over_a_socket(tmp_path: Path) -> None:
    federation = Federation(tmp_path, [FR, DE], sockets=True)
    try:
        longest = Content({}, bytes(MAX_CONTENT_BYTES - len(b"{}\n")))
        lead(federation, longest)
        assert messages.deliver(federation[SENDER], RECEIVER) == ""
        (row,) = came(federation[RECEIVER])
        assert row.size == MAX_SEALED_BYTES
    finally:
        federation.close()

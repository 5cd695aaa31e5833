"""Sealed messages that are not what they should be, and members that lie while a case is handed over."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from node.adapters.http import Answer
from node.services import messages
from node.services.moving import handover
from node.services.register import cases
from protocol.message import MAX_LIFE, MAX_MESSAGE_BYTES, Address, Content, format_message, seal_content
from protocol.token import TokenSigner
from tests.attacks.conftest import unchanged
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, Federation

POLICE, PEER, HELPER = FR[0], DE[0], NGO[0]
PATH = "/messages"
LEAD = Content({"note": "Gare du Nord"})
TRUE = Address("lead", PEER, POLICE, "bWVzc2FnZSAx")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Three members; no test leaves anything with the French police."""
    made = Federation(tmp_path_factory.mktemp("messages"))
    yield made
    made.close()


def message(
    federation: Federation,
    address: Address = TRUE,
    *,
    sealed_for: Address | None = None,
    sealed_to: str = POLICE,
    signer: TokenSigner | None = None,
    life: timedelta = MAX_LIFE,
    age: timedelta = timedelta(0),
) -> bytes:
    """A message of the German police, right but for what is said."""
    key = federation[PEER].network().roster.member(sealed_to).sealing_keys[-1]
    sealed = seal_content(key, LEAD, sealed_for or address)
    written = federation[PEER].now() - age
    by = signer or federation[PEER].token_signer()
    return format_message(by, address, sealed, written + life, written)


def post(federation: Federation, data: bytes, caller: str = PEER, token: str | None = None) -> Answer:
    return federation.ask(caller, POLICE, "POST", PATH, data, token=token)


def forged(federation: Federation) -> bytes:
    thief = federation[HELPER].token_signer().private
    return message(federation, signer=replace(federation[PEER].token_signer(), private=thief))


def relabelled(federation: Federation) -> bytes:
    return message(federation, replace(TRUE, kind="handover"), sealed_for=TRUE)


MESSAGES: dict[str, tuple[Callable[[Federation], bytes], str, int]] = {
    "bytes": (lambda _: b"\xff" * 99, PEER, 400),
    "without end": (lambda _: bytes(MAX_MESSAGE_BYTES + 1), PEER, 413),
    "altered": (lambda federation: message(federation)[:-1] + b"x", PEER, 400),
    "misdirected": (lambda federation: message(federation, replace(TRUE, audience=HELPER)), PEER, 403),
    "passed on": (message, HELPER, 403),
    "forged": (forged, PEER, 400),
    "relabelled": (relabelled, PEER, 400),
    "sealed to another": (lambda federation: message(federation, sealed_to=HELPER), PEER, 400),
    "outlived": (lambda federation: message(federation, life=timedelta(minutes=-2)), PEER, 403),
    "from the future": (lambda federation: message(federation, age=timedelta(minutes=-3)), PEER, 403),
    "for ever": (lambda federation: message(federation, life=timedelta(days=91)), PEER, 403),
}


@pytest.mark.parametrize("kind", MESSAGES)
def test_a_message_that_may_not_be(shared: Federation, kind: str, says: str) -> None:
    make, caller, status = MESSAGES[kind]
    with unchanged(*shared.nodes.values()):
        answer = post(shared, make(shared), caller)
        assert answer.status == status
        assert says in answer.body.decode()


def test_a_message_sent_again_by_another(federation: Federation, says: str) -> None:
    data = message(federation)
    token = federation.token(PEER, POLICE, "POST", PATH, data)
    assert post(federation, data, token=token).status == 200
    with unchanged(federation[POLICE]):
        answer = post(federation, data, token=token)
        assert answer.status == 409
        assert says in answer.body.decode()


def test_another_message_under_the_same_id(federation: Federation, says: str) -> None:
    assert post(federation, message(federation)).status == 200
    with unchanged(federation[POLICE], but=("seen_request",)):
        answer = post(federation, message(federation))
        assert answer.status == 400
        assert says in answer.body.decode()


def test_more_messages_than_a_disk_holds(
    federation: Federation, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "MAX_OPEN_BYTES", 1_000)
    with unchanged(federation[POLICE], but=("seen_request",)):
        answer = post(federation, message(federation))
        assert answer.status == 429
        assert says in answer.body.decode()


def test_an_answer_of_a_member_that_was_not_asked(federation: Federation, says: str) -> None:
    case_id, offer = offered(federation)
    yes = {"re": offer, "accepted": True, "published": False, "new_case": f"{HELPER}/{'a' * 26}"}
    assert tell(federation, HELPER, handover.ANSWER, yes) == says
    assert cases.get_case(federation[POLICE], case_id).status == "published"


def test_an_acceptance_that_names_another_s_case(federation: Federation, says: str) -> None:
    case_id, offer = offered(federation)
    yes = {"re": offer, "accepted": True, "published": False, "new_case": f"{HELPER}/{'a' * 26}"}
    assert tell(federation, PEER, handover.ANSWER, yes) == says
    assert cases.get_case(federation[POLICE], case_id).status == "published"


def test_an_acceptance_of_a_case_that_never_appears(federation: Federation, says: str) -> None:
    case_id, offer = offered(federation)
    yes = {"re": offer, "accepted": True, "published": True, "new_case": f"{PEER}/{'a' * 26}"}
    tell(federation, PEER, handover.ANSWER, yes)
    federation.pull(POLICE, PEER)
    handover.proceed(federation[POLICE])
    way = handover.way_of(federation[POLICE], case_id)[1]
    assert way is not None
    assert way.state == says
    assert cases.get_case(federation[POLICE], case_id).status == "published"


def offered(federation: Federation) -> tuple[str, str]:
    """A published case that is offered to the German police, and the offer's id."""
    case_id = federation.publish(POLICE, sample_record("ar", photos=None))[0].case_id
    return case_id, handover.offer_case(federation[POLICE], case_id, PEER, "test").offer


def tell(federation: Federation, member: str, kind: str, body: dict[str, object]) -> str:
    """Let a member send a message, let the French police act on it, and return what that thought of it."""
    messages.send_message(federation[member], POLICE, kind, Content(body), "test")
    messages.deliver(federation[member], POLICE)
    handover.proceed(federation[POLICE])
    (row,) = messages.list_messages(federation[POLICE], outgoing=False, everything=True, limit=9)
    return row.reason

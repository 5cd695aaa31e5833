"""protocol/message.py: what is sealed and signed comes out as it went in, and nothing else comes out."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import Malformed, ProtocolError
from protocol.message import (
    MAX_CONTENT_BYTES,
    MAX_LIFE,
    MAX_MESSAGE_BYTES,
    MAX_SEALED_BYTES,
    Address,
    Content,
    format_message,
    open_content,
    seal_content,
    verify_acknowledgement,
    verify_message,
)
from protocol.sealed import seal
from tests.members import NOW, MemberKeys, make_roster

SENDER, RECEIVER = MemberKeys("police.br.example"), MemberKeys("police.fr.example")
FIND = make_roster(SENDER.entry(), RECEIVER.entry()).token_key
PUBLIC = RECEIVER.entry().sealing_keys[-1]
KEYS = [MLKEM768X25519PrivateKey(*RECEIVER.sealing)]
ADDRESS = Address("x-new.thing", SENDER.id, RECEIVER.id, "bWVzc2FnZSAx")
BODIES = st.dictionaries(st.text(max_size=9), st.text(max_size=9) | st.integers(0, 9), max_size=4)


@given(BODIES, st.binary(max_size=50))
def test_a_message_of_any_type_comes_out_as_it_went_in(body: dict[str, object], attachment: bytes) -> None:
    content = Content({**body, "case": "police.fr.example/a", "re": "bWVzc2FnZSAw"}, attachment)
    sealed = seal_content(PUBLIC, content, ADDRESS)
    data = format_message(SENDER.signer, ADDRESS, sealed, NOW + MAX_LIFE, NOW)
    message = verify_message(data, RECEIVER.id, FIND, NOW + timedelta(days=30))
    opened = message.open(KEYS)
    assert (message.address, opened) == (ADDRESS, content)
    assert (opened.case, opened.re) == ("police.fr.example/a", "bWVzc2FnZSAw")


def test_what_names_no_case_is_about_none() -> None:
    assert (Content({}).case, Content({}).re) == ("", "")


@given(st.binary(max_size=300))
def test_any_bytes_raise_only_protocol_errors(data: bytes) -> None:
    for attempt in (
        lambda: verify_message(data, RECEIVER.id, FIND, NOW),
        lambda: verify_acknowledgement(data, ADDRESS, bytes(32), FIND),
        lambda: open_content(KEYS, data, ADDRESS),
    ):
        with pytest.raises(ProtocolError):
            attempt()


@pytest.mark.parametrize(
    "plain", [b"", b"{}", b"[]\n", b"{\n}", b'{"case":1}\n', b'{"re":""}\n', b'{"case":null}\n', b"\xff\n"]
)
def test_content_begins_with_a_line_of_json(plain: bytes) -> None:
    with pytest.raises(Malformed):
        open_content(KEYS, seal(PUBLIC, plain, ADDRESS.info), ADDRESS)


def test_content_for_another_address_does_not_open() -> None:
    sealed = seal_content(PUBLIC, Content({}), ADDRESS)
    with pytest.raises(Malformed):
        open_content(KEYS, sealed, Address("lead", SENDER.id, RECEIVER.id, ADDRESS.token_id))


def test_messages_have_an_end() -> None:
    body = b"{}\n"
    most = Content({}, bytes(MAX_CONTENT_BYTES - len(body)))
    sealed = seal_content(PUBLIC, most, ADDRESS)
    assert len(sealed) == MAX_SEALED_BYTES
    verify_message(format_message(SENDER.signer, ADDRESS, sealed, NOW, NOW), RECEIVER.id, FIND, NOW)
    with pytest.raises(Malformed):
        seal_content(PUBLIC, Content({}, bytes(MAX_CONTENT_BYTES - len(body) + 1)), ADDRESS)
    longer = format_message(SENDER.signer, ADDRESS, sealed + b"x", NOW, NOW)
    for data in (longer, bytes(MAX_MESSAGE_BYTES + 1)):
        with pytest.raises(Malformed):
            verify_message(data, RECEIVER.id, FIND, NOW)

"""protocol/sealed.py: what is sealed is opened by its receiver alone, as in RFC 9180 and other programs."""

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite
from hypothesis import given
from hypothesis import strategies as st
from pyhpke import AEADId, CipherSuite, KDFId, KEMId

from protocol.errors import Malformed
from protocol.member_keys import SealingKey
from protocol.sealed import SEALING_OVERHEAD, open_sealed, seal, sealing_info
from tests.members import MemberKeys
from tests.protocol.naive import agree_hybrid, agree_x25519, open_hpke

KEYS = MemberKeys("police.fr.example")
PUBLIC = KEYS.entry().sealing_keys[-1]
PRIVATE = MLKEM768X25519PrivateKey(*KEYS.sealing)
INFO = sealing_info("lead", "police.br.example", KEYS.id, "bWVzc2FnZSAx")


@given(st.binary(max_size=2000), st.binary(max_size=100))
def test_what_is_sealed_is_opened(plain: bytes, info: bytes) -> None:
    sealed = seal(PUBLIC, plain, info)
    assert len(sealed) == len(plain) + SEALING_OVERHEAD
    assert open_sealed([PRIVATE], sealed, info) == plain


@given(st.binary(max_size=3000))
def test_any_bytes_are_refused_in_one_way(data: bytes) -> None:
    with pytest.raises(Malformed):
        open_sealed([PRIVATE], data, INFO)


@given(st.integers(0, 1200), st.integers(1, 255))
def test_any_altered_byte_is_noticed(place: int, change: int) -> None:
    sealed = bytearray(seal(PUBLIC, bytes(100), INFO))
    sealed[place] ^= change
    with pytest.raises(Malformed):
        open_sealed([PRIVATE], bytes(sealed), INFO)


def test_the_old_key_opens_while_it_is_replaced() -> None:
    new = MLKEM768X25519PrivateKey(MLKEM768PrivateKey.generate(), X25519PrivateKey.generate())
    assert open_sealed([new, PRIVATE], seal(PUBLIC, b"x", INFO), INFO) == b"x"
    with pytest.raises(Malformed):
        open_sealed([new], seal(PUBLIC, b"x", INFO), INFO)


@pytest.mark.parametrize("public", [b"", bytes(1216), PUBLIC.public[:1184] + bytes(32), PUBLIC.public[:-1]])
def test_nothing_is_sealed_to_a_key_that_protects_nothing(public: bytes) -> None:
    with pytest.raises(Malformed):
        seal(SealingKey("bad", public), b"x", INFO)


def test_it_is_the_hybrid_of_the_drafts_and_the_schedule_of_the_rfc() -> None:
    sealed = seal(PUBLIC, b"Zoe", INFO)
    secret = agree_hybrid(*KEYS.sealing, sealed[:1120])
    assert open_hpke(0x647A, secret, sealed[1120:], INFO) == b"Zoe"


def test_another_program_opens_and_seals_the_classical_half() -> None:
    """No other library has the hybrid; with X25519 alone, everything but the KEM is the same."""
    private = KEYS.sealing[1]
    ours = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    theirs = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.CHACHA20_POLY1305)
    key = theirs.kem.deserialize_private_key(private.private_bytes_raw())
    sealed = ours.encrypt(b"Zoe", private.public_key(), info=INFO)
    assert theirs.create_recipient_context(sealed[:32], key, INFO).open(sealed[32:]) == b"Zoe"
    assert open_hpke(0x20, agree_x25519(private, sealed[:32]), sealed[32:], INFO) == b"Zoe"
    public = theirs.kem.deserialize_public_key(private.public_key().public_bytes_raw())
    encapsulated, context = theirs.create_sender_context(public, INFO)
    assert ours.decrypt(encapsulated + context.seal(b"Zoe"), private, info=INFO) == b"Zoe"

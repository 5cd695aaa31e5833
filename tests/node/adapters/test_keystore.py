"""Private keys at rest: safe modes from the first moment, refused when others may read, never overwritten."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hpke

from node.adapters.keystore import (
    SIGNING,
    Keystore,
    create_key_file,
    key_id,
    load_key_file,
    read_passphrase,
    signing_public,
    write_private,
)
from node.errors import Conflict, InvalidInput, NotAllowed, NotFound
from tests.passwords import true_cost

PASSPHRASE = b"correct horse battery"


@pytest.fixture
def store(tmp_path: Path) -> Keystore:
    return Keystore.create(tmp_path / "keys")


def modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    Keystore.create(tmp_path / "keys")
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert modes(tmp_path / "keys") == {0o600}


def test_one_key_of_every_purpose_and_all_differ(store: Keystore) -> None:
    assert len({store.public(purpose) for purpose in SIGNING}) == len(SIGNING)
    assert signing_public(store.load("token")) == store.public("token")


def test_reopened_it_holds_the_same_keys(store: Keystore, tmp_path: Path) -> None:
    again = Keystore.open(tmp_path / "keys")
    assert [again.public(purpose) for purpose in SIGNING] == [store.public(purpose) for purpose in SIGNING]
    assert again.sealing_public() == store.sealing_public()


def test_the_sealing_key_opens_what_its_public_half_seals(store: Keystore) -> None:
    suite = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
    [private] = store.all_sealing([store.sealing_public()])
    assert suite.decrypt(suite.encrypt(b"lead", private.public_key()), private) == b"lead"
    assert len(store.sealing_public()) == 1184 + 32


def test_a_replacement_is_the_newest_and_the_old_one_stays(store: Keystore) -> None:
    old = store.public("token")
    new = store.add("token")
    third = store.add("token")
    assert store.public("token") == third
    assert signing_public(store.load("token", old)) == old
    assert signing_public(store.load("token", new)) == new
    old_sealing = store.sealing_public()
    store.add_sealing()
    assert store.sealing_public() != old_sealing
    assert len(store.all_sealing([old_sealing])) == 1


def test_a_key_that_is_not_here_is_not_found(store: Keystore, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="not here"):
        store.load("token", bytes(32))
    (tmp_path / "keys" / "token.pem").unlink()
    with pytest.raises(NotFound, match="no token key"):
        store.load("token")
    with pytest.raises(NotFound) as caught:
        Keystore.open(tmp_path / "nowhere")
    assert "gmcn init" in caught.value.next_step


@pytest.mark.parametrize("name", ["token.pem", "secret"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_may_touch_is_refused(
    store: Keystore, tmp_path: Path, name: str, mode: int
) -> None:
    (tmp_path / "keys" / name).chmod(mode)
    with pytest.raises(NotAllowed, match="other users") as caught:
        store.load("token")
    assert f"chmod 600 {tmp_path / 'keys' / name}" in caught.value.next_step


def test_a_folder_that_others_may_enter_is_refused(store: Keystore, tmp_path: Path) -> None:
    (tmp_path / "keys").chmod(0o750)
    with pytest.raises(NotAllowed) as caught:
        Keystore.open(tmp_path / "keys")
    assert "chmod 700" in caught.value.next_step


def test_nothing_is_ever_overwritten(store: Keystore, tmp_path: Path) -> None:
    with pytest.raises(Conflict):
        Keystore.create(tmp_path / "keys")
    with pytest.raises(Conflict):
        write_private(tmp_path / "keys" / "token.pem", b"")


def test_a_failed_creation_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Keystore) -> bytes:
        raise OSError("disk full")

    monkeypatch.setattr(Keystore, "add_sealing", fail)
    with pytest.raises(OSError, match="disk full"):
        Keystore.create(tmp_path / "keys")
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_not_followed(store: Keystore, tmp_path: Path) -> None:
    token = tmp_path / "keys" / "token.pem"
    token.rename(tmp_path / "elsewhere")
    token.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotFound, match="cannot be opened"):
        store.load("token")


def test_no_key_stands_in_the_clear(store: Keystore, tmp_path: Path) -> None:
    for path in (tmp_path / "keys").glob("*.pem"):
        assert b"ENCRYPTED" in path.read_bytes()
        assert b"BEGIN PRIVATE" not in path.read_bytes()


def test_a_passphrase_file_from_the_settings(tmp_path: Path) -> None:
    write_private(tmp_path / "phrase", PASSPHRASE + b"\n")
    store = Keystore.create(tmp_path / "keys", tmp_path / "phrase")
    assert not (tmp_path / "keys" / "secret").exists()
    assert Keystore.open(tmp_path / "keys", tmp_path / "phrase").public("token") == store.public("token")
    write_private(tmp_path / "other", b"another passphrase")
    with pytest.raises(InvalidInput, match="passphrase is not the one"):
        Keystore.open(tmp_path / "keys", tmp_path / "other").load("token")


def test_damage_and_mistaken_files_are_told(store: Keystore, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    whole = (keys / "token.pem").read_bytes()
    (keys / "token.pem").write_bytes(whole.replace(b"M", b"N"))
    with pytest.raises(InvalidInput, match="damaged"):
        store.load("token")
    (keys / "token.pem").write_bytes(b"")
    with pytest.raises(InvalidInput, match="damaged"):
        store.load("token")
    sealing = (keys / "sealing.pem").read_bytes()
    (keys / "token.pem").write_bytes(sealing[: sealing.index(b"-----BEGIN", 10)])
    with pytest.raises(InvalidInput, match="another kind"):
        store.load("token")
    (keys / "sealing.pem").write_bytes(whole + whole)
    with pytest.raises(InvalidInput, match="another kind"):
        store.all_sealing()


def test_a_key_file_of_ones_own(tmp_path: Path) -> None:
    key = create_key_file(tmp_path / "held" / "root-1.pem", PASSPHRASE)
    assert modes(tmp_path / "held") == {0o600}
    assert signing_public(load_key_file(tmp_path / "held" / "root-1.pem", PASSPHRASE)) == signing_public(key)
    with pytest.raises(InvalidInput, match="passphrase"):
        load_key_file(tmp_path / "held" / "root-1.pem", b"wrong passphrase")
    with pytest.raises(Conflict):
        create_key_file(tmp_path / "held" / "root-1.pem", PASSPHRASE)


def test_a_passphrase_is_stretched_at_the_cost_that_its_file_tells(tmp_path: Path) -> None:
    """Each step of the cost doubles the memory: 15 are 32 MB, and a file cannot ask for more than 1 GB."""
    with true_cost():
        key = create_key_file(tmp_path / "root.pem", PASSPHRASE)
    whole = (tmp_path / "root.pem").read_bytes()
    assert whole.startswith(b"scrypt 15: ")
    assert signing_public(load_key_file(tmp_path / "root.pem", PASSPHRASE)) == signing_public(key)
    for cost in (b"14", b"0", b"21", b"40", b"-1"):
        write_private(tmp_path / f"root-{cost.decode()}.pem", whole.replace(b"15", cost, 1))
        with pytest.raises(InvalidInput, match="damaged"):
            load_key_file(tmp_path / f"root-{cost.decode()}.pem", PASSPHRASE)


def test_short_passphrases_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="shorter than 12"):
        create_key_file(tmp_path / "root.pem", b"short")
    write_private(tmp_path / "phrase", b"short\nbut a long second line")
    with pytest.raises(InvalidInput, match="shorter than 12"):
        read_passphrase(tmp_path / "phrase")


def test_key_ids_are_of_the_roster_s_form() -> None:
    assert key_id(bytes(32)) == "66687aadf862bd77"


def test_a_destroyed_key_leaves_nothing_and_the_next_one_is_still_the_newest(tmp_path: Path) -> None:
    store = Keystore.create(tmp_path / "keys")
    (first,) = store.publics("token")
    with pytest.raises(Conflict, match="the only token key"):
        store.destroy("token", first)
    second = store.add("token")
    store.destroy("token", first)
    with pytest.raises(NotFound, match="no such token key"):
        store.destroy("token", first)
    third = store.add("token")
    assert store.publics("token") == [third, second]
    assert store.public("token") == third
    (old,) = store.publics("sealing")
    new = store.add_sealing()
    assert len(store.all_sealing()) == 2
    assert len(store.all_sealing({old})) == 1
    store.destroy("sealing", old)
    assert store.publics("sealing") == [new]
    assert len(store.all_sealing()) == 1


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_the_consoles_secret_stays_and_is_encrypted(tmp_path: Path, passphrase: bytes | None) -> None:
    file = None
    if passphrase is not None:
        file = tmp_path / "passphrase"
        write_private(file, passphrase)
    secret = Keystore.create(tmp_path / "keys", file).console_secret()
    assert len(secret) == 32
    store = Keystore.open(tmp_path / "keys", file)
    assert store.console_secret() == store.console_secret() == secret
    assert secret not in (tmp_path / "keys" / "console.pem").read_bytes()
    assert Keystore.create(tmp_path / "other").console_secret() != secret


def test_without_its_file_the_consoles_secret_is_said_to_be_missing(store: Keystore, tmp_path: Path) -> None:
    (tmp_path / "keys" / "console.pem").unlink()
    with pytest.raises(NotFound):
        store.console_secret()

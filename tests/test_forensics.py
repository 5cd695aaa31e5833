"""The forensic search itself: it finds what is there in any form, and nothing by chance."""

import secrets
from pathlib import Path

import pytest

from tests.forensics import KINDS, NAMES, Secret, invent_child

SOURCES = Path(__file__).parent.parent


@pytest.fixture
def secret(tmp_path: Path) -> Secret:
    words = invent_child(tmp_path).words
    body = b'{"salt":"Wk9xT0lJb3Z6Q2JQd1h2Y0h6a2lQc1BhYmNkZWY="}\n'
    return Secret(words.names, words.texts, (body,), (b"\xff\xda" + secrets.token_bytes(3000),))


def test_nothing_of_the_program_and_of_other_children_looks_like_the_invented_one(secret: Secret) -> None:
    for folder in ("node", "protocol", "schemas"):
        for file in (SOURCES / folder).rglob("*.*"):
            assert secret.kinds_of(file.read_bytes()) == set(), file
    assert secret.kinds_of((SOURCES / "tests" / "factories.py").read_bytes()) == set()
    assert secret.kinds_of(secrets.token_bytes(100_000)) == set()


@pytest.mark.parametrize("script", NAMES)
def test_three_letters_of_a_name_are_enough(secret: Secret, script: str) -> None:
    word = NAMES[script].split()[0]
    noise = secrets.token_bytes(500)
    assert secret.kinds_of(noise + word[-3:].encode() + noise) == {"name"}


def test_what_the_search_makes_of_a_name_is_found_too(secret: Secret) -> None:
    assert secret.kinds_of(b"\x01\x00\x00\xc2\xacwgxj\x03") == {"name"}


def test_the_end_of_a_case_id_and_the_word_beside_it_are_not_a_name() -> None:
    secret = Secret(("Zebulon",), ())
    assert secret.kinds_of(b"police.fr.example/cc6cti2gnwhj5pzhwxen5l2e4ulong_term") == set()
    assert secret.kinds_of(b"police.fr.example/cc6cti2gnwhj5pzhwxen5l2e4u Zebulon") == {"name"}


def test_a_piece_of_a_document_or_picture_is_found_wherever_it_lies(secret: Secret, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "page").write_bytes(b"\0" * 5000 + b"ZOIIQ" + secret.bodies[0][15:30] + b"\0" * 3000)
    (tmp_path / "picture").write_bytes(secret.photographs[0][200:700])
    assert secret.kinds_in(tmp_path / "deep") == {"salt"}
    found = [trace for trace in secret.traces(tmp_path) if "noise" not in trace]
    assert found == [f"{tmp_path}/deep/page: salt", f"{tmp_path}/picture: photograph"]
    assert {"name", "text", *(trace.rpartition(": ")[2] for trace in found)} == KINDS


@pytest.mark.parametrize("place", range(17))
def test_a_piece_is_found_at_any_place_and_at_the_very_end(secret: Secret, place: int) -> None:
    """What tells quickly that nothing is there reads a file in numbers of several bytes."""
    begin = secret.photographs[0].find(b"\xff\xda") + 16
    sample, salt = secret.photographs[0][begin : begin + 16], b"T0lJb3Z6"
    for piece, kind in ((sample, "photograph"), (salt, "salt")):
        assert secret.kinds_of(b"\x01" * place + piece) == {kind}
        assert secret.kinds_of(b"\x01" * place + piece + b"\x01") == {kind}

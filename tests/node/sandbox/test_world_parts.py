"""Parts of the sandbox: names by ear, programs that end, feeds that a stranger saves."""

from pathlib import Path

import pytest

from node.errors import NodeError
from node.sandbox.chapters import NotSo
from node.sandbox.plan import MEMBERS
from node.sandbox.processes import running
from node.sandbox.story import Step, Teller
from node.sandbox.stranger import check_saved
from node.sandbox.transcription import write_in_cyrillic
from protocol.checkpoint import sign_checkpoint
from protocol.errors import ProtocolError
from protocol.feed import FeedHead, grow
from protocol.note import format_note
from tests.protocol.naive import ORIGIN, put, signer


@pytest.mark.parametrize(
    ("latin", "written"),
    [
        ("Kavya Tiwari", "Кавя Тивари"),
        ("Mohit Chauhan", "Мохит Чаухан"),
        ("Yoshida Kaito", "Ёшида Каито"),
        ("Zhou Tianyou", "Жоу Тианёу"),
        ("Chloé", "Члое"),
        ("O'Brien", "Обриен"),
        ("", ""),
    ],
)
def test_a_foreign_name_is_written_as_it_is_heard(latin: str, written: str) -> None:
    assert write_in_cyrillic(latin) == written


def save(folder: Path, size: int) -> None:
    growth = grow(FeedHead(ORIGIN), [put(index).format() for index in range(size)])
    for ref, data in growth.files:
        path = folder / ref.format()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    note = format_note(sign_checkpoint(growth.head.checkpoint(), signer()))
    (folder / "checkpoint").write_bytes(note)


@pytest.mark.parametrize("size", [1, 12, 256, 300])
def test_a_saved_feed_is_proved_leaf_by_leaf(tmp_path: Path, size: int) -> None:
    save(tmp_path, size)
    assert check_saved(tmp_path, (signer().key,)).leaves == size


@pytest.mark.parametrize("name", ["tile/entries/000.p/12", "tile/0/000.p/12", "checkpoint"])
def test_a_saved_feed_that_was_touched_is_noticed(tmp_path: Path, name: str) -> None:
    save(tmp_path, 12)
    data = bytearray((tmp_path / name).read_bytes())
    data[20] ^= 1
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ProtocolError):
        check_saved(tmp_path, (signer().key,))


def test_a_program_that_ends_at_once_says_why(tmp_path: Path) -> None:
    with running(tmp_path / "logs") as processes:
        processes.start("nobody", ["--home", tmp_path / "none", "serve"])
        with pytest.raises(NodeError, match="There is no node in"):
            processes.wait_until_answering("nobody", "http://127.0.0.1:9/health")
        assert processes.number("nobody") is None


def test_a_command_that_fails_says_why(tmp_path: Path) -> None:
    with running(tmp_path / "logs") as processes:
        assert processes.run(["--version"]).startswith("gmcn ")
        with pytest.raises(NodeError, match="ended with 2"):
            processes.run(["--home", tmp_path / "none", "status"])


def test_a_step_that_is_not_so_ends_the_story_with_its_reason() -> None:
    told: list[str] = []
    teller = Teller(lambda step: told.append(step.name))
    teller.do("first", lambda: "done")

    def fail(error: Exception) -> str:
        raise error

    for error, reason in (
        (NotSo("not all is hidden"), "not all is hidden"),
        (NodeError("It is down.", "Start it."), "It is down. Start it."),
        (ZeroDivisionError(), "unexpected: ZeroDivisionError"),
    ):
        with pytest.raises(NotSo):
            teller.do("second", lambda error=error: fail(error))
        step: Step = teller.report.steps[-1]
        assert not step.ok
        assert reason in step.detail
    assert told == ["first", "second", "second", "second"]
    assert teller.report.steps[0] == Step("first", True, teller.report.steps[0].seconds, "done")


def test_every_member_has_a_name_in_the_languages_of_all_and_in_arabic() -> None:
    spoken = {language for plan in MEMBERS for language in plan.languages} | {"ar"}
    for plan in MEMBERS:
        assert spoken <= plan.names.keys(), plan.id
        assert len(set(plan.names.values())) == len(plan.names)
        assert next(iter(plan.names)) == plan.languages[0]

"""Files that can be made again: kept for a day and a version, and then removed."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from node.adapters.prints import Prints

CASE, OTHER = "police.fr.example/" + "a" * 26, "police.de.example/" + "b" * 26
DAY = date(2026, 11, 22)


@pytest.fixture
def prints(tmp_path: Path) -> Prints:
    return Prints(tmp_path / "prints")


def test_a_file_is_kept_for_its_version_and_day(prints: Prints) -> None:
    assert prints.cases() == []
    prints.put(CASE, 2, DAY, "classic-A4-en+ar.pdf", b"%PDF")
    assert prints.get(CASE, 2, DAY, "classic-A4-en+ar.pdf") == b"%PDF"
    assert prints.get(CASE, 1, DAY, "classic-A4-en+ar.pdf") is None
    assert prints.get(CASE, 2, DAY + timedelta(days=1), "classic-A4-en+ar.pdf") is None
    assert prints.get(OTHER, 2, DAY, "classic-A4-en+ar.pdf") is None


def test_only_its_owner_may_read(prints: Prints, tmp_path: Path) -> None:
    prints.put(CASE, 1, DAY, "x.pdf", b"x")
    modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "prints").rglob("*")}
    assert modes == {0}


@pytest.mark.parametrize(
    ("case", "name"),
    [
        ("../../etc/passwd", "x.pdf"),
        ("police.fr.example/..", "x.pdf"),
        (CASE, "../x.pdf"),
        (CASE, ".."),
        (CASE, "a/b"),
        ("police.fr.example", "x.pdf"),
    ],
)
def test_no_name_leads_out_of_the_folder(prints: Prints, case: str, name: str) -> None:
    with pytest.raises(ValueError, match="no file name"):
        prints.put(case, 1, DAY, name, b"x")


def test_what_is_stale_is_named_and_removed(prints: Prints, tmp_path: Path) -> None:
    prints.put(CASE, 1, DAY, "a.pdf", b"older")
    prints.put(CASE, 2, DAY, "a.pdf", b"newer")
    prints.put(CASE, 2, DAY - timedelta(days=1), "a.pdf", b"of yesterday")
    prints.put(OTHER, 1, DAY, "a.pdf", b"of another case")
    (tmp_path / "prints" / CASE / ".2-2026-11-22-b.pdf.77").write_bytes(b"broken off")
    stale = prints.stale({CASE: 2}, DAY)
    assert len(stale) == 4
    prints.remove(stale)
    assert prints.cases() == [CASE]
    assert prints.get(CASE, 2, DAY, "a.pdf") == b"newer"
    prints.remove(prints.stale({}, DAY))
    assert prints.cases() == []


def test_the_oldest_go_when_there_are_too_many(prints: Prints) -> None:
    for number in range(5):
        prints.put(CASE, 1, DAY, f"{number}.pdf", bytes(1000))
    prints.trim(2500)
    here = [number for number in range(5) if prints.get(CASE, 1, DAY, f"{number}.pdf")]
    assert len(here) == 2
    prints.trim(0)
    assert prints.cases() == []

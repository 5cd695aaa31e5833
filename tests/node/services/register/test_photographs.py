"""Photographs in: what a person hands in wrong is refused with its path, and nothing is kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from node.errors import InvalidInput
from node.services.endings import erasure
from node.services.register import cases
from tests.factories import sample_record
from tests.federation import FR, Federation
from tests.liars import dump, problems


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    made = Federation(tmp_path, [FR])
    yield made
    made.close()


def test_every_bad_photograph_is_named_and_nothing_is_stored(federation: Federation) -> None:
    node, folder = federation[FR[0]], federation.folder
    Image.new("RGB", (300, 400), "red").save(folder / "good.png")
    (folder / "cut.png").write_bytes((folder / "good.png").read_bytes()[:-30])
    (folder / "text.jpg").write_bytes(b"not a picture")
    with open(folder / "huge.jpg", "wb") as file:
        file.truncate(100_000_000)
    photos = [
        {"kind": "photo", "file": name}
        for name in ("good.png", "cut.png", "text.jpg", "huge.jpg", "none.jpg")
    ]
    before = dump(node)
    with pytest.raises(InvalidInput) as refused:
        cases.add_cases(node, [sample_record("ar", photos=photos)], "test", folder)
    assert [problem.split(":")[0] for problem in refused.value.problems] == [
        f"photos[{index}].file" for index in (1, 2, 3, 4)
    ]
    assert dump(node) == before
    assert list(node.blobs.iterate(FR[0])) == []


def test_photographs_of_the_good_records_go_when_another_is_bad(federation: Federation) -> None:
    node, folder = federation[FR[0]], federation.folder
    Image.new("RGB", (300, 400), "red").save(folder / "good.png")
    records = [
        sample_record("ar", photos=[{"kind": "photo", "file": name}]) for name in ("good.png", "none.png")
    ]
    with pytest.raises(InvalidInput) as refused:
        cases.add_cases(node, records, "test", folder)
    assert [problem.startswith("case 2: photos[0].file") for problem in refused.value.problems] == [True]
    erasure.purge(node)
    assert list(node.blobs.iterate(FR[0])) == []
    assert problems(node) == []

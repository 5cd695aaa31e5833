"""The register: cases in, changed, shown, kept from members."""

import json
import os
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from node.store.database import reading
from node.store.journal import read_journal
from tests.factories import sample_record
from tests.node.cli.conftest import FR, KE, Town


def count(town: Town) -> int:
    return len(town.json(FR, "case", "list", "--limit", "10000"))


def picture(path: Path) -> str:
    buffer = BytesIO()
    Image.new("RGB", (600, 800), "teal").save(buffer, "JPEG")
    path.write_bytes(buffer.getvalue())
    return path.name


def write(path: Path, value: Any) -> str:
    path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return str(path)


def record(**changes: Any) -> dict[str, Any]:
    return sample_record("ja", **{"photos": None, **changes})


def test_a_case_is_added_with_its_photograph_from_beside_the_file(town: Town) -> None:
    photo = picture(town.folder / "photo.jpg")
    case = town.draft(FR, photos=[{"kind": "photo", "primary": True, "file": photo}])
    shown = town.json(FR, "case", "show", case)
    renditions = shown["record"]["photos"][0]["renditions"]
    assert len(renditions) == 2
    assert shown["status"] == "draft"


def test_a_case_is_read_from_standard_input(town: Town) -> None:
    result = town.run(FR, "case", "add", "-", stdin=json.dumps(record()))
    case = result.stdout.strip()
    assert town.json(FR, "case", "show", case)["revision"] == 1


def test_a_wrong_case_file_names_every_problem_and_stores_nothing(town: Town) -> None:
    before = count(town)
    wrong = town.case_file(sex=7, birth=None, circumstances={}, colour="blue")
    result = town.run(FR, "case", "add", str(wrong), code=2)
    for path in ("sex", "birth", "circumstances", "colour"):
        assert f"{path}:" in result.stderr or f"{path}" in result.stderr
    assert result.stderr.count("  - ") >= 4
    assert result.stdout == ""
    assert count(town) == before


@pytest.mark.parametrize("text", ["", "[]", "{", '{"sex": 1, "sex": 2}', "\xff"])
def test_what_is_no_case_file_is_refused(town: Town, tmp_path: Path, text: str) -> None:
    town.run(FR, "case", "add", write(tmp_path / "bad.json", text), code=2)


def test_a_missing_file_is_named(town: Town) -> None:
    assert "nowhere.json" in town.run(FR, "case", "add", "nowhere.json", code=3).stderr


def test_errors_of_a_case_file_repeat_nothing_of_it(town: Town) -> None:
    wrong = town.case_file(names=[{"full": "Олена Шевченко", "kind": "secret"}], birth="Олена Шевченко")
    assert "Олена" not in town.run(FR, "case", "add", str(wrong), code=2).stderr


@pytest.mark.parametrize("form", ["array", "lines", "pretty"])
def test_many_cases_are_imported_from_each_form(town: Town, tmp_path: Path, form: str) -> None:
    texts = {
        "array": json.dumps([record(), record()]),
        "lines": "\n".join(json.dumps(record()) for _ in range(2)) + "\n\n",
        "pretty": json.dumps(record(), indent=2),
    }
    made = town.json(FR, "case", "import", write(tmp_path / "cases.json", texts[form]))
    assert len(made["cases"]) == (1 if form == "pretty" else 2)


def test_an_import_names_every_problem_of_every_file_and_stores_nothing(town: Town, tmp_path: Path) -> None:
    before = count(town)
    good, bad = record(), record(sex=7)
    first = write(tmp_path / "a.json", [good, bad])
    second = write(tmp_path / "b.json", record(risk=None))
    result = town.run(FR, "case", "import", first, second, code=2)
    assert f"{first} case 2: sex:" in result.stderr
    assert f"{second}: " in result.stderr
    assert "risk" in result.stderr
    assert count(town) == before


def test_an_import_whose_photograph_is_bad_leaves_no_other_photograph_behind(
    town: Town, tmp_path: Path
) -> None:
    photo = {"kind": "photo", "file": picture(tmp_path / "good.jpg")}
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    records = [
        record(photos=[photo]),
        record(photos=[{**photo, "file": "bad.jpg"}, {**photo, "file": "none.jpg"}]),
    ]
    result = town.run(FR, "case", "import", write(tmp_path / "cases.json", records), code=2)
    assert "case 2: photos[0].file" in result.stderr
    assert "case 2: photos[1].file" in result.stderr
    town.run(FR, "pull")  # purges
    assert town.json(FR, "fsck")["findings"] == []


@pytest.mark.parametrize("name", ["../secret.jpg", "{}/secret.jpg", "link.jpg", "loop", "pipe", "x" * 999])
def test_a_case_file_reaches_no_picture_outside_its_folder(town: Town, tmp_path: Path, name: str) -> None:
    picture(tmp_path / "secret.jpg")
    folder = tmp_path / "inbox"
    folder.mkdir()
    (folder / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    before = count(town)
    handed = write(folder / "case.json", record(photos=[{"kind": "photo", "file": name.format(tmp_path)}]))
    result = town.run(FR, "case", "add", handed, code=2)
    assert "photos[0].file" in result.stderr
    assert count(town) == before


@pytest.mark.parametrize("text", ["[1, 2]", "[]", '{"a": 1}\n{"b"', "nothing"])
def test_what_is_no_list_of_cases_is_refused_with_the_place(town: Town, tmp_path: Path, text: str) -> None:
    result = town.run(FR, "case", "import", write(tmp_path / "bad.json", text), code=2)
    assert "bad.json" in result.stderr


def test_a_change_replaces_whole_fields_and_null_takes_one_out(town: Town) -> None:
    case = town.draft(FR, build={"value": "slim"})
    changed = town.json(FR, "case", "change", case, 'hair={"colour": "red"}', "build=null")
    assert changed["revision"] == 2
    now = town.json(FR, "case", "show", case)["record"]
    assert now["hair"] == {"colour": "red"}
    assert "build" not in now


def test_a_change_comes_from_a_file_too(town: Town, tmp_path: Path) -> None:
    case = town.draft(FR)
    town.run(FR, "case", "change", case, "--file", write(tmp_path / "change.json", {"sex": 2}))
    assert town.json(FR, "case", "show", case)["record"]["sex"] == 2


def test_a_change_from_an_older_revision_is_refused(town: Town) -> None:
    case = town.draft(FR)
    town.run(FR, "case", "change", case, "sex=2", "--revision", "1")
    town.run(FR, "case", "change", case, "sex=1", "--revision", "1", code=5)


def test_a_wrong_change_changes_nothing(town: Town) -> None:
    case = town.draft(FR)
    assert "hair" in town.run(FR, "case", "change", case, "hair=red", code=2).stderr
    town.run(FR, "case", "change", case, "sex=7", code=2)
    town.run(FR, "case", "change", case, code=2)
    town.run(FR, "case", "change", f"{FR}/{'a' * 26}", "sex=1", code=3)
    assert town.json(FR, "case", "show", case)["revision"] == 1


def test_the_list_names_what_is_to_be_done_and_no_child(town: Town) -> None:
    case = town.draft(FR, review_due="2026-01-01T00:00:00Z")
    text = town.run(FR, "case", "list", "--status", "draft").stdout
    assert case in text
    assert "Review of the case" in text
    assert "Шевчук" not in text
    (item,) = [item for item in town.json(FR, "case", "list", "--status", "draft") if item["case"] == case]
    assert item["to_do"][0]["kind"] == "review"


def test_the_preview_shows_each_part_and_what_stays(town: Town) -> None:
    case = town.draft(FR, notes="stays here")
    parts = town.json(FR, "case", "preview", case)
    assert "reference" in parts["police"]
    assert "birth" in parts["network"]
    assert "birth" not in parts["public"]
    assert "notes" in parts["stays"]
    text = town.run(FR, "case", "preview", case).stdout
    assert "stays here" not in text
    assert "public: field" in text


def test_a_case_is_kept_from_members(town: Town) -> None:
    case = town.draft(FR)
    assert town.json(FR, "case", "exclude", case, KE)["kept_from"] == [KE]
    assert town.json(FR, "case", "show", case)["kept_from"] == [KE]
    town.run(FR, "case", "exclude", case, "--none")
    assert town.json(FR, "case", "show", case)["kept_from"] == []
    town.run(FR, "case", "exclude", case, code=2)
    town.run(FR, "case", "exclude", case, "police.zz.example", code=2)


def test_every_change_is_in_the_journal_with_who(town: Town) -> None:
    case = town.draft(FR)
    town.run(FR, "case", "change", case, "sex=2")
    node = town.nodes[FR]
    with reading(node.engine) as conn:
        entries = read_journal(conn, case)
    assert [entry.action for entry in entries] == ["case.change", "case.add"]
    assert all(entry.actor.startswith("cli:") for entry in entries)

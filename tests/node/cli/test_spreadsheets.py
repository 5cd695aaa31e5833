"""`gmcn case import` of a spreadsheet: a mapping suggested, completed, used, and everything taken back."""

import csv
import io
import json
from pathlib import Path

from tests.node.cli.conftest import FR, Town
from tests.node.services.spreadsheets.tables import FIXED, row, table


def write(town: Town, name: str, data: bytes | str) -> str:
    path = town.folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return str(path)


def complete(town: Town, file: str) -> str:
    """Complete the mapping that is suggested for a file."""
    suggested = json.loads(town.run(FR, "case", "import", file, "--suggest").stdout)
    assert suggested["columns"]["Date of birth"] == "birth"
    assert suggested["fixed"]["contacts.value"] == ""
    assert suggested["words"] == {"sex": {"W": ""}}
    done = suggested | {"fixed": FIXED, "language": "en", "words": {"sex": {"W": "2"}}}
    return write(town, "mapping.json", json.dumps(done))


def test_a_spreadsheet_is_imported_with_a_mapping_and_taken_back(town: Town) -> None:
    file = write(town, "cases.csv", table(row(1), row(2, Sex="W"), row(3, Height="=tall")))
    mapping, wrong = complete(town, file), town.folder / "wrong.csv"
    tried = town.json(FR, "case", "import", file, "--mapping", mapping, "--dry-run")
    assert tried["rows"] == {"good": 2, "wrong": 1}
    assert tried["wrong"] == [{"row": 4, "problems": [{"field": "height", "code": "height"}]}]
    result = town.run(FR, "case", "import", file, "--mapping", mapping, "--wrong", str(wrong))
    assert "Cases added: 2" in result.stdout
    assert "height (column Height): Write a height" in " ".join(result.stdout.split())
    assert next(csv.reader(io.StringIO(Path(wrong).read_text("utf-8-sig").splitlines()[1])))[7] == "'=tall"
    again = town.run(FR, "case", "import", file, "--mapping", mapping)
    assert "Rows whose reference is here already, left as they are: 2" in again.stdout
    undone = result.stderr.split()[-1]
    assert "Undone." in town.run(FR, "case", "undo-import", undone).stdout
    town.run(FR, "case", "undo-import", undone, code=5)


def test_what_a_mapping_leaves_open_is_named(town: Town) -> None:
    file = write(town, "cases.csv", table(row(1)))
    mapping = write(town, "mapping.json", '{"columns": {"Name": "names.full"}, "language": "en"}')
    result = town.run(FR, "case", "import", file, "--mapping", mapping, code=2)
    assert "contacts.value" in result.stderr
    broken = write(town, "broken.json", "[")
    town.run(FR, "case", "import", file, "--mapping", broken, code=2)
    result = town.run(FR, "case", "import", file, "--mapping", "none", code=3)
    assert "no mapping of this name" in result.stderr
    town.run(FR, "case", "import", file, "--dry-run", code=2)
    town.run(FR, "case", "import", file, file, "--suggest", code=2)

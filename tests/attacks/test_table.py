"""docs/attacks.md is complete: every row names a test that exists, and no attack is tried without a row."""

import os
import subprocess
import sys
from collections import Counter

from tests.attacks.table import ROOT, read_rows

ROWS = read_rows()
HERE = "tests/attacks/"


def collected() -> list[str]:
    """The node ids of every test that the rows could name."""
    files = {row.test.partition("::")[0] for row in ROWS} | {HERE}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [*command, *sorted(files)], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if "::" in line]


def test_every_row_says_everything_once() -> None:
    assert len(ROWS) > 150
    for row in ROWS:
        assert all((row.attack, row.does, row.afterwards, "::" in row.test)), row
    assert [name for name, times in Counter(row.attack for row in ROWS).items() if times > 1] == []
    assert [name for name, times in Counter(row.test for row in ROWS).items() if times > 1] == []


def test_rows_and_tests_name_each_other() -> None:
    found = collected()
    assert [row.test for row in ROWS if not any(row.is_for(name) for name in found)] == []
    tried = [name for name in found if name.startswith(HERE) and "/test_table.py" not in name]
    assert [name for name in tried if sum(row.is_for(name) for row in ROWS) != 1] == []

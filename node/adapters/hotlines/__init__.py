"""Whom to call by country, as packaged with this program: `numbers.csv`; `SOURCES.txt` says where from.

Guarantees: it is read once. A member puts its own numbers in their place in `site.toml`.
"""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from node.domain.site.look import Numbers

FILE = "numbers.csv"


@cache
def load_numbers() -> Mapping[str, Numbers]:
    """Read the numbers of every country. They never change while the program runs."""
    lines = files(__package__).joinpath(FILE).read_text("utf-8").splitlines()
    return {
        row["country"]: Numbers(row["emergency"], row["hotline"], row["organisation"])
        for row in csv.DictReader(lines)
    }

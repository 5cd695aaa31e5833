"""Texts of a member's own pages: paragraphs, headings, lists and links, and nothing else.

    # A heading
    A paragraph ends at an empty line.
    - a list has a line for every item
    A link is written as [what is shown](https://missing.police.example/).

Guarantees: whatever is no such thing is a text as it stands, markup of other kinds too; the address of a link
is one of https, a telephone number, or a mail address, and nothing that could run in a browser.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

_LINK = re.compile(r"\[([^\[\]]{1,200})\]\(([^()\s]{1,500})\)")
_ADDRESS = re.compile(
    r"https://[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::[0-9]{1,5})?(?:[/?#][\x21-\x7e]*)?"
    r"|tel:\+?[0-9]{2,15}"
    r"|mailto:[A-Za-z0-9._%+-]{1,64}@[a-z0-9-]+(?:\.[a-z0-9-]+)+",
    re.ASCII,
)

Kind = Literal["heading", "list", "paragraph"]


@dataclass(frozen=True, slots=True)
class Run:
    """Some words; with an address they are a link."""

    text: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, a paragraph, or a list; every line is an item of the list, or stands below the other."""

    kind: Kind
    lines: Sequence[Sequence[Run]]


def parse_prose(text: str) -> list[Block]:
    """Read a text."""
    found = []
    for _, group in groupby(_marked(text), key=lambda item: item[0]):
        lines = list(group)
        kind = lines[0][1]
        if kind is not None:
            found.append(Block(kind, [list(_runs(line)) for _, _, line in lines]))
    return found


def is_address(text: str) -> bool:
    """Tell whether something may be the address of a link."""
    return _ADDRESS.fullmatch(text) is not None


def _marked(text: str) -> Iterator[tuple[int, Kind | None, str]]:
    """Give every line with its kind, and a number that lines of one block share; no kind: it is empty."""
    number, before = 0, None
    for raw in text.splitlines():
        line, kind = raw.strip(), _kind(raw.strip())
        if kind != before or kind == "heading":
            number += 1
        before = kind
        yield number, kind, line[2:].strip() if kind in ("heading", "list") else line


def _kind(line: str) -> Kind | None:
    if not line:
        return None
    if line.startswith("# "):
        return "heading"
    return "list" if line.startswith("- ") else "paragraph"


def _runs(line: str) -> Iterator[Run]:
    at = 0
    for found in _LINK.finditer(line):
        if is_address(found[2]):
            if found.start() > at:
                yield Run(line[at : found.start()])
            yield Run(found[1], found[2])
            at = found.end()
    if at < len(line):
        yield Run(line[at:])

"""The fonts of posters: they come with the program, and no other font of the machine is looked at.

Guarantees: `families` names only fonts that are here; what `covers` says of a character is what the files of
the fonts say themselves.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

LATIN = "Noto Sans"
"""Latin, Greek and Cyrillic letters, and most signs."""

_PACKAGES = ("manimgx_fonts", "manimgx_fonts_cjk")
_FILES = ("NotoSans[A-Z[]*.ttf", "NotoSansCJK*.ttc")  # the upright ones; no pictures of faces and flags
_OWN_FAMILY: Mapping[str, str] = MappingProxyType(
    {
        "Arab": "Noto Sans Arabic",
        "Armn": "Noto Sans Armenian",
        "Beng": "Noto Sans Bengali",
        "Deva": "Noto Sans Devanagari",
        "Ethi": "Noto Sans Ethiopic",
        "Geor": "Noto Sans Georgian",
        "Gujr": "Noto Sans Gujarati",
        "Guru": "Noto Sans Gurmukhi",
        "Hebr": "Noto Sans Hebrew",
        "Khmr": "Noto Sans Khmer",
        "Knda": "Noto Sans Kannada",
        "Laoo": "Noto Sans Lao",
        "Mlym": "Noto Sans Malayalam",
        "Mymr": "Noto Sans Myanmar",
        "Orya": "Noto Sans Oriya",
        "Sinh": "Noto Sans Sinhala",
        "Taml": "Noto Sans Tamil",
        "Telu": "Noto Sans Telugu",
        "Thai": "Noto Sans Thai",
    }
)
# The same Chinese character is written a little differently in each of these.
_HAN: Mapping[str, str] = MappingProxyType(
    {
        "Jpan": "Noto Sans CJK JP",
        "Kore": "Noto Sans CJK KR",
        "Hans": "Noto Sans CJK SC",
        "Hant": "Noto Sans CJK TC",
    }
)
_HAN_ALIASES: Mapping[str, str] = MappingProxyType(
    {"Hani": "Hans", "Hira": "Jpan", "Kana": "Jpan", "Hrkt": "Jpan", "Hang": "Kore"}
)


def families(script: str) -> list[str]:
    """Name the fonts for a text, in the order in which a character is looked for in them.

    Args:
        script: of most of the text, ISO 15924.
    """
    han = _HAN.get(_HAN_ALIASES.get(script, script))
    first = [family for family in (_OWN_FAMILY.get(script), LATIN, han) if family]
    # Latin letters in between look as they do elsewhere on the poster, so its font comes before the Chinese.
    return [*dict.fromkeys([*first, *_OWN_FAMILY.values(), han or _HAN["Jpan"], "Noto Sans Symbols"])]


@cache
def folders() -> tuple[Path, ...]:
    """Return where the font files are. They never change while the program runs."""
    found = [find_spec(name) for name in _PACKAGES]
    return tuple(Path(spec.origin).parent for spec in found if spec and spec.origin)


def covers(character: str) -> bool:
    """Tell whether any of the fonts has a character."""
    starts, ends = _coverage()
    at = bisect_right(starts, ord(character)) - 1
    return at >= 0 and ord(character) <= ends[at]


@cache
def _coverage() -> tuple[Sequence[int], Sequence[int]]:
    """Return the first and the last of every run of characters that the fonts have, in order."""
    runs = sorted(
        run
        for folder in folders()
        for pattern in _FILES
        for path in folder.glob(pattern)
        for run in _read(path)
    )
    joined: list[list[int]] = []
    for first, last in runs:
        if joined and first <= joined[-1][1] + 1:
            joined[-1][1] = max(joined[-1][1], last)
        else:
            joined.append([first, last])
    return [run[0] for run in joined], [run[1] for run in joined]


def _read(path: Path) -> Iterator[tuple[int, int]]:
    """Read which characters a font file has, from its table `cmap` (OpenType 1.9): runs, first and last."""
    with path.open("rb") as file:
        head = file.read(16)
        start = struct.unpack_from(">I", head, 12)[0] if head[:4] == b"ttcf" else 0
        file.seek(start)
        (count,) = struct.unpack(">4xH6x", file.read(12))
        tables = {tag: (at, size) for tag, _, at, size in struct.iter_unpack(">4sIII", file.read(16 * count))}
        at, size = tables[b"cmap"]
        file.seek(at)
        cmap = file.read(size)
    (count,) = struct.unpack_from(">2xH", cmap)
    for at in {struct.unpack_from(">4xI", cmap, 4 + 8 * number)[0] for number in range(count)}:
        (form,) = struct.unpack_from(">H", cmap, at)
        if form == 4:
            yield from _read_short(cmap, at)
        elif form == 12:
            (groups,) = struct.unpack_from(">I", cmap, at + 12)
            for group in range(groups):
                first, last, _ = struct.unpack_from(">III", cmap, at + 16 + 12 * group)
                yield first, last


def _read_short(cmap: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Read the form of the table that holds the first 65,536 characters; glyph 0 means that there is none."""
    (doubled,) = struct.unpack_from(">6xH", cmap, at)
    count = doubled // 2
    ends = struct.unpack_from(f">{count}H", cmap, at + 14)
    firsts = struct.unpack_from(f">{count}H", cmap, at + 16 + doubled)
    offsets_at = at + 16 + 3 * doubled
    offsets = struct.unpack_from(f">{count}H", cmap, offsets_at)
    for number, (first, last, offset) in enumerate(zip(firsts, ends, offsets, strict=True)):
        if first == 0xFFFF:
            continue
        if not offset:
            yield first, last
            continue
        glyphs = offsets_at + 2 * number + offset
        for character in range(first, last + 1):
            if struct.unpack_from(">H", cmap, glyphs + 2 * (character - first))[0]:
                yield character, character

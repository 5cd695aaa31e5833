"""Colours that can be read: how far two stand apart, by WCAG 2.2.

Guarantees: a colour is "#" and six digits in small letters, or is refused by whoever asks with `is_colour`.
"""

import re

LEAST = 4.5
"""The contrast that ordinary text needs (WCAG 2.2, 1.4.3)."""

_COLOUR = re.compile(r"#[0-9a-f]{6}", re.ASCII)
_STEPS = 100


def is_colour(text: str) -> bool:
    """Tell whether a text is a colour as it is written here."""
    return _COLOUR.fullmatch(text) is not None


def contrast(one: str, other: str) -> float:
    """Return how far two colours stand apart, from 1 for the same to 21 for black on white."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def make_readable(colour: str, ground: str) -> str:
    """Return the nearest colour of the same hue that can be read on a ground: itself where it can be."""
    towards = 0 if _luminance(ground) > 0.5 else 255
    for step in range(_STEPS + 1):
        mixed = [round(part + (towards - part) * step / _STEPS) for part in _parts(colour)]
        found = "#" + "".join(f"{part:02x}" for part in mixed)
        if contrast(found, ground) >= LEAST:
            break
    return found


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(part / 255) for part in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)

"""How tall and how heavy a child is, in the units of the reader.

Guarantees: pages and posters write them in this one way; a unit that is not known is shown as it came.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal

from babel import Locale
from babel.numbers import format_decimal
from babel.units import format_unit

_INCH_CM, _POUND_KG = 2.54, 0.45359237
_IMPERIAL_FIRST = frozenset({"US", "LR", "MM"})
_LENGTHS: tuple[Literal["short", "narrow"], ...] = ("short", "narrow")  # not every language has both


def show_measure(value: Mapping[str, Any], locale: Locale, country: str = "") -> str:
    """Write a height or a weight, or between which two it is: beside the metric units those of feet and
    pounds where they are used.

    Args:
        value: as a record has it: `min`, `max` and `unit`.
        country: where it is read, ISO 3166-1; empty where nobody knows.
    """
    low, high, unit = float(value["min"]), float(value["max"]), str(value["unit"])
    here = _metric(low, high, unit, locale)
    if unit not in _UNITS or (locale.language != "en" and country not in _IMPERIAL_FIRST):
        return here
    there = _UNITS[unit][1](low, high)
    return f"{there} ({here})" if country in _IMPERIAL_FIRST else f"{here} ({there})"


def _metric(low: float, high: float, unit: str, locale: Locale) -> str:
    first, last = (format_decimal(number, locale=locale) for number in (low, high))
    span = first if low == high else f"{first}–{last}"
    if unit not in _UNITS:
        return f"{span} {unit}"
    name = _UNITS[unit][0]
    said = (str(format_unit(high, name, length, locale=locale)) for length in _LENGTHS)
    written = next((words for words in said if name not in words), f"{last} {unit}")
    return written.replace(last, span, 1)


def _feet(low: float, high: float) -> str:
    def write(cm: float) -> str:
        feet, inches = divmod(round(cm / _INCH_CM), 12)
        return f"{feet}′ {inches}″"

    return "–".join(dict.fromkeys((write(low), write(high))))


def _pounds(low: float, high: float) -> str:
    numbers = dict.fromkeys(str(round(kg / _POUND_KG)) for kg in (low, high))
    return "–".join(numbers) + " lb"


_UNITS: Mapping[str, tuple[str, Callable[[float, float], str]]] = MappingProxyType(
    {"cm": ("length-centimeter", _feet), "kg": ("mass-kilogram", _pounds)}
)
"""Of each unit of records what CLDR calls it, and how it is written in feet or pounds."""

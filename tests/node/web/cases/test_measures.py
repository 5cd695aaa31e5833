"""How tall and how heavy a child is, in the units of the reader."""

import pytest
from babel import Locale

from node.web.cases.measures import show_measure


@pytest.mark.parametrize(
    ("low", "high", "unit", "language", "country", "written"),
    [
        (150, 150, "cm", "en_GB", "GB", "150 cm (4′ 11″)"),
        (150, 150, "cm", "en_US", "US", "4′ 11″ (150 cm)"),
        (40.5, 44.0, "kg", "es", "US", "89–97 lb (40,5–44 kg)"),
        (40.5, 44.0, "kg", "fr", "FR", "40,5–44 kg"),
        (140, 145, "cm", "ar", "FR", "140–145 سم"),
        (140, 145, "cm", "th", "", "140–145 ซม."),
        (3, 4, "stone", "en", "US", "3–4 stone"),
    ],
)
def test_measures(low: float, high: float, unit: str, language: str, country: str, written: str) -> None:
    said = show_measure({"min": low, "max": high, "unit": unit}, Locale.parse(language), country)
    assert said.replace("\xa0", " ").replace("\u202f", " ") == written

"""The console's languages, and which one a reader gets: what they chose, else what this browser chose before,
else what it asks for."""

from collections.abc import Mapping
from types import MappingProxyType

from flask import g, session

from node.web.languages import asked_languages

DOMAIN = "console"

LANGUAGES: Mapping[str, str] = MappingProxyType(
    {"en": "English", "es": "Español", "fr": "Français", "ar": "العربية", "ru": "Русский"}
)
"""Every language of the console under its own name. English is what the texts are written in."""

TRANSLATED = tuple(language for language in LANGUAGES if language != "en")
"""The languages that have a file of texts."""


def choose_language() -> str:
    """Return the reader's language."""
    visit = g.get("visit")
    for chosen in (visit.person.language if visit else "", session.get("language", "")):
        if chosen in LANGUAGES:
            return str(chosen)
    return asked_languages().best_match(list(LANGUAGES)) or "en"

"""The console's languages: which there are, which one a reader gets, how dates and numbers are written.

Guarantees: texts are read from the `.po` files that translators work on, each once, when it is first needed;
a reader's language is what they chose, else what this browser chose before, else what it asks for.
"""

import io
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import Translations
from flask import Flask, g, request, session
from flask_babel import Babel, Domain, get_locale, get_timezone

FOLDER = Path(__file__).parents[2] / "translations"
DOMAIN = "console"

LANGUAGES: Mapping[str, str] = MappingProxyType(
    {"en": "English", "es": "Español", "fr": "Français", "ar": "العربية", "ru": "Русский"}
)
"""Every language of the console under its own name. English is what the texts are written in."""

TRANSLATED = tuple(language for language in LANGUAGES if language != "en")
"""The languages that have a file of texts."""


_ENGLISH = Locale("en", "GB")
"""How dates and numbers of English pages are written: the day before the month."""


class _Domain(Domain):  # type: ignore[misc]  # published without types
    """Texts straight from the `.po` files, so that no compiled ones lie about."""

    def get_translations(self) -> Translations:
        """Return the texts of the reader's language."""
        language = (get_locale() or Locale("en")).language
        if language not in self.cache:
            self.cache[language] = load_texts(language)
        found: Translations = self.cache[language]
        return found


def load_texts(language: str) -> Translations:
    """Read and compile the texts of a language; English needs none."""
    if language not in TRANSLATED:
        return Translations()
    path = FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language, domain=DOMAIN))
    compiled.seek(0)
    return Translations(compiled, DOMAIN)


def set_up_languages(app: Flask, timezone: str) -> None:
    """Let an application speak every language.

    Args:
        timezone: in which times are shown, such as "Europe/Paris".
    """
    babel = Babel(
        app,
        default_locale="en",
        default_domain=DOMAIN,
        default_timezone=timezone,
        locale_selector=choose_language,
    )
    babel.__dict__["domain_instance"] = _Domain(domain=DOMAIN)  # a cached property, so this is its value
    app.jinja_env.globals["_"] = app.jinja_env.globals["gettext"]  # Jinja's own calls it, and takes as long
    app.jinja_env.filters.update(day=show_day, moment=show_moment, number=show_number)
    app.context_processor(lambda: {"languages": LANGUAGES, "locale": get_locale() or Locale("en")})


def choose_language() -> str:
    """Return the reader's language."""
    visit = g.get("visit")
    for chosen in (visit.person.language if visit else "", session.get("language", "")):
        if chosen in LANGUAGES:
            return str(chosen)
    return request.accept_languages.best_match(list(LANGUAGES)) or "en"


def show_day(day: date | datetime) -> str:
    """Write a day as the reader does."""
    if isinstance(day, datetime):
        day = day.astimezone(get_timezone())
    return format_date(day, "medium", _written())


def show_month(day: date) -> str:
    """Write the month of a day, and its year, as the reader does."""
    return format_skeleton("yMMMM", day, locale=_written())


def show_moment(moment: datetime) -> str:
    """Write a time as the reader does, to the minute, in the console's time zone."""
    locale, moment = _written(), moment.astimezone(get_timezone())
    time, day = format_time(moment, "short", moment.tzinfo, locale), format_date(moment, "medium", locale)
    return str(locale.datetime_formats["medium"]).format(time, day)


def show_number(number: int | float) -> str:
    """Write a number as the reader does."""
    return format_decimal(number, locale=_written())


def show_exactly(number: int | float) -> str:
    """Write a number as the reader does, with every digit that it has."""
    return format_decimal(number, locale=_written(), decimal_quantization=False)


def _written() -> Locale:
    """Return how dates and numbers are written."""
    locale = get_locale()
    return _ENGLISH if locale is None or locale.language == "en" else locale

"""The languages of pages: how texts are read from their files, and how dates and numbers are written.

Guarantees: texts are read from the `.po` files that translators work on, each once, when it is first needed;
letters that turn the direction of writing turn nothing beside the text that they stand in. Which languages an
application has, and which of them a reader gets, is its own.
"""

import io
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import Translations
from flask import Flask, g, request
from flask_babel import Babel, Domain, force_locale, get_locale, get_timezone
from markupsafe import Markup
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from node.domain.site.look import say_in

FOLDER = Path(__file__).parent / "translations"

MAX_ASKED = 200
"""Characters of `Accept-Language` that are looked at. Browsers send fewer, and to compare a header of 16 kB
takes a tenth of a second."""

_KEPT_TEXTS = 4_096
_KEPT_FORMATS = 2_048
_ENGLISH, _BRITISH = Locale("en"), Locale("en", "GB")
_POP = "\u2069"
_ISOLATES = "\u2066\u2067\u2068"
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")


class _Domain(Domain):  # type: ignore[misc]  # published without types
    """Texts straight from the `.po` files, so that no compiled ones lie about."""

    def get_translations(self) -> Translations:
        """Return the texts of the reader's language."""
        return load_texts(self.domain[0], reader_locale().language)


def asked_languages() -> LanguageAccept:
    """Return the languages that a reader's browser asks for."""
    asked = request.headers.get("Accept-Language", "")
    if len(asked) > MAX_ASKED:
        asked = asked[:MAX_ASKED].rpartition(",")[0]
    return parse_accept_header(asked, LanguageAccept)


def reader_locale() -> Locale:
    """Return the reader's language. It is kept for the request: to find it out takes longer than to write a
    line."""
    try:  # every text of a page asks
        kept: Locale = g.reader_locale
    except AttributeError:
        kept = g.reader_locale = get_locale() or _ENGLISH
    except RuntimeError:  # nobody asked for a page
        return _ENGLISH
    return kept


def said(texts: Mapping[str, str]) -> str:
    """Return of a text that stands in several languages what the reader reads: theirs, else English, else
    any."""
    return say_in(texts, reader_locale().language)[0]


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak another language than the reader's for the block, such as that of something they print.

    Args:
        language: as a BCP 47 tag.
    """
    reader = reader_locale()
    with force_locale(language.replace("-", "_")):
        g.reader_locale = get_locale()
        try:
            yield
        finally:
            g.reader_locale = reader


def path_of(domain: str, language: str) -> Path:
    """Return the file with the texts of an application in a language."""
    return FOLDER / language / "LC_MESSAGES" / f"{domain}.po"


@cache
def load_texts(domain: str, language: str) -> Translations:
    """Read and compile the texts of an application in a language; none where there is no file, as of English,
    in which they are written. They are read once, for all applications of a process."""
    if not path_of(domain, language).is_file():
        return Translations()
    compiled = io.BytesIO()
    with path_of(domain, language).open("rb") as file:
        write_mo(compiled, read_po(file, locale=language, domain=domain))
    compiled.seek(0)
    return Translations(compiled, domain)


def is_timezone(name: str) -> bool:
    """Tell whether times can be shown in a time zone of this name."""
    try:
        ZoneInfo(name)  # to list all of them would read six hundred files
    except (KeyError, OSError, ValueError):
        return False
    return True


def set_up_languages(
    app: Flask, domain: str, languages: Mapping[str, str], choose: Callable[[], str], timezone: str
) -> None:
    """Let an application speak its languages.

    Args:
        domain: what the files with its texts are called.
        languages: each under its own name.
        choose: tells the language of whoever asks.
        timezone: in which times are shown, such as "Europe/Paris".
    """
    babel = Babel(
        app,
        default_locale="en",
        default_domain=domain,
        default_timezone=timezone,
        locale_selector=choose,
    )
    babel.__dict__["domain_instance"] = _Domain(domain=domain)  # a cached property, so this is its value
    say = _make_gettext(domain)
    app.jinja_env.globals.update(_=say, gettext=say)
    app.jinja_env.filters.update(day=show_day, moment=show_moment, number=show_number)
    app.context_processor(lambda: {"languages": languages, "locale": reader_locale()})


def _make_gettext(domain: str) -> Callable[..., Markup]:
    """Make what templates say their texts with. Flask-Babel's and Jinja's own look for the reader's language
    by several ways at every text, and were a tenth of the work of a page."""

    @lru_cache(_KEPT_TEXTS)
    def find(language: str, text: str) -> Markup:
        return Markup(load_texts(domain, language).gettext(text))  # noqa: S704 - texts are the program's own

    def gettext(text: str, **variables: Any) -> Markup:
        found = find(reader_locale().language, text)
        return found % variables if "%" in found else found

    return gettext


def show_day(day: date | datetime) -> str:
    """Write a day as the reader does."""
    if isinstance(day, datetime):
        day = day.astimezone(get_timezone())
    return _format_day(day, _written())


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
    return _format_number(number, _written())


def show_exactly(number: int | float) -> str:
    """Write a number as the reader does, with every digit that it has."""
    return format_decimal(number, locale=_written(), decimal_quantization=False)


def isolated(text: str) -> str:
    """Keep letters that turn the direction of writing from turning what stands beside their text.

    Only for a text that has such letters, and stands where no `<bdi>` can: in a line with others, in a title.
    """
    if not _TURNING.search(text):
        return text
    kept, opened = [], 0
    for letter in text:
        closes = letter == _POP
        opened += (letter in _ISOLATES) - closes
        if opened < 0:
            opened = 0
        else:
            kept.append(letter)
    return f"\u2068{''.join(kept)}{_POP * (opened + 1)}"


def _written() -> Locale:
    """Return how dates and numbers are written: English ones so that the day comes before the month."""
    locale = reader_locale()
    return _BRITISH if locale.language == "en" else locale


# A list shows the same days and ages again and again, and to format one takes as long as ten texts.
@lru_cache(_KEPT_FORMATS)
def _format_day(day: date, locale: Locale) -> str:
    return format_date(day, "medium", locale)


@lru_cache(_KEPT_FORMATS, typed=True)
def _format_number(number: int | float, locale: Locale) -> str:
    return format_decimal(number, locale=locale)

"""How a member's public site looks and what it says of its own: what `site.toml` holds.

Guarantees: a look that was read is one that can be shown: texts are printable and short enough, names of
pages lead nowhere else, numbers are digits, colours can be read on what they stand on; a key that is not
known is refused. Writing a look and reading it again gives the same. Which file it stands in, and the logo,
is `adapters.site_folder`.
"""

import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from node.domain.site.contrast import LEAST, contrast, is_colour, make_readable
from node.errors import InvalidInput
from protocol.signs import is_readable

LANGUAGES = (
    "en", "es", "fr", "pt", "de", "nl", "it", "el", "ru", "ar", "he", "hi", "th", "zh", "ja", "ko",
)  # fmt: skip
"""Every language that a site may speak."""

GROUNDS: Mapping[str, str] = {"light": "#f6f1e7", "dark": "#242018"}
"""What the accents stand on at worst, by scheme of colours: `--raised` in site.css."""

MAX_BYTES = 1 << 20
MAX_LINE, MAX_INTRO, MAX_TEXT, MAX_PAGES = 80, 600, 20_000, 20

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_MAX_SLUG = 40
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_NUMBER = re.compile(r"\+?[0-9]{2,15}", re.ASCII)
# Invisible, and part of how mixed directions are written.
_MARKS = frozenset("\u200e\u200f")

_T = TypeVar("_T")
Texts = Mapping[str, str]
"""One text in several languages."""


@dataclass(frozen=True, slots=True)
class Colours:
    """The accent of links, buttons and headings: on light and on dark pages."""

    light: str
    dark: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """Whom to call in a country; an empty number is not known, or does not exist.

    Attributes:
        emergency: of the police in an emergency.
        hotline: for missing children.
        organisation: who answers the hotline.
    """

    emergency: str = ""
    hotline: str = ""
    organisation: str = ""


@dataclass(frozen=True, slots=True)
class OwnPage:
    """A page of the member's own; `texts` are for `prose.parse_prose`. Both speak the same languages."""

    slug: str
    titles: Texts
    texts: Texts


@dataclass(frozen=True, slots=True)
class Look:
    """How the site looks. Everything may be left out.

    Attributes:
        names: what the site calls itself; what the roster calls the member where it says nothing.
        intro: what stands first on the first page.
        languages: those that are offered, in their order; every one when empty.
        countries: whose cases are shown, besides the own country's; every one when empty.
        colours: the program's own when None.
        hotlines: by country, in the place of what the program knows.
    """

    names: Texts = field(default_factory=dict)
    intro: Texts = field(default_factory=dict)
    languages: Sequence[str] = ()
    countries: Sequence[str] = ()
    colours: Colours | None = None
    hotlines: Mapping[str, Numbers] = field(default_factory=dict)
    pages: Sequence[OwnPage] = ()


def say_in(texts: Texts, language: str) -> tuple[str, str]:
    """Return a text in a language, and the language that it is in: English, or any, where it is missing."""
    for found in (language, "en", *texts):
        if found in texts:
            return texts[found], found
    return "", language


def parse_look(data: bytes) -> Look:
    """Read `site.toml`.

    Raises:
        InvalidInput: it cannot be shown; every problem at once.
    """
    if len(data) > MAX_BYTES:
        raise InvalidInput("The look of the site takes more than 1 MB.", "Shorten its texts.")
    try:
        values = tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise InvalidInput("The look of the site is not written in UTF-8.", "Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        problem = f"site.toml: {error}"
        raise InvalidInput("The look of the site is not valid TOML.", "Mend that line.", [problem]) from None
    except (ValueError, RecursionError):  # what tomllib leaves to Python
        raise InvalidInput(
            "The look of the site is not valid TOML.", "Take out what nests or is so long."
        ) from None
    return read_look(values)


def read_look(values: Mapping[str, Any]) -> Look:
    """Make a look of what a file says; see `parse_look`."""
    reading = _Reading()
    given = reading.table(values, "site.toml", _KEYS)
    look = Look(
        names=reading.texts(given.get("names", {}), "names", MAX_LINE, one_line=True),
        intro=reading.texts(given.get("intro", {}), "intro", MAX_INTRO),
        languages=reading.codes(
            given.get("languages", []), "languages", LANGUAGES.__contains__, f"of {', '.join(LANGUAGES)}"
        ),
        countries=reading.codes(given.get("countries", []), "countries", _is_country, "such as FR"),
        colours=reading.colours(given["colours"]) if "colours" in given else None,
        hotlines=reading.hotlines(given.get("hotlines", {})),
        pages=reading.pages(given.get("pages", [])),
    )
    if reading.problems:
        raise InvalidInput("The look of the site cannot be taken.", "Change what is named.", reading.problems)
    return look


def check_look(look: Look) -> None:
    """Check that a look can be shown.

    Raises:
        InvalidInput: see `parse_look`.
    """
    parse_look(format_look(look).encode())


def format_look(look: Look) -> str:
    """Write `site.toml`."""
    lines = ["# How the public site looks. Every key is explained in docs/site.md."]
    lines += [f"languages = {_list(look.languages)}", f"countries = {_list(look.countries)}"]
    lines += _table("[names]", look.names)
    lines += _table("[intro]", look.intro)
    if look.colours is not None:
        lines += _table("[colours]", {"light": look.colours.light, "dark": look.colours.dark})
    for country, numbers in look.hotlines.items():
        values = {"emergency": numbers.emergency, "hotline": numbers.hotline}
        lines += _table(f"[hotlines.{country}]", {**values, "organisation": numbers.organisation})
    for page in look.pages:
        lines += ["", "[[pages]]", f"slug = {_text(page.slug)}"]
        lines += [*_table("[pages.title]", page.titles)[1:], *_table("[pages.text]", page.texts)[1:]]
    return "\n".join([*lines, ""])


_KEYS = ("names", "intro", "languages", "countries", "colours", "hotlines", "pages")


class _Reading:
    """Reads one look, and gathers what is wrong with it."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def table(self, value: Any, where: str, allowed: Sequence[str] | Callable[[str], bool]) -> dict[str, Any]:
        """Read a table, without the keys that are not known."""
        if not isinstance(value, Mapping):
            self.problems.append(f"{where}: a table is needed")
            return {}
        known = allowed if callable(allowed) else allowed.__contains__
        words = "a code such as en or FR" if callable(allowed) else f"one of {', '.join(allowed)}"
        self.problems += [
            f"{where}: {_shown(key)} is not known; {words} is" for key in value if not known(key)
        ]
        return {key: item for key, item in value.items() if known(key)}

    def text(self, value: Any, where: str, most: int, *, one_line: bool = False) -> str:
        """Read a text, without spaces around it."""
        if not isinstance(value, str):
            self.problems.append(f"{where}: a text in quotes is needed")
            return ""
        found = value.strip()
        lines = [found] if one_line else found.split("\n")
        if len(found) > most:
            self.problems.append(f"{where}: at most {most} characters, not {len(found)}")
        if not all(is_readable("".join(letter for letter in line if letter not in _MARKS)) for line in lines):
            self.problems.append(f"{where}: has letters that cannot be printed; take them out")
        return found

    def texts(self, value: Any, where: str, most: int, *, one_line: bool = False) -> Texts:
        """Read a text in several languages; an empty one is none."""
        given = self.table(value, where, LANGUAGES)
        read = {
            language: self.text(item, f"{where}.{language}", most, one_line=one_line)
            for language, item in given.items()
        }
        return {language: text for language, text in read.items() if text}

    def codes(self, value: Any, where: str, known: Callable[[str], bool], which: str) -> tuple[str, ...]:
        """Read a list of codes, each once."""
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.problems.append(f"{where}: a list of codes in quotes is needed")
            return ()
        if wrong := [item for item in value if not known(item)]:
            self.problems.append(f"{where}: {_shown(wrong[0])} is not known; give codes {which}")
        if len(set(value)) < len(value):
            self.problems.append(f"{where}: a code stands there twice")
        return tuple(value)

    def colours(self, value: Any) -> Colours | None:
        """Read both accents, each of which can be read on its ground."""
        given = self.table(value, "colours", tuple(GROUNDS))
        for scheme, ground in GROUNDS.items():
            colour = given.get(scheme)
            if not isinstance(colour, str) or not is_colour(colour):
                self.problems.append(
                    f"colours.{scheme}: a colour such as {make_readable('#0e4a5a', ground)} is needed"
                )
            elif (found := contrast(colour, ground)) < LEAST:
                self.problems.append(
                    f"colours.{scheme}: {colour} is hard to read on {scheme} pages: its contrast is "
                    f"{found:.1f} and {LEAST} is needed; take {make_readable(colour, ground)}"
                )
        return Colours(str(given.get("light")), str(given.get("dark")))

    def hotlines(self, value: Any) -> Mapping[str, Numbers]:
        """Read the numbers of countries."""
        return {
            country: self.numbers(item, f"hotlines.{country}")
            for country, item in self.table(value, "hotlines", _is_country).items()
        }

    def numbers(self, value: Any, where: str) -> Numbers:
        """Read the numbers of one country."""
        given = self.table(value, where, ("emergency", "hotline", "organisation"))
        for name in ("emergency", "hotline"):
            number = given.get(name, "")
            if number != "" and not (isinstance(number, str) and _NUMBER.fullmatch(number)):
                self.problems.append(
                    f"{where}.{name}: digits without spaces are needed, with + before a country"
                )
        organisation = self.text(
            given.get("organisation", ""), f"{where}.organisation", MAX_LINE, one_line=True
        )
        return Numbers(str(given.get("emergency", "")), str(given.get("hotline", "")), organisation)

    def pages(self, value: Any) -> Sequence[OwnPage]:
        """Read the member's own pages, each with a name of its own."""
        if not isinstance(value, list):
            self.problems.append("pages: written as [[pages]]")
            return ()
        if len(value) > MAX_PAGES:
            self.problems.append(f"pages: at most {MAX_PAGES}, not {len(value)}")
        pages = [self.page(item, f"pages[{number}]") for number, item in enumerate(value[:MAX_PAGES], 1)]
        if len({page.slug for page in pages}) < len(pages):
            self.problems.append("pages: two have the same slug")
        return tuple(pages)

    def page(self, value: Any, where: str) -> OwnPage:
        """Read one page."""
        given = self.table(value, where, ("slug", "title", "text"))
        slug = given.get("slug", "")
        if not is_slug(slug):
            self.problems.append(
                f"{where}.slug: up to {_MAX_SLUG} small letters, digits and single hyphens are needed"
            )
        titles = self.texts(given.get("title", {}), f"{where}.title", MAX_LINE, one_line=True)
        texts = self.texts(given.get("text", {}), f"{where}.text", MAX_TEXT)
        if not titles or titles.keys() != texts.keys():
            self.problems.append(f"{where}: title and text are needed, both in the same languages")
        return OwnPage(str(slug), titles, texts)


def is_slug(value: Any) -> bool:
    """Tell whether something may name a page in its address."""
    return isinstance(value, str) and len(value) <= _MAX_SLUG and _SLUG.fullmatch(value) is not None


def _is_country(code: str) -> bool:
    return _COUNTRY.fullmatch(code) is not None


def _shown(value: str) -> str:
    """Write a key of a stranger's so that it is short and steers nothing."""
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _table(head: str, values: Mapping[str, str]) -> list[str]:
    return ["", head, *(f"{key} = {_text(value)}" for key, value in values.items())] if values else []


def _list(values: Sequence[str]) -> str:
    return json.dumps(list(values))


def _text(value: str) -> str:
    """Write a text as TOML: over several lines where it has several, so that people can edit it."""
    lines = [json.dumps(line, ensure_ascii=False)[1:-1] for line in value.split("\n")]
    return f'"{lines[0]}"' if len(lines) == 1 else '"""\n' + "\n".join(lines) + '"""'

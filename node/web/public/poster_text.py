"""What a poster says in a language, which need not be the language of whoever asks for it.

Guarantees: only what the public part says is on a poster, and of its texts none that a program translated and
nobody has checked; of a place nothing finer than its words. Dates, digits and units are those of the language
and of the country that the poster hangs in.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from flask_babel import gettext as _

from node.domain.lifecycle import age_today
from node.domain.scripts import script_of
from node.services.site.poster_column import Column, Picture, Text, is_writable
from node.services.site.posters import Occasion
from node.services.site.showing import Shown
from node.web.cases.choice import choose_words, order_names
from node.web.cases.measures import show_measure
from node.web.cases.text import (
    describe_briefly,
    describe_part,
    is_lang_text,
    show_age,
    show_country,
    show_date,
)
from node.web.cases.words import CODES, FIELDS
from node.web.languages import isolated, said, speaking

_LOOKS = ("hair", "eyes", "complexion", "build", "marks", "clothing")
_ZEROS: Mapping[str, int] = {
    "arab": 0x660, "arabext": 0x6F0, "beng": 0x9E6, "deva": 0x966, "mymr": 0x1040, "thai": 0xE50,
}  # fmt: skip
_CODED = ("colour", "length", "style", "value", "kind", "body_part")
_COMMAS: Mapping[str, str] = {"Arab": "، ", "Jpan": "、", "Hans": "、", "Hant": "、"}
_VAGUE = frozenset({"unknown", "other"})


def describe(shown: Shown, language: str, occasion: Occasion) -> Column:
    """Say in a language what a poster of a child says. Needs an application that speaks it."""
    with speaking(language):
        return _Speaker(shown, language, occasion).column()


@dataclass(frozen=True)
class _Speaker:
    """Says what is known of a child in the language that is in force."""

    shown: Shown
    language: str
    occasion: Occasion

    def column(self) -> Column:
        """Return everything that the poster says."""
        public, occasion = self.public, self.occasion
        brief = describe_briefly(public)
        names = self.names()
        child = isolated(names[0].text) if names else str(_("this child"))
        missing = [
            *self.ages(),
            *([(str(FIELDS["missing_since"]), Text(self.since()))] if public.get("missing_since") else []),
            *([(_("Missing from"), self.place())] if public.get("last_seen") else []),
        ]
        others = ", ".join(isolated(name.text) for name in names[2:])
        facts = [
            *missing,
            *([(str(FIELDS["sex"]), Text(brief.sex))] if public.get("sex") in (1, 2) else []),
            *self.measures(),
            *self.looks(),
            *([(_("Also called"), Text(others))] if others else []),
        ]
        story = public.get("circumstances")
        said = next(iter(describe_part({"circumstances": story})), None) if story else None
        return Column(
            language=self.language,
            headline=_("MISSING"),
            appeal=_("Help find %(name)s", name=child),
            names=names[:2],
            facts=facts,
            brief=missing,
            story=(
                str(FIELDS["circumstances"]),
                Text(said.lines[0].text, said.lines[0].language) if said else Text(""),
            ),
            ask=_("Have you seen this child? Call:"),
            warning=_("Do not approach. Call at once."),
            scan=_("Scan this: does this poster still hold?"),
            small=list(self.small()),
            exercise=_("EXERCISE. No child here is real.") if occasion.exercise else "",
            hours=[str(contact.get("hours", "")) for contact in occasion.contacts],
            pictures=[self.picture(photo, child) for photo in occasion.photos],
        )

    @cached_property
    def public(self) -> Mapping[str, Any]:
        """The public part with each text in the one language of its languages that is best here."""
        chosen: Mapping[str, Any] = _choose(self.shown.public, self.language)
        return chosen

    @property
    def locale(self) -> Locale:
        """How dates and numbers are written in this language in this country."""
        language = self.language.replace("-", "_")
        for name in (f"{language}_{self.occasion.country}", "en_GB" if language == "en" else language):
            with suppress(UnknownLocaleError):
                return Locale.parse(name)
        return Locale(language.partition("_")[0])

    def names(self) -> list[Text]:
        """Return the child's names, the one that readers here can read first, then as the child writes it."""
        given = self.public.get("names", ())
        fit = [name for name in given if is_writable(name["full"])] or given
        texts = [
            Text(str(name["full"]), str(name.get("lang", ""))) for name in order_names(fit, self.language)
        ]
        return list({text.text: text for text in texts}.values())

    def ages(self) -> Iterator[tuple[str, Text]]:
        """Say how old the child was, and how old it is now where that differs."""
        age = self.public.get("age_at_disappearance")
        if age is None:
            return
        then = self._age(int(age["min"]), int(age["max"]), age["unit"])
        now = age_today(self.public, self.occasion.today)
        if now is None:
            yield _("Age"), Text(then)
            return
        yield _("Age today"), Text(self._age(*now))
        yield _("Age then"), Text(then)

    def since(self) -> str:
        """Say since when the child is missing: the day, without the hour."""
        text = str(self.public["missing_since"])
        return self.day(text.partition("T")[0])

    def day(self, text: str) -> str:
        """Write a day, or an uncertain date."""
        try:
            return self._digits(format_date(date.fromisoformat(text), "long", self.locale))
        except ValueError:
            return self._digits(show_date(text))

    def place(self) -> Text:
        """Say where the child was seen last: its words, and the country where that is another."""
        seen = self.public["last_seen"]
        words = next(iter(seen.get("place", {}).items()), None)
        country = show_country(seen["country"])
        if words is None:
            return Text(country)
        language, said = words
        abroad = seen["country"] != self.occasion.country
        return Text(f"{isolated(said['text'])}, {country}" if abroad else said["text"], language)

    def measures(self) -> Iterator[tuple[str, Text]]:
        """Say how tall and how heavy the child is, in the units that are used here."""
        for name in ("height", "weight"):
            if name in self.public:
                said = show_measure(self.public[name], self.locale, self.occasion.country)
                yield str(FIELDS[name]), Text(self._digits(said))

    def looks(self) -> Iterator[tuple[str, Text]]:
        """Describe the child."""
        for name in _LOOKS:
            value = self.public.get(name, ())
            items = value if isinstance(value, Sequence) else [value]
            lines = [line for item in items for line in self.describe(item)]
            if lines:
                yield str(FIELDS[name]), Text("; ".join(line.text for line in lines), lines[0].language)

    def describe(self, item: Mapping[str, Any]) -> Iterator[Text]:
        """Describe hair, eyes, a mark or clothes: in the owner's words, of hair and eyes beside the codes."""
        words = item if is_lang_text(item) else item.get("text", {})
        said = next(((tag, text["text"]) for tag, text in words.items()), ("", ""))
        codes = [
            str(CODES[code])
            for name in _CODED
            if (code := item.get(name, "")) in CODES and code not in _VAGUE
        ]
        if item.get("length") == "medium":
            codes.remove(str(CODES["medium"]))  # of hair it says nothing
        if words and "colour" not in item:
            codes = []
        if codes or said[1]:
            yield Text(self._list([*codes, said[1]]), said[0])

    def picture(self, photo: Mapping[str, Any], child: str) -> Picture:
        """Say of a picture what whoever looks at it has to know."""
        age = photo.get("age_depicted")
        shown = self._age(int(age), int(age)) if age is not None else ""
        taken = self.day(str(photo["taken"])) if photo.get("taken") else ""
        if photo.get("kind") == "age_progressed":
            what = _("Drawn older: how the child may look now")
        elif photo.get("kind") == "composite":
            what = str(CODES["composite"])
        else:
            what = ""
        caption = " · ".join(filter(None, (what, shown, taken)))
        alt = next(iter(photo.get("alt", {}).values()), None) if photo.get("alt") else None
        return Picture(caption, alt["text"] if alt else _("Photograph of %(name)s", name=child))

    def small(self) -> Iterator[str]:
        """Say who answers for the poster, and until when it holds."""
        occasion = self.occasion
        yield said(self.shown.owner.names)
        yield _("Case number: %(number)s", number=self.shown.case_id.partition("/")[2])
        printed, valid = (self.day(day.isoformat()) for day in (occasion.today, occasion.valid_until))
        yield _("Made on %(day)s. Take it down after %(last)s.", day=printed, last=valid)

    def _age(self, low: int, high: int, unit: str = "year") -> str:
        return self._digits(show_age(low, high, unit))

    def _list(self, items: Iterable[str]) -> str:
        return _COMMAS.get(script_of(self.language), ", ").join(filter(None, items))

    def _digits(self, text: str) -> str:
        """Write digits as they are written in this language."""
        zero = _ZEROS.get(self.locale.default_numbering_system)
        return text if zero is None else text.translate({48 + digit: zero + digit for digit in range(10)})


def _choose(value: Any, language: str) -> Any:
    """Leave of every text the language that its readers read best; never what a program translated."""
    if is_lang_text(value):
        texts = {tag: text for tag, text in value.items() if text["origin"] != "machine"}
        tag = choose_words(texts, language)
        return {tag: value[tag]}
    if isinstance(value, Mapping):
        return {name: _choose(item, language) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_choose(item, language) for item in value]
    return value

"""What a search can know of a case: a flat row made of a summary's head and public part, and nothing else.

Guarantees: the network and police parts never come here, so that no search over these rows can tell what they
hold. Absent fields leave empty columns. Words of a text and words of a question are made by the same rules.

Leaves to others: whether the document is genuine and valid, and how rows are stored and found.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from node.domain.edtf import edtf_bounds
from node.domain.lifecycle import alert_end
from node.domain.names.similarity import NameKey, fold, joints, name_keys

Source = Literal["own", "replica", "site"]

STAFF, EVERYBODY, PUBLIC = 0, 1, 2
"""Who may find a row: this member's staff alone, the public too, or the public alone."""

# Characters of text that are indexed; a summary of the usual 1.5 kB stays far below.
_MAX_TEXT = 16_384
# Characters of a word that count: longer ones are addresses and noise.
_MAX_WORD = 40
# Metres: a place that is published more vaguely than this counts as this vague, so that a search around a
# point need not look at the whole world.
MAX_RADIUS_M = 100_000
_DAYS_PER_MONTH = 30.436875
# Separates the readings of several names in a column.
BETWEEN_NAMES = " | "
# Put before a word of the place, of a name in Latin letters, and of the consonants of a name: letters that no
# word contains, and that an index keeps as part of the word.
PLACE_MARK, FOLD_MARK, SKELETON_MARK = "§", "¬", "¤"


class SearchEntry(NamedTuple):
    """One case as the search sees it; the order of the fields is the order of the columns.

    Days are counted as `date.toordinal()` counts them.

    Attributes:
        shown_to: STAFF, EVERYBODY or PUBLIC.
        sex: ISO 5218.
        age_min, age_max: age at disappearance in months, both included.
        born_from, born_to: first and last day on which the child may have been born, by age and
        disappearance. missing_from, missing_to: first and last day on which the child may have disappeared.
        lat, lon, radius_m: the place as published: degrees, degrees, metres.
        alert_until: when the alert for the child ends, in seconds since 1970; None where there is none.
        updated: seconds since 1970.
        since: the day that lists for the public are ordered by: the last on which the child may have gone
        missing, else that of the document, and never a later one.
        feed_id: the feed that a replica came by; None for own cases.
        country: ISO 3166-1 alpha-2 of the owner.
        seen_in: ISO 3166-1 alpha-2 of the place where the child was last seen.
        source: `own` for this node's register, `replica` for a peer's summary, `site` for an own one as it
        was published.
        owner: member id of the issuer.
        names_fold, names_skeleton: every reading of every name, in the same order, framed by spaces.
        words: the words of circumstances, marks and clothing; those of the place with `PLACE_MARK`, and those
            of the names with `FOLD_MARK` and `SKELETON_MARK`, neighbours as one word, too.
    """

    shown_to: int
    sex: int | None
    age_min: int | None
    age_max: int | None
    born_from: int | None
    born_to: int | None
    missing_from: int | None
    missing_to: int | None
    lat: float | None
    lon: float | None
    radius_m: float
    has_photo: bool
    alert_until: int | None
    updated: int
    since: int
    feed_id: int | None
    country: str
    seen_in: str | None
    source: Source
    category: str | None
    status: str
    owner: str
    case_id: str
    names_fold: str
    names_skeleton: str
    words: str


def entry_of(
    head: Mapping[str, Any],
    public: Mapping[str, Any],
    *,
    source: Source,
    feed_id: int | None,
    owner: str,
    country: str,
    status: str,
    shown_to: int = STAFF,
) -> SearchEntry:
    """Make the row of a summary.

    Args:
        head: the head of a valid summary.
        public: its public part.
        source, feed_id, owner, country, status, shown_to: what the node knows of it besides; see
            `SearchEntry`.
    """
    seen: Mapping[str, Any] = public.get("last_seen") or {}
    age_min, age_max = _months(public.get("age_at_disappearance"))
    missing_from, missing_to = _days(public.get("missing_since"))
    keys = name_keys([_full_name(name) for name in public.get("names") or ()])
    updated = datetime.fromisoformat(head["updated_at"])
    born_from = born_to = None
    if age_max is not None and missing_from is not None:
        born_from = missing_from - round((age_max + 1) * _DAYS_PER_MONTH)
    if age_min is not None and missing_to is not None:
        born_to = missing_to - round(age_min * _DAYS_PER_MONTH)
    return SearchEntry(
        shown_to=shown_to,
        sex=_whole(public.get("sex")),
        age_min=age_min,
        age_max=age_max,
        born_from=born_from,
        born_to=born_to,
        missing_from=missing_from,
        missing_to=missing_to,
        lat=seen.get("lat"),
        lon=seen.get("lon"),
        radius_m=min(seen.get("radius_m") or 0, MAX_RADIUS_M),
        has_photo=bool(public.get("photos")),
        alert_until=int(ends.timestamp()) if (ends := alert_end(public)) else None,
        updated=int(updated.timestamp()),
        since=min(missing_to or missing_from or updated.toordinal(), updated.toordinal()),
        feed_id=feed_id,
        country=country,
        seen_in=seen.get("country"),
        source=source,
        category=public.get("category"),
        status=status,
        owner=owner,
        case_id=head["case"],
        names_fold=f" {BETWEEN_NAMES.join([key.fold for key in keys])} " if keys else "",
        names_skeleton=f" {BETWEEN_NAMES.join([key.skeleton for key in keys])} " if keys else "",
        words=" ".join(_words(seen, public) + _words_of_names(keys)),
    )


def find_audience(head: Mapping[str, Any], country: str) -> int:
    """Tell who may find a replica, by its head.

    Args:
        country: of the member whose site would show it.
    """
    return EVERYBODY if is_shown_in(head, country) else STAFF


def is_shown_in(head: Mapping[str, Any], country: str) -> bool:
    """Tell whether the public part of a document may be shown on the public sites of a country."""
    shown_in = head["show_in"]
    return shown_in == "all" or country in shown_in


def split_words(text: str) -> list[str]:
    """Cut a text into the words that are indexed and asked for: no case, no accents, at most 40 characters.

    Scripts that write without spaces (Han, kana, Thai, Lao, Khmer, Burmese, Tibetan) give their pairs of
    neighbouring characters instead, so that any part of two characters or more is found.
    """
    text = text[:_MAX_TEXT]
    if text.isascii():
        words = text.lower().translate(_ASCII_SEPARATORS).split()
    else:
        text = unicodedata.normalize("NFKD", text.casefold())
        text = unicodedata.normalize("NFC", _ACCENTS.sub("", text))
        words = _WORD.findall(text)
        if _UNSPACED.search(text):
            words = [
                part for word in words for part in (_pairs_of(word) if _UNSPACED.search(word) else (word,))
            ]
    return [word[:_MAX_WORD] for word in words]


def fold_words(words: Iterable[str]) -> list[str]:
    """Write words of a name in Latin letters as they are indexed."""
    return [FOLD_MARK + word[:_MAX_WORD] for word in words]


def skeleton_words(words: Iterable[str]) -> list[str]:
    """Write words of consonants as they are indexed."""
    return [SKELETON_MARK + word[:_MAX_WORD] for word in words]


def _words_of_names(keys: list[NameKey]) -> list[str]:
    marked = dict[str, None]()
    for key in keys:
        words = key.fold.split()
        marked |= dict.fromkeys(fold_words(words))
        marked |= dict.fromkeys(skeleton_words(key.skeleton.split()))
        marked |= dict.fromkeys(skeleton_words(joint.skeleton for joint in joints(words)))
    return list(marked)


def _words(seen: Mapping[str, Any], public: Mapping[str, Any]) -> list[str]:
    loose = _texts(public.get("circumstances")) + _texts(public.get("clothing"))
    for mark in public.get("marks") or ():
        loose += _texts(mark.get("text"))
    words = split_words("\n".join(loose))
    place = "\n".join(_texts(seen.get("place")))
    if place:
        # A place is looked for in the asker's script: Киев and Kyiv both find it.
        here = split_words(place)
        if not place.isascii():
            here += fold(place).split()
        words += [PLACE_MARK + word for word in here]
    return words


def _texts(langtext: Mapping[str, Any] | None) -> list[str]:
    return [said["text"] for said in langtext.values()] if langtext else []


def _full_name(name: Mapping[str, Any]) -> str:
    full: str | None = name.get("full")
    return full or f"{name.get('given') or ''} {name.get('family') or ''}"


def _months(age: Mapping[str, Any] | None) -> tuple[int | None, int | None]:
    """Read an age in months; a child of 7 years is 84 to 95 months old."""
    if not age:
        return None, None
    low = _whole(age.get("min"))
    high = _whole(age.get("max", low))
    if age.get("unit") == "year":
        low = None if low is None else low * 12
        high = None if high is None else high * 12 + 11
    return low, high


def _whole(number: float | None) -> int | None:
    """Take the fraction off a whole number: 1.0 fits a schema that asks for one, and no column of
    PostgreSQL."""
    return None if number is None else int(number)


@lru_cache(4_096)  # a first pull asks for the same days again and again
def _days(since: str | None) -> tuple[int | None, int | None]:
    if not since:
        return None, None
    first, last = edtf_bounds(since)
    return (first.toordinal() if first else None), (last.toordinal() if last else None)


def _pairs_of(word: str) -> Iterator[str]:
    for run in _RUN.findall(word):
        if len(run) == 1 or not _UNSPACED.match(run):
            yield run
        else:
            yield from (run[at : at + 2] for at in range(len(run) - 1))


# Scripts without spaces: Thai, Lao, Tibetan, Burmese, Khmer, kana, Han.
_NO_SPACES = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_UNSPACED = re.compile(f"[{_NO_SPACES}]")
_RUN = re.compile(f"[{_NO_SPACES}]+|[^{_NO_SPACES}]+")
# Everything but controls, spaces, punctuation, symbols and halves of surrogate pairs. Written out, because
# \w would cut Indic words at their vowel signs.
_WORD = re.compile(
    "[^\x00-/:-@\\[-`{-©«-±´¶-¸»¿×÷\u0300-\u036f\u055a-\u055f\u0589\u05be\u05f3\u05f4\u060c\u061b\u061f\u066a-\u066d"
    "\u06d4\u0964\u0965\u0e2f\u0e5a\u0e5b\u104a-\u104f\u1361-\u1368\u17d4-\u17da\u2000-\u206f\u2190-\u2bff"
    "\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\u303d-\u303f\u30fb\ud800-\uf8ff\ufe00-\ufe6f\ufeff"
    "\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\ufff0-\uffff\U0001f000-\U0001ffff]+"
)
_ASCII_SEPARATORS = {point: " " for point in range(128) if not chr(point).isalnum()}
# Accents of Latin, Greek and Cyrillic; points of Hebrew; vowel marks of Arabic. Vowel signs of other scripts
# are letters to their readers and stay.
_ACCENTS = re.compile("[\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u064b-\u065f\u0670]+")

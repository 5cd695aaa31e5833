"""Posters of children who are shown: made when somebody asks, kept until the case changes or the day is over,
listed so that they can be recalled.

Guarantees: a poster shows what the site shows, and photographs alone whose use on posters is allowed; none is
made, kept or handed out of a case that is not shown; one is set at a time in a process, and no more than
`MOST_A_MINUTE`, so that whoever asks in a loop costs little. What a poster says in a language is for `Speak`.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from node.adapters.typesetting import Form, NotWritable
from node.domain.lifecycle import last_day
from node.errors import NotFound
from node.runtime import KeylessNode
from node.services.serving import TooOften
from node.services.site.poster_column import Column
from node.services.site.poster_sheet import FORMATS, PREVIEW, STYLES, lay_out, read_layouts
from node.services.site.showing import Gone, Shown, find_shown, read_shown_photograph
from node.store import posters
from node.store.database import reading, writing
from node.store.published import documents
from protocol.document import AUDIENCE_SCHEMA, PARTS, split_document
from protocol.encoding import parse_object

FORMS: Sequence[Form] = ("pdf", "png", "svg")

MOST_A_MINUTE = 60
"""Posters that one process sets within a minute. Each takes less than a third of a second."""

MOST_EACH = 20
"""How many of these may be of one asker."""

MOST_PICTURES = 3
_PATIENCE_SECONDS = 5.0
_NETWORK = PARTS[AUDIENCE_SCHEMA["network"]].index("network")
_USE = "poster"


class NoPoster(NotFound):
    """A child is shown, and no poster may be made."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Which poster somebody wants.

    Attributes:
        style: one of STYLES.
        size: one of FORMATS.
        form: kind of the file.
        languages: one or two, the first in front.
    """

    style: str
    size: str
    form: Form
    languages: tuple[str, ...]

    def __post_init__(self) -> None:
        fits = self.style in STYLES and self.size in FORMATS and self.form in FORMS
        if not fits or not 1 <= len(self.languages) <= 2 or len(set(self.languages)) < len(self.languages):
            raise NotFound("There is no such poster.", "Choose one on the child's page.")


@dataclass(frozen=True, slots=True)
class Occasion:
    """Where and when a poster is made.

    Attributes:
        country: that it will hang in.
        valid_until: the last day on which it says what its owner wants said.
        exercise: whether no child in this network is real.
        contacts: of the owner, those of this country first.
        photos: that are on it, the main one first.
    """

    today: date
    country: str
    valid_until: date
    exercise: bool
    contacts: Sequence[Mapping[str, Any]]
    photos: Sequence[Mapping[str, Any]]


Speak = Callable[[Shown, str, Occasion], Column]
"""Says in a language what a poster of a child says."""


@dataclass(frozen=True, slots=True)
class Speech:
    """What a poster takes from whoever speaks to people.

    Attributes:
        speak: its words.
        format_number: how a telephone number is written.
        address: of the page that its code leads to.
    """

    speak: Speak
    format_number: Callable[[str], str]
    address: Callable[[Shown], str]


class Turns:
    """Whose turn it is to have a poster set in this process, and how many there were within a minute.

    Args:
        most: of everybody together.
        most_each: of one asker.
        at_once: how many may wait or have their turn: each of them takes a thread from whoever wants a page.
    """

    def __init__(self, most: int = MOST_A_MINUTE, most_each: int = MOST_EACH, at_once: int = 3) -> None:
        self._most, self._most_each = most, most_each
        self._lock, self._places = threading.Lock(), threading.BoundedSemaphore(at_once)
        self._taken: list[tuple[float, str]] = []

    @contextmanager
    def take(self, asker: str) -> Iterator[None]:
        """Wait for a turn, and have it for the block.

        Raises:
            TooOften: there were too many, or too many wait.
        """
        if not self._places.acquire(blocking=False):
            raise _too_often(1)
        try:
            with self._in_line(asker):
                yield
        finally:
            self._places.release()

    @contextmanager
    def _in_line(self, asker: str) -> Iterator[None]:
        if not self._lock.acquire(timeout=_PATIENCE_SECONDS):
            raise _too_often(_PATIENCE_SECONDS)
        try:
            now = time.monotonic()
            self._taken = [turn for turn in self._taken if turn[0] > now - 60]
            own = [at for at, other in self._taken if other == asker]
            if len(self._taken) >= self._most:
                raise _too_often(self._taken[0][0] + 60 - now)
            if len(own) >= self._most_each:
                raise _too_often(own[0] + 60 - now)
            self._taken.append((now, asker))
            yield
        finally:
            self._lock.release()


def make_poster(
    node: KeylessNode, case_id: str, wish: Wish, speech: Speech, turns: Turns, asker: str = ""
) -> bytes:
    """Return a poster, made now or before.

    Args:
        asker: who is asking, such as an address: nobody gets all the turns.

    Raises:
        NoPoster: none may be made of this case.
        TooOften: too many were asked for.
        NotFound, Gone, Conflict: see `find_shown`.
        NodeError: it cannot be set.
    """
    shown, photos = find_for_poster(node, case_id)
    today, name = node.now().date(), _file_name(wish)
    kept = node.prints.get(case_id, shown.version, today, name)
    if kept is not None:
        return kept
    with turns.take(asker):
        kept = node.prints.get(case_id, shown.version, today, name)  # somebody before had the same wish
        made = kept or _set(node, shown, photos, wish, speech)
    if kept is None:
        _keep(node, shown, wish, made)
    return made


def find_for_poster(node: KeylessNode, case_id: str) -> tuple[Shown, list[Mapping[str, Any]]]:
    """Find a child of whom a poster may be made, and the photographs for it, the main one first.

    Raises:
        NoPoster: no photograph is here whose use on posters is allowed, or its code would lead nowhere.
        NotFound, Gone, Conflict: see `find_shown`.
    """
    shown = find_shown(node, case_id)
    photos = [
        photo
        for photo in sorted(shown.public.get("photos", ()), key=_importance)
        if _file_of(node, shown, photo)
    ]
    covered = _covered(node, shown) if photos else False
    allowed = [photo for photo in photos if _USE in photo.get("allowed_uses", [_USE] if covered else [])]
    if covered is None or not allowed:
        raise NoPoster(
            "There is no poster of this child.",
            "No photograph may be used on posters; the page can be shared.",
        )
    if not find_site(node, shown):
        raise NoPoster("There is no poster of this child.", "Set site.address: its code would lead nowhere.")
    return shown, allowed[:MOST_PICTURES]


def find_site(node: KeylessNode, shown: Shown) -> str:
    """Return the address of the site that the code on a poster leads to: the owner's, else this one; empty
    where that takes any port, and has no address of its own."""
    config = node.config.site
    here = f"http://{config.host}:{config.port}" if config.port else ""
    own = config.address.rstrip("/") or here
    return own if shown.own else shown.owner.site or own


def _set(
    node: KeylessNode, shown: Shown, photos: Sequence[Mapping[str, Any]], wish: Wish, speech: Speech
) -> bytes:
    """Set a poster. Where no font has some letter after all, its case's texts are in plain Latin letters."""
    occasion = _occasion(node, shown, photos)
    columns = [speech.speak(shown, language, occasion) for language in wish.languages]
    contacts = [
        {
            "kind": str(contact["kind"]),
            "value": speech.format_number(contact["value"])
            if contact["kind"] != "web"
            else contact["value"].removeprefix("https://").rstrip("/"),
        }
        for contact in occasion.contacts
    ]
    pictures = [_file_of(node, shown, photo) for photo in photos]
    data = [read_shown_photograph(node, shown.case_id, rendition["sha256"]) for rendition in pictures]
    sizes = [(int(rendition["width"]), int(rendition["height"])) for rendition in pictures]
    seen = shown.public.get("last_seen", {})
    for plain in (False, True):
        read = lay_out(
            wish.style,
            wish.size,
            columns,
            contacts,
            sizes,
            speech.address(shown),
            seen if "lat" in seen else None,
            plain=plain,
        )
        try:
            return node.typesetter.compile(
                read_layouts(),
                read,
                data,
                wish.form,
                made_at=node.now(),
                pixels_per_inch=FORMATS[wish.size].pixels_per_inch,
            )
        except NotWritable:
            if plain:
                raise
    raise AssertionError("the second try returns or raises")


def _keep(node: KeylessNode, shown: Shown, wish: Wish, made: bytes) -> None:
    """Keep a poster and write down that there is one, unless its case is over meanwhile: whoever hides a case
    takes its files away holding the same lock."""
    with writing(node.engine) as conn:
        live = documents.live_versions(conn, [shown.case_id], node.now().date())
        if shown.case_id not in live:
            raise Gone("This case is no longer shown.", "Nothing of it is kept here.")
        if wish.size != PREVIEW:
            form, languages = f"{wish.size}.{wish.form}", " ".join(wish.languages)
            posters.note_poster(conn, shown.case_id, shown.version, wish.style, form, languages, node.now())
        if live[shown.case_id] == shown.version:  # else a newer one is on its way
            node.prints.put(shown.case_id, shown.version, node.now().date(), _file_name(wish), made)
            node.prints.trim(node.config.site.posters_megabytes << 20)


def _occasion(node: KeylessNode, shown: Shown, photos: Sequence[Mapping[str, Any]]) -> Occasion:
    country = node.country
    ends = [last_day(photo["expires_at"]) for photo in photos if "expires_at" in photo]
    contacts = sorted(shown.public["contacts"], key=lambda contact: contact.get("country") != country)
    return Occasion(
        today=node.now().date(),
        country=country,
        valid_until=min([shown.expires, *ends]),
        exercise=node.network().policy.exercise,
        contacts=contacts,
        photos=photos,
    )


def _importance(photo: Mapping[str, Any]) -> tuple[bool, bool]:
    return not photo.get("primary", False), photo["kind"] != "photo"


def _file_of(node: KeylessNode, shown: Shown, photo: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a rendition of a photograph that is on this disk, the largest of them; empty where none is."""
    named = {item.sha256 for item in shown.photographs}
    here = [
        rendition
        for rendition in sorted(photo["renditions"], key=lambda item: -int(item["bytes"]))
        if rendition["sha256"] in named and node.blobs.has(shown.owner.id, rendition["sha256"])
    ]
    return here[0] if here else {}


def _covered(node: KeylessNode, shown: Shown) -> bool | None:
    """Tell whether the consent to share the case covers posters; None where it was withdrawn."""
    with reading(node.engine) as conn:
        held = [doc for doc in documents.find_documents(conn, shown.case_id) if doc.audience == "network"]
    if not held:
        return None
    line = split_document(held[0].body)[_NETWORK]
    consent = parse_object(line, "document", len(line))["consent"]
    return None if "withdrawn_at" in consent else _USE in consent["scope"]


def _file_name(wish: Wish) -> str:
    return f"{wish.style}-{wish.size}-{'+'.join(wish.languages)}.{wish.form}"


def _too_often(seconds: float) -> TooOften:
    return TooOften("Too many posters are asked for now.", "Try again in a moment.", int(seconds) + 1)

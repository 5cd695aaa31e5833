"""Children in lists: who they are, in a few words and one small photograph."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from node.domain.lifecycle import active_alert
from node.services.site.showing import Shown
from node.store.published.photographs import Photograph
from node.store.search.finding import MAX_COUNT
from node.web.cases.text import (
    Picture,
    Said,
    describe_age,
    describe_names_for,
    describe_place,
    describe_sex,
    pictures_of,
    show_date,
    small_forms_of,
)
from node.web.languages import reader_locale, said
from node.web.public.request import address_of, this_node

PAGE_SIZE = 12
"""Children on one page of a list: with their small photographs they fit what a slow line takes."""

MAX_PAGES = -(-MAX_COUNT // PAGE_SIZE)
"""Pages of one list: nobody is counted beyond them."""


@dataclass(frozen=True, slots=True)
class Card:
    """A child in a list.

    Attributes:
        names: the one that the reader can read first; empty where nobody knows one.
        who: sex and age, in a few words.
        owner: whose case it is.
        since: the day on which the child went missing, as the reader writes it; empty where nobody knows.
        photograph: the one that is shown first, in its small form; None where there is none here.
        source: its address.
    """

    names: Sequence[Said]
    who: str
    place: Said | None
    address: str
    since: str
    alert: bool
    owner: str
    photograph: Photograph | None
    source: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list."""

    cards: list[Card]
    number: int
    total: int

    @property
    def last(self) -> int:
        """The number of the last page."""
        return max(1, -(-self.total // PAGE_SIZE))

    @property
    def more(self) -> bool:
        """Whether there may be more than were counted."""
        return self.total >= MAX_COUNT


def make_page(found: Iterable[Shown], number: int, total: int) -> Page:
    """Make a page of a list."""
    return Page([make_card(shown) for shown in found], number, total)


def make_card(shown: Shown) -> Card:
    """Describe a child in a few words."""
    public, small = shown.public, _small_photograph(shown)
    who = (describe_sex(public["sex"]), describe_age(public["age_at_disappearance"]))
    return Card(
        names=names_of(shown)[:2],
        who=" · ".join(filter(None, who)),
        place=describe_place(public["last_seen"]) if "last_seen" in public else None,
        address=address_of(shown.case_id),
        since=show_since(shown),
        alert=active_alert(public, this_node().now()) is not None,
        owner=said(shown.owner.names),
        photograph=small,
        source=photo_address(shown, small) if small else "",
    )


def names_of(shown: Shown) -> list[Said]:
    """Describe the names of a child, first the one that the reader can read."""
    return describe_names_for(shown.public, reader_locale().language)


def _small_photograph(shown: Shown) -> Photograph | None:
    """Return the small form of the photograph that is shown first, of those that are on this disk."""
    named = {photo.sha256: photo for photo in shown.photographs}
    for sha256 in small_forms_of(shown.public):
        if sha256 in named and this_node().blobs.has(shown.owner.id, sha256):
            return named[sha256]
    return None


def held_pictures(shown: Shown) -> list[tuple[Picture, list[Photograph]]]:
    """Return the photographs of a child that are on this disk, the first to be shown first, each with its
    forms, the smallest first."""
    node, named = this_node(), {photo.sha256: photo for photo in shown.photographs}
    found = []
    for picture in pictures_of(shown.public, node.now().date()):
        forms = [
            named[sha256]
            for sha256 in picture.forms
            if sha256 in named and node.blobs.has(shown.owner.id, sha256)
        ]
        if forms:
            found.append((picture, forms))
    return found


def photo_address(shown: Shown, photograph: Photograph) -> str:
    """Return the address of a photograph."""
    return address_of(shown.case_id, "child.photo", sha256=photograph.sha256)


def show_since(shown: Shown) -> str:
    """Write the day on which a child went missing, by the clocks there, as the reader does."""
    return show_date(str(shown.public.get("missing_since", "")).partition("T")[0])


def name_publisher() -> str:
    """Return what the member whose site it is calls itself."""
    node = this_node()
    listed = [member for member in node.network().roster.members if member.id == node.member]
    return said(listed[0].names) if listed else node.member


def today() -> date:
    """Return the day."""
    return this_node().now().date()

"""The console's navigation: every page that has a place in it, in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app, request, url_for
from flask_babel import lazy_gettext as _

from node.store.staff.people import Person
from node.web.console.base.guard import permission_of

ENTRIES: Sequence[tuple[str, Any]] = (
    ("home.today", _("Due today")),
    ("cases.index", _("Own cases")),
    ("gate.index", _("Publishing")),
    ("search.index", _("Search")),
    ("leads.index", _("Leads")),
    ("federation.index", _("Federation")),
    ("site.index", _("Site")),
    ("people.index", _("People")),
    ("audit.index", _("Journal")),
)
"""The endpoints that are in the navigation, with their names; a person sees those that they may open."""


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the navigation.

    Attributes:
        here: whether the reader is on that page, or on one of the same subject.
    """

    name: str
    address: str
    here: bool


def entries_for(person: Person) -> list[Link]:
    """Return what a person finds in the navigation."""
    found = []
    for endpoint, name in ENTRIES:
        needed = permission_of(current_app, endpoint)
        if needed is None or person.may(needed):
            found.append(
                Link(str(name), url_for(endpoint), _subject_of(endpoint) == _subject_of(request.endpoint))
            )
    return found


def _subject_of(endpoint: str | None) -> str:
    """Return the room that a page is in; of what people do about themselves, that page alone."""
    if not endpoint or endpoint.startswith("account."):
        return endpoint or ""
    module = current_app.view_functions[endpoint].__module__
    return module.removeprefix("node.web.console.").partition(".")[0]

"""The page of a child, and the photographs on it.

Guarantees: what a peer wrote is only ever text: no address of it is followed but one of https, and a
telephone number is digits; in what programs read from the page no letter ends the place that it stands in.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, make_response, request, url_for
from flask_babel import format_timedelta
from flask_babel import gettext as _
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from node.domain.edtf import edtf_bounds
from node.domain.lifecycle import active_alert, age_today
from node.services.site import showing
from node.services.site.showing import Shown
from node.store.published.photographs import Photograph
from node.web.cases.text import (
    Picture,
    Said,
    describe_age,
    describe_contact,
    describe_part,
    describe_place,
    describe_sex,
    describe_words,
    show_age,
)
from node.web.languages import isolated, reader_locale, said
from node.web.public.cards import (
    held_pictures,
    name_publisher,
    names_of,
    photo_address,
    show_since,
    today,
)
from node.web.public.kept import render_about
from node.web.public.request import case_id_of, this_node, whole_address
from node.web.public.telephones import format_telephone

pages = Blueprint("child", __name__)

PHOTO_SECONDS = 300

MAX_FIRST_BYTES = 100_000
"""How large a form of a photograph may be that the page loads by itself; larger ones are a press away."""

MAX_PREVIEW_BYTES = 1_000_000
"""How large a picture may be that other sites show beside a link to the page."""

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NUMBER = re.compile(r"\+?[0-9]{2,15}", re.ASCII)
_ELSEWHERE = frozenset(
    {
        "names", "sex", "age_at_disappearance", "missing_since", "last_seen", "contacts", "circumstances",
        "alert",
    }
)  # fmt: skip
_GENDERS = {1: "Male", 2: "Female"}


Pictures = list[tuple[Picture, list[Photograph]]]


@dataclass(frozen=True, slots=True)
class Contact:
    """Where whoever has seen the child turns to.

    Attributes:
        said: the number or address, and what there is to know about it.
        link: what leads there; empty where that cannot be told for certain.
        call: whether that is a telephone.
    """

    said: Said
    link: str
    call: bool


@dataclass(frozen=True, slots=True)
class Portrait:
    """A photograph on the page of a child.

    Attributes:
        source: the address of the form that the page loads.
        larger: the address of the largest form; empty where that is the same.
    """

    photograph: Photograph
    source: str
    larger: str
    alt: Said
    notes: list[str]


@pages.route("/<language:language>/child/<member>/<opaque>")
def show(member: str, opaque: str) -> bytes:
    """Show a child."""
    shown = showing.find_shown(this_node(), case_id_of(member, opaque))
    return render_about([shown], "child.html", lambda: _describe(shown))


@pages.route("/photo/<member>/<opaque>/<sha256>.jpg")
def photo(member: str, opaque: str, sha256: str) -> Response:
    """Send a photograph."""
    if not _SHA256.fullmatch(sha256):
        raise NotFound
    data = showing.read_shown_photograph(this_node(), case_id_of(member, opaque), sha256)
    response = make_response(data)
    response.content_type = "image/jpeg"
    response.headers["Cache-Control"] = f"public, max-age={PHOTO_SECONDS}, must-revalidate"
    response.headers["X-Robots-Tag"] = "noarchive"
    return response


def _describe(shown: Shown) -> dict[str, Any]:
    """Say everything of a child that the page needs."""
    public, opaque = shown.public, shown.case_id.partition("/")[2]
    names = names_of(shown)
    pictures = held_pictures(shown)
    portraits = _portraits(shown, pictures)
    contacts = contacts_of(shown)
    alert = active_alert(public, this_node().now())
    age = age_today(public, today())
    return {
        "shown": shown,
        "names": names,
        "title": isolated(names[0].text) if names else _("Name not known"),
        "place": describe_place(public["last_seen"]) if "last_seen" in public else None,
        "sex": describe_sex(public["sex"]),
        "age": describe_age(public["age_at_disappearance"]),
        "address": {"member": shown.owner.id, "opaque": opaque},
        "portraits": portraits,
        "since": show_since(shown),
        "span": _span(shown),
        "age_today": show_age(*age) if age else "",
        "story": describe_words(public["circumstances"]),
        "facts": describe_part({name: value for name, value in public.items() if name not in _ELSEWHERE}),
        "contacts": contacts,
        "call": next((contact for contact in contacts if contact.call), None),
        "alert": alert,
        "area": describe_words(alert["area"]["text"]) if alert and "text" in alert["area"] else None,
        "owner": said(shown.owner.names),
        "certified": _certified(shown, opaque),
        "preview": find_preview(pictures),
        "structured": _structured(shown, names, portraits),
    }


def _certified(shown: Shown, opaque: str) -> str:
    """Return the address at which the owner of a case answers for it; empty where it names no site."""
    if shown.own:
        return url_for("proofs.poster", opaque=opaque)
    return f"{shown.owner.site}/p/{opaque}" if shown.owner.site else ""


def contacts_of(shown: Shown) -> list[Contact]:
    """Return whom to tell about a child, as the owner of the case wants them."""
    return [_contact(item) for item in shown.public["contacts"]]


def _contact(item: Mapping[str, Any]) -> Contact:
    """Describe a contact; a link is made of what can be one thing only."""
    said, value = describe_contact(item), str(item["value"])
    if item["kind"] != "web":
        if not _NUMBER.fullmatch(value):
            return Contact(said, "", call=True)
        return Contact(replace(said, text=format_telephone(value)), f"tel:{value}", call=True)
    return Contact(said, value if _is_web(value) else "", call=False)


def _is_web(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme == "https" and bool(parts.hostname) and parts.username is None
    except ValueError:
        return False


def _portraits(shown: Shown, pictures: Pictures) -> list[Portrait]:
    found = []
    for picture, forms in pictures:
        first = next((form for form in reversed(forms) if form.size <= MAX_FIRST_BYTES), forms[0])
        larger = photo_address(shown, forms[-1]) if forms[-1] is not first else ""
        notes = list(picture.notes)
        found.append(Portrait(first, photo_address(shown, first), larger, picture.alt, notes))
    return found


def find_preview(pictures: Pictures) -> Photograph | None:
    """Choose the photograph that other sites show beside a link: the largest form of the first."""
    forms = pictures[0][1] if pictures else []
    return next((form for form in reversed(forms) if form.size <= MAX_PREVIEW_BYTES), None)


def _span(shown: Shown) -> str:
    """Write for how long a child has been missing; empty where that is not known, or since today."""
    last = edtf_bounds(shown.public["missing_since"])[1] if "missing_since" in shown.public else None
    if last is None or last >= today():
        return ""
    days: timedelta = today() - last
    return str(format_timedelta(days, granularity="day", threshold=1.5))


def _structured(shown: Shown, names: list[Said], portraits: list[Portrait]) -> dict[str, Any]:
    """Describe the page for programs, in the words of schema.org."""
    person: dict[str, Any] = {"@type": "Person"}
    if names:
        person["name"] = names[0].text
    if names[1:]:
        person["alternateName"] = [name.text for name in names[1:]]
    if shown.public["sex"] in _GENDERS:
        person["gender"] = _GENDERS[shown.public["sex"]]
    if portraits:
        person["image"] = [whole_address(portrait.source) for portrait in portraits]
    return {
        "@context": "https://schema.org",
        "@type": "WebPage",
        "url": whole_address(request.path),
        "inLanguage": str(reader_locale().language),
        "dateModified": shown.updated_at.isoformat(),
        "expires": shown.expires.isoformat(),
        "publisher": {"@type": "Organization", "name": name_publisher()},
        "about": person,
    }

"""What is new, for programs that follow the site: Atom (RFC 4287) and JSON Feed 1.1.

Guarantees: a child who is no longer shown is in no feed from then on, and nothing tells that there was one
(docs/partners.md says why there are no tombstones); whatever a peer wrote, an Atom feed is well-formed XML in
which it is text, and a JSON feed holds it as text, never as markup. An entry's id is the address of the
child's page, which says when the case is over.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from flask import Blueprint, make_response, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from node.domain.lifecycle import active_alert
from node.services.site import showing
from node.services.site.showing import Shown, SiteQuery
from node.store.published.photographs import Photograph
from node.web.cases.text import (
    Said,
    describe_age,
    describe_place,
    describe_sex,
    describe_words,
    show_country,
)
from node.web.languages import isolated, reader_locale, said
from node.web.public.cards import (
    held_pictures,
    name_publisher,
    names_of,
    photo_address,
    show_since,
)
from node.web.public.child import find_preview
from node.web.public.lists import country_asked
from node.web.public.request import address_of, this_node, whole_address
from protocol.encoding import format_time

pages = Blueprint("feeds", __name__, url_prefix="/<language:language>/feed")

FEED_SIZE = 50
"""Children in a feed: whoever asks once a day misses none."""

FEED_SECONDS = 300

NEWEST, ALERTS = "newest", "alerts"

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Entry:
    """A child in a feed.

    Attributes:
        title: the name that the reader can read, or that nobody knows one.
        brief: who the child is, since when and where missing.
        story: what happened, in whose words it was written.
        owner: who answers for the case.
        photograph: the first one, in a form that other sites can show; None where there is none here.
    """

    address: str
    title: Said
    brief: str
    story: Said
    owner: str
    updated: datetime
    alert: bool
    photograph: Photograph | None
    source: str


@pages.route("/<name>.atom")
def atom(name: str) -> Response:
    """Give a feed as Atom."""
    title, entries = _read(name)
    text = render_template(
        "feed.xml",
        title=title,
        entries=entries,
        updated=max((entry.updated for entry in entries), default=_today()),
        here=_address(request.endpoint, name),
        page=whole_address(url_for(f"lists.{name}")),
        moment=format_time,
    )
    return _send(_NOT_XML.sub("", text).encode(), "application/atom+xml; charset=utf-8")


@pages.route("/<name>.json")
def json_feed(name: str) -> Response:
    """Give a feed as JSON Feed."""
    title, entries = _read(name)
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": title,
        "home_page_url": whole_address(url_for(f"lists.{name}")),
        "feed_url": _address(request.endpoint, name),
        "language": str(reader_locale().language),
        "authors": [{"name": name_publisher()}],
        "items": [_item(entry) for entry in entries],
    }
    return _send(orjson.dumps(feed), "application/feed+json")


def _read(name: str) -> tuple[str, list[Entry]]:
    """Return the title of a feed and what is in it."""
    country, node = country_asked(), this_node()
    if name == NEWEST:
        title = _("Missing most recently")
        found, _total = showing.find_children(node, SiteQuery(country=country, limit=FEED_SIZE))
    elif name == ALERTS:
        title, found = _("Active alerts"), showing.find_alerts(node, country, FEED_SIZE)
    else:
        raise NotFound
    parts = [_("EXERCISE") if node.network().policy.exercise else "", title]
    parts += [show_country(country) if country else "", name_publisher()]
    return " · ".join(filter(None, parts)), [_entry(shown) for shown in found]


def _entry(shown: Shown) -> Entry:
    public = shown.public
    photograph = find_preview(held_pictures(shown))
    return Entry(
        address=whole_address(address_of(shown.case_id)),
        title=_title(names_of(shown)),
        brief=_in_brief(shown),
        story=describe_words(public["circumstances"]),
        owner=said(shown.owner.names),
        updated=shown.updated_at,
        alert=active_alert(public, this_node().now()) is not None,
        photograph=photograph,
        source=whole_address(photo_address(shown, photograph)) if photograph else "",
    )


def _in_brief(shown: Shown) -> str:
    """Say in one line who a child is, since when and where they are missing."""
    public, since = shown.public, show_since(shown)
    said = (
        describe_sex(public["sex"]),
        describe_age(public["age_at_disappearance"]),
        _("Missing since %(when)s", when=since) if since else "",
        isolated(describe_place(public["last_seen"]).text) if "last_seen" in public else "",
    )
    return " · ".join(filter(None, said))


def _title(names: Sequence[Said]) -> Said:
    if not names:
        return Said(_("Name not known"))
    language = "" if names[0].language == "und" else names[0].language
    return Said(isolated(names[0].text), language)


def _item(entry: Entry) -> dict[str, Any]:
    said = [entry.brief, isolated(entry.story.text), entry.story.note]
    item: dict[str, Any] = {
        "id": entry.address,
        "url": entry.address,
        "title": entry.title.text,
        "summary": entry.brief,
        "content_text": "\n\n".join(filter(None, said)),
        "date_modified": format_time(entry.updated),
        "authors": [{"name": entry.owner}],
        "tags": ["alert"] if entry.alert else [],
    }
    if entry.photograph:
        kind, size = entry.photograph.media_type, entry.photograph.size
        item["image"] = entry.source
        item["attachments"] = [{"url": entry.source, "mime_type": kind, "size_in_bytes": size}]
    return item


def _address(endpoint: str | None, name: str) -> str:
    return whole_address(url_for(str(endpoint), name=name, country=country_asked()))


def _today() -> datetime:
    """Return when this day began: an empty feed stays the same for that long."""
    return this_node().now().replace(hour=0, minute=0, second=0, microsecond=0)


def _send(data: bytes, kind: str) -> Response:
    response = make_response(data)
    response.content_type = kind
    response.headers["Cache-Control"] = f"public, max-age={FEED_SECONDS}, must-revalidate"
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["X-Robots-Tag"] = "noindex"
    return response

"""What every page of the site starts from: whose site it is, in which language, and at which address.

Guarantees: the language stands in the address, so that any cache in between keeps pages apart; the addresses
that a page names as its own are those of the settings, whatever a request calls its host.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from flask import current_app, g, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.routing import BaseConverter, ValidationError

from node.domain.site.look import Look
from node.runtime import KeylessNode
from node.web.languages import asked_languages, path_of
from protocol.errors import ProtocolError
from protocol.leaf import check_case_id

DOMAIN = "site"

POLICY = (
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
)
"""What a page lets a browser do (Content Security Policy)."""

LANGUAGES: Mapping[str, str] = MappingProxyType(
    {
        "en": "English",
        "es": "Español",
        "fr": "Français",
        "pt": "Português",
        "de": "Deutsch",
        "nl": "Nederlands",
        "it": "Italiano",
        "el": "Ελληνικά",
        "ru": "Русский",
        "ar": "العربية",
        "he": "עברית",
        "hi": "हिन्दी",
        "th": "ไทย",
        "zh": "中文",
        "ja": "日本語",
        "ko": "한국어",
    }
)
"""The languages of the site under their own names. One is offered once there is a file with its texts."""


class LanguageConverter(BaseConverter):
    """The first part of an address: a language that this site offers."""

    regex = "[a-z]{2}"

    def to_python(self, value: str) -> str:
        """Take a language that is offered, and let no other lead anywhere."""
        if value not in offered():
            raise ValidationError
        return value


def find_offered() -> dict[str, str]:
    """Find the languages that there are texts in, each under its own name."""
    return {
        language: name
        for language, name in LANGUAGES.items()
        if language == "en" or path_of(DOMAIN, language).is_file()
    }


def this_look() -> Look:
    """Return how the site looks, the same throughout a request."""
    if "look" not in g:
        g.look = this_node().site_folder.look()
    found: Look = g.look
    return found


def offered() -> Mapping[str, str]:
    """Return the languages that this site speaks: those that its member chose, as far as there are texts."""
    languages: Mapping[str, str] = current_app.extensions["languages"]
    chosen = {language: languages[language] for language in this_look().languages if language in languages}
    return chosen or languages


def choose_language() -> str:
    """Return the reader's language: that of the address, else what their browser asks for."""
    if "language" in g:
        return str(g.language)
    if "choice" not in g:  # every link on a page asks again
        first = request.path.partition("/")[2].partition("/")[0]
        asked = first if first in offered() else asked_languages().best_match(list(offered()))
        g.choice = asked or next(iter(offered()))
    return str(g.choice)


def this_node() -> KeylessNode:
    """Return the node whose site answers."""
    node: KeylessNode = current_app.extensions["node"]
    return node


def case_id_of(member: str, opaque: str) -> str:
    """Put the two halves of a case's id together, or answer that there is nothing at such an address."""
    case_id = f"{member}/{opaque}"
    try:
        check_case_id(case_id, member)
    except ProtocolError:
        raise NotFound from None
    return case_id


def whole_address(path: str) -> str:
    """Write out the address of one of this site's pages, for whoever reads it elsewhere."""
    base = this_node().config.site.address or request.host_url
    return base.rstrip("/") + path


def address_of(case_id: str, endpoint: str = "child.show", **values: Any) -> str:
    """Return the address of a page about a case."""
    member, _, opaque = case_id.partition("/")
    return url_for(endpoint, member=member, opaque=opaque, **values)

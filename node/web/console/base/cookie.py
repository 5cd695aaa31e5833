"""The console's two cookies: what a browser carries, encrypted.

Guarantees: what is in them can be neither read nor changed outside this node; they are never sent with a
request that another site makes a browser send, and over TLS go to this host alone (`__Host-`); nothing of a
case is in them. One ends with the browser: it holds the session's token, what proves that a form came from
here, messages for the next page, and the way back after signing in. The other stays, and opens nothing: it
says who has signed in with this browser, so that strangers who guess at their passwords do not keep them out.
"""

import base64
import binascii
import json
import secrets
from collections.abc import Mapping
from typing import Any

from flask import Flask, Request, Response, after_this_request, current_app, request
from flask.json.tag import TaggedJSONSerializer
from flask.sessions import SecureCookieSession, SessionInterface, SessionMixin

from node.errors import InvalidInput
from node.runtime import Node
from node.services.people.encryption import decrypt, encrypt

_MAX = 4_096
_USE = "cookie"
_USE_KNOWN = "browser"
_KNOWN_SECONDS = 400 * 86_400  # longer is kept by no browser
_MOST_KNOWN = 20


class SealedCookies(SessionInterface):
    """Keeps Flask's session in an encrypted cookie."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._values = TaggedJSONSerializer()

    def open_session(self, app: Flask, request: Request) -> SessionMixin:
        """Read the cookie of a request; one that does not open is as good as none."""
        opened = _open(self._node, _USE, request.cookies.get(self.get_cookie_name(app), ""))
        return SecureCookieSession(self._values.loads(opened) if opened else {})

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Send the cookie, if it changed."""
        if not session.modified:
            return
        name, options = self.get_cookie_name(app), _options(app)
        if not session:
            response.delete_cookie(name, **options)
            return
        response.set_cookie(name, _seal(self._node, _USE, self._values.dumps(dict(session))), **options)


def known_people() -> Mapping[str, str]:
    """Return who has signed in with the browser that asks: by the ids of persons, what was drawn for each."""
    opened = _open(current_app.extensions["node"], _USE_KNOWN, request.cookies.get(_known_name(), ""))
    known: dict[str, str] = json.loads(opened) if opened else {}
    return known


def remember_person(person_id: str) -> None:
    """Let the browser that asks remember that somebody has signed in with it."""
    known = dict(known_people())
    known[person_id] = known.pop(person_id, "") or secrets.token_urlsafe(16)
    kept = dict(list(known.items())[-_MOST_KNOWN:])
    sealed = _seal(current_app.extensions["node"], _USE_KNOWN, json.dumps(kept))

    @after_this_request
    def send(response: Response) -> Response:
        response.set_cookie(_known_name(), sealed, max_age=_KNOWN_SECONDS, **_options(current_app))
        return response


def _known_name() -> str:
    return f"{current_app.config['SESSION_COOKIE_NAME']}-known"


def _options(app: Flask) -> dict[str, Any]:
    secure = app.config["SESSION_COOKIE_SECURE"]
    return {"path": "/", "secure": secure, "httponly": True, "samesite": "Lax"}


def _seal(node: Node, use: str, text: str) -> str:
    return base64.urlsafe_b64encode(encrypt(node, use, "", text.encode())).decode()


def _open(node: Node, use: str, given: str) -> str:
    """Return what `_seal` was given; nothing where a cookie does not open."""
    try:
        return decrypt(node, use, "", base64.urlsafe_b64decode(given[:_MAX])).decode()
    except (InvalidInput, binascii.Error, ValueError):
        return ""

"""The console's only cookie: a few values that a browser carries, encrypted.

Guarantees: what is in it can be neither read nor changed outside this node; it ends with the browser, is
never sent with a request that another site makes it send, and over TLS goes to this host alone (`__Host-`).
It holds the session's token, what proves that a form came from here, messages for the next page, and the way
back after signing in; nothing of a case.
"""

import base64
import binascii
from typing import Any

from flask import Flask, Request, Response
from flask.json.tag import TaggedJSONSerializer
from flask.sessions import SecureCookieSession, SessionInterface, SessionMixin

from node.errors import InvalidInput
from node.runtime import Node
from node.services.people.encryption import decrypt, encrypt

_MAX = 4_096
_USE = "cookie"


class SealedCookies(SessionInterface):
    """Keeps Flask's session in an encrypted cookie."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._values = TaggedJSONSerializer()

    def open_session(self, app: Flask, request: Request) -> SessionMixin:
        """Read the cookie of a request; one that does not open is as good as none."""
        given = request.cookies.get(self.get_cookie_name(app), "")
        try:
            sealed = base64.urlsafe_b64decode(given[:_MAX])
            values: dict[str, Any] = self._values.loads(decrypt(self._node, _USE, "", sealed).decode())
        except (InvalidInput, binascii.Error, ValueError):
            values = {}
        return SecureCookieSession(values)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Send the cookie, if it changed."""
        if not session.modified:
            return
        options = {
            "path": "/",
            "secure": self.get_cookie_secure(app),
            "httponly": True,
            "samesite": "Lax",
        }
        name = self.get_cookie_name(app)
        if not session:
            response.delete_cookie(name, **options)  # type: ignore[arg-type]  # of several kinds
            return
        sealed = encrypt(self._node, _USE, "", self._values.dumps(dict(session)).encode())
        response.set_cookie(name, base64.urlsafe_b64encode(sealed).decode(), **options)  # type: ignore[arg-type]

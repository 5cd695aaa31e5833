"""Who it was that asked, where a proxy speaks TLS for an application.

Guarantees: what `X-Forwarded-For` says is taken from a proxy on this machine or in its own networks; whoever
reaches the application from the internet cannot say that they are somebody else. Of several addresses the
last counts, which that proxy has written.
"""

from collections.abc import Iterable
from ipaddress import ip_address
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.middleware.proxy_fix import ProxyFix


class BehindProxy:
    """An application that is told the address of who asked, and not that of the proxy."""

    def __init__(self, app: WSGIApplication) -> None:
        self._direct = app
        self._forwarded = ProxyFix(app, x_for=1, x_proto=0, x_host=0)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        app = self._forwarded if is_near(environ.get("REMOTE_ADDR", "")) else self._direct
        return app(environ, start_response)


def is_near(address: str) -> bool:
    """Tell whether an address is of this machine or of networks of one's own (RFC 1918, RFC 4193)."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return not (mapped or found).is_global

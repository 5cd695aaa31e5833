"""HTTP to other machines, trusting none of them.

Guarantees: every answer is read under a limit of bytes, before and after decompression, and under one
deadline for the whole exchange, however slowly it drips; no redirect is followed; the address that is
connected to is checked at that moment, so that a name cannot be pointed elsewhere between the check and the
call; what goes wrong on the way is PeerUnavailable, never anything else. What the bytes mean is left to the
callers.
"""

import http.client
import ipaddress
import os
import socket
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.connection import create_connection

from node.errors import PeerUnavailable

_CHUNK = 1 << 16
_STALE_TRIES = 3  # as many connections as one peer is usually called over at once, and a fresh one
_FAULTS = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        status: the HTTP status code.
        headers: with lower-case names.
        body: decompressed, within the limit that was asked for.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient:
    """Connections to other machines, kept open between calls. Safe to use from several threads.

    Args:
        private_addresses: whether loopback and private networks may be reached, and plain http used.
        connect_seconds: the most that making a connection may take.
        only_tls: plain http is not used, wherever it would lead.
        authorities: a file of certificates to check TLS with instead of those of public authorities.
    """

    def __init__(
        self,
        *,
        private_addresses: bool,
        connect_seconds: float,
        pool_size: int = 8,
        only_tls: bool = False,
        authorities: str = "",
    ) -> None:
        self._session = _Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._connect_seconds = connect_seconds
        self._session.verify = authorities or True
        self._plain = private_addresses and not only_tls
        adapter = _GuardedAdapter(private_addresses, pool_connections=64, pool_maxsize=pool_size)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def fetch(
        self,
        method: str,
        url: str,
        *,
        limit: int,
        deadline: float,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """Make one request and read its whole answer.

        Args:
            limit: the most bytes of body, after decompression.
            deadline: the most seconds that all of it may take.

        A request that finds its connection closed is made again on another, as browsers do: a request that
        changes something has a token that is honoured once.

        Raises:
            PeerUnavailable: no connection, an address that may not be reached, too slow, too long, or cut
            off.
        """
        if not (self._plain or url.startswith("https://")):
            raise PeerUnavailable("The address is not https, which is the only way members are reached.")
        asked = {"Accept-Encoding": "gzip", "User-Agent": "gmcn-node", **(headers or {})}
        with _deadline(deadline) as alarm:
            for tries_left in reversed(range(_STALE_TRIES)):
                try:
                    return self._exchange(method, url, asked, body, limit, deadline, alarm)
                except _FAULTS as error:
                    if alarm.rang or not tries_left or not _is_stale(error):
                        raise _unavailable(error, rang=alarm.rang) from None
            raise AssertionError("the last try returns or raises")

    def _exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        limit: int,
        deadline: float,
        alarm: "_Alarm",
    ) -> Answer:
        with self._session.request(
            method,
            url,
            headers=headers,
            data=body or None,
            stream=True,
            allow_redirects=False,
            timeout=(min(self._connect_seconds, deadline), deadline),
        ) as response:
            data = _read_body(response, limit)
        if alarm.rang:  # a connection that is cut may look like an answer that ended
            raise TimeoutError
        lower = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, lower, data)

    def close(self) -> None:
        """Close every connection."""
        self._session.close()


def _is_stale(error: BaseException | None) -> bool:
    """Tell whether a connection was closed at the other end before it answered at all: what happens to one
    that was kept open and reached the end of the other's patience just now."""
    while error is not None:
        if isinstance(error, http.client.RemoteDisconnected | ConnectionResetError | BrokenPipeError):
            return True
        error = error.__context__
    return False


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Say that no answer is a redirect: even where none is followed, the body of one would be unpacked
        and read whole first."""


class _Alarm:
    """Cuts the connection of one exchange when its time is up."""

    def __init__(self) -> None:
        self.rang = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def attach(self, sock: socket.socket) -> None:
        """Take a second handle on the connection: TLS takes the first one away."""
        handle = socket.socket(fileno=os.dup(sock.fileno()))
        self.release()
        with self._lock:
            self._socket = handle
        if self.rang:
            self.ring()

    def ring(self) -> None:
        self.rang = True
        with self._lock:
            if self._socket is not None:
                with suppress(OSError):  # closed already
                    self._socket.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        with self._lock:
            if self._socket is not None:
                self._socket.close()
            self._socket = None


_current: ContextVar[_Alarm | None] = ContextVar("current exchange", default=None)


@contextmanager
def _deadline(seconds: float) -> Iterator[_Alarm]:
    alarm = _Alarm()
    timer = threading.Timer(seconds, alarm.ring)
    timer.daemon = True
    timer.start()
    token = _current.set(alarm)
    try:
        yield alarm
    finally:
        _current.reset(token)
        timer.cancel()
        alarm.release()


class _Guarded(HTTPConnection):
    """A connection that checks the address it connects to, and that an alarm can cut."""

    private_addresses = False

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn() if self.private_addresses else self._connect_public()
        _attach(sock)  # before TLS is agreed on, which can drip as well
        return sock

    def _connect_public(self) -> socket.socket:
        try:
            found = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise urllib3.exceptions.NewConnectionError(self, "name not found") from error
        public = dict.fromkeys(str(item[4][0]) for item in found if is_public(str(item[4][0])))
        alarm = _current.get()
        for address in public:
            if alarm is not None and alarm.rang:  # a name can have thousands that do not answer
                break
            with suppress(OSError):  # it may have an IPv6 address that cannot be reached from here
                return create_connection(
                    (address, self.port or 443), self.timeout, socket_options=self.socket_options
                )
        raise urllib3.exceptions.NewConnectionError(self, "no public address of the name can be reached")

    def putrequest(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:  # a connection that was kept
            _attach(self.sock)
        super().putrequest(*args, **kwargs)


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the open Internet, and leads nowhere else by being wrapped."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address) and any(parsed in network for network in _WRAPPING):
        return False
    return parsed.is_global and not parsed.is_multicast


# IPv6 addresses that stand for IPv4 ones: mapped, compatible, NAT64, 6to4; and the old site-local ones, which
# Python counts as global. A public machine has others beside them.
_WRAPPING = [
    ipaddress.IPv6Network(text)
    for text in ("::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "fec0::/10")
]


def _attach(sock: socket.socket) -> None:
    alarm = _current.get()
    if alarm is not None:
        alarm.attach(sock)


class _GuardedTls(_Guarded, HTTPSConnection):
    pass


class _Open(_Guarded):
    private_addresses = True


class _OpenTls(_GuardedTls):
    private_addresses = True


class _GuardedAdapter(HTTPAdapter):
    def __init__(self, private_addresses: bool, **options: Any) -> None:
        self._private = private_addresses
        super().__init__(**options)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        plain: type[HTTPConnection] = _Open if self._private else _Guarded
        tls: type[HTTPConnection] = _OpenTls if self._private else _GuardedTls
        self.poolmanager.pool_classes_by_scheme = {
            "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("TlsPool", (HTTPSConnectionPool,), {"ConnectionCls": tls}),
        }


def _read_body(response: requests.Response, limit: int) -> bytes:
    """Read a body within a limit, undoing gzip ourselves: a library that does it first has already been
    bombed."""
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise ValueError("an encoding that was not asked for")
    unzip = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS) if encoding == "gzip" else None
    out, received = bytearray(), 0
    while chunk := response.raw.read1(_CHUNK, decode_content=False):
        received += len(chunk)
        try:
            out += unzip.decompress(chunk, limit + 1 - len(out)) if unzip else chunk
        except zlib.error:
            raise ValueError("not gzip") from None
        if len(out) > limit or received > limit + _CHUNK:
            raise _TooLong
        if unzip is not None and unzip.unused_data:
            raise ValueError("more than one gzip stream")
    if unzip is not None and not unzip.eof:
        raise ValueError("cut off")
    expected = response.headers.get("Content-Length")
    if expected is not None and expected.isdigit() and int(expected) != received:
        raise ValueError("cut off")
    return bytes(out)


class _TooLong(ValueError):
    pass


def _unavailable(error: Exception, *, rang: bool) -> PeerUnavailable:
    """Say what happened without the address or anything else that a foreign machine could have put into the
    text."""
    if rang or isinstance(error, (requests.Timeout, TimeoutError)):
        return PeerUnavailable("It did not answer in time.", "It is asked again by itself.")
    if isinstance(error, _TooLong):
        return PeerUnavailable("Its answer is longer than is allowed.", "Tell its operator.")
    if isinstance(error, requests.exceptions.SSLError):
        return PeerUnavailable("Its TLS certificate is not valid.", "Tell its operator.")
    if isinstance(error, requests.ConnectionError):
        return PeerUnavailable(
            "It cannot be reached.", "It is asked again by itself; check the network if this lasts."
        )
    return PeerUnavailable("Its answer was cut off or could not be read.", "It is asked again by itself.")

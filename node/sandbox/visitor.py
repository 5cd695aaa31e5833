"""Visiting the public sites as anybody does: a browser's requests, without a token and without a cookie.

Guarantees: what is returned was read from the pages and files that a site sent; nothing is kept between two
requests, so that no answer is an older one.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

from node.adapters.http import Answer, HttpClient

_LANGUAGE = "en"
_LIMIT = 8 << 20
_SECONDS = 10.0
_PATIENT_SECONDS = 3.2
"""A form that comes back sooner is taken for a program's."""

_CHILD = re.compile(rb'href="/en/child/([a-z0-9.-]+/[a-z0-9]+)"')
_PHOTOGRAPH = re.compile(rb'src="(/photo/[^"]+)"')
_TICKET = re.compile(rb'name="ticket" value="([^"]+)"')
_RECEIPT = re.compile(rb"[0-9]{4}(?:-[0-9]{4}){3}")


class Visitor:
    """Somebody with a browser."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    def find(self, site: str, name: str) -> list[str]:
        """Search a site for a name, and return the ids of the cases on the first page of what is found."""
        found = self._post(f"{site}/{_LANGUAGE}/search", {"name": name})
        return [case_id.decode() for case_id in _CHILD.findall(found.body)]

    def ask(self, url: str) -> Answer:
        """Ask for an address, and go where it leads."""
        answer = self._http.fetch("GET", url, limit=_LIMIT, deadline=_SECONDS)
        if answer.status in (301, 302, 303):
            host = "/".join(url.split("/", 3)[:3])
            answer = self._http.fetch(
                "GET", host + answer.headers["location"], limit=_LIMIT, deadline=_SECONDS
            )
        return answer

    def photographs_on(self, page: bytes) -> list[str]:
        """Return the addresses of the photographs on a page, without the host."""
        return [address.decode() for address in _PHOTOGRAPH.findall(page)]

    def tell(self, site: str, case_id: str, text: str) -> str:
        """Tell on a site what was seen, and return the receipt number; empty when it was not taken."""
        url = f"{child_page(site, case_id)}/seen"
        ticket = _TICKET.search(self.ask(url).body)
        time.sleep(_PATIENT_SECONDS)
        fields = {"ticket": ticket[1].decode() if ticket else "", "text": text, "do": "send"}
        answer = self._post(url, fields)
        receipt = _RECEIPT.search(answer.body) if answer.status == 200 else None
        return receipt[0].decode() if receipt else ""

    def _post(self, url: str, fields: dict[str, str]) -> Answer:
        return self._http.fetch(
            "POST",
            url,
            limit=_LIMIT,
            deadline=_SECONDS,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode(fields).encode(),
        )


@contextmanager
def visiting() -> Iterator[Visitor]:
    """Give a visitor, whose connections are closed with the block."""
    http = HttpClient(private_addresses=True, connect_seconds=5)
    try:
        yield Visitor(http)
    finally:
        http.close()


def child_page(site: str, case_id: str) -> str:
    """Return the address of a child's page on a site."""
    return f"{site}/{_LANGUAGE}/child/{case_id}"


def poster_file(site: str, case_id: str) -> str:
    """Return the address of a poster, for a screen."""
    return f"{child_page(site, case_id)}/poster/classic-1080x1080.png"


def poster_check(site: str, case_id: str) -> str:
    """Return the address in the code of a poster: on the site of the owner."""
    return f"{site}/p/{case_id.partition('/')[2]}"


def proof_file(site: str, case_id: str) -> str:
    """Return the address of the proof of a case: on the site of the owner."""
    return f"{site}/proof/{case_id.partition('/')[2]}.json"

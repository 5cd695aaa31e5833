"""What stands in the messages that carry leads and their answers (protocol README, "Leads", "Sightings").

Guarantees: what is parsed has the bounds of the specification, whoever sent it; what is formatted parses.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from node.domain.edtf import edtf_bounds
from node.errors import InvalidInput
from node.store.leads import DECISIONS, PUBLIC
from protocol.errors import Malformed
from protocol.fields import Fields
from protocol.leaf import check_case_id
from protocol.signs import is_readable

LEAD = "lead"
PHOTOGRAPH_REQUEST = "photograph-request"
ANSWER = "lead-answer"
KINDS = (LEAD, PHOTOGRAPH_REQUEST)

MAX_TEXT = 8_000
MAX_LINE = 300
_WHAT = "lead"
_RECEIPT_GROUPS, _RECEIPT_GROUP = 4, 4


@dataclass(frozen=True, slots=True)
class Letter:
    """What a lead says.

    Attributes:
        text: in the words of whoever tells it; lines end with a newline.
        seen_at: when the child was seen, as an EDTF date or a moment; empty when it is not known.
        place: where, in words; empty when it is not known.
        lat, lon: degrees; None when they are not known.
        contact: how the person who told it can be reached; empty when that is not wished.
        own_case: the sender's own case that is believed to be of the same child; empty when there is none.
        public: whether somebody told it on the sender's public site.
    """

    text: str
    seen_at: str = ""
    place: str = ""
    lat: float | None = None
    lon: float | None = None
    contact: str = ""
    own_case: str = ""
    public: bool = False

    @property
    def body(self) -> dict[str, Any]:
        """What a message says, but for the case that it is about."""
        return {"text": self.text, **self.details, **({"origin": PUBLIC} if self.public else {})}

    @property
    def details(self) -> dict[str, Any]:
        """Everything but the text and where it comes from, without what is not there."""
        found = {
            "seen_at": self.seen_at,
            "place": self.place,
            "lat": self.lat,
            "lon": self.lon,
            "contact": self.contact,
            "own_case": self.own_case,
        }
        return {name: value for name, value in found.items() if value not in ("", None)}


@dataclass(frozen=True, slots=True)
class Reply:
    """What an owner says to a lead.

    Attributes:
        state: how the lead stands for the owner; empty when it does not say.
    """

    text: str
    state: str = ""


def parse_letter(body: Mapping[str, Any], sender: str) -> Letter:
    """Read the object of a lead or of a request for a photograph.

    Args:
        sender: whose `own_case` it must be; any member's when empty.

    Raises:
        Malformed: a member of the object is missing or out of bounds.
    """
    fields = Fields(dict(body), _WHAT)
    lat, lon = _degrees(fields, "lat", 90), _degrees(fields, "lon", 180)
    if (lat is None) != (lon is None):
        raise Malformed(f"{_WHAT}: lat and lon must come together")
    own_case = _line(fields, "own_case")
    if own_case:
        check_case_id(own_case, sender or own_case.partition("/")[0])
    return Letter(
        _prose(fields, "text"),
        _moment(fields, "seen_at"),
        _line(fields, "place"),
        lat,
        lon,
        _line(fields, "contact"),
        own_case,
        fields.has("origin") and fields.choice("origin", (PUBLIC,)) == PUBLIC,
    )


def parse_reply(body: Mapping[str, Any]) -> Reply:
    """Read the object of an answer.

    Raises:
        Malformed: a member of the object is missing or out of bounds.
    """
    fields = Fields(dict(body), "answer")
    state = fields.choice("state", DECISIONS) if fields.has("state") else ""
    return Reply(_prose(fields, "text"), state)


def format_receipt(digest: bytes) -> str:
    """Make a receipt number of at least eight random bytes, in digits: people of every script read them out.

    It has 53 bits: no two of a million sightings share one by chance.
    """
    number = int.from_bytes(digest[:8]) % 10 ** (_RECEIPT_GROUPS * _RECEIPT_GROUP)
    return _grouped(f"{number:0{_RECEIPT_GROUPS * _RECEIPT_GROUP}d}")


def read_receipt(text: str) -> str:
    """Read a receipt number as somebody typed it, in the digits of any script and however it is parted; what
    is none comes back as it is."""
    digits = "".join(str(unicodedata.digit(char)) for char in text if char.isdecimal())
    return _grouped(digits) if len(digits) == _RECEIPT_GROUPS * _RECEIPT_GROUP else text.strip()


def _grouped(digits: str) -> str:
    return "-".join(digits[at : at + _RECEIPT_GROUP] for at in range(0, len(digits), _RECEIPT_GROUP))


def _prose(fields: Fields, name: str) -> str:
    """Return a text that may have several lines."""
    value = fields.get(name)
    if not isinstance(value, str) or not 0 < len(value.strip()) <= len(value) <= MAX_TEXT:
        raise Malformed(f"{fields.what}.{name}: must be a text of 1 to {MAX_TEXT} characters")
    if not is_readable(value.replace("\n", "").replace("\t", "")):
        raise Malformed(f"{fields.what}.{name}: must be of printable characters, newlines and tabs")
    return value


def _line(fields: Fields, name: str) -> str:
    """Return a text of one line; empty when it is not there."""
    if not fields.has(name):
        return ""
    value = fields.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_LINE or not is_readable(value):
        raise Malformed(f"{fields.what}.{name}: must be one line of 1 to {MAX_LINE} printable characters")
    return value


def _moment(fields: Fields, name: str) -> str:
    value = _line(fields, name)
    if value:
        try:
            edtf_bounds(value)
        except InvalidInput:
            raise Malformed(f"{fields.what}.{name}: must be an EDTF date or a moment with its zone") from None
    return value


def _degrees(fields: Fields, name: str, most: int) -> float | None:
    if not fields.has(name):
        return None
    value = fields.get(name)
    if type(value) not in (int, float) or not -most <= value <= most:
        raise Malformed(f"{fields.what}.{name}: must be degrees from -{most} to {most}")
    return float(value)

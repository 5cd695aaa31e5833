"""Whom the owner of a feed has it open to: those that others may hand it on to.

    {"readers":["police.de.example","police.fr.example"]}

Specification: README, "Mirrors".
"""

from collections.abc import Sequence

from protocol.encoding import format_json, parse_object
from protocol.errors import Malformed
from protocol.member import parse_member_id
from protocol.roster import MAX_MEMBERS

MAX_READERS_BYTES = 1 << 18


def format_readers(readers: Sequence[str]) -> bytes:
    """Write the ids of the members that a feed is open to."""
    return format_json({"readers": sorted(readers)})


def parse_readers(data: bytes) -> list[str]:
    """Read the ids of the members that a feed is open to.

    Raises:
        Malformed: not a list of member ids, each once, no more than a roster has.
    """
    readers = parse_object(data, "readers", MAX_READERS_BYTES).get("readers")
    if not isinstance(readers, list) or len(readers) > MAX_MEMBERS:
        raise Malformed("readers: must be a list of member ids")
    parsed = [parse_member_id(reader, "readers") for reader in readers]
    if len(set(parsed)) != len(parsed):
        raise Malformed("readers: a member twice")
    return parsed

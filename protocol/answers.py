"""The answer to `POST /documents`: for each digest asked for, a document or why there is none.

    <digest> document|direct <number of lines>\\n   followed by the document's own lines
    <digest> superseded|erased|expired|restricted|unknown\\n

Guarantees: an answer that was read speaks of exactly the digests asked for, in their order. Whether a
document has the digest that it is given under is left to `document.verify_document`. Specification: README,
"HTTP interface".
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, get_args

from protocol.encoding import format_json, parse_decimal, parse_hash, parse_object
from protocol.errors import Malformed

Absence = Literal["superseded", "erased", "expired", "restricted", "unknown"]

ABSENCES: tuple[Absence, ...] = get_args(Absence)
MAX_DIGESTS = 256
MAX_QUERY_BYTES = 1 << 15
_LINES = (2, 3)
_DOCUMENT, _DIRECT = "document", "direct"
_MAX_STATUS = 100  # a status line is shorter; what looks for longer ones would copy megabytes


class Given(NamedTuple):
    """A document as it was handed out, unverified.

    Attributes:
        direct: its owner keeps the case from some member: it is the owner's alone to hand out.
    """

    body: bytes
    direct: bool = False


def format_query(digests: Sequence[bytes]) -> bytes:
    """Write the body of a request for at most MAX_DIGESTS documents."""
    return format_json({"digests": [digest.hex() for digest in digests]})


def parse_query(body: bytes) -> list[bytes]:
    """Read the body of a request for documents.

    Raises:
        Malformed: not 1 to MAX_DIGESTS digests, each once.
    """
    digests = parse_object(body, "request for documents", MAX_QUERY_BYTES).get("digests")
    if not isinstance(digests, list) or not 1 <= len(digests) <= MAX_DIGESTS:
        raise Malformed(f"request for documents: must name 1 to {MAX_DIGESTS} digests")
    parsed = [parse_hash(digest, "request for documents") for digest in digests]
    if len(set(parsed)) != len(parsed):
        raise Malformed("request for documents: names a digest twice")
    return parsed


def format_answers(answers: Iterable[tuple[bytes, Given | Absence]]) -> bytes:
    """Write the answer.

    Args:
        answers: digest, and the document or why there is none.
    """
    out = bytearray()
    for digest, answer in answers:
        if isinstance(answer, Given):
            word = _DIRECT if answer.direct else _DOCUMENT
            lines = answer.body.count(b"\n")
            out += f"{digest.hex()} {word} {lines}\n".encode() + answer.body
        else:
            out += f"{digest.hex()} {answer}\n".encode()
    return bytes(out)


def parse_answers(data: bytes, asked: Sequence[bytes]) -> list[Given | Absence]:
    """Read an answer.

    Args:
        asked: the digests, in the order of the request.

    Returns:
        For each of them the document, unverified, or why there is none.

    Raises:
        Malformed: another form, or other digests than were asked for.
    """
    answers: list[Given | Absence] = []
    place = 0
    for digest in asked:
        end = data.find(b"\n", place, place + _MAX_STATUS) + 1
        words = data[place:end].decode("ascii", "replace").rstrip("\n").split(" ")
        if not end or words[0] != digest.hex():
            raise Malformed("answer with documents: not about the digests asked for")
        place = end
        if len(words) == 2 and words[1] in ABSENCES:
            answers.append(words[1])
            continue
        if len(words) != 3 or words[1] not in (_DOCUMENT, _DIRECT):
            raise Malformed("answer with documents: a status that is not known")
        lines = parse_decimal(words[2], "number of lines")
        if lines not in _LINES:
            raise Malformed("answer with documents: not the number of lines of any document")
        for _ in range(lines):
            place = data.find(b"\n", place) + 1
            if not place:
                raise Malformed("answer with documents: ends inside a document")
        answers.append(Given(data[end:place], words[1] == _DIRECT))
    if place != len(data):
        raise Malformed("answer with documents: more than was asked for")
    return answers

"""A spreadsheet file whatever its kind: told by its bytes, never by its name.

Guarantees: what is no table is refused with what it is; whatever is read is bounded; a file is read the same
way each time with the same `Reading`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from node.adapters.tables import delimited
from node.adapters.tables.row import Row, bounded
from node.adapters.tables.workbook import Workbook
from node.errors import InvalidInput

MAX_FILE_BYTES = 16 << 20
XLSX, CSV = "xlsx", "csv"

_OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF", b"RIFF", b"II*\0", b"MM\0*")
_ANYTHING = re.compile(rb"[^\0\r\n\t ,;]")
_OPEN_DOCUMENT = b"mimetypeapplication/vnd.oasis"


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is read.

    Attributes:
        kind: XLSX or CSV.
        encoding, delimiter: of CSV, as `delimited` names them.
        sheet: which one, of XLSX.
        sheets: all that there are.
    """

    kind: str
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    sheets: tuple[str, ...] = ()


def guess_reading(data: bytes) -> Reading:
    """Find out how a file is to be read.

    Raises:
        InvalidInput: it is no table, or not one that is read here.
    """
    if len(data) > MAX_FILE_BYTES:
        raise InvalidInput("The file is larger than 16 MB.", "Divide it into smaller ones.")
    if not _ANYTHING.search(data):
        raise InvalidInput("The file is empty.", "Choose the file with the cases.")
    if data.startswith(b"PK\x03\x04"):
        if _OPEN_DOCUMENT in data[:100]:
            raise InvalidInput(
                "This is an OpenDocument file.",
                "Save the table as CSV or as XLSX without a password, and choose that file.",
            )
        sheets = tuple(Workbook(data).sheets)
        return Reading(XLSX, sheet=sheets[0], sheets=sheets)
    if data.startswith(_OLD_EXCEL):
        if _ENCRYPTED in data:
            raise InvalidInput(
                "The workbook is protected with a password.",
                "Save the table as CSV or as XLSX without a password, and choose that file.",
            )
        raise InvalidInput(
            "This is a workbook of an old version of Excel.",
            "Save the table as CSV or as XLSX without a password, and choose that file.",
        )
    if data.startswith(_PICTURES):
        raise InvalidInput(
            "This is a picture or a document, whatever its name says, and no table.",
            "Save the table as CSV or as XLSX without a password, and choose that file.",
        )
    encoding = delimited.guess_encoding(data)
    return Reading(CSV, encoding, delimited.guess_delimiter(delimited.open_text(data, encoding)))


def change_encoding(data: bytes, reading: Reading, encoding: str) -> Reading:
    """Return the reading of CSV in another encoding, with the separator that is found then.

    Raises:
        InvalidInput: the file is not written so.
    """
    delimiter = delimited.guess_delimiter(delimited.open_text(data, encoding))
    return replace(reading, encoding=encoding, delimiter=delimiter)


def read_rows(data: bytes, reading: Reading) -> Iterator[Row]:
    """Read the rows of a file that have something in them, the row of headers first.

    Raises:
        InvalidInput: they cannot be read so, or are too many.
    """
    if reading.kind == XLSX:
        return bounded(Workbook(data).rows(reading.sheet))
    return bounded(delimited.read_rows(delimited.open_text(data, reading.encoding), reading.delimiter))

"""Read the outside of a JPEG, PNG or WebP file: its type, its size, its parts and where it ends.

Nothing is decoded here, so that the size of a picture is known before a decoder is let loose on it, and so
that what hides around it (comments, positions, a second file behind the first) can be seen and named.
Whether the pixels decode is for `images`.

Specifications: ITU T.81 annex B (JPEG), PNG third edition section 5, RFC 9649 (WebP).
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from node.errors import InvalidInput

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

_DAMAGED = "Open it in a picture viewer, save it again as JPEG and try that file."

# What people send by mistake, and how to say so. Checked in order; the number is the offset of the signature.
_KNOWN_STRANGERS = (
    (0, b"GIF8", "a GIF, which this node does not take"),
    (4, b"ftypavif", "an AVIF picture, which this node does not take"),
    (4, b"ftyp", "a HEIC picture or a video, which this node does not take"),
    (0, b"BM", "a BMP picture, which this node does not take"),
    (0, b"II*\0", "a TIFF picture, which this node does not take"),
    (0, b"MM\0*", "a TIFF picture, which this node does not take"),
    (0, b"%PDF", "a PDF document, not a photograph"),
    (0, b"PK\x03\x04", "a ZIP archive or an office document, not a photograph"),
)

# A JPEG marker is 0xFF and a code; in picture data 0xFF00 is a plain 0xFF, 0xFFD0 to 0xFFD7 are restarts.
_MARKER = re.compile(rb"\xff+([^\x00\x01\xd0-\xd7\xff])")
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SOI, _EOI, _SOS, _APP0 = 0xD8, 0xD9, 0xDA, 0xE0

# A camera's largest files have a few thousand; millions of empty ones would only keep us busy.
_MOST_PARTS = 20_000


@dataclass(frozen=True)
class Container:
    """The outside of one still picture.

    Attributes:
        media_type: from the bytes, never from a file name.
        width, height: in pixels, as the file declares them.
        parts: the names of the segments or chunks, each once. A JFIF segment without a thumbnail is "JFIF".
        size: bytes from the first to the last that belongs to the picture; what follows is something else.
        animated: more than one picture in time.
        scans: how many passes a decoder makes over the picture.
        coefficients: bytes a decoder holds besides the pixels, as it must for a JPEG in several scans.
    """

    media_type: str
    width: int
    height: int
    parts: frozenset[str]
    size: int
    animated: bool = False
    scans: int = 1
    coefficients: int = 0


def parse_container(data: bytes) -> Container:
    """Find out what a file is and how large a picture it declares.

    Raises:
        InvalidInput: not a JPEG, PNG or WebP file, or its structure is broken; says which.
    """
    try:
        if data.startswith(b"\xff\xd8\xff"):
            return _parse_jpeg(data)
        if data.startswith(PNG_SIGNATURE):
            return _parse_png(data)
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return _parse_webp(data)
    except (struct.error, IndexError) as error:
        raise InvalidInput("The photograph is cut off or damaged.", _DAMAGED) from error
    raise InvalidInput(f"This file is {_describe(data)}.", "Save the photograph as JPEG, PNG or WebP.")


def _describe(data: bytes) -> str:
    for offset, signature, words in _KNOWN_STRANGERS:
        if data.startswith(signature, offset):
            return words
    if b"<svg" in data[:1024].lower():
        return "an SVG drawing, which this node does not take"
    return "not a photograph this node can read" if data else "empty"


def _parse_jpeg(data: bytes) -> Container:
    parts: set[str] = set()
    frame = b""
    scans = 0
    one_pass = True
    previous_code, previous_end = _SOI, 2
    for code, payload, start, end in _jpeg_segments(data):
        parts.add(_jpeg_part_name(code, payload))
        if start != previous_end and previous_code != _SOS:
            parts.add("stray bytes")
        previous_code, previous_end = code, end
        if code in _FRAME_MARKERS:
            if frame:
                raise InvalidInput("The photograph holds two pictures in one.", _DAMAGED)
            frame = payload
            one_pass = code in (0xC0, 0xC1)
        elif code == _SOS:
            scans += 1
            one_pass = one_pass and payload[0] == frame[5]
        elif code == _EOI:
            if not scans:
                break
            height, width = struct.unpack_from(">HH", frame, 1)
            coefficients = 0 if one_pass else _jpeg_coefficients(frame, width * height)
            return Container(
                "image/jpeg", width, height, frozenset(parts), end, scans=scans, coefficients=coefficients
            )
    raise InvalidInput("The photograph is cut off or damaged.", _DAMAGED)


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes, int, int]]:
    """Yield (code, payload, offset of the marker, offset after the payload) of all from SOI to EOI."""
    position = 2
    for _ in range(_MOST_PARTS):
        found = _MARKER.search(data, position)
        if not found:
            return
        code = found[1][0]
        if code in (_SOI, _EOI):
            yield code, b"", found.start(), found.end()
            return
        (length,) = struct.unpack_from(">H", data, found.end())
        position = found.end() + length
        if length < 2 or position > len(data):
            return
        yield code, data[found.end() + 2 : position], found.start(), position


def _jpeg_coefficients(frame: bytes, pixels: int) -> int:
    """Tell the memory for all coefficients, two bytes each, by the components' sampling factors (B.2.2)."""
    factors = [(frame[at] >> 4, frame[at] & 15) for at in range(7, 6 + 3 * frame[5], 3)]
    widest, tallest = (max(1, *(factor[axis] for factor in factors), 1) for axis in (0, 1))
    return sum(2 * pixels * across * down // (widest * tallest) for across, down in factors)


def _jpeg_part_name(code: int, payload: bytes) -> str:
    if code == _APP0:
        # 14 bytes and a thumbnail of 0 by 0: version and density only, nothing of the photograph's past.
        is_plain = payload.startswith(b"JFIF\0") and len(payload) == 14 and payload[12:] == b"\0\0"
        return "JFIF" if is_plain else "APP0"
    if 0xE0 <= code <= 0xEF:
        return f"APP{code - 0xE0}"
    if code in _FRAME_MARKERS:
        return "SOF"
    names = {0xC4: "DHT", 0xDB: "DQT", 0xDD: "DRI", _SOS: "SOS", _EOI: "EOI", 0xFE: "COM"}
    return names.get(code, f"{code:02X}")


def _parse_png(data: bytes) -> Container:
    parts: set[str] = set()
    width = height = 0
    position = len(PNG_SIGNATURE)
    for _ in range(_MOST_PARTS):
        length, name = struct.unpack_from(">I4s", data, position)
        body = memoryview(data)[position + 4 : position + 8 + length]
        position += 12 + length
        (checksum,) = struct.unpack_from(">I", data, position - 4)
        if checksum != zlib.crc32(body):
            break
        if name == b"IHDR" and not parts:
            width, height = struct.unpack_from(">II", body, 4)
        parts.add(name.decode("latin-1"))
        if name == b"IEND" and {"IHDR", "IDAT"} <= parts:
            return Container("image/png", width, height, frozenset(parts), position, animated="acTL" in parts)
    raise InvalidInput("The photograph is cut off or damaged.", _DAMAGED)


def _parse_webp(data: bytes) -> Container:
    (riff_size,) = struct.unpack_from("<I", data, 4)
    end = 8 + riff_size
    parts: set[str] = set()
    sizes: list[tuple[int, int]] = []
    position = 12
    for _ in range(_MOST_PARTS):
        if position >= end:
            break
        name, length = struct.unpack_from("<4sI", data, position)
        body = data[position + 8 : position + 18]
        position += 8 + length + length % 2
        if name in (b"VP8X", b"VP8 ", b"VP8L"):
            sizes.append(_webp_size(name, body))
        parts.add(name.decode("latin-1").strip())
    if position != end or end > len(data) or not sizes:
        raise InvalidInput("The photograph is cut off or damaged.", _DAMAGED)
    animated = bool(parts & {"ANIM", "ANMF"})
    if not animated and any(size != sizes[0] for size in sizes):
        raise InvalidInput("The photograph declares two different sizes.", _DAMAGED)
    return Container("image/webp", *sizes[0], frozenset(parts), end, animated)


def _webp_size(name: bytes, body: bytes) -> tuple[int, int]:
    if name == b"VP8X":
        width, height = (int.from_bytes(body[at : at + 3], "little") for at in (4, 7))
        return width + 1, height + 1
    if name == b"VP8 ":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    (bits,) = struct.unpack_from("<I", body, 1)
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1

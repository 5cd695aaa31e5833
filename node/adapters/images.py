"""Photographs: make them safe to keep and to publish, and check those that peers send.

`prepare_photograph` takes what a person hands in and gives back two new JPEG files that hold pixels and
nothing else: no position, no camera, no thumbnail of an uncropped original, no byte of the file it came from.
`check_rendition` looks at a finished file of a peer and refuses it whole if anything is amiss; it repairs
nothing, because the bytes are named by their hash.

Size is known before a decoder runs (see `containers`), and one picture is decoded at a time, so that the
memory named in the limits is what the process needs. Where the files are kept is for `blobs`.
"""

import hashlib
import io
import logging
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image, ImageCms

from node.adapters.containers import Container, parse_container
from node.errors import InvalidInput

# Pillow logs the values of EXIF tags, positions among them, at debug level: they are not to reach any log.
logging.getLogger("PIL").setLevel(logging.WARNING)

_PILLOW_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}

# Bytes a pixel costs while it is decoded, measured with Pillow 13. A JPEG in one scan is scaled while it is
# read, so that almost nothing of it is ever in memory; WebP keeps two canvases and two copies.
_BYTES_PER_PIXEL = {"image/jpeg": 0, "image/png": 5, "image/webp": 16}

# What a finished rendition may consist of. Everything else is metadata, or a place to hide some.
_RENDITION_PARTS = {
    "image/jpeg": frozenset({"JFIF", "DQT", "SOF", "DHT", "DRI", "SOS", "EOI"}),
    "image/png": frozenset({"IHDR", "PLTE", "tRNS", "IDAT", "IEND"}),
    "image/webp": frozenset({"VP8", "VP8L", "VP8X", "ALPH"}),
}

_FULL_QUALITIES = (88, 82, 76, 70, 62)
_SMALL_QUALITIES = (80, 74, 68, 62, 56)
_SMALL_LONG_SIDE = 320
_STRIP_ROWS = 256
_ORIENTATION_TAG = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_ONE_AT_A_TIME = threading.Lock()


TOO_MANY_BYTES, TOO_MANY_PIXELS, TOO_SMALL, MOVING = "bytes", "pixels", "small", "moving"


class UnfitPhotograph(InvalidInput):
    """A picture that is one, and still cannot be taken.

    Args:
        reason: TOO_MANY_BYTES, TOO_MANY_PIXELS, TOO_SMALL or MOVING.
    """

    def __init__(self, reason: str, message: str, next_step: str) -> None:
        super().__init__(message, next_step)
        self.reason = reason


@dataclass(frozen=True)
class Cut:
    """What is cut off at each side, as a share of the width or height of the upright picture, from 0 to 1."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class PhotographLimits:
    """How large a photograph may be.

    Attributes:
        input_bytes: the file a person hands in.
        pixels: of that file, whatever it needs in memory.
        memory_bytes: working memory while it is decoded. With 128 MB: JPEG up to `pixels` (in several scans
            about 40 megapixels), PNG 25 megapixels, WebP 8 megapixels.
        scans: of a JPEG. A progressive one has about ten; each costs a pass over the whole picture and only a
            few bytes of file, so that without a bound one file could keep a decoder busy for a day. Twenty
            files come at once.
        shortest_side: in pixels; anything smaller shows nobody.
        long_side: of the full rendition, in pixels.
        full_bytes: the policy's `photo_bytes`.
        small_bytes: the policy's `small_photo_bytes`.
        rendition_pixels, rendition_scans: of what a peer has finished: it can send hundreds, each of which is
            decoded here.
    """

    input_bytes: int = 30_000_000
    pixels: int = 64_000_000
    memory_bytes: int = 128_000_000
    scans: int = 20
    shortest_side: int = 32
    long_side: int = 1600
    full_bytes: int = 3_000_000
    small_bytes: int = 12_288
    rendition_pixels: int = 4_000_000
    rendition_scans: int = 16

    def for_peers(self) -> "PhotographLimits":
        """Return the limits for a photograph that another member has made small and sends again."""
        return replace(self, pixels=self.rendition_pixels, scans=self.rendition_scans)


@dataclass(frozen=True)
class Rendition:
    """One finished file: pixels only, named by its hash."""

    data: bytes
    media_type: str
    width: int
    height: int
    sha256: str

    def describe(self) -> dict[str, Any]:
        """Give the rendition as a summary names it (case-summary: photos[].renditions[])."""
        return {
            "sha256": self.sha256,
            "media_type": self.media_type,
            "width": self.width,
            "height": self.height,
            "bytes": len(self.data),
        }


@dataclass(frozen=True)
class Prepared:
    """The two renditions of one photograph. Of a tiny photograph both may be the same file."""

    full: Rendition
    small: Rendition


def prepare_photograph(data: bytes, limits: PhotographLimits, cut: Cut | None = None) -> Prepared:
    """Turn a person's photograph into the two renditions that are kept and published.

    Transparent places become white, colours sRGB, and the picture stands upright; then it is cut.

    Raises:
        InvalidInput: too large, too small, not a still photograph, or not decodable; the message says which.
    """
    if len(data) > limits.input_bytes:
        raise UnfitPhotograph(
            TOO_MANY_BYTES,
            f"The photograph is {_megabytes(len(data))}; at most {_megabytes(limits.input_bytes)} are taken.",
            "Save it smaller, for example at half its width, and try again.",
        )
    container = parse_container(data)
    _check_still(container, limits.scans)
    _check_affordable(container, limits)
    with _decoding(data, container) as image:
        size = _fit(image.size, limits.long_side)
        image.draft(None, size)
        image.load()
        turn = _TURNS.get(_orientation(image))
        upright = _shrink(image, size)
    if turn is not None:
        upright = upright.transpose(turn)
    if cut is not None:
        upright = _cut(upright, cut, limits.shortest_side)
    return Prepared(
        full=_encode_within(upright, limits.full_bytes, _FULL_QUALITIES),
        small=_encode_within(_scale(upright, _SMALL_LONG_SIDE), limits.small_bytes, _SMALL_QUALITIES),
    )


LOGO_SIZE = (480, 160)
"""The box that a logo is shrunk into: twice what the site shows, for sharp screens."""

_LOGO_LIMITS = PhotographLimits(input_bytes=2_000_000, pixels=16_000_000, memory_bytes=96_000_000)


def prepare_logo(data: bytes) -> bytes:
    """Turn a picture that a person hands in into a small PNG of pixels alone; what is transparent stays so.

    Raises:
        InvalidInput: too large, too small, not a still picture, or not decodable.
    """
    if len(data) > _LOGO_LIMITS.input_bytes:
        most = _megabytes(_LOGO_LIMITS.input_bytes)
        raise UnfitPhotograph(
            TOO_MANY_BYTES, f"The logo is larger than {most}.", "Save it smaller, and try again."
        )
    container = parse_container(data)
    _check_still(container, _LOGO_LIMITS.scans)
    _check_affordable(container, _LOGO_LIMITS)
    with _decoding(data, container) as image:
        image.load()
        pixels = image.convert("RGBA")
    # A new image has an empty `info`: nothing of the file but its pixels is written back.
    logo = Image.new("RGBA", pixels.size)
    logo.paste(pixels)
    logo.thumbnail(LOGO_SIZE, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    logo.save(out, "PNG", optimize=True)
    return out.getvalue()


def check_rendition(data: bytes, declared: Mapping[str, Any], limits: PhotographLimits) -> None:
    """Check a peer's rendition against its description in the summary before it is kept.

    Args:
        declared: `sha256`, `media_type`, `width`, `height`, `bytes`, as in `Rendition.describe`.

    Raises:
        InvalidInput: it is not that file, or holds more than the pixels of one still picture.
    """
    if len(data) > limits.full_bytes or len(data) != declared["bytes"]:
        raise _refused("has another number of bytes than declared or allowed")
    if hashlib.sha256(data).hexdigest() != declared["sha256"]:
        raise _refused("has another hash than declared")
    container = parse_container(data)
    found = (container.media_type, container.width, container.height)
    if found != (declared["media_type"], declared["width"], declared["height"]):
        raise _refused("has another type or size than declared")
    if container.size != len(data):
        raise _refused("is followed by other data")
    if foreign := container.parts - _RENDITION_PARTS[container.media_type]:
        raise _refused(f"holds more than pixels ({', '.join(sorted(foreign))})")
    if container.width * container.height > limits.rendition_pixels:
        raise _refused(f"has more than {limits.rendition_pixels} pixels")
    _check_still(container, limits.rendition_scans)
    with _decoding(data, container) as image:
        image.load()


def _refused(reason: str) -> InvalidInput:
    return InvalidInput(f"The photograph {reason}.", "Its owner has to publish it again.")


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB"


def _check_still(container: Container, most_scans: int) -> None:
    if container.animated:
        raise UnfitPhotograph(MOVING, "The picture is animated.", "Choose one still photograph.")
    if container.scans > most_scans:
        raise InvalidInput(
            f"The photograph is stored in {container.scans} layers; at most {most_scans} are taken.",
            "Save it again as an ordinary JPEG.",
        )


def _check_affordable(container: Container, limits: PhotographLimits) -> None:
    """Refuse by what the file declares, before anything is decoded."""
    width, height = container.width, container.height
    if min(width, height) < limits.shortest_side:
        raise _too_small(width, height, limits.shortest_side, "Choose a larger photograph.")
    if width * height > limits.pixels:
        raise UnfitPhotograph(
            TOO_MANY_PIXELS,
            f"The photograph is {width} by {height} pixels; at most {limits.pixels} pixels are taken.",
            "Save it smaller, for example at half its width, and try again.",
        )
    memory = width * height * _BYTES_PER_PIXEL[container.media_type] + container.coefficients
    if memory > limits.memory_bytes:
        raise UnfitPhotograph(
            TOO_MANY_PIXELS,
            f"The photograph would need {_megabytes(memory)} of memory to open; "
            f"at most {_megabytes(limits.memory_bytes)} are given.",
            "Save it smaller, or as an ordinary JPEG, and try again.",
        )


def _too_small(width: int, height: int, least: int, next_step: str) -> UnfitPhotograph:
    message = f"The photograph is {width} by {height} pixels; each side needs at least {least}."
    return UnfitPhotograph(TOO_SMALL, message, next_step)


@contextmanager
def _decoding(data: bytes, container: Container) -> Iterator[Image.Image]:
    """Open a picture with the one decoder that fits it; whatever goes wrong inside becomes InvalidInput."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        # Pillow warns of damaged metadata, which is thrown away anyhow; its warning of a bomb is a refusal.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(data), formats=[_PILLOW_FORMATS[container.media_type]]) as image:
                # Two readers that see two sizes are being played against each other.
                if image.size != (container.width, container.height):
                    raise ValueError("the size in the header is not the size of the picture")
                yield image
        except Exception as error:  # decoders raise whatever they please at hostile bytes
            raise InvalidInput(
                "The photograph is cut off or damaged.",
                "Open it in a picture viewer, save it again as JPEG and try that file.",
            ) from error


def _orientation(image: Image.Image) -> int:
    """Read which side is up. EXIF that cannot be read is as good as none."""
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:
        return 1


def _fit(size: tuple[int, int], long_side: int) -> tuple[int, int]:
    """Give the size in the same proportions whose longer side is at most `long_side`; never enlarge."""
    scale = min(1.0, long_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _shrink(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Convert to sRGB at the given size, in strips, so that a large picture is never in memory twice."""
    width, height = image.size
    factor = max(1, min(width // size[0], height // size[1]))
    to_srgb = _colour_transform(image)
    # A new image has an empty `info`, from which Pillow would otherwise write comments and profiles back.
    reduced = Image.new("RGB", (-(-width // factor), -(-height // factor)))
    rows = -(-_STRIP_ROWS // factor) * factor
    for top in range(0, height, rows):
        strip = _opaque(image.crop((0, top, width, min(top + rows, height))))
        if to_srgb is not None:
            strip = ImageCms.applyTransform(strip, to_srgb) or strip
        reduced.paste(strip.convert("RGB").reduce(factor), (0, top // factor))
    return reduced.resize(size, Image.Resampling.LANCZOS)


def _cut(image: Image.Image, cut: Cut, least: int) -> Image.Image:
    """Leave what is inside. Raises UnfitPhotograph where that is next to nothing."""
    width, height = image.size
    left, top = round(width * cut.left), round(height * cut.top)
    right, bottom = width - round(width * cut.right), height - round(height * cut.bottom)
    inside = 0 <= left < right <= width and 0 <= top < bottom <= height
    if not inside or min(right - left, bottom - top) < least:
        raise _too_small(max(0, right - left), max(0, bottom - top), least, "Cut off less.")
    return image.crop((left, top, right, bottom))


def _opaque(image: Image.Image) -> Image.Image:
    """Give the picture in one of the modes L, RGB or CMYK, on white where it was transparent."""
    if image.mode.startswith("I;16"):
        return image.point(lambda value: value * (1 / 256) + 0).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Image.new("RGB", image.size, "white")
        ground.paste(image, mask=image.getchannel("A"))
        return ground
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _colour_transform(image: Image.Image) -> ImageCms.ImageCmsTransform | None:
    """Build the way from the picture's own colours to sRGB. No profile, or a broken one, means sRGB."""
    profile = image.info.get("icc_profile")
    if not profile:
        return None
    mode = _opaque(image.crop((0, 0, 1, 1))).mode
    try:
        return ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), mode, "RGB"
        )
    except (ImageCms.PyCMSError, OSError):
        return None


def _scale(image: Image.Image, long_side: int) -> Image.Image:
    return image.resize(_fit(image.size, long_side), Image.Resampling.LANCZOS)


def _encode_within(image: Image.Image, limit: int, qualities: tuple[int, ...]) -> Rendition:
    """Encode in at most `limit` bytes: lower the quality first, then the size by a tenth at a time."""
    while True:
        for quality in qualities:
            data = _encode(image, quality)
            if len(data) <= limit:
                digest = hashlib.sha256(data).hexdigest()
                return Rendition(data, "image/jpeg", image.width, image.height, digest)
        if max(image.size) <= 16:
            raise InvalidInput(f"No photograph fits into {limit} bytes.", "Raise the limit in the policy.")
        image = _scale(image, max(image.size) * 9 // 10)


def _encode(image: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling="4:2:0", optimize=True)
    return out.getvalue()

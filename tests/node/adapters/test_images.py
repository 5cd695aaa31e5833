"""Photographs: of whatever comes in, bare pixels or a reason; of what a peer sends, all or nothing."""

import gc
import hashlib
import io
import random
import struct
import warnings
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw, PngImagePlugin

from node.adapters.containers import PNG_SIGNATURE, parse_container
from node.adapters.images import (
    TOO_SMALL,
    Cut,
    PhotographLimits,
    Rendition,
    UnfitPhotograph,
    check_rendition,
    prepare_photograph,
)
from node.errors import InvalidInput

LIMITS = PhotographLimits()
GPS_TAG, ORIENTATION_TAG, MAKER_TAG = 0x8825, 0x0112, 0x010F


def picture(width: int = 300, height: int = 400, mode: str = "RGB") -> Image.Image:
    """Draw red above, blue below and a white corner at the top left, so that turning it shows."""
    image = Image.new("RGB", (width, height), (200, 30, 30))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, height // 2, width, height), fill=(30, 30, 200))
    draw.rectangle((0, 0, width // 4, height // 4), fill=(255, 255, 255))
    return image.convert(mode)


def noise(width: int, height: int) -> Image.Image:
    """Draw what compresses worst."""
    return Image.frombytes("RGB", (width, height), random.Random(7).randbytes(3 * width * height))


def saved(image: Image.Image, format: str = "JPEG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def opened(rendition: Rendition) -> Image.Image:
    image = Image.open(io.BytesIO(rendition.data))
    image.load()
    return image


def refusal(data: bytes, limits: PhotographLimits = LIMITS) -> str:
    with pytest.raises(InvalidInput) as caught:
        prepare_photograph(data, limits)
    assert caught.value.next_step
    return caught.value.message


def near(colour: Any, expected: tuple[int, int, int], by: int = 12) -> bool:
    return all(abs(a - b) <= by for a, b in zip(colour, expected, strict=True))


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def with_more_scans(data: bytes, count: int) -> bytes:
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * count + data[-2:]


def with_segment(jpeg: bytes, marker: int, payload: bytes) -> bytes:
    return jpeg[:2] + bytes((0xFF, marker)) + struct.pack(">H", len(payload) + 2) + payload + jpeg[2:]


def with_jpeg_size(jpeg: bytes, width: int, height: int) -> bytes:
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + struct.pack(">HH", height, width) + jpeg[at + 4 :]


def check(data: bytes, **other: Any) -> None:
    """Check a rendition that is described as what it is, except for `other`."""
    container = parse_container(data)
    rendition = Rendition(data, container.media_type, container.width, container.height, _sha256(data))
    check_rendition(data, rendition.describe() | other, LIMITS)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# What people hand in, and what becomes of it


@pytest.mark.parametrize(
    ("format", "mode"),
    [("JPEG", mode) for mode in ("RGB", "L", "1", "CMYK")]
    + [("PNG", mode) for mode in ("RGB", "L", "1", "P", "RGBA", "LA", "I;16")]
    + [("WEBP", mode) for mode in ("RGB", "L", "RGBA")],
)
def test_every_kind_of_pixel_becomes_an_srgb_jpeg(format: str, mode: str) -> None:
    image = picture(mode="L" if mode == "I;16" else mode)
    expected = image.convert("RGB")
    if mode == "I;16":
        image = Image.frombytes("I;16", image.size, b"".join(bytes((0, value)) for value in image.tobytes()))
    prepared = prepare_photograph(saved(image, format), LIMITS)
    for rendition in (prepared.full, prepared.small):
        again = opened(rendition)
        assert (again.format, again.mode) == ("JPEG", "RGB")
        assert again.size == (rendition.width, rendition.height)
        check_rendition(rendition.data, rendition.describe(), LIMITS)
    for place in ((0, 0, 60, 80), (100, 20, 280, 180), (20, 220, 280, 380)):
        assert near(mean_colour(opened(prepared.full), place), mean_colour(expected, place))


def mean_colour(image: Image.Image, place: tuple[int, int, int, int]) -> Any:
    """Tell the mean, because a picture of two colours is made of dots."""
    return image.crop(place).resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))


def test_transparent_places_become_white() -> None:
    image = picture(mode="RGBA")
    image.putalpha(0)
    prepared = prepare_photograph(saved(image, "PNG"), LIMITS)
    assert near(opened(prepared.full).getpixel((200, 300)), (255, 255, 255))


def test_transparent_colour_of_a_palette_becomes_white() -> None:
    image = picture().quantize(8)
    data = saved(image, "PNG", transparency=image.getpixel((200, 300)))
    assert near(opened(prepare_photograph(data, LIMITS).full).getpixel((200, 300)), (255, 255, 255))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_picture_stands_upright(orientation: int) -> None:
    turns: dict[int, list[Image.Transpose]] = {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    lying = picture()
    for turn in turns[orientation]:
        lying = lying.transpose(turn)
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    for data in (saved(lying, exif=exif), saved(lying, "PNG", exif=exif), saved(lying, "WEBP", exif=exif)):
        prepared = prepare_photograph(data, LIMITS)
        assert (prepared.full.width, prepared.full.height) == (300, 400)
        assert near(opened(prepared.full).getpixel((20, 20)), (255, 255, 255), 30)
        assert near(opened(prepared.full).getpixel((250, 350)), (30, 30, 200), 40)
        assert opened(prepared.full).getexif() == {}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_is_cut_is_cut_of_the_upright_picture(orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    lying = picture(400, 300) if orientation > 4 else picture(300, 400)
    upright = opened(prepare_photograph(saved(lying, "PNG", exif=exif), LIMITS).full)
    cut = prepare_photograph(saved(lying, "PNG", exif=exif), LIMITS, Cut(0.5, 0.25, 0.1, 0)).full
    assert (cut.width, cut.height) == (120, 300)
    for x, y in ((10, 10), (100, 250)):
        assert near(opened(cut).getpixel((x, y)), cast(Any, upright.getpixel((150 + x, 100 + y))), 30)
    assert opened(cut).getexif() == {}


@pytest.mark.parametrize(
    "cut", [Cut(0.5, 0, 0.5, 0), Cut(0, 0.9, 0, 0.9), Cut(0.95, 0, 0, 0), Cut(0, 0, 2, 0)]
)
def test_a_cut_that_leaves_nobody_is_refused(cut: Cut) -> None:
    with pytest.raises(UnfitPhotograph, match="each side needs at least 32") as refused:
        prepare_photograph(saved(picture()), LIMITS, cut)
    assert refused.value.reason == TOO_SMALL


def test_no_metadata_survives() -> None:
    exif = Image.Exif()
    exif[MAKER_TAG] = "SECRET camera"
    exif.get_ifd(GPS_TAG)[2] = (48.0, 51.0, 24.0)
    thumbnail = saved(picture(40, 40), comment=b"SECRET thumbnail")
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x>SECRET xmp</x>"
    jpeg = saved(picture(), exif=exif, comment=b"SECRET comment", icc_profile=srgb_profile(), dpi=(300, 300))
    jpeg = with_segment(with_segment(jpeg, 0xE1, xmp), 0xED, b"Photoshop 3.0\0SECRET" + thumbnail)
    jpeg += b"SECRET tail"
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", "SECRET author")
    text.add_itxt("Description", "SECRET place", zip=True)
    png = saved(picture(), "PNG", pnginfo=text, exif=exif, icc_profile=srgb_profile()) + b"SECRET tail"
    webp = saved(picture(), "WEBP", exif=exif, xmp=b"SECRET xmp", icc_profile=srgb_profile())
    for data in (jpeg, png, webp):
        prepared = prepare_photograph(data, LIMITS)
        for rendition in (prepared.full, prepared.small):
            assert b"SECRET" not in rendition.data
            assert set(parse_container(rendition.data).parts) <= {"JFIF", "DQT", "SOF", "DHT", "SOS", "EOI"}
            assert set(opened(rendition).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def test_colours_of_a_profile_become_srgb() -> None:
    """A profile with red and blue exchanged: reading it turns the picture's red into blue."""
    profile = bytearray(srgb_profile())
    red, blue = profile.index(b"rXYZ"), profile.index(b"bXYZ")
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    data = saved(picture(), icc_profile=bytes(profile))
    assert near(opened(prepare_photograph(data, LIMITS).full).getpixel((225, 100)), (30, 30, 200), 40)


def test_broken_profile_and_broken_exif_are_ignored() -> None:
    for options in ({"icc_profile": b"nonsense" * 20}, {"exif": b"Exif\0\0MM\0*\xff\xff\xff\xff"}):
        prepared = prepare_photograph(saved(picture(), **options), LIMITS)
        assert near(opened(prepared.full).getpixel((225, 100)), (200, 30, 30))


def test_second_picture_of_a_phone_is_left_behind() -> None:
    data = saved(picture(), "MPO", save_all=True, append_images=[picture(64, 64)])
    prepared = prepare_photograph(data, LIMITS)
    assert (prepared.full.width, prepared.full.height) == (300, 400)


def test_wrong_file_name_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "photograph.jpg"
    path.write_bytes(saved(picture(), "PNG"))
    assert prepare_photograph(path.read_bytes(), LIMITS).full.media_type == "image/jpeg"


def test_zip_behind_a_photograph_is_left_behind() -> None:
    prepared = prepare_photograph(saved(picture()) + zipped(), LIMITS)
    assert b"PK\x03\x04" not in prepared.full.data


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("hidden.txt", "hidden")
    return out.getvalue()


def test_renditions_keep_proportions_and_bounds() -> None:
    prepared = prepare_photograph(saved(noise(2400, 1200), quality=95), LIMITS)
    assert (prepared.full.width, prepared.full.height) == (1600, 800)
    assert len(prepared.full.data) <= LIMITS.full_bytes
    assert len(prepared.small.data) <= 12_288
    assert prepared.small.width == 2 * prepared.small.height


def test_small_photographs_are_not_enlarged() -> None:
    prepared = prepare_photograph(saved(picture(40, 60)), LIMITS)
    assert (prepared.full.width, prepared.full.height) == (40, 60)


def test_same_photograph_gives_the_same_bytes() -> None:
    data = saved(picture(700, 900))
    assert prepare_photograph(data, LIMITS) == prepare_photograph(data, LIMITS)


def test_tight_byte_limit_costs_quality_then_size() -> None:
    limits = replace(LIMITS, full_bytes=40_000)
    prepared = prepare_photograph(saved(noise(800, 800)), limits)
    assert len(prepared.full.data) <= 40_000
    assert prepared.full.width < 800


def test_impossible_byte_limit_is_told() -> None:
    assert "10 bytes" in refusal(saved(picture()), replace(LIMITS, small_bytes=10))


# What is refused, and with which words


def test_too_many_bytes_are_refused_unread() -> None:
    assert "100.0 MB" in refusal(bytes(100_000_000))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"hello", "not a photograph"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64), "HEIC"),
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1avif" + bytes(64), "AVIF"),
        (saved(picture(), "GIF"), "GIF"),
        (saved(picture(), "GIF", save_all=True, append_images=[picture(mode="L")]), "GIF"),
        (saved(picture(), "BMP"), "BMP"),
        (saved(picture(), "TIFF"), "TIFF"),
        (saved(picture(), "PDF"), "PDF"),
        (zipped(), "ZIP"),
        (saved(picture(), "PNG", save_all=True, append_images=[picture().rotate(180)]), "animated"),
        (saved(picture(), "WEBP", save_all=True, append_images=[picture().rotate(180)]), "animated"),
        (saved(picture(1, 1)), "1 by 1"),
        (saved(picture(31, 400)), "31 by 400"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_strangers_are_named(data: bytes, words: str) -> None:
    assert words in refusal(data)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_cut_off_files_are_refused(format: str) -> None:
    data = saved(noise(300, 300), format)
    for keep in (3, 12, 20, 40, len(data) // 4, len(data) // 2, len(data) - 20):
        assert refusal(data[:keep])


def test_cut_off_pixels_in_a_whole_container_are_refused() -> None:
    """The container is complete, so that only decoding tells."""
    header = struct.pack(">IIBBBBB", 400, 400, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(5000))
    data = PNG_SIGNATURE + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b"")
    assert "damaged" in refusal(data)


def test_changed_byte_in_a_png_is_noticed() -> None:
    data = bytearray(saved(noise(100, 100), "PNG"))
    data[len(data) // 2] ^= 1
    assert "damaged" in refusal(bytes(data))


def bomb(width: int, height: int) -> bytes:
    """Give a small PNG that declares, and really holds, many pixels."""
    packer = zlib.compressobj(9)
    pixels = b"".join(packer.compress(bytes(1 + width // 8)) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return PNG_SIGNATURE + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b"")


def test_bombs_are_refused_before_they_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    bombs = [
        bomb(12_000, 12_000),
        with_jpeg_size(saved(picture()), 65_535, 65_535),
        with_jpeg_size(saved(picture()), 8_001, 8_000),
        _webp_header(16_384, 16_384),
    ]
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("a decoder was started"))
    for data in bombs:
        assert "pixels are taken" in refusal(data)


def _webp_header(width: int, height: int) -> bytes:
    body = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunks = b"WEBPVP8X" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def test_what_would_need_too_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    progressive = bytearray(saved(picture(), progressive=True, subsampling="4:4:4"))
    at = progressive.index(b"\xff\xc2") + 5
    progressive[at : at + 4] = struct.pack(">HH", 6000, 6000)
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("a decoder was started"))
    for data in (bytes(progressive), bomb(6000, 6000), _webp_header(3000, 3000)):
        assert "of memory" in refusal(data)


def test_picture_of_endless_scans_is_refused() -> None:
    usual = saved(picture(), progressive=True)  # 10 of them
    assert prepare_photograph(with_more_scans(usual, 10), PhotographLimits())
    for more in (11, 199):
        assert "layers" in refusal(with_more_scans(usual, more))


def test_header_of_another_size_than_the_picture_is_refused() -> None:
    data = saved(picture(), "WEBP", lossless=True)
    assert "two different sizes" in refusal(
        b"RIFF" + struct.pack("<I", len(data) + 10) + b"WEBP" + _webp_header(300, 401)[12:] + data[12:]
    )


def test_two_pictures_in_one_jpeg_are_refused() -> None:
    data = saved(picture())
    frame = data[data.index(b"\xff\xc0") : data.index(b"\xff\xc4")]
    assert "two pictures" in refusal(data[:2] + frame + data[2:])


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="only Linux tells the peak of a moment"
)
def test_memory_stays_bounded_for_a_large_jpeg(tmp_path: Path) -> None:
    """60 megapixels: 180 MB as plain pixels, and less than 100 MB here."""
    data = saved(Image.effect_noise((894, 671), 60).resize((8944, 6708)).convert("RGB"))
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before = _peak_memory()
    prepared = prepare_photograph(data, LIMITS)
    assert prepared.full.width == 1600
    assert _peak_memory() - before < 100_000


def _peak_memory() -> int:
    """Tell the most memory this process has held, in kB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def test_warnings_do_not_leak() -> None:
    broken_exif = saved(picture(), exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\xff\xff\0\0\0\0")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        prepare_photograph(broken_exif, LIMITS)
        refusal(with_jpeg_size(saved(picture()), 65_000, 1500))
    assert seen == []


# What a peer sends


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_bare_renditions_are_taken(format: str) -> None:
    check(saved(picture(), format))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (saved(picture(), comment=b"taken at home"), "COM"),
        (saved(picture(), exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0"), "APP1"),
        (saved(picture(), icc_profile=b"profile"), "APP2"),
        (with_segment(saved(picture()), 0xE0, b"JFXX\0\x10" + saved(picture(8, 8))), "APP0"),
        (saved(picture(), "PNG", dpi=(72, 72)), "pHYs"),
        (saved(picture(), "PNG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0"), "eXIf"),
        (saved(picture(), "WEBP", xmp=b"<x/>"), "XMP"),
        (saved(picture()) + b"\0", "followed"),
        (saved(picture()) + zipped(), "followed"),
        (saved(picture(), "PNG") + zipped(), "followed"),
        (saved(picture(), "WEBP") + zipped(), "followed"),
        (saved(picture()).replace(b"\xff\xdb", b"hidden\xff\xdb", 1), "stray"),
        (saved(picture(), "WEBP", save_all=True, append_images=[picture().rotate(180)]), "ANIM"),
        (saved(picture(2400, 2000)), "pixels"),
        (with_more_scans(saved(picture(), progressive=True), 7), "layers"),
        (saved(picture(), "PNG").replace(b"IDAT", b"IDAX"), "damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_renditions_with_anything_else_are_refused(data: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        check(data)


@pytest.mark.parametrize(
    "other",
    [{"sha256": "0" * 64}, {"bytes": 5}, {"width": 301}, {"height": 399}, {"media_type": "image/png"}],
)
def test_renditions_that_are_not_as_declared_are_refused(other: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="than declared"):
        check(saved(picture()), **other)


def test_rendition_above_the_policy_is_refused() -> None:
    data = saved(noise(400, 400), "PNG")
    rendition = Rendition(data, "image/png", 400, 400, _sha256(data))
    with pytest.raises(InvalidInput, match="bytes"):
        check_rendition(data, rendition.describe(), replace(LIMITS, full_bytes=12_288))


# Hostile bytes raise InvalidInput and nothing else

SEEDS = [
    saved(picture(64, 64)),
    saved(picture(64, 64), progressive=True, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0", icc_profile=srgb_profile()),
    saved(picture(64, 64, "CMYK")),
    saved(picture(64, 64), "PNG"),
    saved(picture(64, 64).quantize(4), "PNG", transparency=0),
    saved(picture(64, 64), "WEBP"),
    saved(picture(64, 64, "RGBA"), "WEBP", lossless=True),
]
STARTS = [b"", b"\xff\xd8\xff", PNG_SIGNATURE, b"RIFF\x40\0\0\0WEBPVP8 ", b"RIFF\x40\0\0\0WEBPVP8X"]


def try_everything(data: bytes) -> None:
    for attempt in (lambda: prepare_photograph(data, LIMITS), lambda: check(data)):
        try:
            attempt()
        except InvalidInput:
            continue


@settings(max_examples=300, deadline=None)
@given(start=st.sampled_from(STARTS), rest=st.binary(max_size=200))
def test_any_bytes(start: bytes, rest: bytes) -> None:
    try_everything(start + rest)


@settings(max_examples=400, deadline=None)
@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.one_of(st.none(), st.integers(0, 10**6)),
)
def test_mutated_photographs(seed: bytes, changes: list[tuple[int, int]], cut: int | None) -> None:
    data = bytearray(seed)
    for at, value in changes:
        data[at % len(data)] = value
    try_everything(bytes(data[: cut % len(data)] if cut is not None else data))

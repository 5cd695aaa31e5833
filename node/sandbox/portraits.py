"""Faces for invented children: flat drawings that nobody can take for a photograph.

The same random numbers give the same face. Drawn at twice the size and scaled down, so that curves are
smooth. All places are in a grid of 600 by 800, whatever the size of the picture.
"""

import math
import random
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 600, 800
_OVERSAMPLING = 2

Colour = tuple[int, int, int]
Point = tuple[float, float]

_SKINS: Mapping[str, Sequence[Colour]] = {
    "pale": ((252, 226, 208), (250, 220, 204)),
    "light": ((246, 208, 180), (241, 199, 168)),
    "freckled": ((250, 215, 190), (247, 208, 180)),
    "ruddy": ((243, 190, 165), (238, 183, 160)),
    "medium": ((226, 178, 140), (215, 165, 126)),
    "olive": ((208, 164, 122), (198, 156, 112)),
    "brown": ((168, 114, 76), (152, 100, 66)),
    "dark": ((112, 74, 50), (96, 62, 42)),
}
_HAIR: Mapping[str, Colour] = {
    "black": (38, 34, 38),
    "brown": (92, 60, 40),
    "blond": (226, 184, 104),
    "sandy": (184, 142, 92),
    "red": (176, 78, 40),
    "orange": (214, 112, 44),
    "grey": (140, 140, 144),
    "white": (226, 226, 224),
    "blue": (70, 104, 176),
    "green": (72, 136, 92),
    "pink": (222, 128, 164),
    "purple": (124, 84, 156),
}
_IRISES: Mapping[str, Colour] = {
    "brown": (104, 66, 38),
    "black": (44, 32, 28),
    "blue": (74, 128, 184),
    "grey": (120, 134, 146),
    "green": (86, 138, 92),
    "hazel": (142, 108, 56),
    "maroon": (112, 44, 48),
    "pink": (196, 120, 128),
}
_GROUNDS = (
    (205, 224, 234),
    (222, 232, 214),
    (240, 226, 206),
    (228, 218, 236),
    (214, 230, 228),
    (242, 220, 214),
)
_CLOTHES = (
    (62, 96, 148),
    (178, 70, 66),
    (76, 128, 98),
    (222, 170, 72),
    (112, 88, 140),
    (84, 98, 110),
    (236, 236, 230),
)
_RIBBON, _RIBBON_TEXT = (206, 38, 48), (255, 255, 255)


class _Face(NamedTuple):
    """The measures and colours of one face.

    Attributes:
        child: 1 for the youngest (round, large eyes set low), 0 for the almost grown up.
        left, top, right, chin: the head's bounds.
    """

    child: float
    skin: Colour
    hair: Colour
    iris: Colour
    left: float
    top: float
    right: float
    chin: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def eye_line(self) -> float:
        return self.top + (self.chin - self.top) * (0.54 + 0.05 * self.child)


class _Pen:
    """Draws on a canvas that is larger than the grid by a factor."""

    def __init__(self, canvas: Image.Image, factor: float) -> None:
        self._draw = ImageDraw.Draw(canvas)
        self._factor = factor

    def _scaled(self, points: Sequence[Point]) -> list[Point]:
        return [(x * self._factor, y * self._factor) for x, y in points]

    def ellipse(self, x: float, y: float, across: float, down: float, fill: Colour) -> None:
        """Fill an ellipse around (x, y) that reaches `across` and `down` to each side."""
        self._draw.ellipse(self._scaled([(x - across, y - down), (x + across, y + down)]), fill=fill)

    def polygon(self, points: Sequence[Point], fill: Colour) -> None:
        self._draw.polygon(self._scaled(points), fill=fill)

    def block(
        self, left: float, top: float, right: float, bottom: float, radius: float, fill: Colour
    ) -> None:
        """Fill a rectangle with round corners."""
        corners = self._scaled([(left, top), (right, bottom)])
        self._draw.rounded_rectangle(corners, radius * self._factor, fill=fill)

    def slice(
        self, x: float, y: float, across: float, down: float, angles: tuple[float, float], fill: Colour
    ) -> None:
        """Fill the part of an ellipse that a chord cuts off between two angles (0 is right, 90 is below)."""
        box = self._scaled([(x - across, y - down), (x + across, y + down)])
        self._draw.chord((*box[0], *box[1]), *angles, fill=fill)

    def arc(
        self,
        x: float,
        y: float,
        across: float,
        down: float,
        angles: tuple[float, float],
        width: float,
        fill: Colour,
    ) -> None:
        """Stroke a part of an ellipse between two angles."""
        box = self._scaled([(x - across, y - down), (x + across, y + down)])
        self._draw.arc((*box[0], *box[1]), *angles, fill=fill, width=round(width * self._factor))

    def line(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        self._draw.line(self._scaled(points), fill=fill, width=round(width * self._factor), joint="curve")


def draw_portrait(
    rng: random.Random,
    *,
    sex: int,
    age: float,
    hair: Mapping[str, str],
    eyes: Mapping[str, str],
    complexion: Mapping[str, str] | None = None,
    glasses: bool = False,
    label: str = "EXERCISE",
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> Image.Image:
    """Draw the face of an invented child.

    Args:
        rng: where all chance comes from.
        sex: ISO 5218.
        age: in years.
        hair, eyes, complexion: as in a case record; what they do not say is left to chance.
        label: written across the picture, in Latin letters.
        size: in pixels, three by four.

    Returns:
        An RGB picture.
    """
    face = _measure(rng, age, hair, eyes, complexion or {})
    length = hair.get("length") or ("long" if sex == 2 else "short")
    style = hair.get("style") or rng.choice(("straight", "wavy", "curly"))
    ground = rng.choice(_GROUNDS)
    canvas = Image.new("RGB", (size[0] * _OVERSAMPLING, size[1] * _OVERSAMPLING), ground)
    pen = _Pen(canvas, size[0] * _OVERSAMPLING / WIDTH)
    pen.ellipse(300, 390, 270, 270, _shade(ground, 1.05))
    _draw_hair_behind(pen, face, length, style)
    _draw_shoulders(pen, face, rng)
    _draw_head(pen, face)
    _draw_hair_above(pen, face, length, style, rng)
    _draw_features(pen, face, rng, sex)
    if complexion and complexion.get("value") == "freckled":
        _draw_freckles(pen, face, rng)
    if glasses:
        _draw_glasses(pen, face)
    portrait = canvas.resize(size, Image.Resampling.BOX)
    ribbon = _ribbon(label, size)
    portrait.paste(ribbon, (0, 0), ribbon)
    return portrait


def _measure(
    rng: random.Random,
    age: float,
    hair: Mapping[str, str],
    eyes: Mapping[str, str],
    complexion: Mapping[str, str],
) -> _Face:
    child = max(0.0, min(1.0, (16 - age) / 14))
    half = 132 + rng.uniform(-7, 7) + 6 * child
    height = 350 + rng.uniform(-10, 10) - 52 * child
    middle = 400 + 15 * child
    skins = _SKINS.get(complexion.get("value", "")) or rng.choice(list(_SKINS.values()))
    return _Face(
        child=child,
        skin=rng.choice(skins),
        hair=_HAIR.get(hair.get("colour", "")) or rng.choice(list(_HAIR.values())[:5]),
        iris=_IRISES.get(eyes.get("colour", "")) or rng.choice(list(_IRISES.values())[:6]),
        left=300 - half,
        top=middle - height / 2,
        right=300 + half,
        chin=middle + height / 2,
    )


def _shade(colour: Colour, by: float) -> Colour:
    """Make a colour darker (below 1) or lighter (above)."""
    red, green, blue = (max(0, min(255, round(part * by))) for part in colour)
    return red, green, blue


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a * share + b * (1 - share)) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _draw_shoulders(pen: _Pen, face: _Face, rng: random.Random) -> None:
    cloth = rng.choice(_CLOTHES)
    top = face.chin + 48
    half = 235 - 45 * face.child
    pen.block(300 - half, top, 300 + half, 1000, 120, cloth)
    neck = 50 - 8 * face.child
    collar = rng.choice(("round", "v", "shirt", "hood"))
    if collar == "hood":
        pen.ellipse(300, top + 14, 138, 52, _shade(cloth, 0.82))
    pen.block(300 - neck, face.chin - 60, 300 + neck, top + 22, 20, _shade(face.skin, 0.88))
    pen.ellipse(300, top + 16, neck + 12, 32, _shade(face.skin, 0.88))
    if collar == "v":
        pen.polygon(
            [(300 - neck - 8, top + 8), (300 + neck + 8, top + 8), (300, top + 105)], _shade(face.skin, 0.88)
        )
    elif collar == "shirt":
        for side in (-1, 1):
            wing = [(300 + side * (neck + 16), top - 8), (300, top + 52), (300 + side * 74, top + 78)]
            pen.polygon(wing, _shade(cloth, 1.15) if sum(cloth) < 600 else _shade(cloth, 0.9))
    elif collar == "hood":
        for side in (-1, 1):
            pen.line([(300 + side * 40, top + 50), (300 + side * 44, top + 130)], 7, (245, 245, 240))


def _draw_head(pen: _Pen, face: _Face) -> None:
    half = face.width / 2
    ear = face.eye_line + 22
    for side in (-1, 1):
        pen.ellipse(300 + side * (half - 2), ear, 26, 40, face.skin)
        pen.ellipse(300 + side * (half + 2), ear + 2, 13, 23, _shade(face.skin, 0.86))
    cheek = face.top + (face.chin - face.top) * 0.56
    pen.ellipse(300, face.top + half, half, half, face.skin)
    pen.block(face.left, face.top + half - 20, face.right, cheek + 40, 60, face.skin)
    jaw = half * (0.82 + 0.14 * face.child)
    pen.ellipse(300, cheek + 10, half, (face.chin - cheek) * 0.86, face.skin)
    pen.ellipse(300, face.chin - jaw * 0.74, jaw, jaw * 0.74, face.skin)


def _draw_features(pen: _Pen, face: _Face, rng: random.Random, sex: int) -> None:
    line = _shade(face.skin, 0.62)
    apart = face.width * 0.235
    size = 19 + 8 * face.child
    brow_lift = rng.uniform(38, 46) + 4 * face.child
    brow = _shade(face.hair, 0.85) if sum(face.hair) < 520 else _shade(face.hair, 0.72)
    for side in (-1, 1):
        x, y = 300 + side * apart, face.eye_line
        pen.ellipse(x, y, size * 1.3, size * 0.98, (252, 252, 250))
        pen.ellipse(x, y + 1, size * 0.82, size * 0.88, face.iris)
        pen.ellipse(x, y + 1, size * 0.42, size * 0.46, (22, 20, 22))
        pen.ellipse(x + size * 0.3, y - size * 0.32, size * 0.2, size * 0.2, (255, 255, 255))
        pen.arc(x, y, size * 1.38, size * 1.08, (192, 348), 6.5 if sex == 2 else 5, _shade(face.hair, 0.55))
        if sex == 2:
            outer = x + side * size * 1.3
            pen.line(
                [(outer, y - size * 0.3), (outer + side * 9, y - size * 0.72)], 4.5, _shade(face.hair, 0.55)
            )
        thick = 9 if sex == 1 else 6.5
        pen.arc(x, y - brow_lift + 24, size * 1.7, 24, (212, 328), thick, brow)
        pen.ellipse(300 + side * face.width * 0.33, y + 66, 27, 17, _blush(face.skin))
    nose = face.eye_line + (face.chin - face.eye_line) * 0.40
    width = rng.uniform(15, 21)
    pen.arc(300, nose - 7, width, 13, (25, 155), 5.5, line)
    mouth = face.eye_line + (face.chin - face.eye_line) * 0.64
    smile = rng.choice(("line", "line", "open"))
    wide = rng.uniform(36, 46) - 4 * face.child
    if smile == "open":
        pen.slice(300, mouth - 4, wide, 27, (8, 172), (140, 52, 56))
        pen.slice(300, mouth - 4, wide * 0.86, 15, (8, 172), (252, 252, 250))
    else:
        pen.arc(300, mouth - 14, wide, 24, (28, 152), 7, _lip(face.skin))


def _blush(skin: Colour) -> Colour:
    red, green, blue = skin
    return min(255, round(red * 1.02)), round(green * 0.88), round(blue * 0.86)


def _lip(skin: Colour) -> Colour:
    red, green, blue = skin
    return round(red * 0.78), round(green * 0.48), round(blue * 0.50)


def _draw_freckles(pen: _Pen, face: _Face, rng: random.Random) -> None:
    for _ in range(16):
        x = 300 + rng.choice((-1, 1)) * rng.uniform(18, face.width * 0.40)
        pen.ellipse(x, face.eye_line + rng.uniform(36, 78), 3, 3, _shade(face.skin, 0.78))


def _draw_glasses(pen: _Pen, face: _Face) -> None:
    frame = (52, 54, 66)
    apart = face.width * 0.235
    for side in (-1, 1):
        x = 300 + side * apart
        pen.arc(x, face.eye_line + 2, 48, 42, (0, 360), 6, frame)
        pen.line(
            [(x + side * 46, face.eye_line - 4), (300 + side * face.width * 0.5, face.eye_line - 10)],
            6,
            frame,
        )
    pen.arc(300, face.eye_line + 2, apart - 44, 14, (190, 350), 6, frame)


def _draw_hair_behind(pen: _Pen, face: _Face, length: str, style: str) -> None:
    """Draw what hangs behind the head: nothing for short hair."""
    dark = _shade(face.hair, 0.82)
    half = face.width / 2
    if style in ("coily", "locs") and length in ("medium", "long"):
        pen.ellipse(300, face.top + half * 0.9, half + 72, half + 62, dark)
        return
    if length not in ("medium", "long"):
        return
    bottom = face.chin + (28 if length == "medium" else 190)
    if style in ("braided", "tied"):
        _draw_tails(pen, face, bottom, braided=style == "braided")
        return
    wide = half + (34 if style in ("curly", "wavy") else 28)
    pen.block(300 - wide, face.top + 60, 300 + wide, bottom, 80, dark)
    if style in ("curly", "wavy"):
        step, bulge = (54, 30) if style == "curly" else (84, 26)
        y = face.eye_line - 10
        while y < bottom:
            for side in (-1, 1):
                pen.ellipse(300 + side * (wide - 14), y, bulge, step * 0.6, dark)
            y += step


def _draw_tails(pen: _Pen, face: _Face, bottom: float, *, braided: bool) -> None:
    dark = _shade(face.hair, 0.82)
    half = face.width / 2
    pen.ellipse(300, face.top + half, half + 12, half + 8, dark)
    for side in (-1, 1):
        x = 300 + side * (half + 30)
        if braided:
            y = face.eye_line + 20
            while y < bottom:
                pen.ellipse(x, y, 27, 25, _shade(dark, 1.14) if int(y / 36) % 2 else dark)
                y += 36
        else:
            pen.ellipse(x + side * 14, face.eye_line + 50, 40, 105, dark)
        pen.ellipse(x - side * 6, face.eye_line - 8, 15, 15, (222, 92, 104))


def _draw_hair_above(pen: _Pen, face: _Face, length: str, style: str, rng: random.Random) -> None:
    half = face.width / 2
    top = face.top
    if length == "bald":
        return
    if length == "shaved":
        stubble = _mix(face.hair, face.skin, 0.72)
        pen.slice(300, top + half, half + 2, half + 3, (190, 350), stubble)
        pen.ellipse(300, top + half + 6, half * 0.78, half * 0.5, face.skin)
        return
    if style in ("coily", "locs", "curly"):
        _draw_curls(pen, face, full=length != "short", fine=style != "curly")
        return
    pen.slice(300, top + half * 0.94, half + 11, half * 1.08, (180, 360), face.hair)
    for side in (-1, 1):
        x, low = 300 + side * half, face.eye_line + (10 if length == "short" else 66)
        pen.polygon(
            [(x + side * 11, top + half * 0.9), (x - side * 26, top + half * 0.9), (x - side * 4, low)],
            face.hair,
        )
    _draw_hairline(pen, face, rng)


def _draw_hairline(pen: _Pen, face: _Face, rng: random.Random) -> None:
    """Cut the forehead out of the hair, or let locks fall over it."""
    half, edge = face.width / 2, face.top + face.width * 0.46
    cut = rng.choice(("swept back", "parted aside", "parted in the middle", "fringe", "locks"))
    if cut == "swept back":
        pen.ellipse(300, edge + 20, half * 0.84, half * 0.56, face.skin)
    elif cut == "parted aside":
        part = rng.choice((-1, 1))
        pen.ellipse(300 + part * half * 0.2, edge + 22, half * 0.66, half * 0.62, face.skin)
        pen.ellipse(300 - part * half * 0.3, edge + 26, half * 0.52, half * 0.34, face.skin)
    elif cut == "parted in the middle":
        for side in (-1, 1):
            pen.polygon(
                [(300, edge - half * 0.56), (300, edge + 22), (300 + side * half * 0.84, edge + 22)],
                face.skin,
            )
    elif cut == "locks":
        for step in range(-2, 3):
            x = 300 + step * half * 0.34
            pen.polygon(
                [(x - 32, edge - 6), (x + 32, edge - 6), (x + rng.uniform(-16, 16), edge + 34)], face.hair
            )
    else:
        pen.block(300 - half * 0.92, edge - 40, 300 + half * 0.92, edge + 16, 22, face.hair)


def _draw_curls(pen: _Pen, face: _Face, *, full: bool, fine: bool) -> None:
    half = face.width / 2
    radius = 30 if fine else 40
    reach = half + (26 if full else 2)
    count = 13 if fine else 10
    pen.slice(300, face.top + half * 0.94, half + 9, half * 1.06, (192, 348), face.hair)
    for step in range(count + 1):
        angle = math.radians(180 + 180 * step / count)
        pen.ellipse(
            300 + reach * math.cos(angle),
            face.top + half * 0.86 + (reach - 6) * math.sin(angle),
            radius,
            radius,
            face.hair,
        )
    for step in range(count):
        angle = math.radians(197 + 146 * step / (count - 1))
        x, y = 300 + (half - 22) * math.cos(angle), face.top + half * 0.92 + (half - 26) * math.sin(angle)
        pen.ellipse(x, y, radius * 0.8, radius * 0.8, _shade(face.hair, 1.1))


@cache
def _ribbon(label: str, size: tuple[int, int]) -> Image.Image:
    """Draw a ribbon from the lower left to the upper right, transparent elsewhere."""
    width, height = size
    scale = width / WIDTH
    band = Image.new("RGBA", (round(width * 1.5), round(76 * scale)), (*_RIBBON, 225))
    draw = ImageDraw.Draw(band)
    font = ImageFont.load_default(round(44 * scale))
    spaced = "      ".join([label] * 3)
    draw.text((band.width / 2, band.height / 2), spaced, font=font, fill=(*_RIBBON_TEXT, 255), anchor="mm")
    turned = band.rotate(28, Image.Resampling.BICUBIC, expand=True)
    ribbon = Image.new("RGBA", size, (0, 0, 0, 0))
    ribbon.paste(turned, (round(width / 2 - turned.width / 2), round(height * 0.85 - turned.height / 2)))
    return ribbon

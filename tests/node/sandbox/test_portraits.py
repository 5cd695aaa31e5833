"""Drawn faces: the same from the same chance, each another, marked, and small enough to publish."""

import io
import random

import pytest
from PIL import Image

from node.adapters.images import PhotographLimits, prepare_photograph
from node.sandbox.portraits import HEIGHT, WIDTH, draw_portrait
from schemas import Schemas

TERMS = Schemas.packaged().schema("case")["$defs"]


def draw(seed: int, **other: object) -> Image.Image:
    looks = {"sex": 2, "age": 9, "hair": {"colour": "brown"}, "eyes": {"colour": "blue"}} | other
    return draw_portrait(random.Random(seed), **looks)


def has_colour(image: Image.Image, colour: tuple[int, int, int], by: int = 12) -> bool:
    return any(
        all(abs(a - b) <= by for a, b in zip(found, colour, strict=True))
        for _, found in image.getcolors(image.width * image.height)
    )


def test_same_chance_same_face() -> None:
    assert draw(1).tobytes() == draw(1).tobytes()
    assert draw(1).size == (WIDTH, HEIGHT)
    assert len({draw(seed).tobytes() for seed in range(20)}) == 20


def options(term: str, field: str) -> list[str]:
    return list(TERMS[term]["properties"][field]["enum"])


@pytest.mark.parametrize("length", options("Hair", "length"))
@pytest.mark.parametrize("style", options("Hair", "style"))
def test_all_hair_of_the_schema_can_be_drawn(length: str, style: str) -> None:
    for colour in options("Hair", "colour"):
        draw(1, hair={"colour": colour, "length": length, "style": style}, size=(60, 80))


def test_all_eyes_and_complexions_of_the_schema_can_be_drawn() -> None:
    for colour in options("Eyes", "colour"):
        draw(1, eyes={"colour": colour}, size=(60, 80))
    for value in options("Complexion", "value"):
        draw(1, complexion={"value": value}, size=(60, 80))


def test_face_shows_what_the_record_says() -> None:
    assert has_colour(draw(3, hair={"colour": "red", "length": "long"}), (176, 78, 40))
    assert has_colour(draw(3, eyes={"colour": "green"}), (86, 138, 92))
    assert draw(3, glasses=True).tobytes() != draw(3).tobytes()
    assert draw(3, age=2).tobytes() != draw(3, age=17).tobytes()


def test_ribbon_is_always_across() -> None:
    for seed in range(10):
        image = draw(seed)
        ribbon = image.crop((0, HEIGHT // 2, WIDTH, HEIGHT))
        assert has_colour(ribbon, (206, 38, 48), by=30)
        assert has_colour(ribbon, (255, 255, 255))


def test_portraits_fit_the_small_rendition_at_its_full_size() -> None:
    for seed in range(5):
        out = io.BytesIO()
        draw(seed).save(out, "PNG")
        prepared = prepare_photograph(out.getvalue(), PhotographLimits())
        assert (prepared.full.width, prepared.full.height) == (WIDTH, HEIGHT)
        assert prepared.small.height == 320

"""services/site/look: what is changed, what stays as it was, and what the journal says."""

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from node.domain.site.look import Look, Numbers, OwnPage
from node.errors import Conflict, InvalidInput, NotFound
from node.runtime import Node
from node.services.site import look
from node.store.database import reading
from node.store.journal import Wanted, find_entries
from tests.federation import FR, Federation

ABOUT = OwnPage("about", {"en": "About"}, {"en": "We look."})


@pytest.fixture
def node(federation: Federation) -> Node:
    return federation[FR[0]]


def entries(node: Node) -> list[tuple[str, str, tuple[str, ...]]]:
    with reading(node.engine) as conn:
        found = find_entries(conn, Wanted(action="site"), 100)
    return [(item.entry.actor, item.entry.action, tuple(item.entry.fields)) for item in found]


def test_a_change_leaves_the_rest_as_it_is(node: Node) -> None:
    look.change_look(node, "test", names={"en": "Find them"})
    look.change_look(node, "test", languages=("en", "fr"))
    look.set_numbers(node, "FR", Numbers("17", "116000", "Us"), "test")
    look.set_page(node, ABOUT, "test")
    found = node.site_folder.read_look()
    assert found == Look(
        names={"en": "Find them"},
        languages=("en", "fr"),
        hotlines={"FR": Numbers("17", "116000", "Us")},
        pages=(ABOUT,),
    )
    assert look.numbers_of(found, "FR").emergency == "17"
    assert look.numbers_of(found, "DE").emergency == "112"
    look.set_numbers(node, "FR", None, "test")
    assert look.numbers_of(node.site_folder.look(), "FR").emergency == "112"
    said = entries(node)
    assert {item[:2] for item in said} == {("test", "site.change")}
    assert {name for item in said for name in item[2]} == {
        "names",
        "languages",
        "hotlines",
        "FR",
        "pages",
        "about",
    }
    assert "Find them" not in str(said)


def test_what_cannot_be_shown_changes_nothing(node: Node) -> None:
    look.change_look(node, "test", names={"en": "Find them"})
    with pytest.raises(InvalidInput):
        look.change_look(node, "test", names={"en": "x" * 81})
    with pytest.raises(InvalidInput):
        look.set_page(node, OwnPage("../x", {"en": "A"}, {"en": "B"}), "test")
    assert node.site_folder.look() == Look(names={"en": "Find them"})
    assert len(entries(node)) == 1


def test_pages(node: Node) -> None:
    look.set_page(node, ABOUT, "test")
    with pytest.raises(Conflict):
        look.set_page(node, ABOUT, "test")
    moved = OwnPage("who", {"en": "Who we are"}, {"en": "We look."})
    look.set_page(node, moved, "test", "about")
    assert node.site_folder.look().pages == (moved,)
    look.set_page(node, ABOUT, "test")
    with pytest.raises(Conflict):
        look.set_page(node, moved, "test", "about")
    with pytest.raises(NotFound):
        look.set_page(node, OwnPage("new", {"en": "A"}, {"en": "B"}), "test", "gone")
    look.remove_page(node, "who", "test")
    with pytest.raises(NotFound):
        look.remove_page(node, "who", "test")
    assert node.site_folder.look().pages == (ABOUT,)


def test_two_people_at_once_lose_nothing_of_each_other(node: Node) -> None:
    codes = [f"{first}{second}" for first in "AB" for second in "CDEFGH"]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda code: look.set_numbers(node, code, Numbers("112"), "test"), codes))
    assert node.site_folder.look().hotlines.keys() == set(codes)


def test_a_logo_is_made_small_and_of_pixels_alone(node: Node) -> None:
    made = io.BytesIO()
    Image.new("RGBA", (1200, 300), (255, 0, 0, 0)).save(made, "PNG", comment="x")
    look.set_logo(node, made.getvalue() + b"trailing", "test")
    data = node.site_folder.logo().data
    with Image.open(io.BytesIO(data)) as kept:
        assert (kept.format, kept.size, kept.mode) == ("PNG", (480, 120), "RGBA")
        assert kept.getpixel((0, 0))[3] == 0  # type: ignore[index]
    assert b"trailing" not in data
    look.set_logo(node, None, "test")
    assert not node.site_folder.logo().data
    assert entries(node)[0] == ("test", "site.change", ("logo",))


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(10_000_000),
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"",
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"#!/bin/sh",
    ],
)
def test_what_is_no_logo_is_refused(node: Node, data: bytes) -> None:
    with pytest.raises(InvalidInput):
        look.set_logo(node, data, "test")
    assert not node.site_folder.logo().data


def test_a_bomb_is_no_logo(node: Node) -> None:
    made = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(made, "PNG")
    assert len(made.getvalue()) < 1_000_000
    with pytest.raises(InvalidInput):
        look.set_logo(node, made.getvalue(), "test")


def test_a_file_that_is_broken_is_not_written_over(node: Node) -> None:
    look.change_look(node, "test", names={"en": "Find them"})
    path = node.config.home / "site/site.toml"
    path.write_text("names = {")
    with pytest.raises(InvalidInput):
        look.change_look(node, "test", languages=("en",))
    assert path.read_text() == "names = {"
    look.set_look(node, Look(), "test")
    assert node.site_folder.look() == Look()

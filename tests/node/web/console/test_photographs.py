"""Photographs of own cases: several at once, described, cut, ordered, and hostile files."""

import io
from html import unescape
from typing import Any
from unittest.mock import patch

import pytest
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from node.adapters.images import PhotographLimits
from node.domain.permissions import Role
from node.runtime import Node
from node.store.database import reading
from node.store.journal import Wanted, find_entries
from tests.factories import lang_text
from tests.node.web.console.conftest import Console, csrf_token, picture, send
from tests.node.web.console.test_cases import KIND, add_case, record_of, text_of


def upload(client: FlaskClient, page: str, files: dict[str, bytes], **fields: Any) -> TestResponse:
    """Add files, as they are named, to a case that nobody has changed yet."""
    sent = [(io.BytesIO(data), name) for name, data in files.items()]
    return send(client, f"{page}/photographs", pictures=sent, **{"revision": "1", **KIND, **fields})


def halves(red: int = 200) -> bytes:
    """Draw a picture that is red on its left half and blue on its right."""
    made = io.BytesIO()
    image = Image.new("RGB", (400, 200), (red, 0, 0))
    image.paste((0, 0, 200), (200, 0, 400, 200))
    image.save(made, "PNG")
    return made.getvalue()


@pytest.mark.parametrize(
    "data",
    [b"", b"GIF89a", b"<svg onload=alert(1)>", b"\x89PNG\r\n\x1a\n" + bytes(99), b"MZ" + bytes(1 << 18)],
)
def test_a_file_that_is_no_photograph_is_refused(console: Console, data: bytes) -> None:
    _, page = add_case(console)
    client = console.browser(Role.OPERATOR)
    sent = {"pictures": (io.BytesIO(data), "child.jpg"), "revision": "1", "taken": "2026", **KIND}
    answer = send(client, f"{page}/photographs", **sent)
    assert answer.status_code == 200
    assert "“child.jpg”: This is no photograph" in text_of(answer)
    assert 'href="#pictures"' in answer.text
    assert 'value="2026"' in answer.text
    assert "photos" not in record_of(console, page)


def test_an_upload_of_a_hundred_megabytes_is_refused(console: Console) -> None:
    _, page = add_case(console)
    client = console.browser(Role.OPERATOR)
    token = csrf_token(client.get(f"{page}/photographs"))
    answer = client.post(
        f"{page}/photographs",
        data={"csrf_token": token},
        environ_overrides={"CONTENT_LENGTH": str(100 << 20)},
    )
    assert answer.status_code == 413


def test_photographs_are_added_chosen_removed_and_sent(console: Console) -> None:
    _, page = add_case(console)
    client = console.browser(Role.OPERATOR)
    for revision in (1, 2):
        sent = {"pictures": (io.BytesIO(picture()), "child.png"), "revision": str(revision), **KIND}
        assert send(client, f"{page}/photographs", **sent).status_code == 303
    first, second = record_of(console, page)["photos"]
    assert first["primary"] is True
    assert "primary" not in second
    small, full = (item["sha256"] for item in sorted(first["renditions"], key=lambda item: item["bytes"]))
    for sha256 in (small, full):
        answer = client.get(f"{page}/photographs/{sha256}")
        assert answer.mimetype == "image/jpeg"
        assert answer.headers["Cache-Control"] == "no-store"
    with reading(console.node.engine) as conn:
        assert len(list(find_entries(conn, Wanted(action="photograph.open"), 10))) == 1
    token = csrf_token(client.get(f"{page}/photographs"))
    seen = {"csrf_token": token, "revision": "3"}
    client.post(f"{page}/photographs/0/1/first", data=seen)
    assert [item.get("primary") for item in record_of(console, page)["photos"]] == [None, True]
    client.post(f"{page}/photographs/0/1/remove", data=seen)  # changed meanwhile
    assert len(record_of(console, page)["photos"]) == 2
    client.post(f"{page}/photographs/0/1/remove", data={**seen, "revision": "4"})
    assert [item.get("primary") for item in record_of(console, page)["photos"]] == [True]
    assert client.get(f"{page}/photographs/{second['renditions'][0]['sha256']}").status_code in (200, 404)
    for place in ("0/7", "0/-1", "1/0", "-1/0", "99999999999999999999/0", "0/x", "0/"):
        client.post(f"{page}/photographs/{place}/remove", data={**seen, "revision": "5"})
    assert len(record_of(console, page)["photos"]) == 1


def test_several_are_added_at_once_and_those_that_are_none_are_named(console: Console) -> None:
    _, page = add_case(console)
    client = console.browser(Role.OPERATOR)
    moving = io.BytesIO()
    frames = [Image.new("RGB", (99, 99), colour) for colour in ("red", "blue")]
    frames[0].save(moving, "PNG", save_all=True, append_images=frames[1:])
    bomb = halves()[:16] + (30_000).to_bytes(4, "big") * 2 + halves()[24:]
    tiny = io.BytesIO()
    Image.new("RGB", (9, 9)).save(tiny, "PNG")
    files = {
        "one.png": halves(),
        "<script>alert(1)</script>.png": b"GIF89a",
        "../../moving.png": moving.getvalue(),
        "bomb.png": bomb,
        "tiny.png": tiny.getvalue(),
        "x" * 5_000: b"MZ",
        "two.jpg": halves(),
    }
    answer = upload(client, page, files, taken="2020")
    text = text_of(answer)
    assert len(record_of(console, page)["photos"]) == 2
    assert "Photographs added: 2" in text
    assert "moving.png”: The picture moves." in text
    assert "tiny.png”: The picture is so small" in text
    assert "“bomb.png”: " in text
    assert "<script>alert" not in answer.text
    assert len(answer.data) < 100_000
    assert "old: the child may look different now" in text
    assert [photo.get("primary") for photo in record_of(console, page)["photos"]] == [True, None]


def test_files_that_are_too_large_are_left_out_and_the_others_stay(console: Console) -> None:
    _, page = add_case(console)
    client = console.browser(Role.OPERATOR)
    with patch.object(Node, "photograph_limits", lambda _node: PhotographLimits(input_bytes=5_000)):
        answer = upload(client, page, {"huge.jpg": bytes(6_000), "one.png": halves()})
    assert "“huge.jpg”: The file is too large." in text_of(answer)
    assert len(record_of(console, page)["photos"]) == 1


def test_a_person_has_at_most_twenty(console: Console) -> None:
    _, page = add_case(console)
    client = console.browser(Role.OPERATOR)
    answer = upload(client, page, {f"{number}.png": halves() for number in range(23)})
    assert "One person has at most 20 photographs." in text_of(answer)
    assert len(record_of(console, page)["photos"]) == 20


def test_what_does_not_fit_adds_nothing_and_is_told(console: Console) -> None:
    _, page = add_case(console)
    client = console.browser(Role.OPERATOR)
    answer = upload(client, page, {"one.png": halves()}, taken="long ago")
    assert "Write a date like" in text_of(answer)
    for forged in ({"kind": "selfie"}, {"whose": "7"}, {"whose": "x"}):
        assert upload(client, page, {"one.png": halves()}, **forged).status_code == 200
    assert send(client, f"{page}/photographs", pictures="no file", revision="1", **KIND).status_code == 200
    assert "photos" not in record_of(console, page)


def test_a_photograph_is_cut_as_four_numbers_say(console: Console) -> None:
    _, page = add_case(console)
    client = console.browser(Role.OPERATOR)
    upload(client, page, {"one.png": halves()})
    before = record_of(console, page)["photos"][0]["renditions"]
    where = f"{page}/photographs/0/0/cut"
    for wrong in ("96", "-1", "x", "²", "", "9" * 99):
        answer = send(client, where, **{**SIDES, "left": wrong})
        assert "Write a whole number from 0 to 95." in text_of(answer), wrong
    assert "nobody can be seen" in text_of(send(client, where, **{**SIDES, "left": "90", "right": "90"}))
    assert "nobody can be seen" in text_of(send(client, where, **{**SIDES, "left": "50", "right": "48"}))
    old = send(client, where, **{**SIDES, "left": "50", "revision": "1"})
    assert "Somebody else changed the case meanwhile" in text_of(old)
    assert record_of(console, page)["photos"][0]["renditions"] == before
    assert send(client, where, **{**SIDES, "left": "50", "top": "10"}).status_code == 303
    after = record_of(console, page)["photos"][0]
    full = max(after["renditions"], key=lambda item: int(item["bytes"]))
    assert (full["width"], full["height"]) == (200, 180)
    assert after["primary"] is True
    answer = client.get(f"{page}/photographs/{full['sha256']}")
    red, _, blue = Image.open(io.BytesIO(answer.data)).convert("RGB").getpixel((5, 5))  # type: ignore[misc]
    assert blue > 150 > 50 > red


SIDES = {"left": "0", "top": "0", "right": "0", "bottom": "0", "revision": "2"}


def test_a_photograph_is_described_and_screen_readers_get_it(console: Console) -> None:
    _, page = add_case(console)
    client = console.browser(Role.OPERATOR)
    upload(client, page, {"one.png": halves()})
    child = record_of(console, page)["names"][0]["full"]
    assert f'alt="Photograph 1: {child}, boy, ' in client.get(page).text
    where = f"{page}/photographs/0/0"
    fields = {
        "kind": "age_progressed",
        "taken": "2026-06",
        "age_depicted": "15",
        "alt-0-lang": "en",
        "alt-0-text": 'A boy "with" a cap <b>',
        "allowed_uses": ["poster", "web"],
        "expires_at": "2027-01-01",
        "revision": "2",
    }
    again = send(client, where, **fields, add="alt")
    assert 'name="alt-1-lang"' in again.text
    assert "2026-06" in again.text
    wrong = send(client, where, **{**fields, "taken": "soon", "alt-0-lang": "?"})
    assert "Write a date like" in text_of(wrong)
    assert 'href="#taken"' in wrong.text
    assert send(client, where, **fields).status_code == 303
    stored = record_of(console, page)["photos"][0]
    assert stored["alt"] == lang_text(en='A boy "with" a cap <b>')
    assert stored["age_depicted"] == 15
    assert stored["allowed_uses"] == ["web", "poster"]
    assert stored["primary"] is True
    shown = client.get(page).text
    assert 'alt="A boy &#34;with&#34; a cap &lt;b&gt;"' in shown
    assert "drawn older · shows the age of 15 · taken: June 2026" in unescape(shown)
    old = send(client, where, **{**fields, "age_depicted": "9"})  # from a page of before
    assert "Somebody else changed the case meanwhile" in text_of(old)
    assert 'value="9"' in old.text
    assert record_of(console, page)["photos"][0] == stored


def test_companions_have_photographs_of_their_own(console: Console) -> None:
    companions = [{"role": "suspected_abductor", "relation": "father"}]
    _, page = add_case(console, companions=companions)
    client = console.browser(Role.OPERATOR)
    assert upload(client, page, {"one.png": halves(), "two.png": halves(40)}, whose="1").status_code == 303
    record = record_of(console, page)
    assert "photos" not in record
    (companion,) = record["companions"]
    assert len(companion["photos"]) == 2
    assert companion["relation"] == "father"
    album = client.get(f"{page}/photographs")
    assert "With the child: father, suspected of taking the child" in text_of(album)
    sent = {"csrf_token": csrf_token(album), "revision": "2"}
    client.post(f"{page}/photographs/1/1/earlier", data=sent)
    moved = record_of(console, page)["companions"][0]["photos"]
    assert moved == companion["photos"][::-1]
    client.post(f"{page}/photographs/1/0/remove", data={**sent, "revision": "3"})
    assert record_of(console, page)["companions"][0]["photos"] == companion["photos"][:1]
    for path in ("2/0", "1/7", "0/0"):
        for tail in ("", "/cut"):
            assert client.get(f"{page}/photographs/{path}{tail}").status_code == 404


def test_pictures_are_asked_for_again_after_signing_in(console: Console) -> None:
    """What was typed is there again; the files are not, and the page says so (docs/decisions/0021)."""
    _, page = add_case(console)
    client = console.browser(Role.OPERATOR)
    token = csrf_token(client.get(f"{page}/photographs"))
    console.federation.clock.advance(minutes=45)
    sent = {"pictures": [(io.BytesIO(halves()), "one.png")], "taken": "2026~", "revision": "1", **KIND}
    answer = client.post(f"{page}/photographs", data={"csrf_token": token, **sent})
    assert answer.location == "/sign-in"
    console.sign_in(client, console.people[Role.OPERATOR])
    again = client.get(f"{page}/photographs")
    assert 'value="2026~"' in again.text
    assert "choose them again" in text_of(again)
    assert upload(client, page, {"one.png": halves()}, taken="2026~").status_code == 303
    assert "choose them again" not in text_of(client.get(f"{page}/photographs"))


def test_only_who_writes_cases_changes_photographs(console: Console) -> None:
    _, page = add_case(console)
    analyst = console.browser(Role.ANALYST)
    token = csrf_token(analyst.get("/cases"))
    for path in ("", "/0/0", "/0/0/cut", "/0/0/remove"):
        answer = analyst.post(f"{page}/photographs{path}", data={"csrf_token": token, **SIDES})
        assert answer.status_code == 403, path

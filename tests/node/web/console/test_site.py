"""The room of the public site: what is changed there, what is refused beside its field, what is due."""

import io
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, stream_encode_multipart

from node.config import SiteConfig
from node.domain.permissions import Role
from node.domain.site.look import Colours, Look, Numbers
from node.services.site import library, look
from node.store.database import reading
from node.store.journal import Wanted, find_entries
from tests.node.services.site.test_library import FACTS, PDF
from tests.node.web.console.conftest import Console, csrf_token, make_site, send


def chosen(console: Console) -> Look:
    return console.node.site_folder.read_look()


def test_every_part_of_the_look_is_changed(console: Console) -> None:
    browser = console.browser(Role.OPERATOR)
    assert send(browser, "/site/words/en", name=" Find them ", intro="We look.\n").status_code == 303
    assert send(browser, "/site/words/ar", name="ابحثوا").status_code == 303
    assert send(browser, "/site/languages", offered=["fr", "ar", "en"], first="ar").status_code == 303
    assert send(browser, "/site/countries", shown=["DE"]).status_code == 303
    assert send(browser, "/site/colours", light="#7A1F3D", dark="#ffb3c7").status_code == 303
    assert chosen(console) == Look(
        names={"en": "Find them", "ar": "ابحثوا"},
        intro={"en": "We look."},
        languages=("ar", "en", "fr"),
        countries=("DE",),
        colours=Colours("#7a1f3d", "#ffb3c7"),
    )
    page = browser.get("/site").text
    for words in ("Find them", "Germany", "Arabic, English, French", "chosen here"):
        assert words in page
    send(browser, "/site/words/en", name="", intro="")
    send(browser, "/site/languages", first="")
    send(browser, "/site/countries")
    send(browser, "/site/colours", own="y", light="#ffffff", dark="#000000")
    assert chosen(console) == Look(names={"ar": "ابحثوا"})
    with reading(console.node.engine) as conn:
        said = [item.entry for item in find_entries(conn, Wanted(action="site"), 20)]
    assert {entry.actor for entry in said} == {"console:operator"}
    assert "Find them" not in str(said)


def test_where_codes_on_posters_lead_nowhere_is_said(console: Console) -> None:
    browser, words = console.browser(Role.OPERATOR), "codes on posters lead nowhere"
    assert words in browser.get("/site").text
    named = replace(console.node.config, site=SiteConfig(address="https://missing.example"))
    console.app.extensions["node"] = replace(console.node, config=named)
    page = browser.get("/site").text
    assert words not in page
    assert 'href="https://missing.example"' in page


def test_what_is_refused_stands_beside_its_field_with_what_to_do(console: Console) -> None:
    browser = console.browser(Role.ADMINISTRATOR)
    for path, typed, words in (
        ("/site/words/en", {"name": "x" * 81}, "Use at most 80 characters."),
        ("/site/colours", {"light": "#ffff00", "dark": "#ffb3c7"}, "The nearest colour that is not: #"),
        ("/site/colours", {"light": "red;", "dark": "#ffb3c7"}, "Write a colour like #0e4a5a."),
        ("/site/languages", {"offered": ["fr"], "first": "ar"}, "Tick this language below"),
        ("/site/languages", {"offered": ["tlh"]}, "valid choice"),
        ("/site/countries", {"shown": ["../"]}, "valid choice"),
        ("/site/numbers/FR", {"emergency": "javascript:1"}, "Write digits without spaces"),
        ("/site/pages/new", {"slug": "../x", "language": "en", "title": "A", "text": "B"}, "at most 40"),
        ("/site/pages/new", {"slug": "a", "language": "en", "title": "", "text": "B"}, "Write something."),
    ):
        answer = send(browser, path, **typed)
        assert answer.status_code == 200, path
        assert words in answer.text, (path, words)
    assert chosen(console) == Look()


def test_a_preview_changes_nothing(console: Console) -> None:
    browser = console.browser(Role.OPERATOR)
    answer = send(browser, "/site/colours", light="#7a1f3d", dark="#ffb3c7", preview="1")
    assert 'fill="#7a1f3d"' in answer.text
    assert chosen(console) == Look()


def test_a_page_is_written_translated_shown_and_removed(console: Console) -> None:
    browser = console.browser(Role.OPERATOR)
    text = "# Who\n[x](javascript:alert(1)) <script>alert(1)</script>"
    assert (
        send(browser, "/site/pages/new", slug="About", language="en", title="About", text=text).status_code
        == 303
    )
    answer = send(browser, "/site/pages/new", slug="about", language="en", title="Two", text="B")
    assert "There is a page with this address already." in answer.text
    assert send(browser, "/site/pages/about/fr", title="Qui", text="Nous").status_code == 303
    (page,) = chosen(console).pages
    assert page.titles == {"en": "About", "fr": "Qui"}
    shown = browser.get("/site/pages/about").text
    assert "&lt;script&gt;" in shown
    assert 'href="javascript' not in shown
    assert send(browser, "/site/pages/about/remove").status_code == 303
    assert chosen(console).pages == ()
    assert browser.get("/site/pages/about").status_code == 404


def test_numbers_are_typed_as_people_write_them_and_can_be_undone(console: Console) -> None:
    browser = console.browser(Role.OPERATOR)
    assert send(browser, "/site/numbers", country="US").location == "/site/numbers/US"
    send(browser, "/site/numbers/US", emergency="911", hotline="+1 (800) 843-5678", organisation="We")
    assert chosen(console).hotlines == {"US": Numbers("911", "+18008435678", "We")}
    assert send(browser, "/site/numbers/US/reset").status_code == 303
    assert chosen(console).hotlines == {}
    for path in ("/site/numbers/ZZ", "/site/numbers/EU", "/site/words/xx", "/site/pages/none"):
        assert browser.get(path).status_code == 404


def upload(console: Console, path: str, field: str, data: bytes, **typed: Any) -> TestResponse:
    """Send a form with a file; from memory, however large it is."""
    browser = console.browser(Role.OPERATOR)
    file = FileStorage(io.BytesIO(data), "../../x.png")
    sent = {"csrf_token": csrf_token(browser.get(path)), field: file, **typed}
    stream, length, boundary = stream_encode_multipart(sent, threshold=1 << 30)
    with stream:
        return browser.post(
            path,
            input_stream=stream,
            content_length=length,
            content_type=f"multipart/form-data; boundary={boundary}",
        )


def test_a_logo(console: Console) -> None:
    made = io.BytesIO()
    Image.new("RGB", (300, 100), "red").save(made, "PNG")
    assert upload(console, "/site/logo", "picture", made.getvalue()).status_code == 303
    browser = console.browser(Role.OPERATOR)
    assert browser.get("/site/logo.png").data.startswith(b"\x89PNG")
    for data in (b"<svg/>", b"", b"\x89PNG\r\n\x1a\n" + bytes(2_500_000)):
        assert upload(console, "/site/logo", "picture", data).status_code == 200
    assert upload(console, "/site/logo", "picture", bytes(10_000_000)).status_code == 413
    assert console.node.site_folder.logo().data
    send(browser, "/site/logo/remove")
    assert not console.node.site_folder.logo().data


TYPED = {
    "title": "What to do",
    "language": "en",
    "topic": "if-missing",
    "licence": "CC-BY-4.0",
    "review": "2027-11-21",
}


def test_a_document_is_added_renewed_and_removed(console: Console) -> None:
    assert upload(console, "/site/library/new", "file", PDF, **TYPED).status_code == 303
    ((found, facts),) = library.list_shown(console.node)
    assert facts == FACTS
    browser, path = console.browser(Role.OPERATOR), f"/site/library/{found.filed.sha256}"
    assert send(browser, path, **{**TYPED, "review": "2028-01-01"}).status_code == 303
    assert library.list_shown(console.node)[0][1].review.year == 2028
    assert send(browser, f"{path}/remove").status_code == 303
    assert library.list_documents(console.node) == []


@pytest.mark.parametrize(
    ("data", "changes", "words"),
    [
        (b"<html>", {}, "neither a PDF nor a plain text"),
        (b"", {}, "neither a PDF nor a plain text"),
        (b"a" * 5_000_001, {}, "larger than 5 MB"),
        (PDF, {"review": "2026-11-21"}, "Choose a day that is still to come"),
        (PDF, {"review": "soon"}, "Write the day like"),
        (PDF, {"title": " "}, "Write something."),
        (PDF, {"topic": "x"}, "valid choice"),
    ],
)
def test_a_document_that_cannot_be_taken_is_said_why(
    console: Console, data: bytes, changes: dict[str, str], words: str
) -> None:
    answer = upload(console, "/site/library/new", "file", data, **TYPED | changes)
    assert answer.status_code == 200
    assert words in answer.text
    assert library.list_documents(console.node) == []


def test_a_document_past_its_day_is_due_today_for_those_who_may_renew_it(console: Console) -> None:
    make_site(console)
    words = "1 document of the library should be looked at again."
    for role in Role:
        assert (words in console.browser(role).get("/").text) is (role in (Role.OPERATOR, Role.ADMINISTRATOR))
    assert "now due" in console.browser(Role.OPERATOR).get("/site/library").text


def test_a_document_that_does_not_verify_is_pointed_out(console: Console) -> None:
    console.node.site_folder.write_document(PDF, "pdf", "a.b.c")
    page = console.browser(Role.OPERATOR).get("/site/library").text
    assert "Document without a valid signature" in page
    assert "Not shown to readers" in page
    (found,) = library.list_documents(console.node)
    send(console.browser(Role.OPERATOR), f"/site/library/{found.filed.sha256}", **TYPED)
    assert library.list_shown(console.node)


def test_a_file_that_somebody_broke_is_said_and_not_written_over(console: Console) -> None:
    look.change_look(console.node, "test", names={"en": "Find them"})
    console.node.site_folder.look()
    path = console.node.config.home / "site/site.toml"
    path.write_text("theme = 1")
    browser = console.browser(Role.OPERATOR)
    page = browser.get("/site").text
    assert "site.toml cannot be read" in page
    assert "theme" in page
    assert send(browser, "/site/words/en", name="Other").status_code == 200
    assert send(browser, "/site/countries").status_code == 400
    assert path.read_text() == "theme = 1"

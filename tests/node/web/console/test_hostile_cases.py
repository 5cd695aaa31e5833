"""Hostile content in every field of a case, on every page that shows it; hostile forms."""

import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from node.domain.permissions import Role
from node.services.register import album, drafts
from node.services.register import cases as register
from node.services.register.album import Album
from node.web.console.cases.form import type_record
from node.web.console.cases.sections import EVERY_SECTION, Group, Leaf
from schemas import SchemaError
from tests.factories import GATE_ANSWERS, SCHEMAS, lang_text, sample_full_record
from tests.node.web.console.conftest import Console, csrf_token, picture, send
from tests.node.web.console.test_cases import CHILD, add_case, begin, record_of

SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)><a href=javascript:alert(1)>{{7*7}}"
OVERRIDE = "\u202egnp.\u2069\u202dexe"
WEB = "https://x/\"'><script>alert(1)</script>"
VOID = {"meta", "link", "input", "img", "br", "wbr", "hr"}
ISOLATED = {"bdi", "textarea", "option"}


class Looked(HTMLParser):
    """What a browser would make of a page, as far as hostile texts care.

    Attributes:
        wrong: what must not be on any page.
        texts: every text with the tags and the directions of what it stands in.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.texts: list[tuple[str, list[tuple[str, str]]]] = []
        self._inside: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if (tag == "script" and not given.get("src", "").startswith("/static/")) or (
            any(name.startswith("on") for name in given) or given.get("src") == "x"
        ):
            self.wrong.append(f"<{tag} {given}>")
        if given.get("href", "").strip().lower().startswith(("javascript:", "data:")):
            self.wrong.append(given["href"])
        if tag not in VOID:
            self._inside.append((tag, given.get("dir", "")))

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.texts.append((data, list(self._inside)))

    def loose(self) -> list[str]:
        """Give the texts whose letters turn round what stands beside them."""
        found = []
        for text, inside in self.texts:
            bare = re.sub("\u2068[^\u2068\u2069]*\u2069+", "", text)
            kept = any(tag in ISOLATED or turned == "auto" for tag, turned in inside)
            if re.search("[\u202a-\u202e\u2066-\u2069]", bare) and not kept:
                found.append(f"{inside[-1:]}: {text!r}")
        return found


def hostile(text: str, web: str) -> dict[str, Any]:
    """Give a record with a text in every field that takes one, and how many there are."""
    record = sample_full_record(
        photos=None,
        birth_place={"country": "UA", "subdivision": "UA-46", "place": lang_text(uk="Стрий")},
        external_refs=[{"system": "interpol", "value": "2026/1"}],
        contacts=[{"kind": "web", "value": "https://x.example", "hours": "24/7"}],
        companions=[
            {
                "role": "suspected_abductor",
                "names": [{"full": "A", "kind": "legal"}],
                "description": lang_text(uk="B"),
            }
        ],
        vehicles=[{"make": "A", "model": "B", "colour": "C", "plate": "D", "country": "UA"}],
        destinations=[{"country": "PL", "region": lang_text(uk="Краків")}],
        outcome=None,
        outcome_date=None,
        adult_decision=None,
    )
    record["alert"]["state"] = "proposed"
    for path in list(_strings(record)):
        *way, last = path
        place: Any = record
        for step in way:
            place = place[step]
        before = place[last]
        place[last] = web if before == "https://x.example" else text
        if not _fits(record):
            place[last] = before
    return record


def _strings(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        if isinstance(inner, str):
            yield (*path, name)
        yield from _strings(inner, (*path, name))


def _fits(record: dict[str, Any]) -> bool:
    try:
        SCHEMAS.check("case", record)
    except SchemaError:
        return False
    return True


def own_pages(console: Console, record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Give every page on which an own case with this record is shown, with its address."""
    node = console.node
    (case,) = register.add_cases(node, [record], "test", node.scratch())
    about = {"kind": "photo", "alt": record["clothing"], "licence": "x", "rights_holder": "y"}
    seen = Album(case.case_id, None, 1)
    assert album.add_photographs(node, seen, [picture()], about, "test") == [""]
    case = register.get_case(node, case.case_id)
    page = f"/cases/{case.case_id.partition('/')[2]}"
    typed = type_record(case.record, "UTC")
    changed = {**typed, "notes": f"{typed['notes']} x", "names": [*typed["names"], dict(typed["names"][0])]}
    draft = drafts.begin_change(node, console.people[Role.INVESTIGATOR], case, changed)
    where = f"/cases/unfinished/{draft.id}"
    client = console.browser(Role.INVESTIGATOR)
    for address in (
        *("/", "/cases", "/due", page, f"{page}/history", f"{page}/change", f"{page}/photographs"),
        *(f"{page}/photographs/0/0", f"{page}/photographs/0/0/cut", f"{where}/throw-away", f"{where}/check"),
        *(f"{where}/{section.key}?checked=1" for section in EVERY_SECTION),
    ):
        yield address, client.get(address).text
    yield "/cases/find", send_to(client, "/cases", "/cases/find", name=record["names"][0]["full"])
    operator, approver = console.browser(Role.OPERATOR), console.browser(Role.APPROVER)
    for address in (f"{page}/propose", f"{page}/close", f"{page}/withdraw", f"{page}/erase"):
        yield address, operator.get(address).text
    answer = send(
        operator, f"{page}/propose", **{**GATE_ANSWERS, "channels": ["public", "poster"], "revision": 2}
    )
    yield f"{page}/propose (sent)", answer.text
    for address in ("/gate", answer.location or "/gate"):
        yield address, approver.get(address).text


def send_to(client: Any, shown: str, address: str, **fields: str) -> str:
    return str(client.post(address, data={"csrf_token": csrf_token(client.get(shown)), **fields}).text)


def foreign_pages(console: Console, record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Give every page on which another member's case with this record is shown."""
    (theirs,) = console.federation.publish("police.de.example", record)
    console.federation.pull(console.node.member, "police.de.example")
    client, address = console.browser(Role.INVESTIGATOR), f"/foreign/{theirs.case_id}"
    yield address, client.get(address).text
    assert send(client, f"{address}/purpose", purpose="border check, report 4711").status_code == 303
    opened = client.get(address).text
    assert "Medical needs" in opened
    yield f"{address} (opened)", opened
    for asked in ({"country": "DE"}, {"text": "alert"}):
        yield "/search", client.get(send(client, "/search", **asked).location).text
    yield f"{address}/tell", client.get(f"{address}/tell", follow_redirects=True).text


def test_a_script_in_any_field_is_text_on_every_page(console: Console) -> None:
    record = hostile(SCRIPT, WEB)
    assert str(record).count("alert(1)") > 35, record
    for pages in (own_pages, foreign_pages):
        for address, page in pages(console, record):
            assert page, address
            assert Looked(page).wrong == [], address
            assert "{{7*7}}" in page or "49<" not in page, address
            assert len(page.encode()) < 100_000, address


def test_letters_that_turn_a_line_round_turn_only_their_own(console: Console) -> None:
    record = hostile(OVERRIDE, "https://x.example")
    assert str(record).count("gnp") > 30
    for pages in (own_pages, foreign_pages):
        for address, page in pages(console, record):
            assert Looked(page).loose() == [], address


def leaves(items: Any, at: str = "") -> Iterator[tuple[str, Leaf]]:
    """Give every field of the form, in the first of the rows that it stands in."""
    for item in items:
        if isinstance(item, Leaf):
            yield at + item.name, item
        else:
            yield from leaves(item.fields, f"{at}{item.name}-" + ("" if isinstance(item, Group) else "0-"))


@pytest.mark.parametrize("text", ["\0", "a\0b", "\udcff", "\x1b[31m", "9" * 400, "\u202e"], ids=repr)
def test_no_field_of_the_form_breaks_at_what_nobody_can_type(console: Console, text: str) -> None:
    client = console.browser(Role.OPERATOR)
    where = begin(client)
    for section in EVERY_SECTION:
        fields = {name: text.encode("utf-8", "surrogatepass") for name, _ in leaves(section.items)}
        answer = send(client, f"{where}{section.key}", **fields, go="check")
        assert answer.status_code == 303, section.key
        assert client.get(f"{where}{section.key}?checked=1").status_code == 200
    token = {"X-CSRFToken": csrf_token(client.get("/cases/new"))}
    for name, _ in [pair for section in EVERY_SECTION for pair in leaves(section.items)]:
        sent = {name: text.encode("utf-8", "surrogatepass")}
        assert client.post("/cases/typed", data=sent, headers=token).status_code == 200, name
    assert client.get(f"{where}check").status_code == 200
    assert send(client, f"{where}check").status_code == 200
    assert register.list_cases(console.node, None, 10, 0) == []
    assert client.get("/cases").status_code == 200


def test_texts_of_a_hundred_thousand_letters_are_kept_or_refused_with_words(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    where = begin(client)
    long = {
        "circumstances-0-lang": "en",
        "circumstances-0-text": "word " * 20_000,
        "missing_since": "9" * 100_000,
    }
    assert send(client, f"{where}disappearance", **long, go="on").status_code == 303
    page = client.get(f"{where}disappearance?checked=1")
    assert "What you typed is kept as it is." in page.text
    assert 'href="#circumstances-0-text"' in page.text
    fields = [name for section in EVERY_SECTION for name, _ in leaves(section.items)]
    flood = {name: "x" * 20_000 for name in fields if name.partition("-")[0] == "companions"}
    flood |= {f"companions-{n}-description-{m}-text": "x" * 20_000 for n in range(10) for m in range(20)}
    answer = send(client, f"{where}others", **flood)
    assert answer.status_code in (303, 400, 413)
    assert client.get(f"{where}others").status_code == 200


def test_another_persons_draft_and_another_members_case_are_nobodys(console: Console) -> None:
    owner, other = console.browser(Role.OPERATOR), console.browser(Role.INVESTIGATOR)
    where = begin(owner)
    token = csrf_token(other.get("/cases/new"))
    for name in ("child", "others", "preventive", "check", "throw-away"):
        answer = other.post(f"{where}{name}", data={"csrf_token": token, **CHILD, "names-0-full": "Mine now"})
        assert answer.location == "/cases", name
    assert "Mine now" not in owner.get(f"{where}child").text
    foreign = console.told.foreign.partition("/")[2]
    sent = {"csrf_token": token, "revision": "1", "left": "0", "top": "0", "right": "0", "bottom": "0"}
    for tail in ("", "/0/0", "/0/0/cut"):
        assert other.post(f"/cases/{foreign}/photographs{tail}", data=sent).status_code == 404, tail
    assert other.post(f"/cases/{foreign}/photographs/0/0/remove", data=sent).status_code == 404
    assert other.post(f"/cases/{foreign}/change", data=sent).status_code == 404


@pytest.mark.parametrize(
    ("name", "said"), [("child.svg", "image/svg+xml"), ("child.jpg", "text/html"), ("child.exe", "")]
)
def test_what_a_file_is_decides_its_bytes_and_not_what_is_said_of_it(
    console: Console, name: str, said: str
) -> None:
    _, page = add_case(console)
    client = console.browser(Role.OPERATOR)
    for data, status in ((b"<svg onload=alert(1)>", 200), (picture(), 303)):
        sent = {"pictures": (io.BytesIO(data), name, said), "revision": "1", "kind": "photo", "whose": "0"}
        assert send(client, f"{page}/photographs", **sent).status_code == status
    (photo,) = record_of(console, page)["photos"]
    answer = client.get(f"{page}/photographs/{photo['renditions'][0]['sha256']}")
    assert answer.mimetype == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"

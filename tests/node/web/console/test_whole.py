"""Whoever decides about a field is shown all of it: every language, every member, every digit."""

import copy
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from flask import g
from markupsafe import escape

from node.domain.permissions import Role
from node.services.disclosure import gate
from node.services.register import album
from node.services.register import cases as register
from node.web.console.cases.whole import describe_whole, picture_forms
from tests.factories import GATE_ANSWERS, lang_text, sample_full_record, sample_photo
from tests.node.web.console.conftest import Console, picture, propose, send

UNKNOWN = {"member_of_2030": [{"inner": "x", "list": ["y", 7]}], "plain": "z"}


def marked(value: Any, numbers: Iterator[int]) -> Any:
    """Give the value with another mark in the place of every leaf."""
    match value:
        case dict():
            return {name: marked(item, numbers) for name, item in value.items()}
        case list():
            return [marked(item, numbers) for item in value]
        case bool():
            return value
        case float():
            return next(numbers) + 0.12345
        case int():
            return next(numbers)
    return f"mark{next(numbers)}"


def leaves(value: Any) -> Iterator[str]:
    match value:
        case dict():
            yield from (leaf for item in value.values() for leaf in leaves(item))
        case list():
            yield from (leaf for item in value for leaf in leaves(item))
        case bool():
            yield "yes" if value else "no"
        case _:
            yield str(value)


@pytest.mark.parametrize(("language", "point"), [("en", "."), ("fr", ",")])
def test_every_leaf_of_every_field_is_said(console: Console, language: str, point: str) -> None:
    record = {**sample_full_record(), "vehicles": [{"plate": "x", **UNKNOWN}], **UNKNOWN}
    record["companions"][0]["photos"] = [sample_photo("other")]
    record["names"].append({"full": "x", "transliteration_of": "y", "system": "z", "order": "given_first"})
    record["photos"][0] |= {"allowed_uses": ["web"], "expires_at": "2026-12-01", "licence": "x"}
    record = marked(record, count(100))
    with console.app.test_request_context("/", headers={"Accept-Language": language}):
        g.visit = None
        for name, value in record.items():
            lines = describe_whole(name, value)
            said = " ".join(part.text for line in lines for part in line.parts)
            wanted = [leaf.replace(".", point) for leaf in leaves(value)]
            missing = [leaf for leaf in wanted if leaf not in said]
            assert missing in ([], ["yes"]), name  # in French "oui"


def test_what_a_value_is_not_is_not_taken_for_it(console: Console) -> None:
    with console.app.test_request_context("/"):
        g.visit = None
        assert describe_whole("names", None) == []
        (line,) = describe_whole("height", {"min": 140, "max": 145.25, "unit": "cm"})
        assert [(part.name, part.text) for part in line.parts] == [
            ("At least", "140"),
            ("At most", "145.25"),
            ("", "cm"),
        ]
        first, second = describe_whole("circumstances", lang_text(pt="uma", ar="اثنان"))
        assert (first.path, first.parts[0].language, first.parts[1].text) == (
            "Portuguese",
            "pt",
            "as it was said",
        )
        assert (second.path, second.parts[0].text, second.parts[1].text) == (
            "Arabic",
            "اثنان",
            "translated by a person",
        )
    small, large = (form["sha256"] for form in sample_photo("a")["renditions"])
    assert picture_forms([{"role": "companion", "photos": [sample_photo("a")]}]) == [(small, large)]


def test_the_approver_is_shown_all_that_leaves(console: Console) -> None:
    name = {
        "full": "Ana Lima",
        "given": "ANA-GIVEN",
        "family": "LIMA-FAMILY",
        "kind": "legal",
        "lang": "pt-BR",
        "script": "Latn",
        "order": "given_first",
    }
    asked = propose(
        console,
        names=[name, {"full": "Анна", "kind": "alias", "transliteration_of": "Ana Lima", "system": "SYS-9"}],
        circumstances=lang_text(pt="texto neutro", ar="سر في العنوان"),
        height={"min": 140, "max": 145, "unit": "cm", "measured_on": "2024"},
    )
    page = console.browser(Role.APPROVER).get(f"/gate/{asked.id}").text
    shown = ("ANA-GIVEN", "LIMA-FAMILY", "SYS-9", "texto neutro", "سر في العنوان", "Measured on", "BR-BA")
    assert [text for text in shown if str(escape(text)) not in page] == []
    assert 'lang="ar"' in page


def test_photographs_are_shown_with_all_that_is_said_of_them(console: Console) -> None:
    node, who = console.node, "console:operator"
    case = register.get_case(node, propose(console).case_id)
    consent = {**case.record["consent"], "scope": ["network", "public", "photograph"]}
    about = {
        "kind": "photo",
        "alt": lang_text(pt="ALT-MARK"),
        "licence": "LICENCE-MARK",
        "rights_holder": "RIGHTS-MARK",
        "allowed_uses": ["poster"],
        "expires_at": "2026-12-24",
    }
    case = register.change_case(node, case.case_id, {"consent": consent}, who, node.scratch())
    where = album.Album(case.case_id, None, case.revision)
    assert album.add_photographs(node, where, [picture()], copy.deepcopy(about), who) == [""]
    case = register.get_case(node, case.case_id)
    asked = gate.request(node, case.case_id, GATE_ANSWERS, who)
    page = console.browser(Role.APPROVER).get(f"/gate/{asked.id}").text
    for text in ("ALT-MARK", "LICENCE-MARK", "RIGHTS-MARK", "poster", "24 Dec 2026"):
        assert text in page
    for form in case.record["photos"][0]["renditions"]:
        assert f"/photographs/{form['sha256']}" in page


def test_the_history_and_a_change_show_every_language(console: Console) -> None:
    case = register.get_case(console.node, propose(console).case_id)
    texts = lang_text(pt="texto neutro", ar="سر في العنوان")
    who = "console:operator"
    register.change_case(console.node, case.case_id, {"circumstances": texts}, who, console.node.scratch())
    opaque = case.case_id.partition("/")[2]
    client = console.browser(Role.OPERATOR)
    assert "سر في العنوان" in client.get(f"/cases/{opaque}/history").text
    begun = send(client, f"/cases/{opaque}/change", section="disappearance").location
    rows = [("pt", "outro", "original"), ("ar", "آخر", "human")]
    fields = {
        f"circumstances-{number}-{name}": value
        for number, row in enumerate(rows)
        for name, value in zip(("lang", "text", "origin"), row, strict=True)
    }
    send(client, begun, go="check", **fields)
    checked = client.get(begun.rpartition("/")[0] + "/check").text
    assert "سر في العنوان" in checked
    assert "آخر" in checked

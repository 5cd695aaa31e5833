"""The list of posters that were made, by which those on walls are called back."""

import re

from node.domain.permissions import Role
from node.services.disclosure import publishing
from node.services.register import cases as register
from node.store.database import writing
from node.store.posters import note_poster
from tests.factories import sample_record
from tests.federation import FR
from tests.node.web.console.conftest import Console

UNKNOWN = f"{FR[0]}/{'a' * 26}"


def make(console: Console, case: str, version: int = 1, *forms: str) -> None:
    """Write down that posters were made."""
    with writing(console.node.engine) as conn:
        for form in forms or ("A4.pdf",):
            note_poster(conn, case, version, "classic", form, "en", console.node.clock())


def rows(console: Console, address: str = "/posters") -> list[str]:
    page = console.browser(Role.OPERATOR).get(address)
    assert page.status_code == 200
    text = [re.sub(r"<[^>]+>|\s+", " ", row) for row in page.text.split('<tr role="row">')]
    return [" ".join(row.split()) for row in text[2:]]


def test_before_any_was_made(console: Console) -> None:
    page = console.browser(Role.OPERATOR).get("/posters")
    assert "No poster was made yet." in page.text
    assert "/posters" in console.browser(Role.OPERATOR).get("/cases").text


def test_what_to_do_about_each(console: Console) -> None:
    node, federation = console.node, console.federation
    shown, changed, over = (
        federation.publish(FR[0], sample_record("pt", photos=None))[0].case_id for _ in range(3)
    )
    for case in (shown, changed, over):
        make(console, case, 1, "A4.pdf", "A3.pdf")
    register.change_case(node, changed, {"category": "runaway"}, "test", None)
    publishing.publish(node, [changed], "test")
    publishing.erase(node, over, "test")
    found = {case: next(row for row in rows(console) if case in row) for case in (shown, changed, over)}
    assert "still shown" in found[shown]
    assert "changed since" in found[changed]
    assert "print it anew" in found[changed]
    assert "no longer shown" in found[over]
    assert "taken down" in found[over]
    assert all("Kinds: 2" in row for row in found.values())
    page = console.browser(Role.OPERATOR).get("/posters").text
    assert f'href="/cases/{shown.partition("/")[2]}"' in page
    assert f'href="/cases/{over.partition("/")[2]}"' not in page


def test_a_long_list_has_pages(console: Console) -> None:
    for number in range(30):
        make(console, UNKNOWN[:-2] + f"{'bcdefghijklm'[number // 3]}{'xyz'[number % 3]}")
    first, second = rows(console), rows(console, "/posters?page=2")
    assert (len(first), len(second)) == (25, 5)
    assert not set(first) & set(second)

"""services/site/library: what may be handed out, what is signed of it, and what is shown to nobody."""

from dataclasses import replace
from datetime import date

import pytest

from node.adapters.site_folder import MAX_DOCUMENT_BYTES
from node.errors import Conflict, InvalidInput, NotFound
from node.runtime import Node
from node.services.site import library
from node.services.site.library import Facts
from node.store.database import reading
from node.store.journal import Wanted, find_entries
from protocol.resource import verify_resource
from tests.federation import DE, FR, Federation

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n\x00\xff\ntrailer\n<<>>\n%%EOF\n"
FACTS = Facts(
    title="What to do", language="en", licence="CC-BY-4.0", topic="if-missing", review=date(2027, 11, 21)
)


@pytest.fixture
def node(federation: Federation) -> Node:
    return federation[FR[0]]


def test_a_document_is_signed_listed_and_read(node: Node) -> None:
    sha256 = library.add_document(node, PDF, FACTS, "test")
    ((found, facts),) = library.list_shown(node)
    assert (found.filed.sha256, found.filed.kind, facts) == (sha256, "pdf", FACTS)
    assert library.read_shown_document(node, sha256)[1] == PDF
    signed = verify_resource(found.filed.statement, node.network().roster.token_key)
    assert (signed.issuer, signed.resource.digest.hex()) == (node.member, sha256)
    with pytest.raises(Conflict, match="already"):
        library.add_document(node, PDF, FACTS, "test")


def test_a_title_is_spelled_as_its_language_spells(node: Node) -> None:
    facts = replace(FACTS, title="راهنمای خانواده‌ها", language="fa")
    library.add_document(node, PDF, facts, "test")
    assert [shown for _, shown in library.list_shown(node)] == [facts]


def test_it_is_due_from_its_day_of_review_on_until_somebody_signs_a_later_one(node: Node) -> None:
    sha256 = library.add_document(node, b"Read me.\n", replace(FACTS, review=date(2026, 11, 22)), "test")
    assert library.count_due(node) == 0
    node.clock.advance(days=1)  # type: ignore[attr-defined]
    assert library.count_due(node) == 1
    later = replace(FACTS, title="  What to do today ", review=date(2027, 11, 22))
    library.change_document(node, sha256, later, "test")
    assert library.count_due(node) == 0
    ((_, facts),) = library.list_shown(node)
    assert facts == replace(later, title="What to do today")
    library.remove_document(node, sha256, "test")
    assert library.list_documents(node) == []
    for call in (library.find_document, library.read_shown_document):
        with pytest.raises(NotFound):
            call(node, sha256)
    with pytest.raises(NotFound):
        library.remove_document(node, sha256, "test")
    with reading(node.engine) as conn:
        said = [item.entry for item in find_entries(conn, Wanted(action="site"), 10)]
    assert [entry.action.partition("-")[2] for entry in said] == ["remove", "change", "add"]
    assert all(list(entry.fields) == [sha256] for entry in said)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \n",
        b"%PDF-1.7 cut off",
        b"<!doctype html><script>alert(1)</script>",
        b"\xef\xbb\xbf <html>",
        b"MZ\x90\x00",
        b"PK\x03\x04",
        b"\xff\xfeh\x00",
        b"a\x00b",
        b"\x1b[31mred",
        b"\x89PNG\r\n\x1a\n",
    ],
)
def test_what_is_neither_a_pdf_nor_a_text_is_refused(node: Node, data: bytes) -> None:
    with pytest.raises(InvalidInput, match="neither"):
        library.add_document(node, data, FACTS, "test")
    assert library.list_documents(node) == []


def test_what_is_too_large_is_refused(node: Node) -> None:
    with pytest.raises(InvalidInput, match="larger than 5 MB"):
        library.add_document(node, b"a" * (MAX_DOCUMENT_BYTES + 1), FACTS, "test")


@pytest.mark.parametrize(
    "changes",
    [
        {"title": " "},
        {"title": "x" * 201},
        {"title": "a\nb"},
        {"licence": ""},
        {"language": ""},
        {"topic": "x"},
    ],
)
def test_what_cannot_be_said_of_a_document_is_refused(node: Node, changes: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="cannot be taken"):
        library.add_document(node, PDF, replace(FACTS, **changes), "test")  # type: ignore[arg-type]
    assert library.list_documents(node) == []


def test_what_was_not_signed_here_is_shown_to_nobody(federation: Federation, node: Node) -> None:
    peer = federation[DE[0]]
    sha256 = library.add_document(peer, PDF, FACTS, "test")
    theirs = peer.site_folder.list_documents()[0].statement
    node.site_folder.write_document(PDF, "pdf", theirs)
    node.site_folder.write_document(b"other", "txt", theirs)
    node.site_folder.write_document(b"third", "txt", "no.such.thing")
    own = library.add_document(node, b"Own text", FACTS, "test")
    assert [found.filed.sha256 for found, _ in library.list_shown(node)] == [own]
    assert [found.facts is None for found in library.list_documents(node)] == [True, True, True, False]
    with pytest.raises(NotFound):
        library.read_shown_document(node, sha256)
    assert library.count_due(node) == 3
    library.change_document(node, sha256, FACTS, "test")  # whoever may do this signs it for this member
    assert library.count_due(node) == 2

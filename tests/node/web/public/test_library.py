"""The library: what is listed, and how a document is sent."""

from dataclasses import replace
from datetime import date

from node.services.site import library
from protocol.resource import verify_resource
from tests.node.services.site.test_library import FACTS, PDF
from tests.node.web.public.conftest import Site


def test_documents_are_listed_by_language_that_of_the_reader_first(site: Site) -> None:
    assert "There are no documents here yet." in site.browser().get("/en/library").text
    for language, title in (("de", "Merkblatt"), ("en", "Leaflet"), ("ar", "منشور")):
        library.add_document(
            site.node, title.encode(), replace(FACTS, title=title, language=language), "test"
        )
    page = site.browser().get("/en/library").text
    assert page.index("Leaflet") < page.index("Merkblatt")
    assert '<span lang="ar" dir="rtl">منشور</span>' in page
    assert "out of date" not in page


def test_one_that_should_have_been_looked_at_says_so_mildly(site: Site) -> None:
    library.add_document(site.node, PDF, replace(FACTS, review=date(2026, 11, 21)), "test")
    page = site.browser().get("/en/library").text
    assert "It may be out of date: it should have been looked at again by 21 Nov 2026." in page


def test_a_document_is_a_file_to_keep_and_its_statement_beside_it(site: Site) -> None:
    sha256 = library.add_document(site.node, PDF, replace(FACTS, title='Was "tun"? <b>/../é'), "test")
    answer = site.browser().get(f"/library/{sha256}.pdf")
    assert (answer.data, answer.mimetype) == (PDF, "application/pdf")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "/" not in answer.headers["Content-Disposition"]
    answer = site.browser().get(f"/library/{sha256}.jws")
    signed = verify_resource(answer.text, site.node.network().roster.token_key)
    assert (answer.mimetype, signed.resource.digest.hex()) == ("application/jose", sha256)


def test_a_text_is_never_a_page(site: Site) -> None:
    sha256 = library.add_document(site.node, b"Call <script>alert(1)</script>", FACTS, "test")
    answer = site.browser().get(f"/library/{sha256}.txt")
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_nothing_else_of_the_folder_is_sent(site: Site) -> None:
    sha256 = library.add_document(site.node, PDF, FACTS, "test")
    browser = site.browser()
    for path in (
        f"{sha256}.txt",
        f"{'0' * 64}.pdf",
        "../site.toml",
        "%2e%2e/site.toml",
        "x.jws",
        f"{sha256}.toml",
    ):
        assert browser.get(f"/library/{path}").status_code == 404, path
    file = site.node.config.home / "site/library" / f"{sha256}.pdf"
    file.write_bytes(PDF + b"changed")
    assert browser.get(f"/library/{sha256}.pdf").status_code == 404
    library.remove_document(site.node, sha256, "test")
    assert browser.get(f"/library/{sha256}.pdf").status_code == 404
    assert sha256 not in browser.get("/en/library").text

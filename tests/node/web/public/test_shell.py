"""What stands around every page: written once for many of them, and right on each."""

import re
from unittest.mock import patch

from node.services.site import look
from node.web.public import shell
from tests.node.web.public.conftest import Site


def test_it_is_written_once_and_leads_to_each_page_in_every_language(site: Site) -> None:
    cases = [site.publish(photos=None) for _ in range(2)]
    with patch.object(shell, "render_template", wraps=shell.render_template) as written:
        pages = [site.browser().get(f"/en/child/{case_id}").text for case_id in cases]
    assert written.call_count == 1
    for case_id, page in zip(cases, pages, strict=True):
        assert f'hreflang="el" href="http://localhost/el/child/{case_id}"' in page
        assert f'<a href="/el/child/{case_id}" lang="el" hreflang="el">' in page


def test_a_member_s_words_make_no_room_in_it(site: Site) -> None:
    look.change_look(site.node, "test", names={"en": "We <block> and <rest>"})
    page = site.browser().get("/en/help").text
    assert page.count("We &lt;block&gt; and &lt;rest&gt;") == 2
    assert "<block>" not in page
    assert "<rest>" not in page


def test_it_follows_the_reader_the_list_and_the_host(site: Site) -> None:
    browser = site.browser()
    feeds = [
        re.findall(r'atom\+xml" title="[^"]+" href="([^"]+)"', browser.get(f"/en/{path}").text)[0]
        for path in ("country/FR", "country/DE", "newest", "country/XX")
    ]
    assert [feed.partition("?")[2] for feed in feeds] == ["country=FR", "country=DE", "", ""]
    assert browser.get("/fr/newest").text.startswith('<!doctype html>\n<html lang="fr"')
    elsewhere = browser.get("/en/newest", headers={"Host": "elsewhere.example"}).text
    assert 'hreflang="el" href="http://elsewhere.example/el/newest"' in elsewhere
    assert "hreflang" not in browser.post("/en/search", data={"name": "Nobody"}).text

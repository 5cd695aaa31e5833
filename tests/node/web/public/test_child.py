"""The page of a child: what it says, and what it never says."""

from tests.node.web.public.conftest import Site


def test_an_own_child_and_one_of_another_member_have_a_page(site: Site) -> None:
    for case_id in (site.publish(), site.publish(own=False)):
        page = site.browser().get(f"/en/child/{case_id}")
        assert page.status_code == 200
        assert "<h1>" in page.text
        assert "Set-Cookie" not in page.headers

"""What search engines are told: which pages there are, and what they should leave alone.

Guarantees: a child who is no longer shown is in no list from then on; in an exercise nothing is to be found
by anybody.
"""

from flask import Blueprint, Response, render_template, url_for
from werkzeug.exceptions import NotFound

from node.services.site import showing
from node.web.public.allowance import spending
from node.web.public.request import offered, this_look, this_node, whole_address

pages = Blueprint("discovery", __name__)

LIST_SECONDS = 300
_PAGES = (
    "search.start",
    "lists.newest",
    "lists.long_term",
    "lists.alerts",
    "lists.countries",
    "help.show",
    "library.index",
    "partners.show",
)


@pages.route("/robots.txt")
def robots() -> Response:
    """Tell programs which pages they should leave alone."""
    if this_node().network().policy.exercise:
        lines = ["User-agent: *", "Disallow: /"]
    else:
        lines = [
            "User-agent: *",
            "Disallow: /*/search",
            "Disallow: /*/seen$",
            f"Sitemap: {whole_address(url_for('discovery.sitemap'))}",
        ]
    return _plain("\n".join([*lines, ""]), "text/plain; charset=utf-8")


@pages.route("/sitemap.xml")
def sitemap() -> Response:
    """List the lists of pages."""
    parts = showing.list_parts(this_node())
    listed = [whole_address(url_for("discovery.sitemap_of_lists"))]
    listed += [whole_address(url_for("discovery.sitemap_of_children", part=part)) for part in parts]
    return _plain(render_template("sitemap.xml", parts=listed, pages=()), "application/xml")


@pages.route("/sitemap-lists.xml")
def sitemap_of_lists() -> Response:
    """List the pages that are of no single child, in every language."""
    listed = [
        (whole_address(url_for(endpoint, language=language)), None)
        for endpoint in _PAGES
        for language in offered()
    ]
    listed += [
        (whole_address(url_for("own_pages.show", language=language, slug=page.slug)), None)
        for page in this_look().pages
        for language in offered()
    ]
    return _plain(render_template("sitemap.xml", parts=(), pages=listed), "application/xml")


@pages.route("/sitemap-<int:part>.xml")
def sitemap_of_children(part: int) -> Response:
    """List the pages of some children, in the first language; each of them names the others."""
    if part > 1_000_000:
        raise NotFound
    language = next(iter(offered()))
    base = whole_address(f"/{language}/child/")
    with spending():
        listed = [(base + case_id, changed) for case_id, changed in showing.list_addresses(this_node(), part)]
        if not listed:
            raise NotFound
        return _plain(render_template("sitemap.xml", parts=(), pages=listed), "application/xml")


def _plain(text: str, kind: str) -> Response:
    response = Response(text, content_type=kind)
    response.headers["Cache-Control"] = f"public, max-age={LIST_SECONDS}, must-revalidate"
    return response

"""The pages that a member has written itself.

Guarantees: what it wrote is text, with headings, lists and links of https, telephone and mail; nothing of it
is markup.
"""

from flask import Blueprint, render_template

from node.domain.site.prose import parse_prose
from node.services.site.look import find_page
from node.web.public.look import say_own
from node.web.public.request import this_look

pages = Blueprint("own_pages", __name__, url_prefix="/<language:language>")


@pages.route("/page/<slug>")
def show(slug: str) -> str:
    """Show a page of the member's own."""
    page = find_page(this_look(), slug)
    title, language = say_own(page.titles)
    blocks = parse_prose(page.texts[language])
    return render_template("own_page.html", title=title, written_in=language, blocks=blocks)

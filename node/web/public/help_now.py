"""Help now: whom to call in the reader's country, and what to do first.

Guarantees: the reader chooses the country; before that it is the one that their browser names, else the
site's own, and caches keep these apart.
"""

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response

from node.services.site.look import known_countries, numbers_of
from node.web.cases.text import show_country
from node.web.languages import asked_languages
from node.web.public.request import this_look, this_node

pages = Blueprint("help", __name__, url_prefix="/<language:language>")


@pages.route("/help")
def show() -> Response:
    """Show whom to call, and what to do."""
    known = known_countries(this_look())
    asked = request.args.get("country", "")
    country = asked if asked in known else suggest_country(known)
    response = make_response(
        render_template(
            "help.html",
            country=country,
            country_name=show_country(country),
            numbers=numbers_of(this_look(), country),
            countries=sorted((show_country(code), code) for code in known | {country}),
        )
    )
    if country != asked:
        response.vary.add("Accept-Language")
    return response


def suggest_country(known: set[str]) -> str:
    """Return the country that a reader's browser names; else that of this member."""
    for tag in asked_languages().values():
        for part in tag.split("-")[1:]:
            if part.upper() in known:
                return part.upper()
    return this_node().country

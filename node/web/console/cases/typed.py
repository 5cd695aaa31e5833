"""What is said of a field while somebody types it: how it is understood, what is wrong with it, how a name is
spelled in Latin letters.

Guarantees: nothing of it is kept; a suggestion becomes part of a case only when somebody takes it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from node.domain.names.romanising import Spelling, suggest_spellings
from node.domain.permissions import Permission
from node.services.register import drafts
from node.web.cases.text import show_country, show_date, show_language, show_script
from node.web.console.base.guard import needs, this_node
from node.web.console.cases.form import code_of, find_leaf, place_problem, read_section, read_typed, value_of
from node.web.console.cases.sections import PHOTOGRAPH, WRONG, Leaf, Section

pages = Blueprint("case_typed", __name__)

SAID: Mapping[str, Any] = MappingProxyType(
    {
        "date": show_date,
        "day": show_date,
        "missing": show_date,
        "moment": show_date,
        "country": show_country,
        "countries": lambda codes: ", ".join(map(show_country, codes)),
        "where": lambda codes: ", ".join(map(show_country, codes)) or _("nowhere"),
        "language": show_language,
        "languages": lambda tags: ", ".join(map(show_language, tags)),
        "script": show_script,
        "phone": str,
    }
)
"""How a field of each kind is said back in words."""

CHECKED = frozenset({*WRONG, "name"})
"""The kinds of fields of which something is said while one types."""


@dataclass(frozen=True, slots=True)
class Saying:
    """What is said beside a field.

    Attributes:
        words: how it is understood; empty where nothing needs saying.
        wrong: why it cannot be read; empty where it can.
        spellings: of a name.
    """

    words: str = ""
    wrong: Any = ""
    spellings: Sequence[Spelling] = ()


@pages.route("/cases/typed", methods=["POST"])
@needs(Permission.WRITE_CASES)
def say() -> str:
    """Answer with what is said of the one field that was sent, and for a name its language."""
    for at, text in request.form.items():
        found = find_leaf(at)
        if found is not None and found[1].kind in CHECKED:
            section, leaf = found
            beside = request.form.get(f"{at.rpartition('-')[0]}-lang", "")
            wrong = text.strip() and _problem(section, leaf, at, text)
            saying = Saying(wrong=wrong) if wrong else say_back(leaf, text, beside)
            return render_template("cases/said.html", saying=saying, at=at)
    return ""


def say_back(leaf: Leaf, text: str, language: str = "") -> Saying:
    """Say how a field is understood; nothing where it cannot be read, or says it all by itself.

    Args:
        language: as it is typed, of a name.
    """
    if leaf.kind == "name":
        return Saying(spellings=suggest_spellings(text, code_of(language, "languages")))
    value = value_of(leaf, text, ZoneInfo(this_node().config.console.timezone)) if text.strip() else None
    if leaf.kind not in SAID or value is None:
        return Saying()
    words = str(SAID[leaf.kind](value))
    return Saying("" if words.casefold() == text.strip().casefold() else words)


def _problem(section: Section, leaf: Leaf, at: str, text: str) -> Any:
    """Hold a record of this field alone against the schema, and say what is wrong with the field."""
    node = this_node()
    sole = re.sub(r"-\d+-", "-0-", re.sub(r"-\d+-", "-0-", at))
    typed = read_section(section, MultiDict([(sole, text)]))
    top = at.partition("-")[0]
    value = read_typed(typed, {}, node.config.console.timezone, (section,))[top]
    if section is PHOTOGRAPH:
        problems = drafts.problems_of(node, {"photos": [{top: value}]})
    else:
        problems = drafts.problems_of(node, {top: value})
    for problem in problems:
        path = problem.path.removeprefix("photos[0].")
        if place_problem(path, typed, (section,))[0] == sole and not problem.message.startswith("is missing"):
            return WRONG.get(leaf.kind) or _("This does not fit.")
    return ""

"""Entering a case and changing one: section by section, kept at every step, checked at the end.

Guarantees: whatever was sent is kept before anything else happens to it; nothing becomes part of the register
but by its author's word on the last page; where somebody else has changed the case meanwhile, both versions
are there to choose from, field by field.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.exceptions import NotFound as NoSuchPage
from werkzeug.wrappers import Response

from node.domain.permissions import Permission
from node.errors import Conflict, InvalidInput, NotFound
from node.services.register import cases as register
from node.services.register import drafts
from node.services.register.drafts import Draft, Merge
from node.store.register.cases import CaseFile
from node.web.cases.words import FIELDS
from node.web.console.base.forms import Form, ask_first, kept_fields
from node.web.console.base.guard import actor, needs, person, this_node
from node.web.console.base.refusals import say_refusal
from node.web.console.cases.form import (
    add_row,
    place_problem,
    read_section,
    read_typed,
    remove_row,
    take_spelling,
    type_record,
)
from node.web.console.cases.own_fields import name_field
from node.web.console.cases.sections import (
    EVERY_SECTION,
    PREVENTIVE,
    SECTION_OF,
    SECTIONS,
    WRONG,
    Leaf,
    Rows,
    Section,
)
from node.web.console.cases.typed import CHECKED, say_back
from node.web.console.cases.whole import Line, describe_whole

pages = Blueprint("case_drafts", __name__)

_AT_RISK = "at_risk_preventive"
_BY_KEY = {section.key: section for section in EVERY_SECTION}


@dataclass(frozen=True, slots=True)
class Wrong:
    """A problem where its reader can mend it.

    Attributes:
        place: the id of the field.
        missing: whether nothing is there yet.
    """

    section: Section
    place: str
    label: Any
    text: Any
    missing: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that a change touches: what was there, what the author wrote, what somebody else wrote since.

    Attributes:
        theirs: None where nobody else has changed it.
    """

    name: str
    label: Any
    before: Sequence[Line]
    mine: Sequence[Line]
    theirs: Sequence[Line] | None


@pages.route("/cases/new", methods=["GET", "POST"], defaults={"key": SECTIONS[0].key})
@pages.route("/cases/new/<key>", methods=["GET", "POST"])
@needs(Permission.WRITE_CASES)
def begin(key: str) -> Response | str:
    """Begin a new case with the first section of a child that is missing, or at risk."""
    section = next((one for one in (SECTIONS[0], PREVENTIVE) if one.key == key), None)
    if section is None:
        raise NoSuchPage
    if Form().validate_on_submit():
        typed = {**type_record({}, _zone()), **read_section(section, request.form)}
        place = _change_rows(section, typed)
        return _go_on(drafts.begin_case(this_node(), person(), typed), section, place)
    kept = kept_fields()
    typed = read_section(section, kept) if kept else type_record({}, _zone())
    return _show(None, section, typed, ())


@pages.route("/cases/<opaque>/change", methods=["GET", "POST"])
@needs(Permission.WRITE_CASES)
def change(opaque: str) -> Response | str:
    """Begin to change a case, or go on with what was begun; asks first, so that looking begins nothing."""
    case = register.get_case(this_node(), f"{this_node().member}/{opaque}")
    form = Form()
    if form.validate_on_submit():
        draft = drafts.begin_change(this_node(), person(), case, type_record(case.record, _zone()))
        return redirect(_address(draft, _BY_KEY.get(request.form.get("section", ""), SECTIONS[0])), 303)
    sections = EVERY_SECTION if _AT_RISK in case.record else SECTIONS
    return render_template("cases/change.html", form=form, sections=sections, opaque=opaque)


@pages.route("/cases/unfinished/<draft_id>/<key>", methods=["GET", "POST"])
@needs(Permission.WRITE_CASES)
def section(draft_id: str, key: str) -> Response | str:
    """Show one section of something unfinished, and keep what is typed there."""
    if key not in _BY_KEY:
        raise NoSuchPage
    here = _BY_KEY[key]
    draft = _find(draft_id)
    if draft is None:
        return _gone()
    if Form().validate_on_submit():
        mine = read_section(here, request.form)
        place = _change_rows(here, mine)
        kept_now = drafts.keep_draft(this_node(), person(), draft_id, lambda typed: {**typed, **mine})
        return _go_on(kept_now, here, place)
    kept = kept_fields()
    typed = {**draft.typed, **read_section(here, kept)} if kept else draft.typed
    problems = _problems(draft, typed) if "checked" in request.args else ()
    if wanted := request.args.get("add", ""):
        add_row(here, typed, wanted)
    return _show(draft, here, typed, [wrong for wrong in problems if wrong.section is here])


@pages.route("/cases/unfinished/<draft_id>/check", methods=["GET", "POST"])
@needs(Permission.WRITE_CASES)
def check(draft_id: str) -> Response | str:
    """Show what is still wrong, and what would change; then make it so."""
    draft = _find(draft_id)
    if draft is None:
        return _gone()
    merge = _merge(draft)
    problems = list(_problems(draft, draft.typed))
    form = Form()
    if form.validate_on_submit() and not problems:
        chosen = {name: request.form.get(f"take-{name}", "") for name in merge.disputed}
        seen = request.form.get("revision", "")
        if merge.case is not None and seen != str(merge.case.revision):
            flash(
                _("Somebody else changed the case while you looked. Nothing was changed: look once more."),
                "warning",
            )
            return redirect(url_for(".check", draft_id=draft.id), 303)
        try:
            return _finished(draft, merge, drafts.finish_draft(this_node(), draft, merge, chosen, actor()))
        except Conflict as error:
            choose = _("Choose for each field below which version stays.")
            flash(choose if merge.disputed else say_refusal(error), "error")
        except InvalidInput:
            flash(_("The case cannot be stored as it is. Look at what you chose."), "error")
    return render_template(
        "cases/check.html",
        form=form,
        draft=draft,
        case=merge.case,
        problems=problems,
        differences=list(_differences(merge)),
        disputed=merge.disputed,
        sections=_way(draft.typed),
        title=_title(draft),
    )


@pages.route("/cases/unfinished/<draft_id>/throw-away", methods=["GET", "POST"])
@needs(Permission.WRITE_CASES)
def throw_away(draft_id: str) -> Response | str:
    """Throw something unfinished away, after asking."""
    draft = _find(draft_id)
    if draft is None:
        return _gone()

    def drop() -> Response:
        drafts.drop_draft(this_node(), draft)
        flash(_("What you had begun is thrown away."))
        return redirect(url_for("cases.index"), 303)

    return ask_first(
        drop,
        _("Throw it away"),
        lambda: _title(draft),
        _("What you typed and have not stored is lost. A case that is in the register stays as it is."),
        url_for(".check", draft_id=draft.id),
    )


def draft_name(draft: Draft) -> str:
    """Call something unfinished by the child's name, for its author's eyes."""
    names = draft.typed.get("names") or (draft.typed.get(_AT_RISK) or {}).get("names") or ()
    return next((str(row["full"]) for row in names if row.get("full")), "") or str(_("Name not known"))


def _way(typed: Mapping[str, Any]) -> Sequence[Section]:
    """Return the sections of a case, in order: that of a child at risk only where something stands in it."""
    return EVERY_SECTION if any((typed.get(_AT_RISK) or {}).values()) else SECTIONS


def _title(draft: Draft | None) -> str:
    return str(_("Change a case") if draft is not None and draft.case_id else _("New case"))


def _find(draft_id: str) -> Draft | None:
    try:
        return drafts.find_draft(this_node(), person(), draft_id)
    except NotFound:
        return None


def _gone() -> Response:
    flash(_("This is not unfinished any more, or it is somebody else's."), "warning")
    return redirect(url_for("cases.index"), 303)


def _change_rows(here: Section, typed: dict[str, Any]) -> str:
    """Do what the button says that was pressed, and return the id of the rows that it changed."""
    if wanted := request.form.get("remove", ""):
        remove_row(here, typed, wanted)
        return wanted.rpartition("-")[0]
    if wanted := request.form.get("spell", ""):
        return take_spelling(here, typed, wanted) or wanted.rpartition("-")[0]
    return ""


def _go_on(draft: Draft, here: Section, place: str) -> Response:
    """Go where the button says that was pressed; what was typed is kept already.

    Args:
        place: the id of the rows that the button changed.
    """
    if wanted := request.form.get("add", ""):
        return redirect(f"{_address(draft, here, add=wanted)}#{wanted}", 303)
    if place:
        return redirect(f"{_address(draft, here)}#{place}", 303)
    if request.form.get("go") == "place":
        return redirect(url_for("case_place.choose", draft_id=draft.id), 303)
    if request.form.get("go") == "check":
        return redirect(url_for(".check", draft_id=draft.id), 303)
    wrong = [item for item in _problems(draft, draft.typed) if item.section is here and not item.missing]
    if wrong or request.form.get("go") == "stay":
        return redirect(_address(draft, here, checked=1), 303)
    coming = SECTIONS[SECTIONS.index(here) + 1 :] if here in SECTIONS else ()
    if not coming:
        return redirect(url_for(".check", draft_id=draft.id), 303)
    return redirect(_address(draft, coming[0]), 303)


def _address(draft: Draft, here: Section, **arguments: Any) -> str:
    return url_for(".section", draft_id=draft.id, key=here.key, **arguments)


def _show(draft: Draft | None, here: Section, typed: Mapping[str, Any], problems: Sequence[Wrong]) -> str:
    errors: dict[str, list[Any]] = {}
    for wrong in problems:
        errors.setdefault(wrong.place, []).append(wrong.text)
    return render_template(
        "cases/section.html",
        form=Form(),
        draft=draft,
        section=here,
        sections=_way(typed) if here is not PREVENTIVE else EVERY_SECTION,
        typed=typed,
        problems=problems,
        errors=errors,
        title=_title(draft),
        say_back=say_back,
        checked=CHECKED,
    )


def _zone() -> str:
    return this_node().config.console.timezone


def _merge(draft: Draft) -> Merge:
    node = this_node()
    fields = read_typed(draft.typed, drafts.base_of(node, draft), _zone())
    return drafts.merge_draft(node, person(), draft, fields)


def _problems(draft: Draft, typed: Mapping[str, Any]) -> Iterator[Wrong]:
    """Find what is wrong with the record that would come of it."""
    node = this_node()
    base = drafts.base_of(node, draft)
    record = {**base, **read_typed(typed, base, _zone())}
    found = drafts.problems_of(node, {name: value for name, value in record.items() if value is not None})
    for problem in found:
        place, item = place_problem(problem.path, typed)
        missing = problem.message.startswith("is missing")
        top = problem.path.partition(".")[0].partition("[")[0]
        home = SECTION_OF.get(top, SECTIONS[0])
        label = item.label if item is not None and item.label else FIELDS.get(top, home.label)
        yield Wrong(home, place or top, label, _words_for(item, missing=missing), missing)


def _words_for(item: Any, *, missing: bool) -> Any:
    if isinstance(item, Rows) and item.texts and not missing:
        return _("Write the language of each text, and one of them as it was said.")
    if missing:
        return _("Fill this in.")
    if isinstance(item, Leaf) and item.kind in WRONG:
        return WRONG[item.kind]
    return _("This does not fit: it is too long, has signs that nobody can print, or is not one of the list.")


def _differences(merge: Merge) -> Iterator[Difference]:
    """Compare, but for fields that are wrong: they cannot be described."""
    now = merge.case.record if merge.case else {}
    for name in sorted(merge.changes, key=list(SECTION_OF).index):
        if not _fits(name, merge.changes[name]):
            continue
        theirs = describe_whole(name, now.get(name)) if name in merge.theirs else None
        mine, before = describe_whole(name, merge.changes[name]), describe_whole(name, merge.base.get(name))
        yield Difference(name, name_field(name), before, mine, theirs)


def _fits(name: str, value: Any) -> bool:
    """Tell whether a field is right by itself: of a whole record only so many problems are told."""
    problems = drafts.problems_of(this_node(), {name: value}) if value is not None else ()
    return not any(re.match(rf"{name}\b", problem.path) for problem in problems)


def _finished(draft: Draft, merge: Merge, case: CaseFile | None) -> Response:
    case_id = case.case_id if case else draft.case_id
    if case is None:
        flash(_("Nothing was changed."))
    elif merge.case is None:
        flash(_("The case is in the register. Add photographs now; nothing has left the house."))
    else:
        stored = _(
            "The change is stored. What other members see stays as it is until the case is published again."
        )
        flash(stored)
    return redirect(url_for("cases.show", opaque=case_id.partition("/")[2]), 303)

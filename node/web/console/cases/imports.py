"""Own cases from a spreadsheet: the file, its columns, the questions about them, the rows tried, the import.

Guarantees: nothing becomes part of the register but by a button that says how many cases it makes; what was
said is kept at every step; the file is never written anywhere in the clear.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, render_template, request, stream_with_context, url_for
from flask_babel import get_locale, lazy_gettext
from flask_babel import gettext as _
from flask_wtf.file import FileField, FileRequired
from werkzeug.wrappers import Response

from node.adapters.tables.sheet import MAX_FILE_BYTES
from node.domain.names.similarity import fold
from node.domain.permissions import Permission
from node.domain.spreadsheets.columns import DATE_ORDERS, HEIGHTS, MAX_FIXED, TARGETS, WEIGHTS, ColumnMapping
from node.domain.spreadsheets.conversion import is_readable, language_code
from node.errors import Conflict, InvalidInput, NodeError, NotFound
from node.services.spreadsheets import intake, mappings, report
from node.services.spreadsheets.intake import Import
from node.services.spreadsheets.words import column_letters, column_name
from node.store.register import imports
from node.web.cases.text import show_language
from node.web.console.base.forms import Form, ask_first, kept_fields
from node.web.console.base.guard import actor, needs, person, this_node
from node.web.console.base.paging import PAGE_SIZE, Page, page_number
from node.web.console.base.refusals import say_refusal
from node.web.console.cases import import_words

pages = Blueprint("case_imports", __name__)

_COLUMNS_SHOWN = 10  # each has a list of all fields
_OPTIONS_SHOWN = 300  # of all words that are translated on one page
_ALSO_ASKED = ("category",)


class FileForm(Form):
    """A spreadsheet to import."""

    file = FileField(
        lazy_gettext("Spreadsheet"),
        [FileRequired(lazy_gettext("Choose a file."))],
        description=lazy_gettext("CSV or XLSX, with a row of headers and one child a row; at most 16 MB."),
        render_kw={"accept": ".csv,.tsv,.txt,.xlsx"},
    )


@pages.route("/cases/import", methods=["GET", "POST"])
@needs(Permission.IMPORT_CASES, body=MAX_FILE_BYTES + (1 << 20))
def index() -> Response | str:
    """Take a spreadsheet, and list those that its reader has on the way."""
    form = FileForm()
    if form.validate_on_submit():
        sent = form.file.data
        with sent.stream as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
        try:
            found = intake.take_file(
                this_node(), person(), sent.filename, data, str(get_locale() or "en"), actor()
            )
        except (InvalidInput, Conflict) as error:
            form.file.errors = [say_refusal(error)]
        else:
            return redirect(url_for(".columns", import_id=found.id), 303)
    return render_template(
        "cases/imports.html",
        form=form,
        found=intake.list_imports(this_node(), person()),
        states=import_words.STATES,
        mappings=mappings.list_mappings(this_node()),
    )


@pages.route("/cases/import/<import_id>/columns", methods=["GET", "POST"])
@needs(Permission.IMPORT_CASES)
def columns(import_id: str) -> Response | str:
    """Ask which column is which field, some columns at a time."""
    found = _find(import_id)
    if found is None or found.row.state not in _CHANGEABLE:
        return _elsewhere(found)
    page = Page.cut(range(len(found.headers)), request.args.get("page", ""), _COLUMNS_SHOWN)
    form, twice = Form(), ""
    if form.validate_on_submit():
        if request.form.get("go") in ("read", "load"):
            return _read_anew(found)
        chosen, twice = _chosen_columns(found, request.form, page)
        if not twice:
            found = intake.set_mapping(this_node(), found, replace(found.mapping, columns=chosen))
            if request.form.get("go") == "next":
                return redirect(page.address(page.number + 1), 303)
            return redirect(url_for(".questions", import_id=import_id), 303)
    sent = request.form if twice else kept_fields()
    mapped = {place: name for name, place in found.mapping.columns.items()}
    if sent:
        mapped |= {place: sent.get(f"column-{place}", "") for place in page.items}
    return render_template(
        "cases/import_columns.html",
        form=form,
        found=found,
        page=page,
        mapped=mapped,
        twice=twice,
        mappings=mappings.list_mappings(this_node()),
        words=import_words,
        column_name=column_name,
        column_letters=column_letters,
    )


@pages.route("/cases/import/<import_id>/questions", methods=["GET", "POST"])
@needs(Permission.IMPORT_CASES)
def questions(import_id: str) -> Response | str:
    """Ask what the columns do not say: values for every row, unknown words, the order of dates, units."""
    found = _find(import_id)
    if found is None or found.row.state not in _CHANGEABLE:
        return _elsewhere(found)
    form = Form()
    wrong: list[str] = []
    if form.validate_on_submit():
        found = intake.set_mapping(this_node(), found, _answered(found, request.form))
        wrong = [*_wrong_values(found), *found.open_questions()]
        if name := request.form.get("save", "").strip():
            try:
                mappings.save_mapping(this_node(), found, name, actor())
                flash(_("The mapping is saved under its name."))
            except InvalidInput as error:
                flash(say_refusal(error), "error")
        if not wrong and not any(found.unknown_words().values()):
            return _start(found)
        if not wrong and request.form.get("go") == "check":
            return _start(found)
    elif kept := kept_fields():
        found = replace(found, mapping=_answered(found, kept))
    words, more = _words_to_ask(found)
    asked = [TARGETS[name] for name in TARGETS if _is_asked(name, found.mapping)]
    return render_template(
        "cases/import_questions.html",
        form=form,
        found=found,
        asked=asked,
        unknown=words,
        more=more,
        wrong=wrong,
        orders=found.orders_of_dates(),
        words=import_words,
        targets=TARGETS,
        language=show_language(found.mapping.language) if found.mapping.language else "",
    )


@pages.route("/cases/import/<import_id>", methods=["GET", "POST"])
@needs(Permission.IMPORT_CASES)
def show(import_id: str) -> Response | str:
    """Show what the rows are, and put the good ones into the register."""
    found = _find(import_id)
    if found is None:
        return _elsewhere(found)
    form = Form()
    if form.validate_on_submit():
        try:
            intake.start_import(this_node(), found, update=bool(request.form.get("update")))
        except Conflict as error:
            flash(say_refusal(error), "error")
        return redirect(url_for(".show", import_id=import_id), 303)
    if found.row.state == imports.MAPPING:
        return redirect(url_for(".columns", import_id=import_id), 303)
    counts = report.count_outcomes(this_node(), found)
    there = [state for state in report.SHOWN if counts.rows.get(state)]
    state = request.args.get("rows", "")
    state = state if state in there else next(iter(there), imports.WRONG)
    total = counts.rows.get(state, 0)
    number = page_number(request.args.get("page", ""), total)
    rows = report.list_outcomes(this_node(), found, state, PAGE_SIZE, (number - 1) * PAGE_SIZE)
    return render_template(
        "cases/import.html",
        form=form,
        found=found,
        counts=counts,
        there=there,
        state=state,
        page=Page(rows, number, total),
        running=found.row.state in imports.RUNNING,
        words=import_words,
    )


@pages.route("/cases/import/<import_id>/wrong.csv")
@needs(Permission.IMPORT_CASES)
def wrong_rows(import_id: str) -> Response:
    """Give the rows that are wrong as a file, each with the reason, to be mended and imported again."""
    found = _find(import_id)
    if found is None:
        return _elsewhere(found)

    lines = report.format_wrong(
        this_node(),
        found,
        _("What is wrong"),
        lambda problem: import_words.say_problem(found, problem),
        actor(),
    )
    return Response(
        stream_with_context(lines),
        mimetype="text/csv",
        headers={"Content-Disposition": "attachment; filename=wrong-rows.csv"},
    )


@pages.route("/cases/import/<import_id>/undo", methods=["GET", "POST"])
@needs(Permission.IMPORT_CASES)
def undo(import_id: str) -> Response | str:
    """Take back everything that an import made, after asking."""
    found = _find(import_id)
    if found is None or not found.can_be_undone:
        return _elsewhere(found)
    back = url_for(".show", import_id=import_id)

    def take_back() -> Response:
        try:
            intake.start_undo(this_node(), found, actor())
        except Conflict as error:
            flash(say_refusal(error), "error")
        return redirect(back, 303)

    counts = report.count_outcomes(this_node(), found)
    text = _("The cases that it made are erased, and those that it changed are as they were before.")
    if counts.changed:
        text += " " + _("Somebody has worked on some of them since; that work goes, too.")
    return ask_first(take_back, _("Undo the import"), lambda: found.name, text, back)


@pages.route("/cases/import/<import_id>/throw-away", methods=["GET", "POST"])
@needs(Permission.IMPORT_CASES)
def throw_away(import_id: str) -> Response | str:
    """Forget a file, after asking."""
    found = _find(import_id)
    if found is None:
        return _elsewhere(found)
    back = url_for(".index")

    def forget() -> Response:
        try:
            intake.throw_away(this_node(), found, actor())
            flash(_("The file is forgotten."))
        except Conflict as error:
            flash(say_refusal(error), "error")
        return redirect(back, 303)

    text = (
        _("The cases that it made stay, and the import cannot be undone any more.")
        if found.can_be_undone
        else _("What you said of its columns is lost, unless you saved the mapping.")
    )
    return ask_first(forget, _("Forget this file"), lambda: found.name, text, back)


@pages.route("/cases/import/mappings/<mapping_id>/delete", methods=["GET", "POST"])
@needs(Permission.IMPORT_CASES)
def delete_mapping(mapping_id: str) -> Response | str:
    """Forget a mapping that was saved, after asking."""
    back = url_for(".index")
    try:
        saved = mappings.find_mapping(this_node(), mapping_id)
    except NotFound:
        flash(_("This mapping is not here any more."), "warning")
        return redirect(back, 303)

    def forget() -> Response:
        with suppress(NotFound):  # a colleague was faster
            mappings.delete_mapping(this_node(), mapping_id, actor())
        flash(_("The mapping is deleted."))
        return redirect(back, 303)

    text = _("No colleague can use it for a file any more. What was imported with it stays as it is.")
    return ask_first(forget, _("Delete the mapping"), lambda: saved.name, text, back)


_CHANGEABLE = (imports.MAPPING, imports.CHECKED, imports.FAILED)


def _find(import_id: str) -> Import | None:
    try:
        return intake.find_import(this_node(), person(), import_id)
    except NotFound:
        return None


def _elsewhere(found: Import | None) -> Response:
    """Send somebody to where their import is now."""
    if found is not None:
        return redirect(url_for(".show", import_id=found.id), 303)
    flash(_("This file is not here any more, or it is somebody else's."), "warning")
    return redirect(url_for(".index"), 303)


def _read_anew(found: Import) -> Response:
    """Read the file in another way, or take a mapping that was kept."""
    sent, node = request.form, this_node()
    try:
        if sent.get("go") == "load":
            mapping = mappings.load_mapping(node, found, sent.get("mapping", ""))
            intake.set_mapping(node, found, mapping)
            flash(_("The mapping is taken over as far as the columns fit."))
        else:
            intake.change_reading(
                node,
                found,
                encoding=sent.get("encoding", ""),
                delimiter=sent.get("delimiter", ""),
                sheet=sent.get("sheet", ""),
            )
    except NodeError as error:
        flash(say_refusal(error), "error")
    return redirect(url_for(".columns", import_id=found.id), 303)


def _chosen_columns(found: Import, sent: Mapping[str, str], page: "Page[int]") -> tuple[dict[str, int], str]:
    """Read which field each shown column is. Returns the mapping, and a field that two columns claim."""
    chosen = {name: place for name, place in found.mapping.columns.items() if place not in page.items}
    for place in page.items:
        name = sent.get(f"column-{place}", "")
        if name not in TARGETS:
            continue
        if name in chosen:
            return chosen, name
        chosen[name] = place
    return chosen, ""


def _is_asked(name: str, mapping: ColumnMapping) -> bool:
    asked = TARGETS[name].needed or name in _ALSO_ASKED or name in mapping.fixed
    return asked and name not in mapping.columns


def _words_to_ask(found: Import) -> tuple[dict[str, list[str]], bool]:
    """Choose the unknown words that fit on a page, and say whether there are more."""
    asked: dict[str, list[str]] = {}
    left = _OPTIONS_SHOWN
    unknown = found.unknown_words()
    for name, words in unknown.items():
        options = len(TARGETS[name].codes) + 2
        asked[name] = words[: left // options]
        left -= len(asked[name]) * options
    return asked, asked != unknown


def _answered(found: Import, sent: Any) -> ColumnMapping:
    """Read the answers; a question that was not shown keeps its answer."""
    mapping = found.mapping
    fixed = dict(mapping.fixed)
    for name in TARGETS:
        if _is_asked(name, mapping):
            value = ", ".join(sent.getlist(f"fixed-{name}"))[:MAX_FIXED].strip()
            fixed.pop(name, None)
            if value:
                fixed[name] = value
    words = {name: dict(known) for name, known in mapping.words.items()}
    for name, texts in found.unknown_words().items():
        for number, text in enumerate(texts):
            code = sent.get(f"word-{name}-{number}", "")
            if code == "-" or code in TARGETS[name].codes:
                words.setdefault(name, {})[fold(text)] = "" if code == "-" else code
    dates, height, weight = sent.get("dates"), sent.get("height"), sent.get("weight")
    return replace(
        mapping,
        fixed=fixed,
        words=words,
        language=language_code(sent.get("language", "")),
        dates=dates if dates in DATE_ORDERS else mapping.dates,
        height=height if height in HEIGHTS else mapping.height,
        weight=weight if weight in WEIGHTS else mapping.weight,
    )


def _wrong_values(found: Import) -> list[str]:
    """Name the fields whose value for every row cannot be read."""
    zone, mapping = ZoneInfo(this_node().config.console.timezone), found.mapping
    return [
        name for name, text in mapping.fixed.items() if not is_readable(TARGETS[name], text, mapping, zone)
    ]


def _start(found: Import) -> Response:
    try:
        intake.start_check(this_node(), found)
    except (Conflict, InvalidInput) as error:
        flash(say_refusal(error), "error")
        return redirect(url_for(".questions", import_id=found.id), 303)
    return redirect(url_for(".show", import_id=found.id), 303)

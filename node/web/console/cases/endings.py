"""The end of an own case: close, withdraw, erase, and take a withdrawal back, each after asking."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from werkzeug.wrappers import Response
from wtforms import RadioField, StringField
from wtforms.validators import InputRequired, Length

from node.domain.permissions import Permission
from node.errors import Conflict, InvalidInput, NodeError
from node.services.disclosure import publishing
from node.web.console.base.forms import Form, ask_first
from node.web.console.base.guard import actor, needs, person, this_node
from node.web.console.base.refusals import say_refusal
from node.web.console.cases.own_fields import OUTCOMES
from node.web.console.cases.register import case_id_of, open_name

pages = Blueprint("case_endings", __name__)

_DECEASED = "recovered_deceased"


class CloseForm(Form):
    """How a case ended."""

    outcome = RadioField(
        lazy_gettext("How it ended"),
        [InputRequired(lazy_gettext("Choose how it ended."))],
        description=lazy_gettext("It never leaves the house."),
    )
    day = StringField(
        lazy_gettext("When it ended"),
        [Length(max=23, message=lazy_gettext("Write a day like 2026-11-02."))],
        description=lazy_gettext("Like 2026-11-02"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        may = person().may(Permission.RECORD_DECEASED)
        self.outcome.choices = [(code, name) for code, name in OUTCOMES.items() if may or code != _DECEASED]


@pages.route("/cases/<opaque>/close", methods=["GET", "POST"])
@needs(Permission.END_CASES)
def close(opaque: str) -> Response | str:
    """Take a case out of the network because it has ended, and write down how."""
    form = CloseForm()
    if form.validate_on_submit():
        day = (form.day.data or "").strip()
        changes: Mapping[str, Any] = {"outcome": form.outcome.data} | ({"outcome_date": day} if day else {})
        try:
            publishing.withdraw(this_node(), case_id_of(opaque), actor(), changes)
        except InvalidInput:
            form.day.errors = [_("Write a day like 2026-11-02.")]
        except Conflict as error:
            return _refused(opaque, error)
        else:
            flash(_("The case is closed. It can be undone for 3 days."))
            return redirect(url_for("cases.show", opaque=opaque), 303)
    return render_template("cases/close.html", form=form, opaque=opaque, about=open_name(opaque))


@pages.route("/cases/<opaque>/withdraw", methods=["GET", "POST"])
@needs(Permission.END_CASES)
def withdraw(opaque: str) -> Response | str:
    """Take a case out of the network."""

    def do(case_id: str) -> str:
        publishing.withdraw(this_node(), case_id, actor())
        flash(_("The case is withdrawn: every member is told to erase it. It can be undone for 3 days."))
        return case_id

    return _confirmed(
        opaque,
        do,
        lazy_gettext("Withdraw the case"),
        lazy_gettext("Every member erases it. It stays in your register, and you can undo this for 3 days."),
    )


@pages.route("/cases/<opaque>/erase", methods=["GET", "POST"])
@needs(Permission.END_CASES)
def erase(opaque: str) -> Response | str:
    """Erase a case everywhere."""

    def do(case_id: str) -> str:
        publishing.erase(this_node(), case_id, actor())
        flash(_("The case is erased."))
        return case_id

    return _confirmed(
        opaque,
        do,
        lazy_gettext("Erase the case for good"),
        lazy_gettext(
            "It is erased everywhere, here too, with its photographs and all that it was before. "
            "This cannot be undone."
        ),
    )


@pages.route("/cases/<opaque>/undo", methods=["GET", "POST"])
@needs(Permission.END_CASES)
def undo(opaque: str) -> Response | str:
    """Publish a withdrawn case again."""

    def do(case_id: str) -> str:
        made = publishing.undo_withdrawal(this_node(), case_id, actor(), as_it_was=True)
        if made.versions:
            flash(_("The case is published again, under a new number."))
        else:
            flash(_("The case is a draft again: nobody has approved what would leave now. Propose it anew."))
        return made.case_id

    return _confirmed(
        opaque,
        do,
        lazy_gettext("Undo the withdrawal"),
        lazy_gettext(
            "The case gets a new number. If it was approved as it is, it is published again at once; "
            "else it is a draft, which you propose for publishing."
        ),
    )


def _confirmed(opaque: str, do: Callable[[str], str], title: Any, text: Any) -> Response | str:
    """Do something once it was confirmed on a page of its own."""

    def end() -> Response:
        try:
            case_id = do(case_id_of(opaque))
        except (Conflict, InvalidInput) as error:
            return _refused(opaque, error)
        return redirect(url_for("cases.show", opaque=case_id.partition("/")[2]), 303)

    return ask_first(end, title, lambda: open_name(opaque), text, url_for("cases.show", opaque=opaque))


def _refused(opaque: str, error: NodeError) -> Response:
    """Say why the case does not stand as it would have to."""
    flash(say_refusal(error), "error")
    return redirect(url_for("cases.show", opaque=opaque), 303)

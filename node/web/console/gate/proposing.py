"""The way of an own case out of the house: its author answers the questions of the gate and proposes it.

Guarantees: nothing is published here but what peers have already, or less; everything else waits for a second
person (`gate`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from werkzeug.wrappers import Response
from wtforms import HiddenField, RadioField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from node.domain import gate as rules
from node.domain.gate import Finding
from node.domain.permissions import Permission
from node.errors import Conflict, InvalidInput
from node.services.disclosure import gate, leaving
from node.services.register import cases as register
from node.store.register.cases import ERASED
from node.store.register.gate import STATES as EVERY_STATE
from node.web.cases.text import describe_public
from node.web.console.base.forms import Form
from node.web.console.base.guard import actor, needs, this_node
from node.web.console.cases.register import case_id_of, read_revision
from node.web.console.gate.words import (
    CHANGES,
    field_name,
    say_finding,
    show_preview,
)
from node.web.writing import line

pages = Blueprint("case_gate", __name__)

_ALL, _SOME, _NONE = "all", "some", "none"


def _text(name: str) -> Any:
    return lazy_gettext(rules.find_question(name).text)


def _choices(name: str) -> list[SelectChoice]:
    allowed = rules.find_question(name).allowed
    return [SelectChoice(code, lazy_gettext(meaning)) for code, meaning in allowed.items()]


def _choice(name: str) -> RadioField:
    return RadioField(_text(name), [Optional()], choices=_choices(name))


class ProposeForm(Form):
    """The questions of the gate."""

    basis = _choice("basis")
    risk = _choice("risk")
    publicity = _choice("publicity")
    privacy = _choice("privacy")
    wording = _choice("wording")
    where = RadioField(
        _text("where"),
        [Optional()],
        choices=[
            SelectChoice(_ALL, lazy_gettext("in every country")),
            SelectChoice(_SOME, lazy_gettext("only in those that I write below")),
            SelectChoice(_NONE, lazy_gettext("in none")),
        ],
    )
    countries = StringField(
        lazy_gettext("Only in these countries"),
        description=lazy_gettext("Codes of two letters, with commas between them, such as FR, BE"),
        filters=[line],
    )
    channels = SelectMultipleField(
        _text("channels"),
        choices=_choices("channels"),
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    closing = _choice("closing")
    note = StringField(
        _text("note"),
        [Length(max=rules.MAX_NOTE, message=lazy_gettext("Use at most %(max)d characters."))],
        filters=[line],
    )
    revision = HiddenField()

    def answers(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was answered of what has to be: where no public site shows the case, nothing is asked
        about the public."""
        given: dict[str, Any] = {
            name: self[name].data
            for name in ("basis", "risk", "publicity", "privacy", "wording", "closing", "note")
            if self[name].data
        }
        given["where"] = {_ALL: "all", _NONE: []}.get(self.where.data, self._countries())
        given["channels"] = list(self.channels.data or [])
        asked = {question.name for question in rules.needed(given, record)}
        kept = {*asked, "note", *([] if "at_risk_preventive" in record else ["where"])}
        return {name: answer for name, answer in given.items() if name in kept}

    def blame(self, answers: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
        """Put beside its field what is not answered, or not as it can be. Returns whether that is any."""
        problems = rules.problems_of(answers, record)
        for problem in problems:
            name = problem.partition(":")[0]
            if name == "where" and name in answers:
                self.countries.errors = [
                    _("Write codes of countries with commas between them, such as FR, BE.")
                ]
            elif name in self:
                self[name].errors = [_("Answer this question.")]
        if self.where.data == _SOME and not answers.get("where", ["-"]):
            self.countries.errors = [_("Write codes of countries with commas between them, such as FR, BE.")]
            return True
        return bool(problems)

    def refuse(self, findings: Sequence[Finding]) -> bool:
        """Put beside its field what refuses. Returns whether that is any."""
        refused = [found for found in findings if found.refuses]
        for found in refused:
            self[found.question].errors = [*self[found.question].errors, say_finding(found)]
        return bool(refused)

    def _countries(self) -> list[str]:
        texts = (self.countries.data or "").replace("،", ",").split(",")
        return list(dict.fromkeys(text.strip().upper() for text in texts if text.strip()))


@pages.route("/cases/<opaque>/propose", methods=["GET", "POST"])
@needs(Permission.WRITE_CASES)
def propose(opaque: str) -> Response | str:
    """Show what would leave the house, ask the questions of the gate, and ask a second person."""
    node, case_id = this_node(), case_id_of(opaque)
    case = register.get_case(node, case_id)
    if case.status == ERASED:
        return redirect(url_for("cases.show", opaque=opaque), 303)
    preview = leaving.preview(node, case_id, actor())
    form = ProposeForm(data={**_begin(_known(case_id)), "revision": preview.revision})
    findings: list[Finding] = []
    if form.validate_on_submit():
        answers = form.answers(case.record)
        if not form.blame(answers, case.record):
            findings = gate.weigh(node, case_id, answers)
            if not form.refuse(findings) and "weigh" not in request.form:
                asked = _ask(case_id, answers, form)
                if asked is not None:
                    return asked
    return render_template(
        "gate/propose.html",
        form=form,
        opaque=opaque,
        about=describe_public(case.record).title,
        preview=preview,
        shown=show_preview(preview),
        stays=[field_name(name) for name in preview.stays],
        changes=CHANGES,
        has_public="at_risk_preventive" not in case.record,
        hindrances=[say_finding(found) for found in gate.list_hindrances(node, case_id)],
        weighed=[say_finding(found) for found in findings if not found.refuses],
        answered=form.is_submitted() and not form.errors,
    )


@pages.route("/cases/<opaque>/publish-again", methods=["POST"])
@needs(Permission.WRITE_CASES)
def publish_again(opaque: str) -> Response:
    """Publish a case of which nothing would leave that has not left already: to renew its life, or to show
    less."""
    if Form().validate_on_submit():
        try:
            gate.publish_again(this_node(), [case_id_of(opaque)], actor())
        except (Conflict, InvalidInput):
            flash(
                _("It was not published: something new would leave, or the case does not stand as it must."),
                "error",
            )
            return redirect(url_for(".propose", opaque=opaque), 303)
        flash(_("The case is published again, and its life is renewed."))
    return redirect(url_for("cases.show", opaque=opaque), 303)


def _known(case_id: str) -> dict[str, Any]:
    """Return the answers that the last request gave, and over them those that the record holds."""
    suggested = gate.suggest(this_node(), case_id)[1]
    last = gate.list_requests(this_node(), EVERY_STATE, case_id, limit=1)
    given = dict(last[0].answers) if last else {}
    held = {name: answer for name, answer in suggested.items() if name in ("basis", "risk", "where")}
    return {**suggested, **given, **held}


def _begin(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the form shows first."""
    where = answers["where"]
    return {
        **answers,
        "where": _ALL if where == _ALL else _SOME if where else _NONE,
        "countries": "" if where == _ALL else ", ".join(where),
    }


def _ask(case_id: str, answers: Mapping[str, Any], form: ProposeForm) -> Response | None:
    """Make the request. Returns nothing where it was refused, which is said on the page."""
    try:
        made = gate.request(this_node(), case_id, answers, actor(), read_revision(form.revision.data))
    except Conflict:
        flash(
            _(
                "The case was changed meanwhile, or may not leave now. "
                "Nothing was asked for: look at it again."
            ),
            "error",
        )
        return redirect(url_for(".propose", opaque=case_id.partition("/")[2]), 303)
    except InvalidInput:
        flash(_("What would leave is not complete yet. Change the case, and propose it then."), "error")
        return None
    flash(_("Nothing has left the house yet: somebody else looks at it and decides."))
    return redirect(url_for("gate.show", request_id=made.id), 303)

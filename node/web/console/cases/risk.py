"""The risk to a child, and every own case that asks something of its people: assessed, and listed by day."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from types import MappingProxyType
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from werkzeug.wrappers import Response
from wtforms import HiddenField, RadioField, SelectMultipleField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Regexp
from wtforms.widgets import CheckboxInput, ListWidget

from node.domain.lifecycle import RISK_REVIEWS
from node.domain.permissions import Permission
from node.errors import Conflict, InvalidInput
from node.services.register import cases as register
from node.services.register import due, risk
from node.services.register.due import APPROVAL, OVERRIDE, DueItem
from node.store.register.cases import ERASED
from node.store.staff.people import Person
from node.web.cases.text import show_date
from node.web.cases.words import CODES
from node.web.console.base.forms import Form
from node.web.console.base.guard import actor, needs, person, this_node
from node.web.console.base.paging import PAGE_SIZE, Page, page_number
from node.web.console.base.writing import local_moment, read_day
from node.web.console.cases.register import NOTICES, case_id_of, open_name, read_revision
from node.web.languages import show_number
from node.web.writing import line

pages = Blueprint("case_risk", __name__)

LONG_AHEAD = timedelta(days=91)
_AT_NINE = time(9)
_LEVELS = ("high", "medium", "low", "no_apparent")
_FACTORS = (
    "young_age",
    "medical_need",
    "disability",
    "self_harm",
    "abduction_threat",
    "trafficking",
    "exploitation",
    "online_contact",
    "domestic_violence",
    "substance_use",
    "weather",
    "out_of_character",
    "repeatedly_missing",
    "conflict_or_disaster",
    "border_crossing",
    "other",
)
DUE_TEXTS: Mapping[str, Any] = MappingProxyType(
    {
        **NOTICES,
        APPROVAL: lazy_gettext("Somebody asks to publish it. Look at it and decide."),
        OVERRIDE: lazy_gettext("It was published without an approval. Review that."),
    }
)


class RiskForm(Form):
    """An assessment of the risk."""

    level = RadioField(
        lazy_gettext("How high is the risk?"),
        [InputRequired(lazy_gettext("Choose one."))],
        choices=[SelectChoice(code, CODES[code]) for code in _LEVELS],
    )
    factors = SelectMultipleField(
        lazy_gettext("What it rests on"),
        choices=[SelectChoice(code, CODES[code]) for code in _FACTORS],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    role = StringField(
        lazy_gettext("Your role"),
        [
            InputRequired(lazy_gettext("Write a role in Latin letters, such as duty officer.")),
            Regexp(
                r"^[A-Za-z][A-Za-z0-9_ ]{1,39}$",
                message=lazy_gettext("Write a role in Latin letters, such as duty officer."),
            ),
        ],
        description=lazy_gettext("The role, such as duty officer. No names of people."),
        filters=[line],
    )
    next_review = StringField(
        lazy_gettext("When it is to be assessed again"),
        description=lazy_gettext("Like 2026-11-30. If you leave it empty, as soon as the level asks for."),
        filters=[line],
    )
    revision = HiddenField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.level.hints = {
            code: _("Assessed again within %(days)s days", days=show_number(RISK_REVIEWS[code].days))
            for code in _LEVELS
        }

    def validate_next_review(self, field: StringField) -> None:
        """Check that the day is one, and ahead."""
        if field.data and self.due() <= this_node().now():  # type: ignore[operator]  # there is a day
            raise ValidationError(_("Choose a later day."))

    def due(self) -> datetime | None:
        """Return the moment of the next review that was chosen."""
        text = self.next_review.data
        return local_moment(read_day(text), _AT_NINE).astimezone(UTC) if text else None


@pages.route("/cases/<opaque>/risk", methods=["GET", "POST"])
@needs(Permission.WRITE_CASES)
def assess(opaque: str) -> Response | str:
    """Assess the risk to a child anew, with the assessments before beside it."""
    node, case_id = this_node(), case_id_of(opaque)
    case = register.get_case(node, case_id)
    if case.status == ERASED:
        return redirect(url_for("cases.show", opaque=opaque), 303)
    held = case.record.get("risk", {})
    form = RiskForm(data={"factors": held.get("factors", []), "revision": case.revision})
    if form.validate_on_submit():
        try:
            risk.assess(
                node,
                case_id,
                form.level.data,
                form.factors.data,
                form.role.data.lower().replace(" ", "_"),
                actor(),
                next_review=form.due(),
                revision=read_revision(form.revision.data),
            )
        except (Conflict, InvalidInput):
            flash(
                _("Somebody else changed the case meanwhile, or it cannot change now. Look again."),
                "error",
            )
        else:
            flash(_("The assessment is stored. Other members see it once the case is published again."))
        return redirect(url_for("cases.show", opaque=opaque), 303)
    return render_template(
        "cases/risk.html",
        form=form,
        opaque=opaque,
        about=open_name(opaque, "risk"),
        before=[_said(item) for item in risk.list_assessments(node, case_id)],
    )


@pages.route("/cases/due")
@needs(Permission.SEE_CASES)
def index() -> str:
    """List what is due of own cases and at the gate; or the children who stay missing, in the order of their
    reviews."""
    long_term = request.args.get("show") == "long-term"
    node = this_node()
    ahead, kinds = (LONG_AHEAD, ("long_term",)) if long_term else (due.AHEAD, due.KINDS)
    total = due.count_due(node, ahead, kinds)
    number = page_number(request.args.get("page", ""), total)
    found = due.list_due(node, ahead, kinds, limit=PAGE_SIZE, offset=(number - 1) * PAGE_SIZE)
    return render_template(
        "cases/due.html",
        page=Page(found, number, total),
        rows=[(item, describe_due(item), address_of_due(item, person())) for item in found],
        long_term=long_term,
        today=node.now().date(),
        most=due.MOST,
    )


def describe_due(item: DueItem) -> str:
    """Say what is to be done."""
    return str(DUE_TEXTS[item.kind])


def address_of_due(item: DueItem, reader: Person) -> str:
    """Return where it is done, by whoever may; else where it is seen."""
    opaque = item.case_id.partition("/")[2]
    if item.request is not None:
        return url_for("gate.show", request_id=item.request)
    if not reader.may(Permission.WRITE_CASES):
        return url_for("cases.show", opaque=opaque)
    endpoint = {
        "expiry": "case_gate.propose",
        "risk": "case_risk.assess",
        "long_term": "case_risk.assess",
        "photo": "case_photographs.album",
        "photo_age": "case_photographs.album",
    }.get(item.kind, "cases.show")
    return url_for(endpoint, opaque=opaque)


def _said(item: risk.Assessment) -> tuple[risk.Assessment, str, str, str, str]:
    factors = str(_(", ")).join(str(CODES.get(code, code)) for code in item.risk.get("factors", ()))
    level = str(CODES.get(item.risk["level"], item.risk["level"]))
    role = str(item.risk["assessed_by_role"]).replace("_", " ")
    return item, level, factors, role, show_date(item.risk.get("next_review", ""))

"""The journal, for auditors: who did what and why, whether it is whole, and a copy to take away."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from werkzeug.wrappers import Response
from wtforms import DateField, HiddenField, IntegerField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from node.domain.permissions import Permission
from node.errors import InvalidInput, NotFound
from node.services.audit import chain
from node.services.audit.exports import begin_export
from node.services.audit.searching import list_entries
from node.store.journal import NumberedEntry, Wanted
from node.web.console.base.forms import Form
from node.web.console.base.guard import actor, needs, this_node

pages = Blueprint("audit", __name__)

_SHOWN = 30
_MOST = (1 << 53) - 1
_WORDS = Length(0, 200, lazy_gettext("Use %(min)d to %(max)d characters."))


class _Day(DateField):  # type: ignore[misc]  # published without types
    """A day, whose errors are in the reader's language."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read a day, between years of which there is one before and after."""
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(_("Write the day as in 2026-11-21.")) from None
        if self.data is not None and not 1970 <= self.data.year < 9000:
            raise ValueError(_("Write the day as in 2026-11-21."))


class JournalForm(Form):
    """What is looked for in the journal."""

    term = StringField(
        lazy_gettext("Searched for"),
        [_WORDS],
        description=lazy_gettext("Shows who searched for all of these words, in any script."),
    )
    case_id = StringField(
        lazy_gettext("Case"), [_WORDS], description=lazy_gettext("The number of the case, whole.")
    )
    who = StringField(
        lazy_gettext("Who"), [_WORDS], description=lazy_gettext("Such as console:amina or cli:amina.")
    )
    action = StringField(
        lazy_gettext("Action"),
        [_WORDS],
        description=lazy_gettext("Such as case.open; case alone for everything that was done to cases."),
    )
    purpose = StringField(
        lazy_gettext("Purpose"), [_WORDS], description=lazy_gettext("Words that stand in the purpose.")
    )
    since = _Day(lazy_gettext("From the day"), [Optional()])
    until = _Day(lazy_gettext("To the day"), [Optional()])
    before = HiddenField()

    def wanted(self, zone: ZoneInfo) -> Wanted:
        """Return the conditions.

        Args:
            zone: in which days begin.
        """
        before = self.before.data or ""
        return Wanted(
            actor=_given(self.who.data),
            action=_given(self.action.data),
            case_id=_given(self.case_id.data),
            purpose=_given(self.purpose.data),
            since=_beginning(self.since.data, zone) if self.since.data else None,
            until=_beginning(self.until.data + timedelta(days=1), zone) if self.until.data else None,
            before=int(before) if before.isascii() and before.isdecimal() and len(before) < 16 else None,
        )


class ExportForm(Form):
    """From where on the journal is exported."""

    after = IntegerField(
        lazy_gettext("Begin behind entry"),
        [
            InputRequired(lazy_gettext("Type a number; 0 for the whole journal.")),
            NumberRange(0, _MOST, lazy_gettext("Type a number; 0 for the whole journal.")),
        ],
        default=0,
        description=lazy_gettext("0 for the whole journal, or the number with which your last copy ended."),
    )


@pages.route("/audit", methods=["GET", "POST"])
@needs(Permission.READ_AUDIT)
def index() -> str:
    """Show the newest entries, or those that are looked for: what is looked for stands in no address."""
    node, form = this_node(), JournalForm()
    entries: list[NumberedEntry] = []
    if not form.is_submitted() or form.validate_on_submit():
        wanted = form.wanted(ZoneInfo(node.config.console.timezone))
        try:
            entries = list_entries(node, wanted, actor(), (form.term.data or "").strip(), _SHOWN + 1)
        except InvalidInput:
            form.term.errors = [_("There is no word in this. Give a name, or other words.")]
    return render_template(
        "audit.html",
        form=form,
        entries=entries[:_SHOWN],
        older=entries[_SHOWN - 1].number if len(entries) > _SHOWN else None,
        standing=chain.look(node),
    )


@pages.route("/audit/export", methods=["GET", "POST"])
@needs(Permission.READ_AUDIT)
def export() -> Response | str:
    """Give a copy of the journal with its signed head, a line at a time."""
    node, form = this_node(), ExportForm()
    if form.validate_on_submit():
        try:
            done, lines = begin_export(node, actor(), form.after.data)
        except NotFound:
            form.after.errors = [_("There is no entry of this number.")]
        else:
            response = Response(lines, content_type="application/jsonl")
            name = f"journal-{node.member}-{done.after + 1}-{done.last}.jsonl"
            response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
            return response
    return render_template("audit_export.html", form=form, standing=chain.look(node))


def _given(text: str | None) -> str | None:
    return (text or "").strip() or None


def _beginning(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)

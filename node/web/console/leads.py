"""Leads: what was told about own cases and what becomes of it, and what is told to the owners of others'.

Guarantees: whoever reads a lead or its picture is in the journal; a form that cannot be taken comes back as it
was filled in, with the reason beside its field.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from flask_wtf.file import FileField
from werkzeug.wrappers import Response
from wtforms import IntegerField, RadioField, SelectField, StringField, TextAreaField, ValidationError
from wtforms.fields import Field
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from node.domain.permissions import Permission
from node.errors import Conflict, InvalidInput, NodeError, NotAllowed, NotFound
from node.runtime import Node
from node.services.leads import inbox, sending
from node.services.leads.inbox import LeadView
from node.services.leads.letters import LEAD, MAX_LINE, MAX_TEXT, PHOTOGRAPH_REQUEST, Letter
from node.services.people import accounts
from node.services.people.sessions import actor_of
from node.store import leads as store
from node.store import messages
from node.store.people import Person
from node.web.console.case_text import show_date
from node.web.console.foreign import address_of, case_id_of
from node.web.console.forms import Form
from node.web.console.guard import actor, needs, person, this_node
from node.web.console.home import Due
from node.web.console.paging import PAGE_SIZE, Page, page_number
from node.web.console.writing import (
    MAX_PICTURE_FORM,
    line,
    local_moment,
    prose,
    read_day,
    read_picture,
    read_time,
)

pages = Blueprint("leads", __name__)

_LEAD = "/leads/<int(max=2147483647):number>"
_MANY = 10_000
_TASKS_SHOWN = 20
_SOON = timedelta(days=1)
_MIN, _MAX = lazy_gettext("Write something."), lazy_gettext("Use at most %(max)d characters.")

STATES: Mapping[str, Any] = MappingProxyType(
    {
        store.NEW: lazy_gettext("new"),
        store.POTENTIAL: lazy_gettext("potential"),
        store.CONFIRMED: lazy_gettext("confirmed"),
        store.INVALID: lazy_gettext("invalid"),
        store.REUNITED: lazy_gettext("reunited"),
        store.REUNITED_ELSEWHERE: lazy_gettext("reunited elsewhere"),
        store.DUPLICATE: lazy_gettext("duplicate"),
    }
)
_MEANINGS: Mapping[str, Any] = MappingProxyType(
    {
        store.POTENTIAL: lazy_gettext("It may be true; somebody looks into it."),
        store.CONFIRMED: lazy_gettext("It is true."),
        store.INVALID: lazy_gettext("It is not about this child. It stays in the list of all leads."),
        store.REUNITED: lazy_gettext("The child was found through it."),
        store.REUNITED_ELSEWHERE: lazy_gettext("The child was found, but not through it."),
    }
)
_KINDS: Mapping[str, Any] = MappingProxyType(
    {LEAD: lazy_gettext("Information"), PHOTOGRAPH_REQUEST: lazy_gettext("Request for a photograph")}
)
_DELIVERIES: Mapping[str, Any] = MappingProxyType(
    {
        messages.WAITING: lazy_gettext("on its way, sent again until it arrives"),
        messages.TAKEN: lazy_gettext("delivered"),
        messages.REFUSED: lazy_gettext("refused by the receiver"),
        messages.CANCELLED: lazy_gettext("taken back"),
        messages.LAPSED: lazy_gettext("not delivered in time"),
        messages.ERASED: lazy_gettext("erased with the case"),
    }
)


class TextForm(Form):
    """A text for a lead."""

    text = TextAreaField(lazy_gettext("Text"), [InputRequired(_MIN), Length(1, MAX_TEXT, _MAX)], filters=[prose])


class AssignForm(Form):
    """Who works on a lead."""

    person = SelectField(lazy_gettext("Who works on it"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        able = [one for one in accounts.list_people(this_node()) if one.may(Permission.WORK_LEADS)]
        self.person.choices = [("", _("nobody")), *((one.name, one.full_name) for one in able)]


class TaskForm(TextForm):
    """Something that is to be done."""

    days = IntegerField(
        lazy_gettext("In how many days it should be done"),
        [Optional(), NumberRange(0, 3650, lazy_gettext("Give a number from %(min)d to %(max)d."))],
    )


class DecideForm(TextForm):
    """What a lead is worth, and why."""

    state = RadioField(
        lazy_gettext("What it is worth"),
        [InputRequired(lazy_gettext("Choose one."))],
        choices=[(state, STATES[state]) for state in store.DECISIONS],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.state.hints = _MEANINGS
        self.text.label.text = _("Why")


class DuplicateForm(Form):
    """Which lead says the same."""

    first = IntegerField(
        lazy_gettext("Number of the lead that says the same"),
        [InputRequired(lazy_gettext("Give its number.")), NumberRange(1, 2**31 - 1)],
        render_kw={"inputmode": "numeric"},
    )


class LinkForm(Form):
    """Which case a lead is about."""

    case = StringField(
        lazy_gettext("Case number"),
        [InputRequired(lazy_gettext("Give a case number.")), Length(1, MAX_LINE, _MAX)],
        filters=[line],
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )


class PictureForm(TextForm):
    """A text with a picture."""

    picture = FileField(
        lazy_gettext("Photograph"),
        description=lazy_gettext("JPEG, PNG or WebP. Where and how it was taken is removed before it is sent."),
        render_kw={"accept": "image/jpeg,image/png,image/webp"},
    )
    picture_bytes = b""

    def validate_picture(self, field: Field) -> None:
        """Read the picture, as far as this node takes it."""
        self.picture_bytes = read_picture(field)

    def validate(self, extra_validators: Any = None) -> bool:
        """Check the form, and say that a picture has to be chosen again, which no browser keeps."""
        right: bool = super().validate(extra_validators)
        if not right:
            self.tell_again()
        return right

    def tell_again(self) -> None:
        """Say that the picture has to be chosen again, if there was one."""
        if self.picture_bytes and not self.picture.errors:
            self.picture.errors = [_("Choose the picture again: it was not kept.")]


class AnswerForm(PictureForm):
    """An answer to whoever sent a lead."""

    state = SelectField(
        lazy_gettext("How the lead stands, if the sender is to know"),
        choices=[("", lazy_gettext("say nothing")), *((state, STATES[state]) for state in store.DECISIONS)],
    )


class LeadForm(PictureForm):
    """Something about a case."""

    seen_on = StringField(
        lazy_gettext("Day on which the child was seen"), filters=[line], render_kw={"type": "date"}
    )
    seen_at = StringField(lazy_gettext("Time of day"), filters=[line], render_kw={"type": "time"})
    place = StringField(lazy_gettext("Place"), [Length(0, MAX_LINE, _MAX)], filters=[line])
    position = StringField(
        lazy_gettext("Position"),
        description=lazy_gettext("Latitude and longitude in degrees, for example: 48.88, 2.355"),
        filters=[line],
        render_kw={"autocomplete": "off"},
    )
    contact = StringField(
        lazy_gettext("How the person who told it can be reached"),
        [Length(0, MAX_LINE, _MAX)],
        description=lazy_gettext("Leave it empty if they do not wish it."),
        filters=[line],
        render_kw={"autocomplete": "off"},
    )
    own_case = StringField(
        lazy_gettext("Number of our own case of the same child"),
        [Length(0, MAX_LINE, _MAX)],
        filters=[line],
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )

    def validate_seen_on(self, field: Field) -> None:
        """Refuse what is no day, and a day that has not come yet."""
        if field.data and read_day(field.data) > this_node().now().date() + timedelta(days=1):
            raise ValidationError(_("This day has not come yet."))

    def validate_seen_at(self, field: Field) -> None:
        """Refuse what is no time of day, and one without a day."""
        if field.data:
            read_time(field.data)
            if not self.seen_on.data:
                raise ValidationError(_("Give the day, too."))

    def validate_position(self, field: Field) -> None:
        """Refuse what is no position."""
        if field.data:
            _read_position(field.data)

    @property
    def letter(self) -> Letter:
        """What the form says."""
        lat, lon = _read_position(self.position.data) if self.position.data else (None, None)
        seen = self.seen_on.data
        if seen and self.seen_at.data:
            seen = local_moment(read_day(seen), read_time(self.seen_at.data)).isoformat(timespec="seconds")
        return Letter(self.text.data, seen, self.place.data, lat, lon, self.contact.data, self.own_case.data)


# --- Lists ---


@pages.route("/leads")
@needs(Permission.SEE_LEADS)
def index() -> str:
    """List what was told about own cases."""
    case_id, which = request.args.get("case", "")[:MAX_LINE], request.args.get("show", "")
    chosen: dict[str, Any] = {
        "case_id": case_id,
        "everything": which == "all",
        "assigned_to": {"mine": person().name, "nobody": ""}.get(which),
    }
    node = this_node()
    total = min(inbox.count_leads(node, **chosen), _MANY)
    number = page_number(request.args.get("page", ""), total)
    found = inbox.list_leads(node, **chosen, limit=PAGE_SIZE, offset=(number - 1) * PAGE_SIZE)
    page = Page(found, number, total)
    names = _names()
    return render_template(
        "leads.html", page=page, which=which, case_id=case_id, states=STATES, kinds=_KINDS, names=names
    )


@pages.route("/leads/sent")
@needs(Permission.SEE_LEADS)
def sent() -> str:
    """List what was told to the owners of others' cases."""
    node = this_node()
    total = min(inbox.count_leads(node, outgoing=True), _MANY)
    number = page_number(request.args.get("page", ""), total)
    found = sending.list_sent(node, limit=PAGE_SIZE, offset=(number - 1) * PAGE_SIZE)
    return render_template(
        "leads_sent.html",
        page=Page(found, number, total),
        states=STATES,
        kinds=_KINDS,
        deliveries=_DELIVERIES,
        address_of=address_of,
    )


# --- One lead ---


@pages.route(_LEAD)
@needs(Permission.SEE_LEADS)
def show(number: int) -> str:
    """Show a lead and what was done with it."""
    view = _read(number)
    return render_template("lead.html", take=Form(), **_shown(view))


@pages.route(f"{_LEAD}/pictures/<int(max=2147483647):entry>")
@needs(Permission.SEE_LEADS)
def picture(number: int, entry: int) -> Response:
    """Send the picture of a lead, or of an answer to it."""
    return _send_picture(number, entry, small=False)


@pages.route(f"{_LEAD}/pictures/<int(max=2147483647):entry>/small")
@needs(Permission.SEE_LEADS)
def small_picture(number: int, entry: int) -> Response:
    """Send the small form of a picture."""
    return _send_picture(number, entry, small=True)


@pages.route(f"{_LEAD}/take", methods=["POST"])
@needs(Permission.WORK_LEADS)
def take(number: int) -> Response:
    """Let whoever asks work on a lead."""
    try:
        inbox.assign(this_node(), number, person().name, actor())
    except NotFound:
        abort(404)
    flash(_("The lead is yours."))
    return redirect(url_for("leads.show", number=number), 303)


@pages.route(f"{_LEAD}/assign", methods=["GET", "POST"])
@needs(Permission.WORK_LEADS)
def assign(number: int) -> Response | str:
    """Say who works on a lead."""
    view = _read(number, incoming=True)
    form = AssignForm(data={"person": view.lead.assigned_to})

    def do() -> None:
        inbox.assign(this_node(), number, form.person.data, actor())

    return _work(view, form, form.person, _("Assign"), do, _("The lead is assigned."))


@pages.route(f"{_LEAD}/note", methods=["GET", "POST"])
@needs(Permission.WORK_LEADS)
def note(number: int) -> Response | str:
    """Add a note, for this member's own people."""
    view, form = _read(number), TextForm()

    def do() -> None:
        inbox.note(this_node(), number, form.text.data, actor())

    return _work(view, form, form.text, _("Add a note"), do, _("The note is saved."))


@pages.route(f"{_LEAD}/task", methods=["GET", "POST"])
@needs(Permission.WORK_LEADS)
def task(number: int) -> Response | str:
    """Add something that is to be done."""
    view, form, node = _read(number), TaskForm(), this_node()

    def do() -> None:
        due = None if form.days.data is None else node.clock() + timedelta(days=form.days.data)
        inbox.add_task(node, number, form.text.data, due, actor())

    return _work(view, form, form.text, _("Add a task"), do, _("The task is saved."))


@pages.route("/leads/tasks/<int(max=2147483647):entry>/done", methods=["POST"])
@needs(Permission.WORK_LEADS)
def done(entry: int) -> Response:
    """Say that a task is done."""
    try:
        finished = inbox.finish_task(this_node(), entry, actor())
    except NotFound:
        abort(404)
    flash(_("The task is done."))
    return redirect(url_for("leads.show", number=finished.lead_id), 303)


@pages.route(f"{_LEAD}/decide", methods=["GET", "POST"])
@needs(Permission.WORK_LEADS)
def decide(number: int) -> Response | str:
    """Decide what a lead is worth."""
    view, form = _read(number, incoming=True), DecideForm()

    def do() -> None:
        inbox.decide(this_node(), number, form.state.data, form.text.data, actor())

    return _work(view, form, form.text, _("Decide"), do, _("The decision is saved. It can be changed."))


@pages.route(f"{_LEAD}/duplicate", methods=["GET", "POST"])
@needs(Permission.WORK_LEADS)
def duplicate(number: int) -> Response | str:
    """Say that a lead says what another says."""
    view = _read(number, incoming=True)
    form = DuplicateForm(data={"first": view.alike[0] if view.alike else None})

    def do() -> None:
        inbox.mark_duplicate(this_node(), number, form.first.data, actor())

    return _work(view, form, form.first, _("Mark as a duplicate"), do, _("The lead is marked as a duplicate."))


@pages.route(f"{_LEAD}/link", methods=["GET", "POST"])
@needs(Permission.WORK_LEADS)
def link(number: int) -> Response | str:
    """Let a lead be about another own case."""
    view, form = _read(number, incoming=True), LinkForm()

    def do() -> None:
        inbox.link(this_node(), number, form.case.data, actor())

    return _work(view, form, form.case, _("Link to another case"), do, _("The lead is about that case now."))


@pages.route(f"{_LEAD}/answer", methods=["GET", "POST"])
@needs(Permission.WORK_LEADS, body=MAX_PICTURE_FORM)
def answer(number: int) -> Response | str:
    """Answer the member that sent a lead."""
    view, form = _read(number, incoming=True), AnswerForm()
    if view.lead.token_id is None:
        abort(404)

    def do() -> None:
        state, data = form.state.data, form.picture_bytes
        inbox.answer(this_node(), number, form.text.data, actor(), state=state, picture=data)

    said = _("The answer is on its way to %(member)s.", member=view.lead.member)
    return _work(view, form, form.text, _("Answer"), do, said)


# --- Telling ---


@pages.route("/leads/about/<member>/<opaque>", methods=["GET", "POST"])
@needs(Permission.WORK_LEADS, body=MAX_PICTURE_FORM)
def tell(member: str, opaque: str) -> Response | str:
    """Tell something about a case: to its owner, or to those who work on an own one."""
    node, case_id, form = this_node(), case_id_of(member, opaque), LeadForm()
    own = member == node.member
    if own:
        del form.own_case
    if form.validate_on_submit():
        write = inbox.note_down if own else sending.send_lead
        try:
            number = write(node, case_id, form.letter, actor(), form.picture_bytes)
        except NodeError as error:
            _blame(form, _field_of(form, error), error)
        else:
            flash(_("The lead is saved.") if own else _("The lead is on its way to %(member)s.", member=member))
            return redirect(url_for("leads.show", number=number), 303)
    back = address_of(case_id) or url_for("leads.index")
    return render_template("lead_tell.html", form=form, case_id=case_id, member=member, own=own, back=back)


@pages.route("/leads/photograph-of/<member>/<opaque>", methods=["GET", "POST"])
@needs(Permission.WORK_LEADS)
def ask_photograph(member: str, opaque: str) -> Response | str:
    """Ask a case's owner for a photograph that shows more."""
    node, case_id, form = this_node(), case_id_of(member, opaque), TextForm()
    if member == node.member:
        abort(404)
    if form.validate_on_submit():
        try:
            number = sending.request_photograph(node, case_id, form.text.data, actor())
        except NodeError as error:
            _blame(form, form.text, error)
        else:
            flash(_("The request is on its way to %(member)s.", member=member))
            return redirect(url_for("leads.show", number=number), 303)
    back = address_of(case_id)
    return render_template("lead_ask.html", form=form, case_id=case_id, member=member, back=back)


# --- Due today ---


def due(node: Node, reader: Person) -> Iterator[Due]:
    """Say which leads wait for somebody: new ones that nobody has taken, and their own tasks."""
    if not reader.may(Permission.WORK_LEADS):
        return
    if number := inbox.count_new(node):
        text = ngettext(
            "%(num)d new lead about our cases waits for somebody.",
            "%(num)d new leads about our cases wait for somebody.",
            number,
        )
        yield Due(text, url_for("leads.index", show="nobody"), "now")
    for entry in inbox.list_tasks(node, reader.name, _TASKS_SHOWN):
        address = url_for("leads.show", number=entry.lead_id)
        soon = entry.due_at is not None and entry.due_at <= node.clock() + _SOON
        yield Due(_("Your task of lead %(number)s", number=entry.lead_id), address, "soon" if soon else "later",
                  entry.due_at)  # fmt: skip


# --- Inside ---


def _read(number: int, *, incoming: bool = False) -> LeadView:
    """Read a lead, or answer that there is none."""
    try:
        view = inbox.read(this_node(), number, actor())
    except NotFound:
        abort(404)
    if incoming and view.lead.outgoing:
        abort(404)
    return view


def _send_picture(number: int, entry: int, *, small: bool) -> Response:
    try:
        data = inbox.read_picture(this_node(), number, entry, actor(), small=small)
    except NotFound:
        abort(404)
    response = make_response(data)
    response.content_type = "image/jpeg"
    return response


def _work(
    view: LeadView, form: Form, main: Field, title: str, do: Callable[[], object], said: str
) -> Response | str:
    """Do something with a lead once its form is right.

    Args:
        main: the field to which a refusal belongs.
    """
    if form.validate_on_submit():
        try:
            do()
        except NodeError as error:
            _blame(form, main, error)
        else:
            flash(said)
            return redirect(url_for("leads.show", number=view.lead.id), 303)
    return render_template("lead_work.html", form=form, title=title, **_shown(view))


def _blame(form: Form, field: Field, error: NodeError) -> None:
    """Say beside a field why a use case refused what was sent."""
    if isinstance(error, NotAllowed):
        field.errors = [_("Nothing is exchanged with this member now. Call its duty desk.")]
    elif isinstance(error, NotFound | Conflict | InvalidInput):
        field.errors = [_(error.message)]
    else:
        raise error
    if isinstance(form, PictureForm):
        form.tell_again()


def _field_of(form: LeadForm, error: NodeError) -> Field:
    """Tell which field of a lead a refusal is about."""
    if "own_case" in form and (isinstance(error, NotFound) or "own_case" in error.message):
        return form.own_case
    return form.text


def _shown(view: LeadView) -> dict[str, Any]:
    """Return what a page about a lead needs."""
    lead = view.lead
    details = dict(lead.details)
    if "seen_at" in details:
        details["seen_at"] = show_date(details["seen_at"])
    return {
        "view": view,
        "lead": lead,
        "details": details,
        "case_address": address_of(lead.case_id),
        "states": STATES,
        "kinds": _KINDS,
        "deliveries": _DELIVERIES,
        "names": _names(),
        "now": this_node().clock(),
    }


def _names() -> dict[str, str]:
    """Return what people are called, by how leads and their histories name them."""
    found = {}
    for one in accounts.list_people(this_node()):
        found[one.name] = found[actor_of(one)] = one.full_name
    return found


def _read_position(text: str) -> tuple[float, float]:
    """Read latitude and longitude.

    Raises:
        ValidationError: it is no position on earth.
    """
    try:
        lat, lon = map(float, text.replace(";", ",").split(","))
    except ValueError:
        lat = lon = float("nan")
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise ValidationError(_("Write two numbers in degrees, such as 48.88, 2.355"))
    return lat, lon

"""Forms of leads, and the words for how leads stand.

Guarantees: what fits a form is taken by the use cases, whatever a browser put between the letters; a refusal
of theirs stands beside the field that it is about.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf.file import FileField
from wtforms import IntegerField, RadioField, SelectField, StringField, TextAreaField, ValidationError
from wtforms.fields import Field
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from node.domain.permissions import Permission
from node.errors import Conflict, InvalidInput, NodeError, NotAllowed, NotFound
from node.services.leads.letters import LEAD, MAX_LINE, MAX_TEXT, PHOTOGRAPH_REQUEST, Letter
from node.services.people import accounts
from node.store import leads as store
from node.store.federation import messages
from node.web.console.base.forms import Form
from node.web.console.base.guard import this_node
from node.web.console.base.refusals import say_refusal
from node.web.console.base.writing import local_moment, read_day, read_picture, read_time
from node.web.writing import line, prose

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
KINDS: Mapping[str, Any] = MappingProxyType(
    {LEAD: lazy_gettext("Information"), PHOTOGRAPH_REQUEST: lazy_gettext("Request for a photograph")}
)
DELIVERIES: Mapping[str, Any] = MappingProxyType(
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

    text = TextAreaField(
        lazy_gettext("Text"), [InputRequired(_MIN), Length(1, MAX_TEXT, _MAX)], filters=[prose]
    )


class AssignForm(Form):
    """Who works on a lead."""

    person = SelectField(lazy_gettext("Who works on it"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        able = [one for one in accounts.list_people(this_node()) if one.may(Permission.WORK_LEADS)]
        self.person.choices = [
            SelectChoice("", _("nobody")),
            *(SelectChoice(one.name, one.full_name) for one in able),
        ]


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
        choices=[SelectChoice(state, STATES[state]) for state in store.DECISIONS],
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
        description=lazy_gettext("JPEG, PNG or WebP. Where it was taken is removed before it is sent."),
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
        default="",
        choices=[
            SelectChoice("", lazy_gettext("say nothing")),
            *(SelectChoice(state, STATES[state]) for state in store.DECISIONS),
        ],
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
        own_case = self.own_case.data if "own_case" in self else ""
        return Letter(self.text.data, seen, self.place.data, lat, lon, self.contact.data, own_case)


def blame(form: Form, field: Field, error: NodeError) -> None:
    """Say beside a field why a use case refused what was sent."""
    if isinstance(error, NotAllowed):
        field.errors = [_("Nothing is exchanged with this member now. Call its duty desk.")]
    elif isinstance(error, NotFound | Conflict | InvalidInput):
        field.errors = [say_refusal(error)]
    else:
        raise error
    if isinstance(form, PictureForm):
        form.tell_again()


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

"""Days, times and pictures of forms. Texts are `node.web.writing`."""

from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from wtforms import ValidationError
from wtforms.fields import Field

from node.web.console.base.guard import this_node

MAX_PICTURE_FORM = 32 << 20
"""How large a form with a picture may be: a picture that is too large for the node is then still answered
beside its field, with everything else that was typed."""


def read_day(text: str) -> date:
    """Read a day that somebody typed, or chose in their browser's calendar.

    Raises:
        ValidationError: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValidationError(_("Write the day like 2026-05-31: year, month, day.")) from None


def read_time(text: str) -> time:
    """Read a time of day that somebody typed.

    Raises:
        ValidationError: it is none.
    """
    try:
        return time.fromisoformat(text).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        raise ValidationError(_("Write the time like 14:30.")) from None


def local_moment(day: date, at: time) -> datetime:
    """Return a moment of the console's time zone."""
    return datetime.combine(day, at, ZoneInfo(this_node().config.console.timezone))


def read_picture(field: Field) -> bytes:
    """Read the picture that was sent with a form; empty when there is none.

    Raises:
        ValidationError: it is larger than this node takes.
    """
    sent: Any = field.data
    if not sent or not sent.filename:
        return b""
    most = this_node().photograph_limits().input_bytes
    with sent.stream as stream:
        data: bytes = stream.read(most + 1)
    if len(data) > most:
        raise ValidationError(
            _("This picture is larger than %(most)d MB. Choose a smaller one.", most=most // 1_000_000)
        )
    return data

"""The photographs of an own case: several added at once, each described, cut, ordered, removed.

Guarantees: a file that is no photograph is named with the reason, and the others are added; nothing is shown
but what was decoded and encoded anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf.file import FileRequired, MultipleFileField
from werkzeug.exceptions import NotFound as NoSuchPage
from werkzeug.wrappers import Response as BaseResponse
from wtforms import HiddenField, IntegerField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange

from node.adapters.images import MOVING, TOO_MANY_BYTES, TOO_MANY_PIXELS, TOO_SMALL, Cut
from node.domain.permissions import Permission
from node.errors import Conflict, InvalidInput, NotFound
from node.services.register import album as albums
from node.services.register import cases as register
from node.services.register.album import NO_PHOTOGRAPH, TOO_MANY, Album
from node.store.register.cases import CaseFile
from node.web.cases.text import (
    Picture,
    describe_picture,
    describe_public,
    name_companion,
)
from node.web.console.base.forms import Form, kept_fields
from node.web.console.base.guard import FILES_LOST, actor, needs, this_node
from node.web.console.cases.form import (
    add_row,
    place_problem,
    read_section,
    read_typed,
    remove_row,
    type_record,
)
from node.web.console.cases.register import case_id_of, read_revision
from node.web.console.cases.sections import PHOTOGRAPH, WRONG, Leaf
from node.web.console.cases.typed import CHECKED, say_back
from protocol.signs import only_readable

pages = Blueprint("case_photographs", __name__)

MAX_PICTURES_BYTES = 31 << 20
"""Of all files that are added at once."""

_MOST_FILES = albums.MAX_PHOTOGRAPHS
_MOST_NAME = 60
_DATE_WRONG = WRONG["date"]
_CASE = "/cases/<opaque>/photographs"
_ONE = f"{_CASE}/<int:whose>/<int:number>"
REFUSED: Mapping[str, Any] = MappingProxyType(
    {
        TOO_MANY_BYTES: lazy_gettext(
            "The file is too large. Save it smaller, at half its width for example."
        ),
        TOO_MANY_PIXELS: lazy_gettext("The picture is too large to be opened. Save it smaller, as JPEG."),
        TOO_SMALL: lazy_gettext(
            "The picture is so small that nobody can be seen on it. Choose a larger one."
        ),
        MOVING: lazy_gettext("The picture moves. Choose one that does not."),
        TOO_MANY: lazy_gettext("One person has at most %(number)s photographs. Remove one first."),
        NO_PHOTOGRAPH: lazy_gettext(
            "This is no photograph that can be read. Choose a JPEG, PNG or WebP file; an iPhone makes one "
            "when it is set to “Most compatible”."
        ),
    }
)
"""Why a file was left out."""


class PicturesForm(Form):
    """Photographs to add."""

    whose = SelectField(lazy_gettext("Whom they show"))
    pictures = MultipleFileField(
        lazy_gettext("Photographs"),
        [FileRequired(lazy_gettext("Choose a file."))],
        description=lazy_gettext(
            "JPEG, PNG or WebP, several at once if you like. Place and camera are taken out of them."
        ),
        render_kw={"accept": "image/jpeg,image/png,image/webp", "multiple": True},
    )
    taken = StringField(
        lazy_gettext("Taken or made"),
        [Length(max=23, message=_DATE_WRONG)],
        description=lazy_gettext("Like 2026-06, or 2026~ for about 2026"),
    )
    kind = SelectField(
        lazy_gettext("Kind"),
        choices=[
            SelectChoice("photo", lazy_gettext("Photograph")),
            SelectChoice("age_progressed", lazy_gettext("Drawn older")),
            SelectChoice("composite", lazy_gettext("Drawn from descriptions")),
        ],
    )
    revision = HiddenField()


class OneForm(Form):
    """What is done to one photograph of the case as it was seen."""

    revision = HiddenField()


class _Share(IntegerField):  # type: ignore[misc]  # published without types
    """How much is cut off at one side, in percent."""

    def __init__(self, label: Any, **kwargs: Any) -> None:
        wrong = lazy_gettext("Write a whole number from 0 to 95.")
        checks = [InputRequired(wrong), NumberRange(0, 95, wrong)]
        super().__init__(label, checks, default=0, render_kw={"inputmode": "numeric", "dir": "ltr"}, **kwargs)

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read what was typed; what is no number is told by the checks."""
        text = valuelist[0].strip() if valuelist else ""
        self.data = int(text) if text.isdecimal() and len(text) < 4 else -1


class CutForm(OneForm):
    """What is cut off a photograph."""

    left = _Share(lazy_gettext("Off the left side, in percent"))
    top = _Share(lazy_gettext("Off the top, in percent"))
    right = _Share(lazy_gettext("Off the right side, in percent"))
    bottom = _Share(lazy_gettext("Off the bottom, in percent"))


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose photographs a case has.

    Attributes:
        whose: 0 for the child, else a companion's number.
        photos: what the record says of each, and how it is shown.
    """

    whose: int
    name: str
    photos: Sequence[tuple[Mapping[str, Any], Picture]]


@pages.route(_CASE, methods=["GET", "POST"])
@needs(Permission.WRITE_CASES, body=MAX_PICTURES_BYTES)
def album(opaque: str) -> BaseResponse | str:
    """Show the photographs of a case, and add some."""
    case = register.get_case(this_node(), case_id_of(opaque))
    form = PicturesForm()
    people = _people(case)
    form.whose.choices = [(str(one.whose), one.name) for one in people]
    if form.validate_on_submit():
        whose = int(form.whose.data)
        if (answer := _add(form, _album(case, whose, form.revision.data))) is not None:
            return answer
        case = register.get_case(this_node(), case.case_id)
        people = _people(case)
    if (kept := kept_fields()) is not None and FILES_LOST in kept:
        form.pictures.errors = [_("The pictures were not kept when you were signed out: choose them again.")]
    form.revision.data = case.revision
    return render_template(
        "cases/photographs.html", form=form, people=people, case=case, opaque=opaque, most=MAX_PICTURES_BYTES
    )


@pages.route(f"{_ONE}/<any(first, earlier, remove):step>", methods=["POST"])
@needs(Permission.WRITE_CASES)
def order(opaque: str, whose: int, number: int, step: str) -> BaseResponse:
    """Have a photograph shown first, put it before the one before it, or take it out."""
    form = OneForm()
    steps = {
        "first": (albums.choose_photograph, _("It is shown first now.")),
        "earlier": (albums.move_photograph, _("It is moved.")),
        "remove": (albums.remove_photograph, _("The photograph is taken out of the case.")),
    }
    if form.validate_on_submit():
        do, done = steps[step]
        case = register.get_case(this_node(), case_id_of(opaque))
        try:
            do(this_node(), _album(case, whose, form.revision.data), number, actor())
        except (Conflict, NotFound):
            flash(_changed(), "error")
        else:
            flash(done)
    return redirect(url_for(".album", opaque=opaque), 303)


@pages.route(_ONE, methods=["GET", "POST"])
@needs(Permission.WRITE_CASES)
def describe(opaque: str, whose: int, number: int) -> BaseResponse | str:
    """Say what is known of one photograph."""
    node, case = this_node(), register.get_case(this_node(), case_id_of(opaque))
    person, photo, picture = _find(case, whose, number)
    zone, form = node.config.console.timezone, OneForm()
    typed, errors = type_record(photo, zone, (PHOTOGRAPH,)), dict[str, list[Any]]()
    if (sent := request.form if request.method == "POST" else kept_fields()) is not None:
        typed = read_section(PHOTOGRAPH, sent)
    if form.validate_on_submit():
        remove_row(PHOTOGRAPH, typed, request.form.get("remove", ""))
        add_row(PHOTOGRAPH, typed, request.form.get("add", ""))
        if not request.form.keys() & {"add", "remove"}:
            about = read_typed(typed, photo, zone, (PHOTOGRAPH,))
            try:
                album = _album(case, whose, form.revision.data)
                albums.describe_photograph(node, album, number, about, actor())
            except InvalidInput as error:
                errors = _place(error, typed)
            except (Conflict, NotFound):
                flash(_changed(), "error")
            else:
                flash(_("What you said of the photograph is stored."))
                return redirect(url_for(".album", opaque=opaque), 303)
    form.revision.data = case.revision
    return render_template(
        "cases/photograph.html",
        form=form,
        opaque=opaque,
        person_shown=person,
        whose=whose,
        number=number,
        picture=picture,
        section=PHOTOGRAPH,
        typed=typed,
        errors=errors,
        say_back=say_back,
        checked=CHECKED,
    )


@pages.route(f"{_ONE}/cut", methods=["GET", "POST"])
@needs(Permission.WRITE_CASES)
def cut(opaque: str, whose: int, number: int) -> BaseResponse | str:
    """Cut one photograph."""
    case = register.get_case(this_node(), case_id_of(opaque))
    person, _photo, picture = _find(case, whose, number)
    form = CutForm()
    if form.validate_on_submit():
        shares = Cut(*(side.data / 100 for side in (form.left, form.top, form.right, form.bottom)))
        try:
            albums.cut_photograph(
                this_node(), _album(case, whose, form.revision.data), number, shares, actor()
            )
        except InvalidInput:
            form.left.errors = [_("So little is left of the picture that nobody can be seen. Cut off less.")]
        except (Conflict, NotFound):
            flash(_changed(), "error")
        else:
            flash(_("The photograph is cut. As it was, it stays with what the case was before."))
            return redirect(url_for(".album", opaque=opaque), 303)
    form.revision.data = case.revision
    return render_template(
        "cases/cut.html", form=form, opaque=opaque, person_shown=person, number=number, picture=picture
    )


@pages.route(f"{_CASE}/<sha256>")
@needs(Permission.SEE_CASES)
def photograph(opaque: str, sha256: str) -> Response:
    """Send a photograph of an own case."""
    data, media_type = albums.read_own_photograph(this_node(), case_id_of(opaque), sha256, actor())
    return Response(data, mimetype=media_type)


def _add(form: PicturesForm, album: Album) -> BaseResponse | None:
    """Add what was sent. Returns nothing where something stays to be said on the page."""
    node, about = this_node(), {"kind": form.kind.data}
    if taken := (form.taken.data or "").strip():
        about["taken"] = taken
    files = [file for file in form.pictures.data if file.filename][: _MOST_FILES + 1]
    most = node.photograph_limits().input_bytes
    try:
        # One more byte than is taken tells that a file is too large, without reading all of it.
        read = [file.stream.read(most + 1) for file in files]
        refused = albums.add_photographs(node, album, read, about, actor())
    except InvalidInput:
        form.taken.errors = [_DATE_WRONG]
        return None
    except (Conflict, NotFound):
        flash(_changed(), "error")
        return None
    added = refused.count("")
    if added:
        flash(_("Photographs added: %(number)s", number=added))
    if added == len(refused):
        return redirect(request.path, 303)
    form.pictures.errors = [
        f"{_name_of(file.filename)}: {_reason(reason)}"
        for file, reason in zip(files, refused, strict=True)
        if reason
    ]
    return None


def _reason(reason: str) -> str:
    words = str(REFUSED[reason])
    return words % {"number": albums.MAX_PHOTOGRAPHS} if reason == TOO_MANY else words


def _name_of(file: str) -> str:
    """Return the name of somebody's file, so that it can be told among others."""
    name = only_readable(file)
    return f"“{name[:_MOST_NAME]}…”" if len(name) > _MOST_NAME else f"“{name}”"


def _people(case: CaseFile) -> list[Person]:
    """Return whose photographs a case has, or may have."""
    today = this_node().clock().date()
    child = describe_public(case.record).title
    owners = [(str(_("The child: %(name)s", name=child)), case.record, child)]
    for companion in case.record.get("companions", ()):
        name = name_companion(companion)
        owners.append((str(_("With the child: %(name)s", name=name)), companion, name))
    return [
        Person(
            whose,
            name,
            [
                (photo, describe_picture(photo, facts, at, today))
                for at, photo in enumerate(owner.get("photos", ()), 1)
            ],
        )
        for whose, (name, owner, facts) in enumerate(owners)
    ]


def _find(case: CaseFile, whose: int, number: int) -> tuple[Person, Mapping[str, Any], Picture]:
    people = _people(case)
    if whose >= len(people) or number >= len(people[whose].photos):
        raise NoSuchPage
    return people[whose], *people[whose].photos[number]


def _album(case: CaseFile, whose: int, revision: Any) -> Album:
    return Album(case.case_id, whose - 1 if whose else None, read_revision(revision))


def _place(error: InvalidInput, typed: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Put each problem of a photograph beside its field."""
    errors: dict[str, list[Any]] = {}
    for problem in error.problems:
        path = problem.partition(": ")[0].rpartition("photos[")[2].partition("].")[2]
        place, item = place_problem(path, typed, (PHOTOGRAPH,))
        kind = item.kind if isinstance(item, Leaf) else ""
        errors.setdefault(place or "kind", []).append(WRONG.get(kind) or _("This does not fit."))
    return errors


def _changed() -> str:
    return str(_("Somebody else changed the case meanwhile. Nothing was changed: look at it, and try again."))

"""The way in and out: password, second factor, its enrolment, signing out, and the choice of a language."""

import segno
from flask import Blueprint, flash, g, make_response, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from werkzeug.wrappers import Response
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length

from node.errors import NotAllowed
from node.services.people import accounts, second_factor, sessions, sign_in
from node.services.people.sessions import Visit
from node.services.serving import TooOften
from node.web.console.base.cookie import remember_person
from node.web.console.base.forms import Form
from node.web.console.base.guard import (
    caller,
    is_signed_in,
    open_to_all,
    this_node,
    visit,
    way_back,
)
from node.web.console.base.languages import LANGUAGES

pages = Blueprint("entrance", __name__)

_SECRET = "enrolling"  # noqa: S105 - the name of a place in the cookie


class SignInForm(Form):
    """The first step."""

    name = StringField(
        lazy_gettext("Name"),
        [InputRequired(lazy_gettext("Type the name that you sign in with.")), Length(max=64)],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = PasswordField(
        lazy_gettext("Password"),
        [InputRequired(lazy_gettext("Type your password.")), Length(max=200)],
        render_kw={"autocomplete": "current-password"},
    )


class CodeForm(Form):
    """The second step."""

    code = StringField(
        lazy_gettext("Code"),
        [InputRequired(lazy_gettext("Type the code.")), Length(max=40)],
        render_kw={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"},
    )


@pages.route("/sign-in", methods=["GET", "POST"], endpoint="sign_in")
@open_to_all
def ask_password() -> Response | str:
    """Ask for name and password."""
    if is_signed_in():
        return redirect(url_for("home.today"), 303)
    form = SignInForm()
    if form.validate_on_submit():
        try:
            token = sign_in.check_password(this_node(), form.name.data, form.password.data, caller())
        except NotAllowed:
            form.password.errors = [_("The name and the password do not belong together. Try again.")]
        except TooOften as error:
            return _answer_too_often("accounts/sign_in.html", form, error)
        else:
            _start_afresh("language", "back")  # nothing of whoever used this browser before
            session["token"] = token
            return redirect(url_for("entrance.code"), 303)
    return render_template("accounts/sign_in.html", form=form)


@pages.route("/sign-in/code", methods=["GET", "POST"])
@open_to_all
def code() -> Response | str:
    """Ask for a code of the second factor."""
    found = _half_way()
    if found is None:
        return redirect(url_for("entrance.sign_in"), 303)
    if found.person.second_factor is None:
        return redirect(url_for("entrance.enrol"), 303)
    form = CodeForm()
    if form.validate_on_submit():
        try:
            session["token"] = sign_in.check_code(this_node(), found, form.code.data, caller())
        except NotAllowed:
            form.code.errors = [_("This code does not work, or was used before. Wait for the next one.")]
        except TooOften as error:
            return _answer_too_often("accounts/code.html", form, error)
        else:
            remember_person(found.person.id)
            return redirect(way_back(), 303)
    return render_template("accounts/code.html", form=form)


@pages.route("/sign-in/second-factor", methods=["GET", "POST"])
@open_to_all
def enrol() -> Response | str:
    """Let somebody who has none yet set up a second factor, and show the recovery codes."""
    found = _half_way()
    if found is None or found.person.second_factor is not None:
        return redirect(url_for("entrance.sign_in"), 303)
    form, node = CodeForm(), this_node()
    secret = _own_secret(found)
    if form.validate_on_submit():
        try:
            session["token"], codes = sign_in.confirm_enrolment(node, found, secret, form.code.data)
        except NotAllowed:
            form.code.errors = [
                _("This is not the code that was expected. Check your telephone's clock; try the next one.")
            ]
        else:
            del session[_SECRET]
            remember_person(found.person.id)
            return render_template("accounts/recovery_codes.html", codes=codes, next_address=way_back())
    uri = second_factor.provisioning_uri(node, found.person, secret)
    drawn = segno.make(uri, micro=False, error="m").svg_inline(scale=5, dark="#000", light="#fff")
    return render_template("accounts/enrol.html", form=form, qr=drawn, secret=_in_groups(secret))


@pages.route("/sign-out", methods=["POST"])
@open_to_all
def sign_out() -> Response:
    """End this session."""
    if is_signed_in():
        sessions.end_session(this_node(), visit())
    _start_afresh("language")
    flash(_("You are signed out."))
    return redirect(url_for("entrance.sign_in"), 303)


@pages.route("/language", methods=["POST"])
@open_to_all
def language() -> Response:
    """Change the language, for this browser and for who is signed in, and go back to where they were."""
    chosen, back = request.form.get("language", ""), request.form.get("back", "")
    if chosen in LANGUAGES:
        session["language"] = chosen
        if is_signed_in():
            accounts.set_language(this_node(), visit().person, chosen)
    own = back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable()
    return redirect(back if own else url_for("home.today"), 303)


def _start_afresh(*names: str) -> None:
    """Empty the cookie, but for some values."""
    kept = {name: session[name] for name in names if name in session}
    session.clear()
    session.update(kept)


def _own_secret(found: Visit) -> str:
    """Return the secret that is to be enrolled in a session: another person's is never shown."""
    owner, drawn = found.session.hash.hex(), session.get(_SECRET) or ("", "")
    if drawn[0] != owner:
        drawn = session[_SECRET] = (owner, second_factor.new_secret())
    return str(drawn[1])


def _half_way() -> Visit | None:
    """Return the session of somebody who has given the password and not yet the second factor."""
    found: Visit | None = g.visit
    return found if found and not found.ended and not found.session.complete else None


def _answer_too_often(template: str, form: Form, error: TooOften) -> Response:
    minutes = -(-error.wait_seconds // 60)
    words = ngettext(
        "There were too many attempts. Wait %(num)d minute.",
        "There were too many attempts. Wait %(num)d minutes.",
        minutes,
    )
    response = make_response(render_template(template, form=form, warning=words), 429)
    response.headers["Retry-After"] = str(error.wait_seconds)
    return response


def _in_groups(secret: str) -> str:
    return " ".join(secret[place : place + 4] for place in range(0, len(secret), 4))

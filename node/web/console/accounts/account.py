"""What everybody does about themselves: password, recovery codes, and where they are signed in."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from werkzeug.wrappers import Response
from wtforms import PasswordField
from wtforms.validators import EqualTo, InputRequired, Length, ValidationError

from node.domain.permissions import Permission
from node.errors import InvalidInput, NotAllowed
from node.services.people import accounts, sessions
from node.services.people.passwords import MAX_LENGTH, MIN_LENGTH
from node.web.console.base.forms import Form
from node.web.console.base.guard import caller, needs, person, this_node, visit

pages = Blueprint("account", __name__)

_NEW = {"autocomplete": "new-password"}
_PRESENT = {"autocomplete": "current-password"}


class PasswordForm(Form):
    """A new password instead of the present one."""

    old_password = PasswordField(
        lazy_gettext("Present password"),
        [InputRequired(lazy_gettext("Type your present password."))],
        render_kw=_PRESENT,
    )
    new_password = PasswordField(
        lazy_gettext("New password"),
        [
            InputRequired(lazy_gettext("Type a new password.")),
            Length(MIN_LENGTH, MAX_LENGTH, lazy_gettext("Use at least %(min)d characters.")),
        ],
        description=lazy_gettext(
            "At least 12 characters. Three or four words that do not belong together are good."
        ),
        render_kw=_NEW,
    )
    repeated_password = PasswordField(
        lazy_gettext("New password again"),
        [EqualTo("new_password", lazy_gettext("This is not the same as above."))],
        render_kw=_NEW,
    )

    def validate_new_password(self, field: PasswordField) -> None:
        """Refuse what the next person would guess."""
        if person().name in (field.data or "").casefold():
            raise ValidationError(_("The password must not contain your name."))


class ConfirmForm(Form):
    """The present password, since somebody else may sit at an open session."""

    password = PasswordField(
        lazy_gettext("Password"),
        [InputRequired(lazy_gettext("Type your password."))],
        render_kw=_PRESENT,
    )


@pages.route("/account")
@needs(Permission.USE_CONSOLE)
def overview() -> str:
    """Show somebody's own account."""
    node = this_node()
    return render_template(
        "accounts/account.html",
        sessions=sessions.list_open_sessions(node, person()),
        here=visit().session.hash,
        codes_left=accounts.count_recovery_codes(node, person()),
    )


@pages.route("/account/password", methods=["GET", "POST"])
@needs(Permission.USE_CONSOLE)
def password() -> Response | str:
    """Change one's own password."""
    form, must = PasswordForm(), person().must_change
    if form.validate_on_submit():
        try:
            old, new = form.old_password.data, form.new_password.data
            accounts.change_own_password(this_node(), visit(), old, new, caller())
        except NotAllowed:
            form.old_password.errors = [_("This is not your present password.")]
        except InvalidInput:
            form.new_password.errors = [_("Choose another password, with at least 6 different characters.")]
        else:
            flash(_("Your password is changed. Every other browser was signed out."))
            return redirect(url_for("home.today" if must else "account.overview"), 303)
    return render_template("accounts/password.html", form=form, must=must)


@pages.route("/account/recovery-codes", methods=["GET", "POST"])
@needs(Permission.USE_CONSOLE)
def recovery_codes() -> str:
    """Replace one's own recovery codes, and show the new ones this once."""
    form = ConfirmForm()
    if form.validate_on_submit():
        try:
            codes = accounts.renew_recovery_codes(this_node(), visit(), form.password.data, caller())
        except NotAllowed:
            form.password.errors = [_("This is not your present password.")]
        else:
            return render_template(
                "accounts/recovery_codes.html", codes=codes, next_address=url_for("account.overview")
            )
    return render_template("accounts/new_recovery_codes.html", form=form)


@pages.route("/account/sessions/end-others", methods=["POST"])
@needs(Permission.USE_CONSOLE)
def end_other_sessions() -> Response:
    """Sign out of every other browser."""
    sessions.end_other_sessions(this_node(), visit())
    flash(_("Every other browser is signed out."))
    return redirect(url_for("account.overview"), 303)

"""Who may use the console, for administrators: the list, adding somebody, roles, resets."""

from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from werkzeug.wrappers import Response
from wtforms import SelectMultipleField, StringField
from wtforms.validators import InputRequired, Length, Optional, Regexp
from wtforms.widgets import CheckboxInput, ListWidget

from node.domain.permissions import POLICE_ONLY, Permission, Role
from node.errors import Conflict, InvalidInput
from node.services.people import accounts, provider
from node.services.people.accounts import AlreadyLinked
from node.store.staff.people import Person
from node.web.console.accounts.words import ROLE_NAMES, ROLE_TASKS
from node.web.console.base.forms import Form, ask_first
from node.web.console.base.guard import actor, needs, this_node
from node.web.console.base.paging import Page
from node.web.console.base.refusals import say_refusal

pages = Blueprint("people", __name__)


def _roles_field() -> SelectMultipleField:
    return SelectMultipleField(
        lazy_gettext("Roles"),
        [InputRequired(lazy_gettext("Choose at least one role."))],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )


class _WithRoles(Form):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.roles.choices = [(str(role), ROLE_NAMES[role]) for role in roles_here()]
        self.roles.hints = {str(role): ROLE_TASKS[role] for role in Role}

    @property
    def chosen(self) -> list[Role]:
        """The roles that are ticked."""
        return [Role(value) for value in self.roles.data or ()]


class RolesForm(_WithRoles):
    """What somebody may do."""

    roles = _roles_field()


def _subject_field(check: Any) -> StringField:
    return StringField(
        lazy_gettext("Identity at the provider"),
        [check, Length(max=255)],
        description=lazy_gettext(
            "The reference that they read out to you, or what the identity provider calls them (sub)."
        ),
    )


class LinkForm(Form):
    """Whom the identity provider means."""

    subject = _subject_field(InputRequired(lazy_gettext("Type the reference or the sub.")))


class PersonForm(_WithRoles):
    """Somebody new."""

    name = StringField(
        lazy_gettext("Name to sign in with"),
        [
            InputRequired(lazy_gettext("Type a name.")),
            Length(2, 64, lazy_gettext("Use %(min)d to %(max)d characters.")),
            Regexp(
                r"^\s*[A-Za-z0-9][A-Za-z0-9._@-]+\s*$",
                message=lazy_gettext("Use only the letters a to z, digits, and . - _ @"),
            ),
        ],
        description=lazy_gettext("Letters a to z, digits, and . - _ @"),
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )
    full_name = StringField(
        lazy_gettext("Full name"),
        [
            InputRequired(lazy_gettext("Type the full name.")),
            Length(1, 100, lazy_gettext("Use %(min)d to %(max)d characters.")),
        ],
        render_kw={"autocomplete": "off"},
    )
    subject = _subject_field(Optional())
    roles = _roles_field()


@pages.route("/people")
@needs(Permission.MANAGE_PEOPLE)
def index() -> str:
    """List everybody."""
    page = Page.cut(accounts.list_people(this_node()), request.args.get("page", ""))
    return render_template("accounts/people.html", page=page)


@pages.route("/people/new", methods=["GET", "POST"])
@needs(Permission.MANAGE_PEOPLE)
def add() -> Response | str:
    """Add somebody, and show the password that they begin with, if they have one."""
    form = PersonForm()
    if not provider.is_offered(this_node()):
        del form.subject
    if form.validate_on_submit():
        subject = form.subject.data or "" if form.subject else ""
        try:
            made, password = accounts.add_person(
                this_node(), form.name.data, form.full_name.data, form.chosen, actor(), subject=subject
            )
        except (AlreadyLinked, InvalidInput) as error:
            if not subject:
                raise
            form.subject.errors = [say_refusal(error)]
        except Conflict:
            form.name.errors = [_("There is somebody of this name already. Choose another.")]
        else:
            if password:
                return render_template(
                    "accounts/new_password.html", other=made, password=password, added=True
                )
            flash(_("%(name)s is added, and has no password.", name=made.name))
            return redirect(url_for("people.show", person_id=made.id), 303)
    return render_template("accounts/new_person.html", form=form)


@pages.route("/people/<person_id>")
@needs(Permission.MANAGE_PEOPLE)
def show(person_id: str) -> str:
    """Show one person's account."""
    node = this_node()
    other = accounts.find_person(node, person_id)
    return render_template(
        "accounts/person.html",
        other=other,
        offered=provider.is_offered(node),
        reference=accounts.reference_of(node, other),
    )


@pages.route("/people/<person_id>/roles", methods=["GET", "POST"])
@needs(Permission.MANAGE_PEOPLE)
def roles(person_id: str) -> Response | str:
    """Change somebody's roles."""
    other = accounts.find_person(this_node(), person_id)
    form = RolesForm(data={"roles": sorted(other.roles)})
    if form.validate_on_submit():
        try:
            accounts.set_roles(this_node(), other.id, form.chosen, actor())
        except Conflict:
            form.roles.errors = [only_administrator()]
        else:
            flash(_("The roles of %(name)s are changed.", name=other.name))
            return redirect(url_for("people.show", person_id=other.id), 303)
    return render_template("accounts/roles.html", form=form, other=other)


@pages.route("/people/<person_id>/link", methods=["GET", "POST"])
@needs(Permission.MANAGE_PEOPLE)
def link(person_id: str) -> Response | str:
    """Link somebody's account to what the identity provider calls them."""
    other, form = accounts.find_person(this_node(), person_id), LinkForm()
    back = url_for("people.show", person_id=other.id)
    if not provider.is_offered(this_node()):
        return redirect(back, 303)
    if form.validate_on_submit():
        try:
            accounts.link(this_node(), other.id, form.subject.data, actor())
        except (AlreadyLinked, InvalidInput) as error:
            form.subject.errors = [say_refusal(error)]
        else:
            flash(_("%(name)s signs in through the identity provider.", name=other.name))
            return redirect(back, 303)
    return render_template("accounts/link.html", form=form, other=other)


@pages.route("/people/<person_id>/unlink", methods=["GET", "POST"])
@needs(Permission.MANAGE_PEOPLE)
def unlink(person_id: str) -> Response | str:
    """End the link of somebody's account to the identity provider, after asking."""

    def do(other: Person) -> Response | str:
        accounts.unlink(this_node(), other.id, actor())
        flash(_("%(name)s no longer signs in through the identity provider.", name=other.name))
        return redirect(url_for("people.show", person_id=other.id), 303)

    return _confirmed(
        person_id,
        do,
        lazy_gettext("End the link to the identity provider"),
        lazy_gettext(
            "They are signed out everywhere now. Without a password they cannot sign in until you link the "
            "account again, or make them a password."
        ),
    )


@pages.route("/people/<person_id>/disable", methods=["GET", "POST"])
@needs(Permission.MANAGE_PEOPLE)
def disable(person_id: str) -> Response | str:
    """Let somebody sign in no more, after asking."""

    def do(other: Person) -> Response | str:
        try:
            accounts.disable(this_node(), other.id, actor())
        except Conflict:
            flash(only_administrator(), "error")
        else:
            flash(_("%(name)s can no longer sign in.", name=other.name))
        return redirect(url_for("people.show", person_id=other.id), 303)

    return _confirmed(
        person_id,
        do,
        lazy_gettext("Disable the account"),
        lazy_gettext("They are signed out everywhere now, and cannot sign in until you enable the account."),
    )


@pages.route("/people/<person_id>/enable", methods=["GET", "POST"])
@needs(Permission.MANAGE_PEOPLE)
def enable(person_id: str) -> Response | str:
    """Let somebody sign in again, after asking."""

    def do(other: Person) -> Response | str:
        accounts.enable(this_node(), other.id, actor())
        flash(_("%(name)s can sign in again.", name=other.name))
        return redirect(url_for("people.show", person_id=other.id), 303)

    return _confirmed(
        person_id,
        do,
        lazy_gettext("Enable the account"),
        lazy_gettext("They can sign in again, with the password and the second factor that they had."),
    )


@pages.route("/people/<person_id>/reset-password", methods=["GET", "POST"])
@needs(Permission.MANAGE_PEOPLE)
def reset_password(person_id: str) -> Response | str:
    """Give somebody a new password, after asking, and show it."""

    def do(other: Person) -> Response | str:
        password = accounts.reset_password(this_node(), other.id, actor())
        return render_template("accounts/new_password.html", other=other, password=password, added=False)

    return _confirmed(
        person_id,
        do,
        lazy_gettext("Make a new password"),
        lazy_gettext("They are signed out everywhere now. You see the new password once, and hand it over."),
    )


@pages.route("/people/<person_id>/reset-second-factor", methods=["GET", "POST"])
@needs(Permission.MANAGE_PEOPLE)
def reset_second_factor(person_id: str) -> Response | str:
    """Forget somebody's second factor, after asking."""

    def do(other: Person) -> Response | str:
        accounts.reset_second_factor(this_node(), other.id, actor())
        flash(_("%(name)s sets up a new second factor at the next sign-in.", name=other.name))
        return redirect(url_for("people.show", person_id=other.id), 303)

    return _confirmed(
        person_id,
        do,
        lazy_gettext("Forget the second factor"),
        lazy_gettext(
            "Do this only if you are sure who asks you: whoever has the password then sets up the new one. "
            "They are signed out everywhere now."
        ),
    )


def roles_here() -> Sequence[Role]:
    """Return the roles that this member gives."""
    police = this_node().entry().kind == "law_enforcement"
    return [role for role in Role if police or role not in POLICE_ONLY]


def only_administrator() -> str:
    """Say why the last administrator stays one."""
    return str(
        _("This is the only administrator who can still sign in. Make somebody else administrator first.")
    )


def _confirmed(
    person_id: str, do: Callable[[Person], Response | str], title: Any, text: Any
) -> Response | str:
    """Do something once it was confirmed on a page of its own."""
    other = accounts.find_person(this_node(), person_id)
    back = url_for("people.show", person_id=other.id)
    return ask_first(lambda: do(other), title, lambda: f"{other.full_name} ({other.name})", text, back)

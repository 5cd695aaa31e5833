"""Forms: what a person fills in, checked before it goes to a use case.

Guarantees: a form whose author was signed out in the middle comes back as they left it, once they have signed
in again; nothing has to be done for that but to derive from `Form` and to send the form to the address that
shows it.
"""

from collections.abc import Callable
from typing import Any

from flask import flash, g, render_template, request
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from node.services.people import sessions
from node.web.console.base.guard import is_signed_in, this_node, visit

_AUTO: Any = FlaskForm.__init__.__defaults__[0] if FlaskForm.__init__.__defaults__ else None


class Form(FlaskForm):  # type: ignore[misc]  # published without types
    """A form of the console."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        """How a form gets what it shows."""

        def wrap_formdata(self, form: FlaskForm, formdata: Any) -> Any:
            """Take what was sent; else what was kept from before its author was signed out."""
            found = super().wrap_formdata(form, formdata)
            if found is None and formdata is _AUTO and request.method == "GET":
                return kept_fields()
            return found

    def validate_on_submit(self, extra_validators: Any = None) -> bool:
        """Tell whether the form was sent and is right; then nothing of it has to be kept any more."""
        right: bool = super().validate_on_submit(extra_validators)
        if right and is_signed_in():
            sessions.drop_form(this_node(), visit().person, request.path)
        return right


def ask_first(
    do: Callable[[], Response | str], title: Any, about: Callable[[], str], text: Any, back: str
) -> Response | str:
    """Do something once somebody has confirmed it on a page of its own.

    Args:
        do: does it, and answers.
        title: what is done; the button says it, too.
        about: says to what or whom; asked only where the page is shown.
        text: what follows from it.
        back: the address of the way out.
    """
    form = Form()
    if form.validate_on_submit():
        return do()
    return render_template("confirm.html", form=form, title=title, about=about(), text=text, back=back)


def kept_fields() -> "MultiDict[str, str] | None":
    """Return what was kept of the form at this address from before its author was signed out."""
    if not is_signed_in():
        return None
    if "kept" not in g:
        g.kept = sessions.find_form(this_node(), visit().person, request.path)
        if g.kept is not None:
            flash(_("You were signed out while you worked on this. It is as you left it; check and send it."))
    return None if g.kept is None else MultiDict(g.kept)

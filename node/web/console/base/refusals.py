"""What a use case refuses, in the reader's language.

Guarantees: message and next step are said as `node.web.console.texts` reads them from where they are raised;
a next step that is a command is said as what is done in the console, where that can be done there.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext

from node.errors import NodeError

_ADMINISTRATOR = lazy_gettext("Tell your administrator.")
_MEMBERS = lazy_gettext("See the members under “Federation”.")
_EVIDENCE = lazy_gettext("See the evidence under “Federation”.")
_REQUESTS = lazy_gettext("See the requests under “Publishing”.")
_LEADS = lazy_gettext("Look for it under “Leads”.")
_BY_ITSELF = lazy_gettext("The node asks its peers by itself. Try again later.")

HERE: Mapping[str, Any] = MappingProxyType(
    {
        "Ask a colleague; in an emergency, publish with `gmcn gate override`.": lazy_gettext(
            "Ask a colleague."
        ),
        "Ask for it with `gmcn gate request %(first)s`.": lazy_gettext("Propose it on the page of the case."),
        "Ask for its successor: `gmcn keys succeed`. Erasing and withdrawing work meanwhile.": lazy_gettext(
            "Tell your administrator. Erasing and withdrawing work meanwhile."
        ),
        "Compare it with the member again, by a line that you trust: see `gmcn member list`.": lazy_gettext(
            "Compare it with the member again, by a line that you trust."
        ),
        "Hand the file that `gmcn join request` writes to the coordinator, and wait for the roster.": (
            _ADMINISTRATOR
        ),
        "It asks its peers by itself under `gmcn serve`; see `gmcn status`.": _BY_ITSELF,
        "It may have been erased, or nothing is exchanged with its owner now: `gmcn status` says.": (
            lazy_gettext("It may have been erased, or nothing is exchanged with its owner now.")
        ),
        "Its owner decides about it; see `gmcn leads show`.": lazy_gettext("Its owner decides about it."),
        "List the cases with `gmcn case list`.": lazy_gettext("Look for it under “Own cases”."),
        "List them with `gmcn gate list`.": _REQUESTS,
        "List them with `gmcn leads list`.": _LEADS,
        "Name another one: see `gmcn member list`.": _MEMBERS,
        "Run `gmcn fsck`.": _ADMINISTRATOR,
        "See `gmcn audit list` for the newest.": lazy_gettext("See the newest entries under “Journal”."),
        "See `gmcn case show`.": lazy_gettext("Open the case and look at it again."),
        "See `gmcn due`.": lazy_gettext("See what is to be done on the first page."),
        "See `gmcn evidence list`.": _EVIDENCE,
        "See `gmcn evidence show`.": _EVIDENCE,
        "See `gmcn gate list`.": _REQUESTS,
        "See `gmcn leads list --case %(case)s`.": _LEADS,
        "See `gmcn leads show` for those of a lead.": _LEADS,
        "See `gmcn leads show`.": _LEADS,
        "See `gmcn member list`.": _MEMBERS,
        "The newest head is fetched from the peers by `gmcn serve`; see `gmcn status`.": _BY_ITSELF,
        "Undo the withdrawal with `gmcn case undo`, or add it anew.": lazy_gettext(
            "Undo the withdrawal on the page of the case, or add it anew."
        ),
    }
)
"""What the console says in the place of a next step that names a command."""


def say_refusal(error: NodeError) -> str:
    """Say what went wrong, and what to do next."""
    return f"{say_message(error)} {say_next_step(error)}".rstrip()


def say_message(error: NodeError) -> str:
    """Say what went wrong."""
    return str(_(error.templates[0], **error.values))


def say_next_step(error: NodeError) -> str:
    """Say what to do next; empty where there is nothing to be done."""
    step = error.templates[1]
    if step in HERE:
        return str(HERE[step])
    return str(_(step, **error.values)) if step else ""

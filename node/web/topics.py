"""What documents of the library are about, in words: for the site, and for the console that fills it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from flask_babel import lazy_gettext

TOPICS: Mapping[str, Any] = MappingProxyType(
    {
        "if-missing": lazy_gettext("When a child is missing"),
        "abduction": lazy_gettext("Abduction"),
        "runaway": lazy_gettext("Running away"),
        "online": lazy_gettext("Safe on the internet"),
        "prevention": lazy_gettext("Before something happens"),
        "professionals": lazy_gettext("For those who work with children"),
        "other": lazy_gettext("Other"),
    }
)
"""Every topic of `services.site.library`, in the order in which documents are listed."""

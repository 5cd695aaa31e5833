"""The brake on mass erasure: how many cases of a feed may go in a day before their content waits.

A stolen key must not be able to erase a country. What is erased is hidden at once, whatever the number; past
the brake its content is purged three days later, and until then a freeze of the feed by the network undoes
it.
"""

from datetime import timedelta

WINDOW = timedelta(hours=24)
"""The time in which erasures of one feed count together."""

DELAY = timedelta(hours=72)
"""How long after hiding the content waits when there were too many."""

_FREE = 20
_SHARE = 20  # one in so many live cases: 5 %


def is_mass_erasure(erased: int, live: int) -> bool:
    """Tell whether so many erasures of one feed within WINDOW are more than an owner makes by hand.

    Args:
        erased: cases of which there was content, and that the feed erased within WINDOW.
        live: cases of the feed that are still live.
    """
    return erased > max(_FREE, (live + erased) / _SHARE)

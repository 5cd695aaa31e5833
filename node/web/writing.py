"""What people type, made into texts that letters and purposes take.

Guarantees: whatever a browser or another program put between the letters, a text that passed here can be
printed.
"""

from protocol.signs import only_readable


def prose(text: str | None) -> str:
    """Keep of a text of several lines what can be printed, and what joins and parts letters; used as a filter
    of fields."""
    return "\n".join(line(part) for part in (text or "").splitlines()).strip()


def line(text: str | None) -> str:
    """Keep of a text of one line what can be printed, and what joins and parts letters; used as a filter of
    fields."""
    return only_readable(text or "").strip()

"""What the node has to remember of itself: short marks by name, each with the moment and what it is about.

Guarantees: a mark that stands is found after any restart. What follows from one is left to the services.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from node.store.database import Moment, metadata, upsert

RESTORED = "restored"
"""The database came out of a backup, and what happened since is not known yet: nothing is shown, served or
signed. `about` names the backup."""

PUT_BACK = "put back"
"""When the database came out of a backup last: what was known then may be older than what was erased."""

RECOVERED = "recovered"
"""What came before was fetched from the peers. `about` is what could not be, as JSON."""

READERS = "readers"
"""The members that the own feeds are open to, as the partner was told last: `about` names them."""

REMIND = "remind"
"""Somebody wants those reminded who owe a word about an erasure."""

RING = "ring"
"""Something was published by somebody who does not wait for the peers to be rung: a job does it."""

UNKNOWN_NAMES = "unknown names"
"""When the journal was told last that names were tried that nobody has. `about` counts what came since."""

SITE = "site secret"
"""What the public site knows its own forms, and those who send them, by: `about`, in hexadecimal digits. No
member relies on it, so that it is no key."""

mark = sa.Table(
    "mark",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("about", sa.Text, nullable=False),
)

_FIND = sa.select(mark).where(mark.c.name == sa.bindparam("name"))


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark."""

    name: str
    at: datetime
    about: str


def find_mark(conn: Connection, name: str) -> Mark | None:
    """Return a mark, or None when it does not stand."""
    row = conn.execute(_FIND, {"name": name}).one_or_none()
    return Mark(*row) if row else None


def set_mark(conn: Connection, name: str, now: datetime, about: str = "") -> None:
    """Set a mark, in the place of the one before."""
    upsert(conn, mark, [{"name": name, "at": now, "about": about}], ("name",))


def clear_mark(conn: Connection, name: str) -> None:
    """Take a mark away."""
    conn.execute(mark.delete().where(mark.c.name == name))

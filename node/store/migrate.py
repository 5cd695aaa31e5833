"""Bringing a database to the form that this version of the program needs (Alembic).

Guarantees: a database that is newer than the program is refused instead of guessed at. Migrations live in
`migrations/versions`, each in a file that begins with its revision; tests hold their result against the
tables, up, down, and with rows in them.
"""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from node.errors import Conflict
from node.store.database import reading, writing

_FOLDER = Path(__file__).parent / "migrations"


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the database up, or down, to a revision; one that is there already takes no lock.

    Raises:
        Conflict: the database was written by a newer version of the program.
    """
    known = _revisions()
    wanted = known[-1] if revision == "head" else revision
    with reading(engine) as connection:
        if current_revision(connection) == wanted:
            return
    with writing(engine) as connection:
        present = current_revision(connection)
        if present is not None and present not in known:
            raise Conflict(
                "The database was written by a newer version of this program.",
                "Install that version, or a newer one.",
            )
        _run(connection, wanted, down=wanted == "base" or (present is not None and wanted < present))


def knows(revision: str) -> bool:
    """Tell whether this program knows a revision of the database."""
    return revision in _revisions()


def current_revision(connection: Connection) -> str | None:
    """Return the revision that the database is at; None for an empty one."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return found


def _revisions() -> list[str]:
    return sorted(path.name.partition("_")[0] for path in (_FOLDER / "versions").glob("[0-9]*.py"))


def _run(connection: Connection, revision: str, *, down: bool) -> None:
    from alembic import command  # twelve megabytes that a node needs only while it is upgraded
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    (command.downgrade if down else command.upgrade)(config, revision)

"""Bringing a database to the form that this version of the program needs (Alembic).

Guarantees: a database that is newer than the program is refused instead of guessed at. Migrations live in
`migrations/versions`; tests hold their result against the tables, up, down, and with rows in them.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from node.errors import Conflict
from node.store.database import reading, writing

_FOLDER = Path(__file__).parent / "migrations"


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the database up, or down, to a revision; one that is there already takes no lock.

    Raises:
        Conflict: the database was written by a newer version of the program.
    """
    config = _configuration()
    scripts = ScriptDirectory.from_config(config)
    wanted = scripts.get_current_head() if revision == "head" else revision
    with reading(engine) as connection:
        if current_revision(connection) == wanted:
            return
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        present = current_revision(connection)
        known = {script.revision for script in scripts.walk_revisions()}
        if present is not None and present not in known:
            raise Conflict(
                "The database was written by a newer version of this program.",
                "Install that version, or a newer one.",
            )
        if revision == "base" or (revision != "head" and present is not None and revision < present):
            command.downgrade(config, revision)
        else:
            command.upgrade(config, revision)


def knows(revision: str) -> bool:
    """Tell whether this program knows a revision of the database."""
    scripts = ScriptDirectory.from_config(_configuration())
    return revision in {script.revision for script in scripts.walk_revisions()}


def current_revision(connection: Connection) -> str | None:
    """Return the revision that the database is at; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def _configuration() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config


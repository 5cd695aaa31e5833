"""Getting deleted bytes out of the database's own files, and knowing when they are.

SQLite       free space is overwritten when a row goes; a truncating checkpoint empties the log. Cheap.
PostgreSQL   VACUUM FULL rewrites every table and locks it meanwhile, so it is done at most every few hours;
             then the write-ahead log has to turn over: the segments from before must be gone from the disk.

Guarantees: `advance` names a moment only when nothing that was deleted before it is in any of the files; a
crash between the steps goes on from the marks in the database. What backups, archives of the log and standby
servers keep is for whoever runs these (docs/operating.md).
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from node.store.database import reading, scrub, writing
from node.store.marks import Mark, clear_mark, find_mark, set_mark

DELETED = "deleted"
"""Rows were deleted or replaced whose bytes may still be in the files; `about` is ERASED where that cannot
wait."""

SCRUBBED = "scrubbed"
"""The files were last cleaned at this moment. On PostgreSQL `about` is the place in the write-ahead log whose
turning over is waited for, and empty once that is done."""

ERASED = "erased"

_SUPERSEDED = timedelta(hours=1)
"""How long the bytes of replaced versions may stay: nobody was promised a moment for these."""


def note_deletion(conn: Connection, *, erased: bool = False) -> None:
    """Remember that content was deleted or replaced, in the transaction that did it.

    Args:
        erased: whether it was erased, and not replaced by something newer.
    """
    noted = find_mark(conn, DELETED)
    if noted is None or (erased and noted.about != ERASED):
        set_mark(conn, DELETED, datetime.fromtimestamp(0, UTC), ERASED if erased else "")


def is_due(conn: Connection, now: datetime) -> bool:
    """Tell whether there are deleted bytes in the files that have been there long enough."""
    noted, scrubbed = find_mark(conn, DELETED), find_mark(conn, SCRUBBED)
    if noted is None:
        return scrubbed is not None and bool(scrubbed.about)
    return bool(noted.about) or scrubbed is None or scrubbed.at + _SUPERSEDED <= now


def advance(engine: Engine, now: datetime, pause: timedelta) -> datetime | None:
    """Take deleted bytes out of the files, as far as that can be done now. Call it outside any transaction.

    Args:
        now: nothing was deleted after it yet.
        pause: between two rewritings of PostgreSQL's tables.

    Returns:
        The moment before which everything deleted is gone from the files; None when it takes another call:
        a reader or a backup holds it up, the pause is not over, or the log has not turned over yet.
    """
    if engine.dialect.name == "sqlite":
        return now if _scrub(engine, now) else None
    with reading(engine) as conn:
        scrubbed = find_mark(conn, SCRUBBED)
    if scrubbed is None or (not scrubbed.about and scrubbed.at + pause <= now):
        if not _scrub(engine, now):
            return None
        scrubbed = Mark(SCRUBBED, now, _turn_log_over(engine))
        _keep(engine, scrubbed)
    if scrubbed.about:
        if not _has_turned_over(engine, scrubbed.about):
            return None
        _keep(engine, replace(scrubbed, about=""))
    return scrubbed.at


def waits_for(engine: Engine) -> str:
    """Tell what keeps PostgreSQL's log from turning over, in plain words; empty when nothing does."""
    if engine.dialect.name == "sqlite":
        return ""
    with reading(engine) as conn:
        row = conn.exec_driver_sql(_RIGHTS).one()
    lacking = [word for word, fits in zip(_NEEDED, row, strict=True) if not fits]
    return "; ".join(lacking)


_NEEDED = (
    "the server's setting wal_recycle must be off",
    "the node's role must be a member of pg_monitor",
    "the node's role must be a member of pg_checkpoint",
    "the node's role must be allowed to execute pg_switch_wal()",
)
_RIGHTS = """SELECT current_setting('wal_recycle') = 'off',
    pg_has_role('pg_monitor', 'USAGE'),
    EXISTS (SELECT FROM pg_roles WHERE rolname = 'pg_checkpoint' AND pg_has_role(oid, 'USAGE')),
    has_function_privilege('pg_switch_wal()', 'EXECUTE')"""


def _scrub(engine: Engine, now: datetime) -> bool:
    """Scrub. What is deleted meanwhile is noted anew; where it cannot be done, everything stays noted."""
    with writing(engine) as conn:
        before = [mark for name in (DELETED, SCRUBBED) if (mark := find_mark(conn, name)) is not None]
        clear_mark(conn, DELETED)
        set_mark(conn, SCRUBBED, now)
    done = False
    try:
        done = scrub(engine)
    finally:
        if not done:
            for mark in before:
                _keep(engine, mark)
    return done


def _keep(engine: Engine, mark: Mark) -> None:
    with writing(engine) as conn:
        set_mark(conn, mark.name, mark.at, mark.about)


def _turn_log_over(engine: Engine) -> str:
    """Begin a new segment of the write-ahead log and let the server drop those before.

    Returns:
        The place up to which the log may hold what was deleted.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        place: str = connection.exec_driver_sql("SELECT pg_current_wal_insert_lsn()::text").scalar_one()
        for statement in ("SELECT pg_switch_wal()", "CHECKPOINT"):
            try:
                connection.exec_driver_sql(statement)
            except DBAPIError:  # not allowed: the server does it in its own time
                continue
    return place


def _has_turned_over(engine: Engine, place: str) -> bool:
    """Tell whether no segment with anything from before a place is on the disk; False when it cannot be
    seen."""
    if waits_for(engine):
        return False
    query = """SELECT NOT EXISTS (SELECT FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'
        AND right(name, 16) <= right(pg_walfile_name(%s::pg_lsn), 16))"""
    with reading(engine) as conn:
        gone: bool = conn.exec_driver_sql(query, (place,)).scalar_one()
    return gone

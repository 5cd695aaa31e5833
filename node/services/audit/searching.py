"""Searching the journal: who did what, to which case, when, and why. That somebody looked is in it, too."""

from collections.abc import Iterator
from dataclasses import replace

from node.errors import InvalidInput
from node.runtime import Node
from node.services.audit.terms import hash_words
from node.store.database import writing
from node.store.journal import JournalEntry, NumberedEntry, Wanted, find_entries, write_journal

_CONDITIONS = ("actor", "action", "case_id", "field", "purpose", "since", "until")


def list_entries(
    node: Node, wanted: Wanted, actor: str, term: str = "", limit: int = 100
) -> list[NumberedEntry]:
    """Return entries, the newest first; ask for those before the last one's number to go on.

    Args:
        term: words that somebody may have searched for; the entries of searches for all of them are given.

    Raises:
        InvalidInput: there is no letter in the term.
    """
    words = hash_words(node, term)
    if term and not words:
        raise InvalidInput("There is no word in what was to be looked for.", "Give a name, or other words.")
    asked = replace(wanted, terms=words)
    fields = [*_named(wanted), *(["term"] if words else [])]
    with writing(node.engine) as conn:
        found = find_entries(conn, asked, limit)
        entry = JournalEntry(node.clock(), actor, "audit.list", wanted.case_id or "", fields, terms=words)
        write_journal(conn, entry)
    return found


def _named(wanted: Wanted) -> Iterator[str]:
    """Name the conditions that are asked for."""
    return (name for name in _CONDITIONS if getattr(wanted, name) is not None)

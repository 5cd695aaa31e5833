"""Own cases in the search of the public site: as they were published, never as the register has them.

Guarantees: with the transaction that publishes, changes or takes back a document, the public finds what it
says, or nothing.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection

from node.domain.searchable import PUBLIC, SearchEntry, entry_of, is_shown_in
from node.runtime import KeylessNode
from node.store.search.index import index_many, remove_many


def index_published(conn: Connection, node: KeylessNode, published: Iterable[Mapping[str, Any]]) -> None:
    """Let the public find own cases by the documents that were published last, by part; those that may not be
    shown in this country are found no longer."""
    entries, others = list[SearchEntry](), list[str]()
    for parts in published:
        if is_shown_in(parts["head"], node.country):
            entries.append(entry_of_published(node, parts))
        else:
            others.append(parts["head"]["case"])
    index_many(conn, entries)
    forget_published(conn, others)


def entry_of_published(node: KeylessNode, parts: Mapping[str, Any]) -> SearchEntry:
    """Make the row of an own document that the public may see."""
    return entry_of(
        parts["head"],
        parts["public"],
        source="site",
        feed_id=None,
        owner=node.member,
        country=node.country,
        status="published",
        shown_to=PUBLIC,
    )


def forget_published(conn: Connection, case_ids: Collection[str]) -> None:
    """Let the public find own cases no longer."""
    remove_many(conn, "site", None, case_ids)

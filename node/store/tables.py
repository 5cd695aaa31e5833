"""Every table of the node, in one `metadata`: what the migrations are held against."""

from node.store import (
    access,
    carried,
    cases,
    documents,
    evidence,
    feeds,
    gate,
    handovers,
    heads,
    marks,
    messages,
    peers,
    photographs,
    receipts,
    search,
    waypoints,
    witnesses,
)
from node.store.database import metadata

__all__ = [
    "access",
    "carried",
    "cases",
    "documents",
    "evidence",
    "feeds",
    "gate",
    "handovers",
    "heads",
    "marks",
    "messages",
    "metadata",
    "peers",
    "photographs",
    "receipts",
    "search",
    "waypoints",
    "witnesses",
]

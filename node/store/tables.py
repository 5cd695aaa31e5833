"""Every table of the node, in one `metadata`: what the migrations are held against."""

from node.store import journal, leads, marks, posters
from node.store.database import metadata
from node.store.federation import carried, evidence, heads, messages, peers, receipts, waypoints, witnesses
from node.store.published import continued, documents, feeds, photographs, statements
from node.store.register import cases, clocks, drafts, gate, handovers, imports
from node.store.search import index as search_index
from node.store.staff import access, people, saved_searches

__all__ = [
    "access",
    "carried",
    "cases",
    "clocks",
    "continued",
    "documents",
    "drafts",
    "evidence",
    "feeds",
    "gate",
    "handovers",
    "heads",
    "imports",
    "journal",
    "leads",
    "marks",
    "messages",
    "metadata",
    "peers",
    "people",
    "photographs",
    "posters",
    "receipts",
    "saved_searches",
    "search_index",
    "statements",
    "waypoints",
    "witnesses",
]

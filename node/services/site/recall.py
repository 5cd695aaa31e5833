"""Which posters were made, and which of them are to be called back.

Guarantees: what is told holds no name, and is told of cases that are long erased, too.
"""

from node.runtime import KeylessNode
from node.store import posters
from node.store.database import reading
from node.store.posters import PostersOfCase
from node.store.published import documents

LIVE, CHANGED, OVER = "live", "changed", "over"
"""How it stands with the case of a poster: as it was then; with a newer version; ended."""


def list_made(node: KeylessNode, limit: int, offset: int = 0) -> list[tuple[PostersOfCase, str]]:
    """Return the cases that posters were made of, the latest first, and how it stands with each."""
    with reading(node.engine) as conn:
        made = posters.list_cases_with_posters(conn, limit, offset)
        live = documents.live_versions(conn, [item.case_id for item in made], node.now().date())
    return [(item, _standing(item, live.get(item.case_id))) for item in made]


def _standing(made: PostersOfCase, version: int | None) -> str:
    if version is None:
        return OVER
    return CHANGED if version > made.newest else LIVE

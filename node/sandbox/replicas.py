"""What members really hold, read from each node's own disk, byte by byte: for the story, which checks it.

Guarantees: nothing is changed, and nothing is taken from what a node says of itself.
"""

import hashlib
from collections.abc import Iterator, Mapping

from node.errors import NotFound
from node.runtime import Node
from node.sandbox.plan import MEMBERS
from node.services.search.finding import open_case_quietly
from node.store.database import reading
from node.store.published import documents, feeds, photographs
from node.store.published.documents import HeldDocument
from node.store.published.photographs import SMALL

_ROUND = 500

Nodes = Mapping[str, Node]


def list_differences(nodes: Nodes) -> list[str]:
    """Name every feed of which a reader's replica is not the owner's own, and every one that is held by
    somebody who may not read it."""
    return list(_differences(nodes))


def has_differences(nodes: Nodes) -> bool:
    """Whether there is any; looked for only until the first is found."""
    return any(_differences(nodes))


def _differences(nodes: Nodes) -> Iterator[str]:
    for owner, audience in _feeds():
        if owner not in nodes:
            continue
        own = read_documents(nodes[owner], owner, audience)
        for reader in nodes:
            if reader == owner:
                continue
            expected = own if reader in readers_of(owner, audience) else {}
            if read_documents(nodes[reader], owner, audience) != expected:
                yield f"{owner}/{audience} at {reader}"


def readers_of(owner: str, audience: str = "network") -> list[str]:
    """List the members that may read a member's feed."""
    return [
        plan.id
        for plan in MEMBERS
        if plan.id != owner and (audience == "network" or plan.kind == "law_enforcement")
    ]


def read_documents(node: Node, owner: str, audience: str) -> dict[str, bytes]:
    """Return the live documents of a feed that a node holds, by case."""
    return {held.case_id: held.body for held in _documents(node, owner, audience)}


def size_of(node: Node, owner: str) -> int:
    """Return how many entries of a member's network feed a node has."""
    with reading(node.engine) as conn:
        row = feeds.find_feed(conn, owner, "network")
    return row.size if row else 0


def version_at(node: Node, case_id: str) -> int | None:
    """Return the version of a case that a node shows; None when it shows none."""
    try:
        return open_case_quietly(node, case_id).version
    except NotFound:
        return None


def check_photographs(node: Node) -> tuple[int, list[str]]:
    """Hash every small photograph of foreign cases again.

    Returns:
        How many are there as their documents say, and of which cases one is not.
    """
    good, bad = 0, []
    for owner, audience in _feeds():
        for held in _documents(node, owner, audience) if owner != node.member else ():
            with reading(node.engine) as conn:
                named = photographs.photographs_of_case(conn, held.case_key)
            for photo in named:
                if photo.rendition == SMALL:
                    data = node.blobs.get(owner, photo.sha256) or b""
                    if hashlib.sha256(data).hexdigest() == photo.sha256:
                        good += 1
                    else:
                        bad.append(held.case_id)
    return good, bad


def files_with(node: Node, secrets: list[bytes]) -> list[str]:
    """Name the files in a node's home that hold any of some bytes, anywhere."""
    # A process that closes a file loses every lock that it has on it: SQLite must not be at it meanwhile.
    node.engine.dispose()
    found = []
    for path in sorted(node.config.home.rglob("*")):
        try:
            data = path.read_bytes() if path.is_file() else b""
        except FileNotFoundError:  # a temporary one, gone meanwhile
            continue
        if any(secret in data for secret in secrets):
            found.append(path.name)
    return found


def _documents(node: Node, owner: str, audience: str) -> Iterator[HeldDocument]:
    with reading(node.engine) as conn:
        row = feeds.find_feed(conn, owner, audience)
        above = 0
        while row is not None and (batch := documents.iterate_documents(conn, row.id, above, _ROUND)):
            yield from batch
            above = batch[-1].case_key


def _feeds() -> Iterator[tuple[str, str]]:
    for plan in MEMBERS:
        yield plan.id, "network"
        if plan.kind == "law_enforcement":
            yield plan.id, "police"

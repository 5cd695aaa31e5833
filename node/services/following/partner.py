"""A node that nobody can reach from outside: its feeds are handed to a partner that serves them for it. What
others have to say about them it fetches when it pulls them.

Guarantees: the partner is sent what it could have pulled and nothing else, in the form of a bundle; what it
has is asked for and not remembered, so that a lost one is made up for; a partner that does not answer stops
nothing else.
"""

import secrets
import tempfile

from node.adapters.peers import Refused, mirror_path
from node.runtime import Node
from node.services import serving
from node.services.following.bundles import export_bundle
from node.services.standing import exchange_with, other_member
from node.store import marks
from node.store.database import reading, writing
from node.store.federation import carried
from node.store.published import feeds
from protocol.bundle import PIECE_BYTES
from protocol.checkpoint import parse_checkpoint
from protocol.member import Member
from protocol.note import parse_note


def hand_in(node: Node, *, ask: bool = False) -> bool:
    """Bring what the partner holds of the own feeds up to date.

    Args:
        ask: look at everything, also at what only others may have changed: what the partner has, and whom
            the feeds are open to.

    Returns:
        Whether anything was sent.

    Raises:
        NotFound, NotAllowed: the roster does not list the partner of the settings, or it is this node's own.
        PeerUnavailable: the partner does not answer, or is busy; it is tried again.
        ProtocolError: it answers in a form that there is not.
    """
    if not node.config.mirror.partner:
        return False
    partner = other_member(node, node.config.mirror.partner)
    with reading(node.engine) as conn:
        own = [row for row in feeds.list_feeds(conn) if row.own and row.note is not None]
        own = [row for row in own if row.audience in exchange_with(conn, node, partner.id).leaves]
        had = carried.known_sizes(conn, partner.id)
    if not ask and all(had.get(row.origin) == _size(row.note) for row in own):
        return False
    with reading(node.engine) as conn:
        open_to = [(row.audience, serving.list_readers(node, conn, row.audience)) for row in own]
        readers = "\n".join(f"{audience} {' '.join(members)}" for audience, members in open_to)
        told = marks.find_mark(conn, marks.READERS)
    lacking = {row.origin: size for row in own if (size := _size_there(node, partner, row)) is not None}
    with writing(node.engine) as conn:
        current = {row.origin: _size(row.note) for row in own if row.origin not in lacking}
        carried.keep_sizes(conn, partner.id, {**current, **lacking})
    if not lacking and told is not None and told.about == readers:
        return False
    _send(node, partner, {**current, **lacking})
    with writing(node.engine) as conn:
        marks.set_mark(conn, marks.READERS, node.clock(), readers)
    return True


def _size_there(node: Node, partner: Member, row: feeds.FeedRow) -> int | None:
    """Return how far the partner has a feed; None when it has this very head."""
    try:
        tag = feeds.note_tag(row.note)
        note = node.peers.get_checkpoint(partner, mirror_path(node.member, row.audience), tag)
    except Refused:  # it has nothing of it yet
        return 0
    return None if note is None else min(_size(note), _size(row.note))


def _size(note: bytes | None) -> int:
    return parse_checkpoint(parse_note(note or b"").text).size


def _send(node: Node, partner: Member, since: dict[str, int]) -> None:
    token_id = secrets.token_urlsafe(16)
    with tempfile.TemporaryFile(dir=node.scratch()) as file:
        export_bundle(node, partner.id, [node.member], file, since)
        file.seek(0)
        index, piece = 0, file.read(PIECE_BYTES)
        while piece:
            following = file.read(PIECE_BYTES)
            node.peers.send_piece(partner, token_id, index, piece, last=not following)
            index, piece = index + 1, following

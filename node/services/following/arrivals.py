"""Bundles that members hand in over a line, piece by piece, because nobody can reach them; and the receipts
that they fetch.

Guarantees: pieces are put together in their order or not at all; one bundle of a member waits at a time, and
is never longer than MAX_BYTES; all that wait take no more disk than the settings say, and never its last; one
is taken in by the same way as one from a stick, and deleted then. One
whose next piece does not come is deleted too: it may hold what is erased meanwhile. What is still owed to a
caller is given again until it gives it back.
"""

import os
import re
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import structlog

from node.adapters.files import free_bytes
from node.errors import Conflict, InvalidInput, NodeError, PeerUnavailable
from node.log import describe_exception
from node.runtime import Node
from node.services.following.bundles import Imported, import_bundle
from node.services.following.replicas import owed_receipts
from node.services.serving import Caller, not_exchanged, take_once
from node.store.database import reading, writing
from node.store.federation import peers, receipts
from node.store.published import feeds
from protocol.bundle import PIECE_BYTES
from protocol.encoding import parse_decimal
from protocol.errors import Malformed, NotAuthorized, ProtocolError
from protocol.receipt import MAX_OWED, verify_receipt

MAX_BYTES = 256 << 20
"""The longest bundle that is taken over a line: some 100,000 cases with their photographs' small renditions
are more, and go on a stick once."""

MIN_FREE_BYTES = 512 << 20
"""How much of the disk is left free: what is owed to everybody else is written there, too."""

_PATIENCE = timedelta(hours=1)
"""How long the next piece of a bundle is waited for."""

_TOKEN_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)

log = structlog.get_logger()


def take_piece(node: Node, caller: Caller, token_id: str, number: str, piece: bytes, *, last: bool) -> None:
    """Take the next piece of a caller's bundle. The first of another one takes the place of what came before.

    Raises:
        NotAllowed: nothing is exchanged with the caller.
        Malformed: another form of address, or of another length than a piece has.
        Conflict: not the next piece; or a bundle of this caller waits to be taken in.
        InvalidInput: the bundle is longer than is taken over a line.
        PeerUnavailable: there is no room for it now.
    """
    if not caller.exchange.leaves:
        raise not_exchanged(caller)
    index = parse_decimal(number, "piece of a bundle")
    if not _TOKEN_ID.fullmatch(token_id) or (len(piece) != PIECE_BYTES and not last):
        raise Malformed("piece of a bundle: of another form")
    if index * PIECE_BYTES + len(piece) > MAX_BYTES:
        raise InvalidInput("The bundle is too long to be sent.", "Bring it as a file: `gmcn bundle export`.")
    with writing(node.engine) as conn:  # one at a time, in all processes
        take_once(conn, node, caller, "piece")
        folder = _folder(node)
        whole = folder / f"{caller.member}.bundle"
        part = folder / f"{caller.member}.{token_id}.part"
        if whole.exists():
            raise Conflict("Another bundle waits to be taken in.", "Send it again in a minute.")
        if index == 0:
            for old in folder.glob(f"{caller.member}.*.part"):
                old.unlink()
        _check_room(node, folder, len(piece))
        if index == 0:
            part.touch(0o600)
        if not part.exists() or part.stat().st_size != index * PIECE_BYTES:
            raise Conflict("That is not the next piece.", "Begin with the first one again.")
        with part.open("ab") as file:
            file.write(piece)
        os.utime(part, (now := node.clock().timestamp(), now))
        if last:
            part.replace(whole)


def _check_room(node: Node, folder: Path, size: int) -> None:
    """Check that a piece may be written: by what waits, and by what the disk has left.

    Raises:
        PeerUnavailable: not now.
    """
    waiting = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # it has just been taken in
            waiting += path.stat().st_size
    if waiting + size > node.config.storage.arrivals_megabytes * 1_000_000:
        raise PeerUnavailable("There is no room for more bundles here.", "Send it again in an hour.")
    if free_bytes(folder) < MIN_FREE_BYTES + size:
        raise PeerUnavailable("The disk here is almost full.", "Send it again in an hour.")


def take_arrived(node: Node) -> list[Imported]:
    """Take in the bundles that have arrived whole. What is wrong with one is logged, and shown by its maker's
    entry in `status`."""
    _forget_unfinished(node)
    done = []
    for path in sorted(_folder(node).glob("*.bundle")):
        member = path.name.removesuffix(".bundle")
        try:
            with path.open("rb") as file:
                done.append(import_bundle(node, file))
        except ProtocolError as error:
            with writing(node.engine) as conn:
                peers.record_false(conn, member, str(error), node.clock())
        except NodeError as error:
            log.warning("bundle refused", member=member, error=describe_exception(error))
        finally:  # whatever happens: it must not hold up those of others, and its maker sends it again
            path.unlink()
    return done


def _forget_unfinished(node: Node) -> None:
    before = (node.clock() - _PATIENCE).timestamp()
    for part in _folder(node).glob("*.part"):
        with suppress(FileNotFoundError):  # its last piece has just come
            if part.stat().st_mtime < before:
                part.unlink()


def list_owed(node: Node, caller: Caller) -> list[str]:
    """Sign receipts that this node owes to a caller, for its own feeds.

    Raises:
        NotAllowed: nothing is exchanged with the caller.
    """
    if not caller.exchange.leaves:
        raise not_exchanged(caller)
    with reading(node.engine) as conn:
        found = [feeds.find_feed(conn, caller.member, audience) for audience in caller.exchange.leaves]
    owed: list[str] = []
    for row in filter(None, found):
        for token, _ in owed_receipts(node, row):
            owed.append(token)
            if len(owed) == MAX_OWED:
                return owed
    return owed


def take_returned(node: Node, caller: Caller, token: str) -> None:
    """Take back a receipt of this node's own: its receiver has it, and it is owed no more.

    Raises:
        ProtocolError: it is no receipt of this node's for the caller.
    """
    receipt = verify_receipt(token, caller.member, node.network().roster.token_key)
    if receipt.issuer != node.member:
        raise NotAuthorized("receipt: not one that was given by this member")
    with writing(node.engine) as conn:
        for audience in caller.exchange.leaves:
            row = feeds.find_feed(conn, caller.member, audience)
            if row is not None and row.origin == receipt.origin:
                receipts.settle_returned(conn, row.id, receipt.items)


def _folder(node: Node) -> Path:
    folder = node.config.home / "arrivals"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    return folder

"""Checking a feed as a stranger would: with nothing but files and the public key.

Whoever has no part in the network (a newsroom, a court) saves a feed's checkpoint, tiles and entries and
checks them later, offline, with any reader of C2SP tiled logs. In an exercise they are given without a token.
"""

from dataclasses import dataclass
from pathlib import Path

from node.adapters.http import HttpClient
from node.errors import PeerUnavailable
from protocol.checkpoint import parse_checkpoint, verify_checkpoint
from protocol.errors import BadProof
from protocol.note import VerifierKey, parse_note
from protocol.tiles import TileRef, bundles_between, parse_bundle, read_nodes, tile_width
from protocol.tlog import check_inclusion, inclusion_proof, leaf_hash, tree_root

_LIMIT = 1 << 20
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Checked:
    """What was checked: how many leaves, each with a proof of its own, and how many files it took."""

    leaves: int
    files: int


def save_feed(http: HttpClient, url: str, folder: Path) -> int:
    """Save a feed's checkpoint, tiles and entry bundles under their own paths, asking without a token.

    Args:
        url: of the feed: `<address>/feeds/<audience>`.

    Returns:
        How many files there are.

    Raises:
        PeerUnavailable: one of them is not given to strangers.
    """
    note = _get(http, f"{url}/checkpoint")
    size = parse_checkpoint(parse_note(note).text).size
    saved = {"checkpoint": note}
    for ref in [*_hash_tiles(size), *bundles_between(0, size)]:
        saved[ref.format()] = _get(http, f"{url}/{ref.format()}")
    for name, data in saved.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return len(saved)


def check_saved(folder: Path, keys: tuple[VerifierKey, ...]) -> Checked:
    """Check a saved feed against its public keys: signature, root, and a proof for every leaf.

    Raises:
        ProtocolError: something is not as it was signed.
    """
    checkpoint, _ = verify_checkpoint((folder / "checkpoint").read_bytes(), keys)
    read = read_nodes(checkpoint.size, lambda ref: (folder / ref.format()).read_bytes())
    if tree_root(checkpoint.size, read) != checkpoint.root:
        raise BadProof("feed: the tiles do not lead to the signed root")
    place = 0
    for ref in bundles_between(0, checkpoint.size):
        for entry in parse_bundle((folder / ref.format()).read_bytes(), ref.width):
            proof = inclusion_proof(place, checkpoint.size, read)
            check_inclusion(leaf_hash(entry), place, checkpoint.size, proof, checkpoint.root)
            place += 1
    return Checked(place, sum(path.is_file() for path in folder.rglob("*")))


def _hash_tiles(size: int) -> list[TileRef]:
    refs, level = list[TileRef](), 0
    while tile_width(level, 0, size):
        index = 0
        while width := tile_width(level, index, size):
            refs.append(TileRef(level, index, width))
            index += 1
        level += 1
    return refs


def _get(http: HttpClient, url: str) -> bytes:
    answer = http.fetch("GET", url, limit=_LIMIT, deadline=_SECONDS)
    if answer.status != 200:
        raise PeerUnavailable(f"A stranger was answered {answer.status}.")
    return answer.body

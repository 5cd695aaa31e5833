"""Threshold signing by people who never meet, and the publication of what enough of them have signed.

    change.json       what is to be signed, whole: it goes to each holder as a copy
    sign_change       each signs the copy on their own machine, with a key that never leaves it
    collect           the copies come back, in any order and by any way, and their signatures are merged
    publish           once the thresholds of the root in force are met, and never before

Guarantees: a holder's signature is over the very content that was shown, and counts for no other change;
nothing is published, and nothing that is published changes, without enough of them. The online key only
renews the term of what they have signed. What a change says is left to `network`, its forms to
`node.adapters.repository`.
"""

from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.adapters.repository import Change, Repository, Role
from node.errors import NotAllowed

RENEW_ONLINE = timedelta(days=4)
"""How long before the timestamp runs out it is renewed without anybody's doing."""


def sign_change(path: Path, key: Ed25519PrivateKey) -> list[Role]:
    """Add one key holder's signature to a staged change.

    Args:
        path: the network's folder, or a copy of its change.json.

    Raises:
        NotAllowed: the key may sign nothing of it.
    """
    file = _change_file(path)
    change = Change.read(file)
    signed = change.sign(key)
    if not signed:
        raise NotAllowed(
            "This key may sign nothing of the staged change.", "See who may with `gmcn network show`."
        )
    change.write(file)
    return signed


def collect(folder: Path, copy: Path) -> None:
    """Take the signatures of a copy of the staged change back into the network's folder.

    Raises:
        NotFound: nothing is staged, or there is no such copy.
        Conflict: the copy is of another change.
    """
    repository = Repository.open(folder)
    with repository.turn():
        change = Change.read(repository.change_path)
        change.merge(Change.read(copy))
        change.write(repository.change_path)


def publish(folder: Path, now: datetime) -> None:
    """Publish the staged change, once enough holders have signed it; see `Repository.publish`."""
    repository = Repository.open(folder)
    with repository.turn():
        repository.publish(now)


def discard(folder: Path) -> None:
    """Forget the staged change; see `Repository.discard`."""
    repository = Repository.open(folder)
    with repository.turn():
        repository.discard()


def refresh(folder: Path, now: datetime) -> None:
    """Renew the online signatures for another term; see `Repository.refresh`."""
    repository = Repository.open(folder)
    with repository.turn():
        repository.refresh(now)


def refresh_when_due(folder: Path, now: datetime) -> bool:
    """Renew the online signatures if they run out within RENEW_ONLINE, and tell whether they were."""
    repository = Repository.open(folder)
    with repository.turn():
        timestamp = repository.published_timestamp()
        if timestamp is None or timestamp.signed.expires - now > RENEW_ONLINE:
            return False
        repository.refresh(now)
        return True


def _change_file(path: Path) -> Path:
    return Repository.open(path).change_path if path.is_dir() else path

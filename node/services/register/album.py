"""The photographs of an own case, as people add, choose and remove them.

Guarantees: what is added was decoded, stripped and bounded first; every step is a change of the case like any
other, from the revision that its author saw; of a case's photographs at most one is shown first; a full-size
one is in the journal before it is shown.
"""

import copy
from pathlib import Path
from typing import Any

from node.errors import Conflict, InvalidInput, NotFound
from node.runtime import Node
from node.services.register import cases as register
from node.services.register.photographs import photographs_in, take_photograph
from node.store import cases
from node.store.cases import CaseFile
from node.store.database import reading, writing
from node.store.feeds import HELD
from node.store.journal import JournalEntry, write_journal
from node.store.photographs import FULL

MAX_PHOTOGRAPHS = 20
"""As many as schemas/case.v1.json lets a case have."""

_NO_FILES = Path("/nonexistent")


def add_photograph(
    node: Node, case_id: str, data: bytes, about: dict[str, Any], actor: str, revision: int
) -> CaseFile:
    """Add a photograph to a case; the first one is shown first.

    Args:
        about: what is known of it, as in a record: `kind`, `taken`, `alt`.

    Raises:
        NotFound: the case is not in the register.
        Conflict: it is erased, on its way elsewhere, or was changed meanwhile.
        InvalidInput: it is no photograph, too large, one too many, or what is said of it does not fit.
    """
    photos = _photos_of(node, case_id)
    if len(photos) >= MAX_PHOTOGRAPHS:
        raise InvalidInput("The case has as many photographs as it can have.", "Remove one first.")
    photo = {**about, "renditions": take_photograph(node, data)}
    if not any(item.get("primary") for item in photos):
        photo["primary"] = True
    return _change(node, case_id, [*photos, photo], actor, revision)


def choose_photograph(node: Node, case_id: str, number: int, actor: str, revision: int) -> CaseFile:
    """Have a photograph of a case shown first.

    Args:
        number: from 0.

    Raises:
        NotFound: there is no such case or photograph.
        Conflict: the case is erased, on its way elsewhere, or was changed meanwhile.
    """
    photos = _photos_of(node, case_id)
    _check_number(photos, number)
    for photo in photos:
        photo.pop("primary", None)
    photos[number]["primary"] = True
    return _change(node, case_id, photos, actor, revision)


def remove_photograph(node: Node, case_id: str, number: int, actor: str, revision: int) -> CaseFile:
    """Take a photograph out of a case; where it was shown first, the next one is.

    Args:
        number: from 0.

    Raises:
        NotFound: there is no such case or photograph.
        Conflict: the case is erased, on its way elsewhere, or was changed meanwhile.
    """
    photos = _photos_of(node, case_id)
    _check_number(photos, number)
    gone = photos.pop(number)
    if gone.get("primary") and photos:
        photos[0]["primary"] = True
    return _change(node, case_id, photos, actor, revision)


def read_own_photograph(node: Node, case_id: str, sha256: str, actor: str) -> tuple[bytes, str]:
    """Return a photograph that the record of an own case names, and its media type.

    Raises:
        NotFound: the record names no such photograph, or it is not on this disk.
    """
    with reading(node.engine) as conn:
        case = cases.get_case(conn, case_id)
    named = photographs_in(0, {"record": case.record}, HELD)
    photo = next((item for item in named if item.sha256 == sha256), None)
    data = node.blobs.get(node.member, sha256) if photo else None
    if photo is None or data is None:
        raise NotFound("There is no such photograph here.", "It may have been removed.")
    if photo.rendition == FULL:
        with writing(node.engine) as conn:
            write_journal(conn, JournalEntry(node.clock(), actor, "photograph.open", case_id, ["record"]))
    return data, photo.media_type


def _photos_of(node: Node, case_id: str) -> list[dict[str, Any]]:
    photos: list[dict[str, Any]] = copy.deepcopy(register.get_case(node, case_id).record.get("photos", []))
    return photos


def _check_number(photos: list[dict[str, Any]], number: int) -> None:
    if not 0 <= number < len(photos):
        raise NotFound("There is no such photograph here.", "It may have been removed.")


def _change(node: Node, case_id: str, photos: list[dict[str, Any]], actor: str, revision: int) -> CaseFile:
    with reading(node.engine) as conn:
        now = cases.get_case(conn, case_id).revision
    if now != revision:
        raise Conflict(
            "The case was changed by somebody else meanwhile.", "Look at it again and repeat the change."
        )
    return register.change_case(node, case_id, {"photos": photos or None}, actor, _NO_FILES, revision)

"""The photographs of an own case, the child's and those of companions, as people add, describe, cut, order
and remove them.

Guarantees: what is added was decoded, stripped and bounded first, and one file that is no photograph keeps no
other from being added; every step is a change of the case like any other, from the revision that its author
saw; of one person's photographs at most one is shown first; a full-size one is in the journal before it is
shown.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node.adapters.images import Cut, UnfitPhotograph
from node.errors import Conflict, InvalidInput, NotFound
from node.runtime import Node
from node.services.register import cases as register
from node.services.register.photographs import take_photograph
from node.store.database import reading, writing
from node.store.journal import JournalEntry, write_journal
from node.store.published.feed_cases import HELD
from node.store.published.photographs import FULL, photographs_in
from node.store.register import cases

MAX_PHOTOGRAPHS = 20
"""As many as schemas/case.v1.json lets a person have."""

TOO_MANY, NO_PHOTOGRAPH = "many", "none"
"""Why a file was left out, beside the reasons of `UnfitPhotograph`."""

_NO_FILES = Path("/nonexistent")

Photos = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Album:
    """The photographs of one person in a case, as somebody saw them.

    Attributes:
        companion: whose, from 0; None for the child's.
        revision: of the case, as it was seen.
    """

    case_id: str
    companion: int | None
    revision: int


def add_photographs(
    node: Node, album: Album, files: Sequence[bytes], about: Mapping[str, Any], actor: str
) -> list[str]:
    """Add photographs; of a person's first ones, the first is shown first.

    Args:
        about: what is known of all of them, as in a record: `kind`, `taken`.

    Returns:
        For each file why it was left out; empty where it was added.

    Raises:
        NotFound: the case is not in the register, or nobody is there whose album it is.
        Conflict: it is erased, on its way elsewhere, or was changed meanwhile.
        InvalidInput: what is said of them does not fit; none is added then.
    """
    photos = _photos_of(node, album)
    refused = []
    for data in files:
        reason, renditions = _take(node, data) if len(photos) < MAX_PHOTOGRAPHS else (TOO_MANY, [])
        refused.append(reason)
        if not reason:
            photos.append({**about, "renditions": renditions})
    if not all(refused):
        if not any(item.get("primary") for item in photos):
            photos[0]["primary"] = True
        _change(node, album, photos, actor)
    return refused


def choose_photograph(node: Node, album: Album, number: int, actor: str) -> None:
    """Have a photograph shown first. The errors are those of `remove_photograph`."""

    def choose(photos: Photos) -> None:
        for photo in photos:
            photo.pop("primary", None)
        photos[number]["primary"] = True

    _change_one(node, album, number, choose, actor)


def move_photograph(node: Node, album: Album, number: int, actor: str) -> None:
    """Put a photograph before the one that stands before it. The errors are those of `remove_photograph`."""

    def move(photos: Photos) -> None:
        photos.insert(max(0, number - 1), photos.pop(number))

    _change_one(node, album, number, move, actor)


def remove_photograph(node: Node, album: Album, number: int, actor: str) -> None:
    """Take a photograph out of a case; where it was shown first, the next one is.

    Args:
        number: from 0.

    Raises:
        NotFound: there is no such case, person or photograph.
        Conflict: the case is erased, on its way elsewhere, or was changed meanwhile.
    """

    def remove(photos: Photos) -> None:
        gone = photos.pop(number)
        if gone.get("primary") and photos:
            photos[0]["primary"] = True

    _change_one(node, album, number, remove, actor)


def describe_photograph(node: Node, album: Album, number: int, about: Mapping[str, Any], actor: str) -> None:
    """Say something else of a photograph.

    Args:
        about: every field of it but `primary` and `renditions`; None takes one out.

    Raises:
        NotFound, Conflict: as in `remove_photograph`.
        InvalidInput: it does not fit, with every problem.
    """

    def describe(photos: Photos) -> None:
        merged = {**photos[number], **about}
        photos[number] = {name: value for name, value in merged.items() if value is not None}

    _change_one(node, album, number, describe, actor)


def cut_photograph(node: Node, album: Album, number: int, cut: Cut, actor: str) -> None:
    """Cut the full form of a photograph. As it was, it stays with what the case was before.

    Raises:
        NotFound, Conflict: as in `remove_photograph`.
        InvalidInput: next to nothing would be left.
    """

    def do(photos: Photos) -> None:
        full = max(photos[number]["renditions"], key=lambda item: int(item["bytes"]))
        data = node.blobs.get(node.member, full["sha256"])
        if data is None:
            raise NotFound("The photograph is not on this disk.", "Add it once more.")
        photos[number]["renditions"] = take_photograph(node, data, cut)

    _change_one(node, album, number, do, actor)


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


def _take(node: Node, data: bytes) -> tuple[str, list[dict[str, Any]]]:
    """Take a file; where it cannot be, return why."""
    try:
        return "", take_photograph(node, data)
    except UnfitPhotograph as error:
        return error.reason, []
    except InvalidInput:
        return NO_PHOTOGRAPH, []


def _owner_of(record: dict[str, Any], album: Album) -> dict[str, Any]:
    """Return what of a record has the photographs: the record itself, or a companion in it."""
    if album.companion is None:
        return record
    companions = record.get("companions", ())
    if not 0 <= album.companion < len(companions):
        raise NotFound("There is nobody like that in the case.", "It may have been changed.")
    found: dict[str, Any] = companions[album.companion]
    return found


def _photos_of(node: Node, album: Album) -> Photos:
    record = register.get_case(node, album.case_id).record
    photos: Photos = copy.deepcopy(_owner_of(record, album).get("photos", []))
    return photos


def _change_one(node: Node, album: Album, number: int, do: Callable[[Photos], None], actor: str) -> None:
    photos = _photos_of(node, album)
    if not 0 <= number < len(photos):
        raise NotFound("There is no such photograph here.", "It may have been removed.")
    do(photos)
    _change(node, album, photos, actor)


def _change(node: Node, album: Album, photos: Photos, actor: str) -> None:
    """Store the photographs, if the case is as it was seen: a companion's number is of that revision."""
    case = register.get_case(node, album.case_id)
    if case.revision != album.revision:
        raise Conflict(
            "The case was changed by somebody else meanwhile.", "Look at it again and repeat the change."
        )
    record = copy.deepcopy(case.record)
    owner = _owner_of(record, album)
    owner.pop("photos", None)
    if photos:
        owner["photos"] = photos
    name = "photos" if album.companion is None else "companions"
    changes = {name: record.get(name)}
    register.change_case(node, album.case_id, changes, actor, _NO_FILES, album.revision)

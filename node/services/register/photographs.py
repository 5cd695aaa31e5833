"""Photographs of own cases in.

Guarantees: a file that a person hands in is decoded, stripped and bounded before anything else sees it, and
is never one from outside the folder of its record, whoever wrote that; what is kept is only what a record
names.
"""

import os
from collections.abc import Collection, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from node.adapters.images import Cut, Prepared, prepare_photograph
from node.domain.renditions import photographs_of
from node.errors import InvalidInput
from node.runtime import Node
from node.store.database import writing
from node.store.published.photographs import expect_photographs

_IMPORT_TIME = timedelta(days=1)
"""The longest that photographs wait for the other records of their import."""


def import_photographs(node: Node, record: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return a record whose photographs are kept here, in the place of the files that it names.

    Args:
        record: its photographs name a `file` in `folder`, or already have `renditions`.

    Raises:
        InvalidInput: files that are missing or no photographs, every one with its path and reason; nothing is
        kept then.
    """
    problems: list[str] = []
    prepared = []
    for path, photo in photographs_of(record):
        if "file" not in photo:
            continue
        try:
            limits = node.photograph_limits()
            data = _read_file(folder, photo["file"], limits.input_bytes)
            prepared.append((photo, prepare_photograph(data, limits)))
        except InvalidInput as error:
            problems.append(f"{path}.file: {error.message}")
        except OSError:
            problems.append(f"{path}.file: cannot be read; it is looked for beside the case file")
    if problems:
        raise InvalidInput("The photographs cannot be taken.", "Mend or leave out those files.", problems)
    expect_import(node, [one.sha256 for _, made in prepared for one in (made.small, made.full)])
    for photo, made in prepared:
        photo["renditions"] = _keep(node, made)
        del photo["file"]
    return record


def take_photograph(node: Node, data: bytes, cut: Cut | None = None) -> list[dict[str, Any]]:
    """Keep one photograph that was handed in, and return its renditions for a record.

    Args:
        cut: what of it is left off.

    Raises:
        InvalidInput: it is no photograph, too large, or nothing is left of it; nothing is kept then.
    """
    made = prepare_photograph(data, node.photograph_limits(), cut)
    expect_import(node, [made.small.sha256, made.full.sha256])
    return _keep(node, made)


def _keep(node: Node, made: Prepared) -> list[dict[str, Any]]:
    for rendition in (made.small, made.full):
        node.blobs.put(node.member, rendition.data)
    return list({one.sha256: one.describe() for one in (made.small, made.full)}.values())


def expect_import(node: Node, hashes: Collection[str]) -> None:
    """Note photographs before their bytes are kept: what a crash leaves of them is found by this."""
    if hashes:
        with writing(node.engine) as conn:
            expect_photographs(conn, node.member, hashes, node.clock() + _IMPORT_TIME)


def _read_file(folder: Path, name: str, most: int) -> bytes:
    """Read a file that a record names.

    The record may come from somebody else: it cannot have the pictures of another folder published, nor make
    this process wait for a pipe or read a device without end.

    Raises:
        InvalidInput: it lies elsewhere, also by a link, or has more than `most` bytes.
        OSError: there is no such file.
    """
    path = Path(os.path.realpath(folder / name))
    if not path.is_relative_to(os.path.realpath(folder)):
        raise InvalidInput("The file is not in the folder of the case file, nor below it.", "Copy it there.")
    if not path.is_file():
        raise FileNotFoundError
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise InvalidInput("The file has more than %(most)s bytes.", most=f"{most:,}")
    return data


def files_in(record: Mapping[str, Any]) -> list[str]:
    """Return the paths in a record at which it names files."""
    return [f"{path}.file" for path, photo in photographs_of(record) if "file" in photo]

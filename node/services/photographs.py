"""Photographs of own cases in, and the renditions that documents name.

Guarantees: a file that a person hands in is decoded, stripped and bounded before anything else sees it; what
is kept is only what a record names.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from node.adapters.images import prepare_photograph
from node.errors import InvalidInput
from node.runtime import Node
from node.store.documents import FULL, SMALL, Photograph


def import_photographs(node: Node, record: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return a record whose photographs are kept here, in the place of the files that it names.

    Args:
        record: its photographs name a `file`, relative to `folder`, or already have `renditions`.

    Raises:
        InvalidInput: files that are missing or no photographs, every one with its path and reason; nothing is
        kept then.
    """
    problems: list[str] = []
    prepared = []
    for path, photo in _photographs_of(record):
        if "file" not in photo:
            continue
        try:
            file = folder / photo["file"]
            if file.stat().st_size > node.photograph_limits().input_bytes:
                raise InvalidInput(f"the file has more than {node.photograph_limits().input_bytes:,} bytes")
            prepared.append((photo, prepare_photograph(file.read_bytes(), node.photograph_limits())))
        except InvalidInput as error:
            problems.append(f"{path}.file: {error.message}")
        except OSError:
            problems.append(f"{path}.file: cannot be read; it is looked for beside the case file")
    if problems:
        raise InvalidInput("The photographs cannot be taken.", "Mend or leave out those files.", problems)
    for photo, made in prepared:
        for rendition in (made.small, made.full):
            node.blobs.put(node.member, rendition.data)
        distinct = {rendition.sha256: rendition.describe() for rendition in (made.small, made.full)}
        photo["renditions"] = list(distinct.values())
        del photo["file"]
    return record


def photographs_in(case_key: int, parts: Mapping[str, Mapping[str, Any]], state: str) -> list[Photograph]:
    """List the renditions that a document names, anywhere in it; the smallest of each photograph is its small
    one."""
    found: list[Photograph] = []
    for part in parts.values():
        for _, photo in _photographs_of(part):
            renditions = sorted(photo.get("renditions", ()), key=lambda rendition: int(rendition["bytes"]))
            for index, item in enumerate(renditions):
                found.append(
                    Photograph(
                        case_key=case_key,
                        sha256=item["sha256"],
                        rendition=FULL if index else SMALL,
                        media_type=item["media_type"],
                        width=item["width"],
                        height=item["height"],
                        size=item["bytes"],
                        state=state,
                    )
                )
    return found


def hashes_in(record: Mapping[str, Any]) -> set[str]:
    """Return the SHA-256 of every rendition that a record names."""
    return {item["sha256"] for _, photo in _photographs_of(record) for item in photo.get("renditions", ())}


def _photographs_of(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Walk over the photographs of a record or part, and of the companions in it, each with its path."""
    for index, photo in enumerate(values.get("photos", ())):
        yield f"photos[{index}]", photo
    for number, companion in enumerate(values.get("companions", ())):
        for index, photo in enumerate(companion.get("photos", ())):
            yield f"companions[{number}].photos[{index}]", photo

"""The photographs that a record or a part of a document names, and their renditions."""

from collections.abc import Iterator, Mapping
from typing import Any


def photographs_of(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Walk over the photographs of a record or part, and of the companions in it, each with its path."""
    for index, photo in enumerate(values.get("photos", ())):
        yield f"photos[{index}]", photo
    for number, companion in enumerate(values.get("companions", ())):
        for index, photo in enumerate(companion.get("photos", ())):
            yield f"companions[{number}].photos[{index}]", photo


def renditions_in(record: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what a record says of every rendition that it names, by SHA-256."""
    found = [item for _, photo in photographs_of(record) for item in photo.get("renditions", ())]
    return {item["sha256"]: item for item in found}


def hashes_in(record: Mapping[str, Any]) -> set[str]:
    """Return the SHA-256 of every rendition that a record names."""
    return set(renditions_in(record))

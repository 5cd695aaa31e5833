"""protocol/tiles.py: paths with one spelling, bundles, and nodes out of tiles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import Malformed
from protocol.tiles import (
    INDEXES,
    LEVELS,
    WIDTH,
    TileRef,
    bundles_between,
    check_tile,
    cut_bundle,
    format_bundle,
    parse_bundle,
    parse_tile_path,
    read_nodes,
    tile_width,
)
from protocol.tlog import consistency_proof, inclusion_proof, leaf_hash, tree_root
from tests.protocol.naive import audit_path, grown, subproof, tree_hash

REFS = st.builds(
    TileRef,
    st.none() | st.integers(0, LEVELS - 1),
    st.integers(0, 3000) | st.integers(0, INDEXES - 1),
    st.integers(1, WIDTH),
)


@given(REFS)
def test_path_is_read_as_it_was_written(ref: TileRef) -> None:
    assert parse_tile_path(ref.format()) == ref


@given(st.from_regex(r"tile/(entries|[0-9]{1,3})/(x[0-9]{3}/){0,7}[0-9]{3}(\.p/[0-9]{1,4})?") | st.text())
def test_a_path_has_one_spelling(path: str) -> None:
    try:
        ref = parse_tile_path(path)
    except Malformed:
        return
    assert ref.format() == path
    assert 0 <= ref.index < INDEXES


@pytest.mark.parametrize(
    ("ref", "path"),
    [
        (TileRef(0, 0, 256), "tile/0/000"),
        (TileRef(0, 1234067, 256), "tile/0/x001/x234/067"),
        (TileRef(63, 999, 1), "tile/63/999.p/1"),
        (TileRef(None, 1000, 255), "tile/entries/x001/000.p/255"),
        (TileRef(0, INDEXES - 1, 256), "tile/0/x036/x028/x797/x018/x963/967"),
    ],
)
def test_known_paths(ref: TileRef, path: str) -> None:
    assert ref.format() == path
    assert parse_tile_path(path) == ref


def test_a_path_of_any_length_is_refused() -> None:
    """Short ones are in tests/vectors/tiles.json."""
    with pytest.raises(Malformed):
        parse_tile_path("tile/0/" + "x999/" * 100_000 + "000")


def test_widths_of_the_specifications_examples() -> None:
    assert [tile_width(0, index, 70_000) for index in (0, 272, 273, 274)] == [256, 256, 112, 0]
    assert [tile_width(1, index, 70_000) for index in (0, 1, 2)] == [256, 17, 0]
    assert [tile_width(2, 0, 70_000), tile_width(3, 0, 70_000)] == [1, 0]
    assert [tile_width(0, 0, 256), tile_width(1, 0, 256)] == [256, 1]


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_bundles_between_cover_exactly_what_is_new(old: int, more: int) -> None:
    new = old + more
    refs = list(bundles_between(old, new))
    covered = [ref.index * WIDTH + place for ref in refs for place in range(ref.width)]
    assert [place for place in covered if place >= old] == list(range(old, new))
    assert all(tile_width(0, ref.index, new) == ref.width for ref in refs)
    assert len(refs) <= more // WIDTH + 2
    assert bool(refs) == bool(more)


def test_bundles_of_a_huge_tree_are_listed_lazily() -> None:
    assert next(iter(bundles_between(0, 2**63 - 1))) == TileRef(None, 0, WIDTH)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundle_is_read_as_it_was_written(entries: list[bytes]) -> None:
    data = format_bundle(entries)
    assert parse_bundle(data, len(entries)) == entries
    for width in range(len(entries) + 1):
        assert cut_bundle(data, width) == format_bundle(entries[:width])
    for wrong in (len(entries) + 1, len(entries) - 1):
        if wrong >= 0:
            with pytest.raises(Malformed):
                parse_bundle(data, wrong)
    if entries:
        with pytest.raises(Malformed):
            parse_bundle(data[:-1], len(entries))
    with pytest.raises(Malformed):
        parse_bundle(data + b"\x00", len(entries))


@given(st.binary(max_size=60), st.integers(0, WIDTH))
def test_any_bytes_as_bundle(data: bytes, width: int) -> None:
    try:
        entries = parse_bundle(data, width)
    except Malformed:
        return
    assert len(entries) == width
    assert format_bundle(entries) == data


def test_longest_entry() -> None:
    assert parse_bundle(format_bundle([bytes(65535)]), 1) == [bytes(65535)]
    with pytest.raises(Malformed, match="too long"):
        format_bundle([bytes(65536)])


def test_tile_length() -> None:
    check_tile(bytes(64), TileRef(0, 0, 2))
    for size in (0, 63, 65, 96):
        with pytest.raises(Malformed):
            check_tile(bytes(size), TileRef(0, 0, 2))


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 300, 512, 700])
def test_proofs_out_of_tiles_are_those_of_the_naive_tree(size: int) -> None:
    entries = [number.to_bytes(2, "big") for number in range(size)]
    _, files = grown(entries)
    read = read_nodes(size, lambda ref: files[ref])
    assert tree_root(size, read) == tree_hash(entries)
    for index in {0, 1, size // 2, 255, 256, size - 1}:
        if index < size:
            assert read(0, index) == leaf_hash(entries[index])
            assert inclusion_proof(index, size, read) == audit_path(index, entries)
            assert consistency_proof(index + 1, size, read) == subproof(index + 1, entries)


def test_each_tile_is_fetched_once_and_only_when_needed() -> None:
    entries = [number.to_bytes(2, "big") for number in range(700)]
    _, files = grown(entries)
    fetched: list[str] = []

    def fetch(ref: TileRef) -> bytes:
        fetched.append(ref.format())
        return files[ref]

    read = read_nodes(700, fetch)
    inclusion_proof(3, 700, read)
    inclusion_proof(4, 700, read)
    assert sorted(fetched) == ["tile/0/000", "tile/0/002.p/188", "tile/1/000.p/2"]


def test_nodes_beyond_the_tree() -> None:
    read = read_nodes(5, lambda ref: bytes(5 * 32))
    for level, index in ((0, 5), (1, 2), (2, 1), (3, 0), (8, 0)):
        with pytest.raises(Malformed, match="beyond"):
            read(level, index)


def test_tile_of_the_wrong_length() -> None:
    with pytest.raises(Malformed, match="hash tile"):
        read_nodes(5, lambda ref: bytes(4 * 32))(0, 0)

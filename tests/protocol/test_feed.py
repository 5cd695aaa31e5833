"""protocol/feed.py: what it writes is the naive tree's, however it was written."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import BadProof, Malformed
from protocol.feed import FeedHead, check_edge, grow
from protocol.leaf import MAX_LEAF_BYTES
from protocol.tiles import WIDTH, TileRef, bundles_between, cut_bundle, parse_bundle, read_nodes, tile_width
from protocol.tlog import EMPTY_ROOT, leaf_hash, tree_root
from tests.protocol.naive import ORIGIN, grown, tree_hash


def entries_of(size: int) -> list[bytes]:
    return [b"entry %d" % number for number in range(size)]


def test_empty_feed() -> None:
    head = FeedHead(ORIGIN)
    check_edge(head)
    assert head.checkpoint().size == 0
    assert head.checkpoint().root == EMPTY_ROOT
    assert grow(head, []) == grow(grow(head, []).head, [])
    assert grow(head, []).files == ()


@settings(max_examples=30)
@given(st.integers(0, 700), st.lists(st.integers(0, 400), max_size=6))
def test_every_file_of_every_size_is_the_naive_one(size: int, steps: list[int]) -> None:
    entries = entries_of(size)
    head, files = grown(entries, steps)
    check_edge(head)
    assert head.checkpoint().root == tree_hash(entries)
    for ref, data in files.items():
        first = ref.index * WIDTH
        if ref.level is None:
            assert parse_bundle(data, ref.width) == entries[first : first + ref.width]
        elif ref.level == 0:
            assert data == b"".join(map(leaf_hash, entries[first : first + ref.width]))
        else:
            span = WIDTH**ref.level
            places = range(first * span, (first + ref.width) * span, span)
            assert data == b"".join(tree_hash(entries[place : place + span]) for place in places)


@settings(max_examples=30)
@given(st.integers(1, 700), st.lists(st.integers(1, 400), max_size=6))
def test_every_published_size_can_be_read(size: int, steps: list[int]) -> None:
    """A reader of any head finds the tiles and bundles that a tree of that size asks for."""
    entries = entries_of(size)
    _, files = grown(entries, steps)
    sizes = [sum(steps[:count]) for count in range(1, len(steps) + 1)]
    for published in {min(total, size) for total in sizes} | {size}:
        root = tree_root(published, read_nodes(published, lambda ref: files[ref]))
        assert root == tree_hash(entries[:published])
        assert all(ref in files for ref in bundles_between(0, published))


def test_a_narrower_file_is_a_prefix() -> None:
    entries = entries_of(300)
    _, files = grown(entries, [10, 20, 250])
    assert cut_bundle(files[TileRef(None, 0, WIDTH)], 30) == files[TileRef(None, 0, 30)]
    assert files[TileRef(0, 0, WIDTH)].startswith(files[TileRef(0, 0, 30)])


def test_third_level() -> None:
    """A tree of 65,536 leaves fills one tile of the second level and opens the third."""
    head = FeedHead(ORIGIN)
    entries = [number.to_bytes(3, "big") for number in range(WIDTH * WIDTH + 3)]
    whole = grow(head, entries)
    check_edge(whole.head)
    assert [len(data) // 32 for data in whole.head.edge] == [3, 0, 1]
    assert whole.head.checkpoint().root == tree_hash(entries)
    again = grow(grow(head, entries[: WIDTH * WIDTH - 1]).head, entries[WIDTH * WIDTH - 1 :])
    assert again.head == whole.head
    assert [tile_width(level, 0, len(entries)) for level in range(4)] == [WIDTH, WIDTH, 1, 0]


def test_long_entries_are_refused() -> None:
    grow(FeedHead(ORIGIN), [bytes(MAX_LEAF_BYTES)])
    with pytest.raises(Malformed, match="1024"):
        grow(FeedHead(ORIGIN), [b"", bytes(MAX_LEAF_BYTES + 1)])


def test_a_stored_head_that_is_not_whole() -> None:
    head, _ = grown(entries_of(WIDTH * 3 + 5))
    check_edge(head)
    first, second = head.edge
    other, _ = grown([b"x", *entries_of(WIDTH * 3 + 4)])
    for bad in (
        replace(head, edge=()),
        replace(head, edge=(first,)),
        replace(head, edge=(first[:-1], second)),
        replace(head, edge=(first, second, bytes(32))),
        replace(head, bundle=b""),
        replace(head, bundle=head.bundle + b"\0\0"),
    ):
        with pytest.raises(Malformed):
            check_edge(bad)
    for bad in (
        replace(head, edge=other.edge),
        replace(head, edge=(first[32:] + first[:32], second)),
        replace(head, frontier=other.frontier),
        replace(head, bundle=other.bundle),
    ):
        with pytest.raises(BadProof):
            check_edge(bad)


def test_tiles_of_two_levels_exchanged() -> None:
    head, _ = grown(entries_of(WIDTH + 1))
    first, second = head.edge
    with pytest.raises(BadProof):
        check_edge(replace(head, edge=(second, first)))

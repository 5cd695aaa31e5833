"""protocol/tlog.py held against RFC 6962 word for word, its test tree and hostile proofs."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import BadProof, Malformed
from protocol.tlog import (
    EMPTY,
    EMPTY_ROOT,
    Frontier,
    check_consistency,
    check_inclusion,
    consistency_proof,
    extend_range,
    inclusion_proof,
    leaf_hash,
    node_hash,
    subtrees,
    tree_root,
)
from tests.protocol.naive import audit_path, node_reader, subproof, tree_hash

SIZES = st.integers(0, 70)

CT_ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""The reference tree of Certificate Transparency and its roots at the sizes 1 to 8."""


def entries_of(size: int) -> list[bytes]:
    return [bytes([number % 256]) * (number % 7) for number in range(size)]


def test_reference_tree() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    frontier = EMPTY
    for size, (entry, root) in enumerate(zip(CT_ENTRIES, CT_ROOTS, strict=True), start=1):
        frontier = frontier.extended([leaf_hash(entry)])
        assert (frontier.size, frontier.root().hex()) == (size, root)


def test_reference_audit_paths() -> None:
    """Those of the tests of the CT log (path 1 of 8, path 6 of 8, path 3 of 3, path 2 of 5)."""
    read = node_reader(CT_ENTRIES)
    known = {
        (0, 8): (
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ),
        (5, 8): (
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ),
        (2, 3): ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",),
        (1, 5): (
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ),
    }
    for (index, size), path in known.items():
        assert [node.hex() for node in inclusion_proof(index, size, read)] == list(path)


@given(SIZES, st.lists(st.integers(0, 20), max_size=4))
def test_frontier_is_the_naive_tree(size: int, steps: Sequence[int]) -> None:
    entries, frontier, place = entries_of(size), EMPTY, 0
    for step in (*steps, size):
        frontier = frontier.extended(leaf_hash(entry) for entry in entries[place : place + step])
        place += step
    assert frontier.size == size
    assert frontier.root() == tree_hash(entries) == tree_root(size, node_reader(entries))
    assert Frontier.parse(size, frontier.format()) == frontier
    assert len(frontier.hashes) == size.bit_count()


@given(st.integers(0, 80), st.integers(0, 80), st.integers(0, 80))
def test_a_range_of_leaves_goes_on_from_any_place(one: int, two: int, three: int) -> None:
    low, middle, high = sorted((one, two, three))
    entries = entries_of(high)
    read, leaves = node_reader(entries), [leaf_hash(entry) for entry in entries]
    hashes = [read(level, index) for level, index in subtrees(low, high)]
    grown: list[bytes] = []
    extend_range(low, low, grown, leaves[low:middle])
    extend_range(low, middle, grown, leaves[middle:high])
    assert grown == hashes
    frontier = EMPTY.extended(leaves[:low])
    assert [read(level, index) for level, index in subtrees(0, low)] == list(frontier.hashes)
    assert frontier.joined(high, hashes) == EMPTY.extended(leaves)
    with pytest.raises(Malformed):
        frontier.joined(high, [*hashes, bytes(32)])


@given(st.integers(-5, 2**64), st.binary(max_size=100))
def test_any_bytes_as_frontier(size: int, data: bytes) -> None:
    try:
        frontier = Frontier.parse(size, data)
    except Malformed:
        return
    assert frontier.format() == data


def test_naive_proofs_up_to_40() -> None:
    for size in range(1, 41):
        entries = entries_of(size)
        read, root = node_reader(entries), tree_hash(entries)
        for index in range(size):
            proof = inclusion_proof(index, size, read)
            assert proof == audit_path(index, entries)
            check_inclusion(leaf_hash(entries[index]), index, size, proof, root)
        for old in range(1, size + 1):
            proof = consistency_proof(old, size, read)
            assert proof == subproof(old, entries)
            check_consistency(old, tree_hash(entries[:old]), size, root, proof)


@given(st.data())
def test_mutated_inclusion_proofs_fail(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 60))
    index = data.draw(st.integers(0, size - 1))
    entries = entries_of(size)
    root, leaf = tree_hash(entries), leaf_hash(entries[index])
    proof = inclusion_proof(index, size, node_reader(entries))
    for bad in mutations(data, proof):
        with pytest.raises(BadProof):
            check_inclusion(leaf, index, size, bad, root)
    with pytest.raises(BadProof):
        check_inclusion(leaf, index, size, proof, bytes(32))
    with pytest.raises(BadProof):
        check_inclusion(bytes(32), index, size, proof, root)
    for other in {index - 1, index + 1, size} - {index}:
        with pytest.raises(BadProof):
            check_inclusion(leaf, other, size, proof, root)


@given(st.data())
def test_mutated_consistency_proofs_fail(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 60))
    old = data.draw(st.integers(1, size))
    entries = entries_of(size)
    old_root, root = tree_hash(entries[:old]), tree_hash(entries)
    proof = consistency_proof(old, size, node_reader(entries))
    for bad in mutations(data, proof):
        with pytest.raises(BadProof):
            check_consistency(old, old_root, size, root, bad)
    with pytest.raises(BadProof):
        check_consistency(old, bytes(32), size, root, proof)
    with pytest.raises(BadProof):
        check_consistency(old, old_root, size, bytes(32), proof)


@given(st.integers(0, 2**64), st.integers(0, 2**64), st.lists(st.binary(max_size=40), max_size=80))
def test_any_proof_raises_only_bad_proof(first: int, second: int, proof: list[bytes]) -> None:
    with pytest.raises(BadProof):
        check_inclusion(b"\x01" * 32, first, second, proof, b"\x02" * 32)
    with pytest.raises(BadProof):
        check_consistency(first, b"\x01" * 32, second, b"\x02" * 32, proof)


def mutations(data: st.DataObject, proof: list[bytes]) -> list[list[bytes]]:
    """A proof longer, shorter, with a bit flipped, and with two nodes exchanged."""
    bad = [[*proof, bytes(32)], [bytes(32), *proof]]
    if proof:
        place = data.draw(st.integers(0, len(proof) - 1))
        flipped = bytearray(proof[place])
        flipped[data.draw(st.integers(0, 31))] ^= 1 << data.draw(st.integers(0, 7))
        bad += [proof[:-1], proof[1:], [*proof[:place], bytes(flipped), *proof[place + 1 :]]]
    if len(proof) > 1 and proof[0] != proof[-1]:
        bad.append([proof[-1], *proof[1:-1], proof[0]])
    return bad


def test_empty_and_equal_trees() -> None:
    root = leaf_hash(b"a")
    read = node_reader([b"a"])
    assert consistency_proof(0, 1, read) == consistency_proof(1, 1, read) == []
    check_consistency(0, EMPTY_ROOT, 1, root, [])
    check_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, [])
    check_consistency(1, root, 1, root, [])
    for old, old_root, new, new_root, proof in (
        (0, root, 1, root, []),
        (1, root, 1, bytes(32), []),
        (1, root, 1, root, [root]),
        (0, EMPTY_ROOT, 1, root, [root]),
    ):
        with pytest.raises(BadProof):
            check_consistency(old, old_root, new, new_root, proof)


def test_a_proof_that_is_empty_where_it_must_not_be() -> None:
    with pytest.raises(BadProof, match="short"):
        check_consistency(3, bytes(32), 5, bytes(32), [])


@pytest.mark.parametrize(("first", "second"), [(2, 1), (-1, 1), (0, -1)])
def test_sizes_that_cannot_be(first: int, second: int) -> None:
    read = node_reader([b"a"])
    with pytest.raises(BadProof):
        consistency_proof(first, second, read)
    with pytest.raises(BadProof):
        check_consistency(first, bytes(32), second, bytes(32), [])
    with pytest.raises(BadProof):
        inclusion_proof(first, second, read)
    with pytest.raises(BadProof):
        check_inclusion(bytes(32), first, second, [], bytes(32))


def test_leaves_and_nodes_are_told_apart() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)

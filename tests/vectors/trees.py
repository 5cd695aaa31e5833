"""Encodings, trees and tiles: what everything else is hashed and read with."""

from collections.abc import Sequence

from protocol.tiles import TileRef, format_bundle, tile_width
from protocol.tlog import (
    EMPTY,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
)
from tests.protocol.naive import node_reader
from tests.vectors.fixed import Vectors, b64, derived, frontier_of


def encodings() -> Vectors:
    """Strict JSON, base64, decimal numbers, hashes, times and dates."""
    bad_json = {
        "empty": b"",
        "truncated": b'{"a":',
        "trailing comma": b"[1,]",
        "two values": b"1 2",
        "NaN": b'{"a":NaN}',
        "Infinity": b"[Infinity]",
        "number too large": b"1e999",
        "leading zero": b"01",
        "byte order mark": b"\xef\xbb\xbf{}",
        "invalid UTF-8": b'"\xff"',
        "overlong UTF-8": b'"\xc0\x80"',
        "surrogate in UTF-8": b'"\xed\xa0\x80"',
        "lone surrogate escaped": b'"\\ud800"',
        "control character in a text": b'"\x01"',
        "UTF-16": "{}".encode("utf-16-le"),
        "a key twice": b'{"a":1,"a":1}',
        "a key twice, once escaped": b'{"a":1,"\\u0061":2}',
        "a key twice, further in": b'[{"b":{"a":1,"a":1}}]',
        "33 levels": b"[" * 33 + b"]" * 33,
        "33 levels of objects": b'{"a":' * 32 + b"{}" + b"}" * 32,
    }
    return {
        "json_good": [
            "null",
            "5",
            '"é"',
            ' { "a" : [ 1 , 2.5 ] } ',
            '{"a":{"a":1}}',
            '"\\ud83d\\ude00"',
            "[" * 32 + "]" * 32,
            "9007199254740993",
        ],
        "json_bad": [{"why": why, "data": b64(data)} for why, data in bad_json.items()],
        "base64_good": [{"text": b64(data), "hex": data.hex()} for data in (b"", b"\0", b"\xff\xfe", b"abc")],
        "base64_bad": [
            "A",
            "AA",
            "AAA",
            "AB==",
            "AAB=",
            "AA==AA==",
            "AAAA=",
            " AAAA",
            "AAAA\n",
            "AA-_",
            "A\u00c5==",
        ],
        "decimal_good": ["0", "1", "10", "9223372036854775807"],
        "decimal_bad": [
            "",
            "00",
            "01",
            "+1",
            "-1",
            "-0",
            " 1",
            "1 ",
            "1\n",
            "1_0",
            "1.0",
            "1e3",
            "0x1",
            "١",
            "１",
            "9223372036854775808",
            "1" * 5000,
        ],
        "hash_good": ["00ff" * 16],
        "hash_bad": ["", "00FF" * 16, "00" * 31, "00" * 33, "0g" * 32, "00" * 32 + "\n"],
        "time_good": ["2026-11-21T20:14:00Z", "2024-02-29T23:59:59Z", "0001-01-01T00:00:00Z"],
        "time_bad": [
            "2026-11-21T20:14:00",
            "2026-11-21T20:14:00+00:00",
            "2026-11-21T20:14:00.0Z",
            "2026-11-21t20:14:00z",
            "2026-11-21 20:14:00Z",
            "2026-11-21T20:14Z",
            "2026-11-21T20:14:60Z",
            "2026-11-21T24:00:00Z",
            "2026-02-29T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "2026-11-21T20:14:00Z\n",
        ],
        "date_good": ["2026-11-21", "2024-02-29"],
        "date_bad": ["2026-02-29", "20261121", "2026-W47-6", "2026-11-21T00:00:00Z", "2026-1-1", ""],
    }


def tree() -> Vectors:
    """Hashes, roots and proofs of RFC 6962."""
    entries = [derived(f"entry {number}", number % 9) for number in range(20)]
    read = node_reader(entries)
    roots = [EMPTY.extended(map(leaf_hash, entries[:size])).root() for size in range(len(entries) + 1)]
    inclusion = [(0, 1), (0, 2), (1, 3), (2, 3), (4, 7), (7, 8), (8, 9), (5, 13), (12, 20), (19, 20)]
    consistency = [
        (0, 5),
        (1, 1),
        (1, 2),
        (2, 3),
        (3, 4),
        (4, 8),
        (6, 8),
        (7, 13),
        (8, 13),
        (13, 20),
        (16, 20),
    ]
    good_inclusion: list[Vectors] = [
        {
            "index": index,
            "size": size,
            "leaf_hash": leaf_hash(entries[index]).hex(),
            "root": roots[size].hex(),
            "proof": hexes(inclusion_proof(index, size, read)),
        }
        for index, size in inclusion
    ]
    good_consistency: list[Vectors] = [
        {
            "old": old,
            "new": new,
            "old_root": roots[old].hex(),
            "new_root": roots[new].hex(),
            "proof": hexes(consistency_proof(old, new, read)),
        }
        for old, new in consistency
    ]
    zeros = bytes(32).hex()
    one, two = good_inclusion[7], good_consistency[7]
    return {
        "entries": [b64(entry) for entry in entries],
        "leaf_hashes": hexes([leaf_hash(entry) for entry in entries]),
        "node": {
            "left": leaf_hash(entries[0]).hex(),
            "right": leaf_hash(entries[1]).hex(),
            "hash": node_hash(leaf_hash(entries[0]), leaf_hash(entries[1])).hex(),
        },
        "roots": hexes(roots),
        "frontiers": [hexes(frontier_of(entries[:size]).hashes) for size in range(len(entries) + 1)],
        "inclusion_good": good_inclusion,
        "inclusion_bad": [
            {"why": "too long", **one, "proof": [*one["proof"], zeros]},
            {"why": "too short", **one, "proof": one["proof"][:-1]},
            {"why": "order", **one, "proof": one["proof"][::-1]},
            {"why": "another index", **one, "index": one["index"] + 1},
            {"why": "beyond the tree", **one, "index": one["size"]},
            {"why": "another size", **one, "size": 40},
            {"why": "another root", **one, "root": zeros},
            {"why": "another leaf", **one, "leaf_hash": zeros},
        ],
        "consistency_good": good_consistency,
        "consistency_bad": [
            {"why": "too long", **two, "proof": [*two["proof"], zeros]},
            {"why": "too short", **two, "proof": two["proof"][:-1]},
            {"why": "empty", **two, "proof": []},
            {"why": "order", **two, "proof": two["proof"][::-1]},
            {"why": "another old root", **two, "old_root": zeros},
            {"why": "another new root", **two, "new_root": zeros},
            {"why": "backwards", **two, "old": two["new"], "new": two["old"]},
            {"why": "equal sizes with a proof", **good_consistency[1], "proof": [zeros]},
            {"why": "equal sizes with two roots", **good_consistency[1], "new_root": zeros},
            {"why": "empty tree with another root", **good_consistency[0], "old_root": zeros},
        ],
    }


def hexes(hashes: Sequence[bytes]) -> list[str]:
    return [one.hex() for one in hashes]


def tiles() -> Vectors:
    """Paths, widths and bundles."""
    refs = [
        TileRef(0, 0, 256),
        TileRef(0, 0, 1),
        TileRef(0, 1234067, 256),
        TileRef(1, 999, 255),
        TileRef(63, 1000, 256),
        TileRef(None, 0, 256),
        TileRef(None, 272, 112),
        TileRef(0, (1 << 55) - 1, 256),
    ]
    bundle = format_bundle([b"", b"a", bytes(300)])
    return {
        "paths_good": [
            {"path": ref.format(), "level": ref.level, "index": ref.index, "width": ref.width} for ref in refs
        ],
        "paths_bad": [
            "",
            "/tile/0/000",
            "tile/0/0",
            "tile/0/0000",
            "tile/00/000",
            "tile/64/000",
            "tile/-1/000",
            "tile/0/x000/001",
            "tile/0/001/000",
            "tile/0/x1/000",
            "tile/0/000.p/0",
            "tile/0/000.p/01",
            "tile/0/000.p/256",
            "tile/0/000.p/",
            "tile/0/000.p",
            "tile/0/000/",
            "tile/0/000\n",
            "tile/0/../000",
            "tile/0/%30%30%30",
            "tile/0/٠٠٠",
            "tile/data/000",
            "tile/0/x036/x028/x797/x018/x963/968",
            "tile/entries/x036/x028/x797/x018/x963/968",
            "tile/0/x001/x036/x028/x797/x018/x963/968",
        ],
        "widths": [
            {"size": size, "level": level, "index": index, "width": tile_width(level, index, size)}
            for size, level, index in (
                (256, 0, 0),
                (256, 1, 0),
                (70000, 0, 272),
                (70000, 0, 273),
                (70000, 0, 274),
                (70000, 1, 1),
                (70000, 2, 0),
                (70000, 3, 0),
            )
        ],
        "bundles_good": [
            {"data": b64(bundle), "entries": [b64(b""), b64(b"a"), b64(bytes(300))]},
            {"data": "", "entries": []},
        ],
        "bundles_bad": [
            {"why": "too few entries", "width": 4, "data": b64(bundle)},
            {"why": "too many entries", "width": 2, "data": b64(bundle)},
            {"why": "ends inside an entry", "width": 3, "data": b64(bundle[:-1])},
            {"why": "ends inside a length", "width": 4, "data": b64(bundle + b"\0")},
            {"why": "bytes after the last entry", "width": 3, "data": b64(bundle + b"\0\0")},
        ],
    }

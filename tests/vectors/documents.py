"""Documents, and the one that other vectors carry."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from protocol.document import digest_document, format_document
from protocol.leaf import Leaf
from tests.vectors.fixed import POLICE, Vectors, b64, case_id, derived, put


def head_of(leaf: Leaf, schema: str = "summary/1.0") -> dict[str, Any]:
    return {
        "schema": schema,
        "case": leaf.case,
        "version": leaf.version,
        "issued_at": "2026-11-20T09:00:00Z",
        "updated_at": "2026-11-21T20:14:00Z",
        "expires_at": leaf.expires.isoformat(),
        "issuer": POLICE,
        "show_in": "all",
    }


def text(language: str, words: str) -> Vectors:
    return {language: {"text": words, "origin": "original"}}


PUBLIC: Vectors = {
    "names": [{"full": "Zoé Exemple", "kind": "legal", "lang": "fr", "script": "Latn"}],
    "sex": 2,
    "age_at_disappearance": {"min": 12, "max": 12, "unit": "year"},
    "missing_since": "2026-11-19",
    "last_seen": {"place": text("fr", "Lyon"), "country": "FR", "lat": 45.8, "lon": 4.8, "radius_m": 8000},
    "circumstances": text("fr", "EXERCICE. Partie de l'école à pied."),
    "contacts": [
        {"kind": "hotline", "value": "116000", "country": "FR", "languages": ["fr"], "hours": "24/7"}
    ],
}


NETWORK: Vectors = {
    "birth": "2014-03-XX",
    "risk": {
        "level": "medium",
        "factors": ["young_age"],
        "assessed_at": "2026-11-20T09:00:00Z",
        "next_review": "2026-12-20T09:00:00Z",
        "assessed_by_role": "duty_officer",
    },
    "consent": {"basis": "parental", "given_by_role": "mother", "scope": ["network"], "date": "2026-11-20"},
    "authority": {"name": text("fr", "Police (exercice)"), "kind": "police"},
    "review_due": "2026-12-20T00:00:00Z",
    "purge_by": "2044-03-31T00:00:00Z",
}


def document(name: str = "zoe", version: int = 1, **head: Any) -> bytes:
    parts = {"head": head_of(put(name, version)) | head, "public": PUBLIC, "network": NETWORK}
    return format_document(parts, [derived(f"salt {name} {version} {part}") for part in parts])


def documents() -> Vectors:
    """Documents, their digests, and parts that are withheld."""
    summary = document()
    leaf = put("zoe", digest=digest_document(summary))
    police = {"head": head_of(leaf, "supplement/1.0"), "police": {"reference": "EX-1"}}
    supplement = format_document(police, [derived(f"salt zoe {part}") for part in police])
    later = document(schema="summary/1.1", later=True)
    lines = summary.split(b"\n")[:-1]
    part_hashes = [hashlib.sha256(line).hexdigest() for line in lines]

    def joined(parts: Sequence[bytes]) -> bytes:
        return b"".join(part + b"\n" for part in parts)

    no_salt = json.dumps({**PUBLIC}, ensure_ascii=False).encode()
    bad = [
        ("two parts of three", joined(lines[:2])),
        ("four lines", joined([*lines, b"{}"])),
        ("no final newline", summary[:-1]),
        ("a part without salt", joined([lines[0], no_salt, lines[2]])),
        ("a part that is no object", joined([*lines[:2], b"[]"])),
        ("a key twice in a part", joined([*lines[:2], b'{"a":1,' + lines[2][1:-1] + b',"a":1}'])),
        ("another schema", document(schema="summary/2.0")),
        ("schema of the other feed", document(schema="supplement/1.0")),
        ("schema without minor version", document(schema="summary/1")),
        ("head: another case", document(case=case_id("other"))),
        ("head: another version", document(version=2)),
        ("head: another issuer", document(issuer="police.br.example")),
        ("head: another expiry", document(expires_at="2027-05-21")),
        ("head: another time", document(updated_at="2026-11-21T20:14:01Z")),
        ("head: issued after it was updated", document(issued_at="2026-11-22T00:00:00Z")),
    ]
    return {
        "digest_prefix": b64(b"gmcn/document/v1\n"),
        "good": [
            verified(summary, leaf, "network"),
            verified(supplement, replace(leaf, digest=digest_document(supplement)), "police"),
            verified(later, replace(leaf, digest=digest_document(later)), "network"),
        ],
        "partial": {
            "head": b64(lines[0]),
            "public": b64(lines[1]),
            "network_sha256": part_hashes[2],
            "digest": digest_document(summary).hex(),
        },
        "another_digest": {
            "document": b64(summary),
            "leaf": put("zoe").format().decode(),
            "error": "BadProof",
        },
        "bad": [
            {
                "why": why,
                **verified(data, put("zoe", digest=digest_of_lines(data)), "network"),
                "error": "Malformed",
            }
            for why, data in bad
        ],
    }


def digest_of_lines(data: bytes) -> bytes:
    """The digest of any lines, also of such as no document has."""
    hashes = [hashlib.sha256(line).digest() for line in data.removesuffix(b"\n").split(b"\n")]
    return hashlib.sha256(b"gmcn/document/v1\n" + b"".join(hashes)).digest()


def verified(data: bytes, leaf: Leaf, audience: str) -> Vectors:
    return {"audience": audience, "document": b64(data), "leaf": leaf.format().decode()}

"""References of those whom nobody is linked to: the same each time, easy to read out, and telling nothing."""

import re
from dataclasses import replace
from pathlib import Path

from node.domain.openid import Identity
from node.services.people import references
from tests.federation import DE, FR, Federation


def test_a_reference_can_be_read_out_and_tells_nobody_else_anything(tmp_path: Path) -> None:
    federation = Federation(tmp_path, [FR, DE])
    here, there = federation[FR[0]], federation[DE[0]]
    drawn = [Identity("https://login.police.example", f"officer {number}") for number in range(200)]
    found = [references.of(here, identity) for identity in drawn]
    assert len(set(found)) == 200
    for identity, reference in zip(drawn, found, strict=True):
        assert references.is_reference(reference)
        assert references.is_reference(reference.upper())
        assert re.fullmatch(r"[a-z][a-z2-9]{4}-[a-z2-9]{5}", reference)
        assert references.of(here, identity) == reference
        assert references.of(there, identity) != reference
        assert references.of(here, replace(identity, issuer="https://other.example")) != reference
    federation.close()


def test_what_a_provider_calls_people_is_no_reference() -> None:
    for subject in ("8f14e45f-ceea-467f", "jo@police.example", "abcde", "2bcde-fghjk", "abcde-fghil", ""):
        assert not references.is_reference(subject)

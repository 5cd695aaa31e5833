"""`gmcn keys` and `gmcn member head` as their users type them."""

from pathlib import Path

from node.cli.base.failures import CONFLICT, INVALID, NOT_ALLOWED, NOT_FOUND
from protocol.joining import verify_join_request
from protocol.member import fingerprint
from tests.node.cli.conftest import FR, KE, NGO, Town, gmcn


def test_keys_are_listed_with_what_they_count_for(town: Town) -> None:
    shown = town.json(NGO, "keys", "list")
    assert [(key["kind"], key["state"]) for key in shown] == [
        (kind, "in use") for kind in ("feed-network", "token", "cosigner", "sealing")
    ]
    assert "feed-police" in town.run(FR, "keys", "list").stdout


def test_a_request_without_new_keys_asks_for_the_present_ones(town: Town) -> None:
    result = town.run(FR, "keys", "rotate")
    node = town.nodes[FR]
    asked = verify_join_request(result.stdout.strip(), node.now(), node.network().roster)
    assert (asked.previous_kid, fingerprint(asked.member)) == (
        node.entry().token_keys[-1].kid,
        fingerprint(node.entry()),
    )
    assert fingerprint(asked.member) in result.stderr


def test_what_cannot_be_asked_for_is_told(town: Town, new_home: Path) -> None:
    assert "not frozen" in town.run(FR, "keys", "succeed", "network", code=CONFLICT).stderr
    town.run(NGO, "keys", "rotate", "feed-police", code=INVALID)
    town.run(NGO, "keys", "succeed", "police", code=NOT_FOUND)
    assert town.json(FR, "keys", "destroy") == []
    assert "Every key" in town.run(FR, "keys", "destroy").stdout
    assert gmcn(new_home, "keys", "list").exit_code in (NOT_ALLOWED, NOT_FOUND)


def test_two_members_tell_the_same_head(town: Town) -> None:
    town.published(FR)
    town.run(KE, "pull", FR)
    own, foreign = (town.json(member, "member", "head", FR, "network") for member in (FR, KE))
    assert own == foreign
    assert own["leaves"][-1]["kind"] == "put"
    told = town.run(KE, "member", "head", FR, "network", "--size", str(own["size"])).stdout
    assert f"--size {own['size']} --root {own['root']}" in told
    town.run(KE, "member", "head", FR, "network", "--size", "999999", code=INVALID)
    town.run(KE, "member", "head", "police.xx.example", "network", code=NOT_FOUND)

"""The daily work: from a draft to everybody's disk, and back out of it."""

import pytest

from tests.node.cli.conftest import FR, KE, NGO, Town


def test_a_published_case_is_found_at_a_peer_by_a_name_in_another_script(town: Town) -> None:
    case = town.published(FR, "uk")
    pulled = town.json(KE, "pull", FR)
    assert pulled["roster"] == ""
    assert [(peer["member"], peer["error"], peer["lying"]) for peer in pulled["peers"]] == [(FR, "", False)]
    found = town.json(KE, "search", "Dmytro Shevchuk", "--owner", FR, "--limit", "200")
    assert case in [item["case_id"] for item in found["cases"]]


def test_publishing_rings_the_peers_and_says_who_was_reached(town: Town) -> None:
    case = town.draft(FR)
    done = town.json(FR, "publish", case)
    assert done["published"][0]["case"] == case
    assert done["published"][0]["versions"] == {"network": 1, "police": 1}
    assert sorted((item["member"], item["reached"]) for item in done["rung"]) == [(NGO, True), (KE, True)]
    again = town.run(FR, "publish", case)
    assert "Rang 2 of 2 peers." in again.stderr
    assert "network version 2" in again.stdout


def test_a_peer_that_is_not_reached_does_not_stop_a_publication(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "node.services.disclosure.publishing.ring_peers", lambda node: {KE: "It cannot be reached."}
    )
    result = town.run(FR, "publish", town.draft(FR))
    assert "Rang 0 of 1 peers." in result.stderr
    assert f"{KE} was not reached and pulls later: It cannot be reached." in result.stderr


def test_all_drafts_are_published_or_none(town: Town) -> None:
    town.run(FR, "publish", "--all-drafts", "--no-ring")
    draft = town.draft(FR)
    town.run(FR, "publish", draft, f"{FR}/{'a' * 26}", "--no-ring", code=3)
    assert town.json(FR, "case", "show", draft)["status"] == "draft"
    done = town.json(FR, "publish", "--all-drafts", "--no-ring")
    assert [item["case"] for item in done["published"]] == [draft]
    assert "nothing to publish" in town.run(FR, "publish", "--all-drafts").stdout
    town.run(FR, "publish", code=2)
    town.run(FR, "publish", draft, "--all-drafts", code=2)


def test_renewing_publishes_a_new_version_of_what_ends_soon(town: Town) -> None:
    case = town.published(NGO)
    assert town.json(NGO, "renew", "--within", "30", "--no-ring")["published"] == []
    done = town.json(NGO, "renew", "--within", "3660", "--no-ring")
    assert (case, {"network": 2}) in [(item["case"], item["versions"]) for item in done["published"]]
    town.run(NGO, "renew", code=2)
    draft = town.draft(NGO)
    assert draft in town.run(NGO, "renew", draft, code=2).stderr


def test_erasing_asks_first_and_goes_from_every_disk(town: Town) -> None:
    case = town.published(FR, "hi")
    town.run(KE, "pull", FR)
    town.run(FR, "erase", case, stdin="n\n", code=130)
    assert town.json(FR, "case", "show", case)["status"] == "published"
    result = town.run(FR, "erase", case, stdin="y\n")
    assert "Rang 2 of 2 peers." in result.stderr
    town.run(KE, "pull", FR)
    town.run(KE, "show", case, code=3)
    said = {
        item["member"]: item
        for item in town.json(FR, "case", "receipts", case)
        if item["audience"] == "network"
    }
    assert said[KE]["erased"] is True
    assert said[KE]["purged_at"] is not None
    assert said[NGO]["version"] is None
    assert town.json(FR, "case", "show", case)["record"] == {}
    town.run(FR, "publish", case, code=5)
    waiting = {case_id: members for case_id, _, members in town.json(FR, "status")["erasures_waiting"]}
    assert waiting[case] == [NGO]
    [police, network] = sorted(town.json(FR, "erasures", case), key=lambda entry: -ord(entry["audience"][0]))
    assert [answer["state"] for answer in police["answers"]] == ["purged"]
    assert {answer["member"]: answer["state"] for answer in network["answers"]} == {
        KE: "purged",
        NGO: "silent",
    }
    assert "silent" in town.run(FR, "erasures", "--open").stdout
    town.run(NGO, "pull", FR)
    assert town.json(FR, "erasures", "--open") == []
    assert "Everybody has purged" in town.run(FR, "erasures", "--open").stdout
    assert "nothing held" in town.run(FR, "erasures").stdout
    assert "Nothing has ended" in town.run(FR, "erasures", f"{FR}/{'a' * 26}").stdout


def test_receipts_say_who_holds_which_version(town: Town) -> None:
    case = town.published(FR)
    town.run(KE, "pull", FR)
    said = {(item["member"], item["audience"]): item for item in town.json(FR, "case", "receipts", case)}
    assert (said[KE, "network"]["version"], said[KE, "police"]["version"]) == (1, 1)
    assert said[NGO, "network"]["version"] is None
    assert (NGO, "police") not in said
    assert KE in town.run(FR, "case", "receipts", case).stdout
    town.run(FR, "case", "receipts", f"{FR}/{'a' * 26}", code=3)


def test_receipts_say_what_their_versions_are(town: Town) -> None:
    case = town.draft(FR)
    assert "No member was ever given this case" in town.run(FR, "case", "receipts", case).stdout
    town.run(FR, "publish", case, "--no-ring")
    assert "nothing yet" in town.run(FR, "case", "receipts", case).stdout
    town.run(KE, "pull", FR)
    text = town.run(FR, "case", "receipts", case).stdout
    assert [text.count(word) for word in ("newest", "confirmed", "version 1")] == [1, 1, 5]
    town.run(FR, "case", "withdraw", case, "--no-ring")
    text = town.run(FR, "case", "receipts", case).stdout
    assert "erasure (version 2)" in text
    assert "version 1" in text


def test_erasing_says_what_is_still_to_come_of_what_was_done(town: Town) -> None:
    draft, case = town.draft(FR), town.published(FR)
    never = town.run(FR, "erase", draft, "--yes")
    assert (never.stdout, never.stderr) == ("Erased. It had never left the house.\n", "")
    town.run(FR, "case", "withdraw", case, "--no-ring")
    withdrawn = town.run(FR, "erase", case, "--yes")
    assert "when it was withdrawn" in withdrawn.stdout
    assert f"case receipts {case}" in withdrawn.stdout
    assert "case undo" not in withdrawn.stdout
    assert "Rang" not in withdrawn.stderr
    assert "It was erased before." in town.run(FR, "erase", case, "--yes").stdout


def test_a_withdrawal_is_undone_under_a_new_id(town: Town) -> None:
    case = town.published(FR)
    said = town.run(FR, "case", "withdraw", case).stdout
    assert f"  gmcn --home {town.home(FR)} case undo {case}\n" in said
    assert all(len(line) <= 80 for line in said.splitlines() if "gmcn" not in line)
    town.run(FR, "case", "withdraw", case, code=5)
    again = town.json(FR, "case", "undo", case, "--no-ring")["case"]
    assert again != case
    assert town.json(FR, "case", "show", again)["status"] == "published"
    town.run(FR, "case", "undo", case, code=5)


def test_closing_writes_down_how_it_ended_and_tells_nobody(town: Town) -> None:
    case = town.published(FR)
    done = town.json(
        FR, "case", "close", case, "--outcome", "recovered_safe", "--date", "2026-11-20", "--no-ring"
    )
    assert done["status"] == "withdrawn"
    record = town.json(FR, "case", "show", case)["record"]
    assert (record["outcome"], record["outcome_date"]) == ("recovered_safe", "2026-11-20")
    town.run(KE, "pull", FR)
    town.run(KE, "show", case, code=3)
    other = town.published(FR)
    town.run(FR, "case", "close", other, "--outcome", "recovered_safe", "--date", "soon", code=2)
    assert town.json(FR, "case", "show", other)["status"] == "published"

"""The daily work: from a draft to everybody's disk, and back out of it."""

from tests.node.cli.conftest import FR, KE, NGO, Town


def test_a_published_case_is_found_at_a_peer_by_a_name_in_another_script(town: Town) -> None:
    case = town.published(FR, "uk")
    pulled = town.json(KE, "pull", FR)
    assert pulled["roster"] == ""
    assert [(peer["member"], peer["error"], peer["lying"]) for peer in pulled["peers"]] == [(FR, "", False)]
    found = town.json(KE, "search", "Dmytro Shevchuk", "--owner", FR)
    assert case in [item["case_id"] for item in found["cases"]]

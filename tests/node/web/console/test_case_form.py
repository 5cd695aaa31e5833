"""The form of a case: a child who is only at risk, names in other letters, what is said while one types."""

from node.domain.permissions import Role
from tests.node.web.console.conftest import Console, send
from tests.node.web.console.test_cases import add_case, begin, change, record_of, text_of

AT_RISK = {
    "at_risk_preventive-names-0-full": "Ana Sousa",
    "at_risk_preventive-sex": "2",
    "at_risk_preventive-birth": "2014",
    "at_risk_preventive-destinations-0-country": "Portugal",
    "at_risk_preventive-until": "2026-12-31",
}


def test_a_child_at_risk_is_entered_on_one_page(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    assert "/cases/new/preventive" in client.get("/cases/new").text
    answer = send(client, "/cases/new/preventive", **AT_RISK, go="on")
    assert answer.location.endswith("/check"), text_of(client.get(answer.location))
    assert "Ana Sousa" in client.get("/cases").text
    done = send(client, answer.location)
    assert done.status_code == 303, text_of(done)
    record = record_of(console, done.location)
    assert record.keys() == {"at_risk_preventive"}
    assert record["at_risk_preventive"]["until"] == "2026-12-31"
    page = text_of(client.get(done.location))
    assert "Ana Sousa" in page
    assert "Name not known" not in page
    sections = client.get(f"{done.location}/change").text
    assert sections.index('value="preventive"') < sections.index('value="child"')


def test_the_way_of_a_missing_child_does_not_lead_past_the_page_of_one_at_risk(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    where = begin(client)
    assert "preventive" not in client.get(f"{where}child").text
    assert client.get("/cases/new/keeping").status_code == 404
    assert client.get("/cases/new/child").status_code == 308


def test_what_is_shown_where_and_the_alert_are_data_of_the_record(console: Console) -> None:
    _, page = add_case(console)
    client = console.browser(Role.OPERATOR)
    fields = {
        "show_in": "France, pt",
        "alert-state": "proposed",
        "alert-level": "amber",
        "alert-area-countries": "Ukraine",
        "publication_decision-decided_on": "2026-11-01",
        "publication_decision-by_role": "Prosecutor",
        "publication_decision-reason": "Danger to life",
    }
    where = change(client, page, "showing", **fields)
    assert "France, Portugal" in text_of(client.get(f"{where}/check"))
    assert send(client, f"{where}/check", revision="1").location == page
    record = record_of(console, page)
    assert record["show_in"] == ["FR", "PT"]
    assert record["alert"] == {"state": "proposed", "level": "amber", "area": {"countries": ["UA"]}}
    assert record["publication_decision"]["by_role"] == "prosecutor"
    where = change(client, page, "showing", **{**fields, "show_in": "nowhere at all"})
    assert "or a dash for nowhere" in text_of(client.get(f"{where}/showing?checked=1"))

"""The form of a case: a child who is only at risk, names in other letters, what is said while one types."""

from flask.testing import FlaskClient

from node.domain.permissions import Role
from tests.node.web.console.conftest import Console, csrf_token, send
from tests.node.web.console.test_cases import CHILD, add_case, begin, change, record_of, text_of

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


def typed(client: FlaskClient, **fields: str) -> str:
    """Send what stands in a field as the page does while somebody types, and return what is said of it."""
    token = csrf_token(client.get("/cases/new"))
    answer = client.post("/cases/typed", data=fields, headers={"X-CSRFToken": token, "HX-Request": "true"})
    assert answer.status_code == 200
    return " ".join(text_of(answer).split())


SAID = (
    ("birth", "2014-03-05", "Read as: 5 Mar 2014"),
    ("birth", "2014-03", "Read as: March 2014"),
    ("birth", "2014-03-XX", "Read as: March 2014"),
    ("birth", "2014~", "Read as: about 2014"),
    ("birth", "2013/2015", "Read as: 2013 to 2015"),
    ("birth", "2014", ""),
    ("birth", "05.03.2014", "Wrong: Write a date like"),
    ("birth", "2014-13", "Wrong: Write a date like"),
    ("height-measured_on", "201X", "Read as: 2010 to 2019"),
    ("height-measured_on", "2014-22", "Read as: summer of 2014"),
    ("missing_since", "2026-11-02 17:30", "Read as: 2 Nov 2026, 17:30"),
    ("missing_since", "2026-11-02 25:30", "Wrong: Write a date like"),
    ("risk-assessed_at", "yesterday", "Wrong: Write a day and a time"),
    ("height-min", "145", ""),
    ("height-min", "14,5", "Wrong: Write a number within what is possible."),
    ("companions-7-age-max", "9999", "Wrong: Write a number within what is possible."),
    ("contacts-2-value", "0033 1 44-55 66 77", "Read as: +33144556677"),
    ("contacts-2-value", "01 44 55", "Read as: 014455"),
    ("contacts-2-value", "call us", "Wrong: Write a telephone number"),
    ("nationalities", "ua, Poland", "Read as: Ukraine, Poland"),
    ("nationalities", "Atlantis", "Wrong: Write names of countries"),
    ("vehicles-1-country", "br", "Read as: Brazil"),
    ("show_in", "-", "Read as: nowhere"),
    ("circumstances-4-lang", "uk", "Read as: Ukrainian"),
    ("links-0-case", "my other case", "Wrong: Write the whole id of the case"),
    ("consent-given_by_role", "Олена", "Wrong: Write a role in Latin letters"),
    ("names-3-full", "Шевчук Дмитро", "In Latin letters perhaps: Shevchuk Dmitro"),
    ("names-3-full", "كوثر", "In Latin letters perhaps: Kothr"),
    ("names-3-full", "Ana", ""),
    ("notes", "anything", ""),
    ("no-such-field", "x", ""),
    ("-", "x", ""),
    ("birth", "", ""),
    ("birth", "x" * 100_000, "Wrong: Write a date like"),
)
"""A field, what is typed there, and how the answer begins."""


def test_what_is_typed_is_said_back_in_plain_words(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    for field, text, said in SAID:
        answer = typed(client, **{field: text})
        assert answer.startswith(said) if said else answer == "", (field, text[:99], answer)


def test_a_spelling_follows_the_language_of_the_name(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    name = {"names-0-full": "Григорий", "names-0-lang": "Russian"}
    assert "Grigorii : add this name" in typed(client, **name)
    assert "Hryhorii" in typed(client, **{"names-0-full": "Григорій", "names-0-lang": "uk"})


def test_a_spelling_becomes_a_name_when_somebody_takes_it(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    answer = send(client, "/cases/new", **CHILD, spell="names-0-0")
    where, _, place = answer.location.partition("#")
    assert place == "names-1"
    page = client.get(where).text
    assert 'value="Shevchuk Dmytro"' in page
    assert 'value="KMU 55"' in page
    draft = where.rpartition("/")[0]
    for forged in (
        "names-0-9",
        "names-9-0",
        "names-0",
        "birth-0-0",
        "vehicles-0-0",
        "-",
        "names-x-0",
        "names-0--1",
    ):
        assert send(client, f"{draft}/child", **CHILD, spell=forged).status_code == 303
        assert "Shevchuk" not in client.get(f"{draft}/child").text.replace(">Shevchuk Dmytro<", "")

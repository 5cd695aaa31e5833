"""The form for what somebody has seen, as people and programs fill it in."""

import io
import re
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from node.domain.site.look import Numbers
from node.services import messages
from node.services.disclosure import publishing
from node.services.leads import inbox
from node.services.site import look, sightings
from node.store import leads
from node.store.database import reading
from node.store.federation import messages as store
from node.store.leads import Lead
from node.web.public import make_site_app
from tests.factories import draw_photograph
from tests.node.web.public.conftest import Site

SCRIPT = "<script>alert(1)</script>"
TEXT = "She bought bread.\r\nShe wore a red coat."


def drawn() -> bytes:
    made = io.BytesIO()
    draw_photograph((300, 400)).save(made, "JPEG")
    return made.getvalue()


def picture(data: bytes = b"") -> FileStorage:
    return FileStorage(io.BytesIO(data or drawn()), "seen.jpg")


def bomb() -> bytes:
    """A PNG of a few bytes that says it is 50,000 pixels wide and high."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4) + name + body + zlib.crc32(name + body).to_bytes(4)

    size = (50_000).to_bytes(4)
    header = chunk(b"IHDR", size + size + bytes((8, 2, 0, 0, 0)))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def hidden(page: TestResponse) -> dict[str, str]:
    """The fields that a browser sends without anybody having typed them."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))


def opened(site: Site, case_id: str, client: FlaskClient | None = None) -> dict[str, str]:
    page = (client or site.browser()).get(f"/en/child/{case_id}/seen")
    assert page.status_code == 200
    site.federation.clock.advance(seconds=20)
    return hidden(page)


def told(site: Site, case_id: str, client: FlaskClient | None = None, **fields: Any) -> TestResponse:
    client = client or site.browser()
    return send(client, case_id, {**opened(site, case_id, client), "text": TEXT, **fields})


def send(client: FlaskClient, case_id: str, fields: Mapping[str, Any]) -> TestResponse:
    """Send the form as browsers do; `Client.post` would put a large one into a file."""
    boundary, body = encode_multipart({"do": "send", **fields})
    kind = f"multipart/form-data; boundary={boundary}"
    return client.post(f"/en/child/{case_id}/seen", data=body, content_type=kind)


def receipt_of(page: TestResponse) -> str:
    assert page.status_code == 200, page.text
    found = re.search(r'<p class="receipt"><bdi dir="ltr">([0-9]{4}(?:-[0-9]{4}){3})</bdi>', page.text)
    assert found, page.text
    return found[1]


def come(site: Site, *, own: bool = True) -> list[Lead]:
    """What the owner of the case has in its inbox, once the jobs have run."""
    if not own:
        assert messages.deliver(site.node, site.peer.member) == ""
    owner = site.node if own else site.peer
    inbox.take(owner)
    return inbox.list_leads(owner, everything=True)


def kept(site: Site) -> int:
    with reading(site.node.engine) as conn:
        return len(store.list_messages(conn))


@pytest.mark.parametrize("own", [True, False], ids=["own", "of another member"])
def test_what_somebody_has_seen_comes_to_the_owner(site: Site, own: bool) -> None:
    case_id = site.publish(own=own)
    assert f"/en/child/{case_id}/seen" in site.browser().get(f"/en/child/{case_id}").text
    page = told(
        site,
        case_id,
        place=" Gare du Nord ",
        seen_on="2026-11-20",
        seen_at="14:30",
        contact="+33 1 22",
        picture=picture(),
    )
    receipt = receipt_of(page)
    assert "They may call or write to you." in page.text
    (lead,) = come(site, own=own)
    assert (lead.origin, lead.member, lead.token_id) == (leads.PUBLIC, site.node.member, receipt)
    assert lead.text == "She bought bread.\nShe wore a red coat."
    assert lead.details == {
        "seen_at": "2026-11-20T14:30:00+00:00",
        "place": "Gare du Nord",
        "contact": "+33 1 22",
    }
    assert inbox.read(site.node if own else site.peer, lead.id, "Roy").pictures == [0]


def test_only_the_text_is_asked_for(site: Site) -> None:
    page = told(site, site.publish())
    assert receipt_of(page)
    assert "you left no number or address" in page.text
    assert come(site)[0].details == {}


def test_nothing_of_it_is_kept_by_browsers_caches_or_in_addresses(site: Site) -> None:
    case_id, client = site.publish(), site.browser()
    form = client.get(f"/en/child/{case_id}/seen")
    sent = told(site, case_id, client)
    for page in (form, sent):
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert "Set-Cookie" not in page.headers
        assert "Location" not in page.headers
        assert "script-src 'self'; connect-src 'self'" in page.headers["Content-Security-Policy"]
    assert len(form.data) < 20_000


def test_the_page_says_whom_to_call_first(site: Site) -> None:
    case_id = site.publish()
    for page in (site.browser().get(f"/en/child/{case_id}/seen"), told(site, case_id)):
        assert "Call the police now." in page.text
        assert 'href="tel:112"' in page.text  # in France
        assert 'id="contacts"' in page.text
    look.set_numbers(site.node, "FR", Numbers("17", "", ""), "test")
    assert 'href="tel:17"' in site.browser().get(f"/en/child/{case_id}/seen").text
    entry = site.node.entry()
    site.federation.coordinator.announce(replace(entry, country="AQ"))
    site.node.trust.refresh([], site.node.http)
    page = site.browser().get(f"/en/child/{case_id}/seen")
    assert "Call the emergency number of your country." in page.text


def test_a_page_that_is_loaded_again_sends_nothing_again(site: Site) -> None:
    case_id, client = site.publish(), site.browser()
    fields = {**opened(site, case_id), "text": TEXT}
    first = receipt_of(send(client, case_id, fields))
    site.federation.clock.advance(days=1)
    assert receipt_of(send(client, case_id, fields)) == first
    assert kept(site) == 1


def test_a_form_that_was_used_takes_nothing_else(site: Site) -> None:
    case_id, client = site.publish(), site.browser()
    fields = {**opened(site, case_id), "text": TEXT}
    receipt_of(send(client, case_id, fields))
    other = send(client, case_id, {**fields, "text": "Buy here!"})
    assert other.status_code == 400
    assert "You have sent something with this page before." in other.text
    assert "Buy here!" in other.text
    assert kept(site) == 1
    site.federation.clock.advance(seconds=4)
    assert receipt_of(send(client, case_id, {**hidden(other), "text": "I forgot: a hat."}))


def test_what_was_typed_comes_back_with_what_is_wrong(site: Site) -> None:
    case_id = site.publish()
    for wrong, says in (
        ({"text": " \u200b "}, "Write what you saw."),
        ({"text": "x" * 8_001}, "Use at most 8000 characters."),
        ({"place": "x" * 301}, "Use at most 300 characters."),
        ({"contact": "x" * 301}, "Use at most 300 characters."),
        ({"seen_on": "yesterday"}, "Write the day like 2026-05-31"),
        ({"seen_on": "0999-01-01"}, "Write the day like 2026-05-31"),
        ({"seen_at": "14:30"}, "Write the day like 2026-05-31"),
        ({"seen_on": "2026-11-20", "seen_at": "noon"}, "Write the day like 2026-05-31"),
        ({"seen_on": "2026-11-30"}, "This day has not come yet."),
        ({"website": "https://buy.example"}, "Leave this empty, and press Send again."),
    ):
        page = told(site, case_id, **{"contact": "Ana & Co", "picture": picture(), **wrong})
        assert page.status_code == 400, wrong
        assert says in page.text, wrong
        assert "Choose the picture again: it was not kept." in page.text
        if "contact" not in wrong:
            assert 'value="Ana &amp; Co"' in page.text
    assert kept(site) == 0


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\0\0\0\x20ftypisom" + b"film" * 1_000, "This is no photograph that can be read."),
        (bytes(30_000_001), "This picture is larger than 30 MB."),
        (
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\0\0\0\1\0\0\x08\x02\0\0\0",
            "This is no photograph that can be read.",
        ),
        (drawn()[:4_000], "This is no photograph that can be read."),
    ],
    ids=["a film", "too large", "a bomb", "cut off"],
)
def test_a_picture_that_is_none_is_refused_beside_its_field(site: Site, data: bytes, says: str) -> None:
    page = told(site, site.publish(), picture=picture(data))
    assert page.status_code == 400
    assert re.search(rf'id="picture-error">{re.escape(says)}', page.text), page.text
    assert "She wore a red coat." in page.text
    assert kept(site) == 0


def test_programs_are_too_fast_and_old_forms_are_renewed(site: Site) -> None:
    case_id, client = site.publish(), site.browser()
    address = f"/en/child/{case_id}/seen"
    fields = {**hidden(client.get(address)), "text": TEXT}
    early = send(client, case_id, fields)
    assert early.status_code == 400
    assert "Wait a few seconds, and press Send again." in early.text
    assert hidden(early)["ticket"] == fields["ticket"]
    site.federation.clock.advance(seconds=sightings.MAX_AGE.total_seconds() + 1)
    late = send(client, case_id, fields)
    assert "This page was open for too long. Press Send again." in late.text
    site.federation.clock.advance(seconds=5)
    assert receipt_of(send(client, case_id, {**fields, **hidden(late)}))


def test_a_flood_is_told_when_and_whom_to_call(site: Site) -> None:
    config = site.node.config
    config = replace(config, site=replace(config.site, sightings_per_address=2))
    few = replace(site, app=make_site_app(replace(site.node, config=config)))
    case_id = site.publish()
    for number in range(2):
        receipt_of(told(few, case_id, text=f"Number {number}"))
    page = told(few, case_id, text="Number 3")
    assert page.status_code == 429
    assert 3_000 < int(page.headers["Retry-After"]) <= 3_600
    assert re.search(r"press Send again in (59|60) minutes", page.text)
    assert "Number 3" in page.text
    site.federation.clock.advance(hours=1)
    assert receipt_of(send(few.browser(), case_id, {**hidden(page), "text": "Number 3"}))


def test_the_map_works_by_sending_the_form(site: Site) -> None:
    case_id, client = site.publish(), site.browser()
    address = f"/en/child/{case_id}/seen"
    fields: dict[str, Any] = {**opened(site, case_id), "text": TEXT, "seen_on": "2026-11-20"}

    def press(**more: Any) -> TestResponse:
        page = send(client, case_id, {**fields, **more})
        assert page.status_code == 200
        assert "She wore a red coat." in page.text
        assert kept(site) == 0
        fields.update(hidden(page))
        return page

    assert "<svg" not in client.get(address).text
    page = press(do="map", picture=picture())
    assert '<svg class="map"' in page.text
    assert "There is no pin on the map." in page.text
    assert "Choose the picture again: it was not kept." in page.text
    assert len(page.data) < 60_000
    before = fields["middle_lon"]
    press(do="east")
    assert float(fields["middle_lon"]) > float(before)
    page = press(do="enter", asked="Lyon")
    page = press(do="spot-0", asked="Lyon")
    assert "near Lyon, France" in page.text
    press(**{"do": "", "wide.x": "10", "wide.y": "10"})
    assert float(fields["lon"]) < 4.8
    press(do="unpin")
    assert fields["lat"] == ""
    press(do="spot-0", asked="Lyon")
    receipt_of(send(client, case_id, fields))
    (lead,) = come(site)
    assert (round(lead.details["lat"], 1), round(lead.details["lon"], 1)) == (45.8, 4.8)


@pytest.mark.parametrize(
    "wrong",
    [
        {"zoom": "999999999999", "middle_lat": "1e999", "middle_lon": "nan"},
        {"zoom": "-5", "middle_lat": "90", "middle_lon": "-180", "lat": SCRIPT, "lon": "181"},
        {"zoom": "", "wide.x": "9" * 8, "wide.y": "-" * 9, "do": "spot-999"},
        {"zoom": "3", "middle_lat": "0", "middle_lon": "0", "do": f"spot-{SCRIPT}", "asked": "x" * 9_000},
    ],
)
def test_a_map_that_a_browser_has_not_made_does_no_harm(site: Site, wrong: dict[str, str]) -> None:
    case_id = site.publish()
    page = told(site, case_id, **{"do": "look", **wrong})
    assert page.status_code == 200
    assert SCRIPT not in page.text
    assert receipt_of(told(site, case_id, **{**wrong, "do": "send"}))


def test_markup_stays_text(site: Site) -> None:
    case_id = site.publish()
    page = told(site, case_id, text=SCRIPT, place=SCRIPT, contact=SCRIPT, asked=SCRIPT, zoom="1", seen_on="x")
    assert page.status_code == 400
    assert SCRIPT not in page.text
    assert "&lt;script&gt;" in page.text
    assert receipt_of(told(site, case_id, text=SCRIPT, place=SCRIPT, contact=SCRIPT))
    assert come(site)[0].text == SCRIPT


def test_nothing_is_told_about_a_child_that_is_not_shown(site: Site) -> None:
    elsewhere = site.publish(own=False, show_in=["DE"])
    erased = site.publish()
    fields = {**opened(site, erased), "text": TEXT}
    publishing.erase(site.node, erased, "Roy")
    client = site.browser()
    for case_id, status in (
        (elsewhere, 404 if site.node.entry().country != "DE" else 200),
        (f"{site.node.member}/{'a' * 26}", 404),
        (f"police.xx.example/{'a' * 26}", 404),
        ("../etc", 404),
        (erased, 410),
    ):
        for answer in (
            client.get(f"/en/child/{case_id}/seen"),
            send(client, case_id, fields),
        ):
            assert answer.status_code in (status, 410), case_id
            assert TEXT not in answer.text
    assert client.get("/xx/child/{erased}/seen").status_code == 404
    assert kept(site) == 0


def test_no_word_of_it_and_no_address_reaches_the_log(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    case_id = site.publish()
    client = site.browser()
    client.environ_base["REMOTE_ADDR"] = "203.0.113.77"
    told(site, case_id, client, text="Ana at 12 rue X", place="rue X", picture=picture(b"film"))
    told(site, case_id, client, text="Ana at 12 rue X", contact="+33 1 22")
    written = "".join(capsys.readouterr())
    for word in ("Ana", "rue X", "+33", "203.0.113.77", case_id.partition("/")[2]):
        assert word not in written


def test_a_body_without_end_is_not_read(site: Site) -> None:
    case_id, client = site.publish(), site.browser()
    fields = {**opened(site, case_id), "text": TEXT}
    assert send(client, case_id, {**fields, "picture": picture(bytes(33 << 20))}).status_code == 413
    assert send(client, case_id, {**fields, "place": "x" * 140_000}).status_code == 413
    assert send(client, case_id, {f"x{number}": "" for number in range(200)}).status_code == 413
    plain = client.post(f"/en/child/{case_id}/seen", data={f"x{number}": "" for number in range(20_000)})
    assert plain.status_code == 413


@pytest.mark.parametrize("side", [600, 1200, 2400])
def test_a_photograph_of_a_telephone_is_taken(site: Site, side: int) -> None:
    made = io.BytesIO()
    Image.effect_noise((side, side), 90).convert("RGB").save(made, "JPEG", quality=90)
    receipt_of(told(site, site.publish(), picture=picture(made.getvalue())))


def test_forms_with_photographs_leave_memory_and_threads_to_others(site: Site) -> None:
    case_id = site.publish()
    room = site.app.extensions["room_for_pictures"]
    with room, room:
        large = told(site, case_id, picture=picture(drawn() + bytes(1 << 20)))
        assert (large.status_code, large.headers["Cache-Control"]) == (429, "no-store")
        assert int(large.headers["Retry-After"]) > 0
        receipt_of(told(site, case_id, text="without a picture"))
    receipt_of(told(site, case_id, picture=picture(drawn())))
    assert room.acquire(blocking=False)
    room.release()

"""What the public tells reaches the owner of the case sealed, once, and within limits."""

import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import func, select

from node.errors import Conflict, InvalidInput, NotFound
from node.runtime import KeylessNode, Node
from node.services import messages
from node.services.disclosure import publishing
from node.services.endings import erasure
from node.services.leads import inbox, taking
from node.services.leads.letters import Letter
from node.services.moving import handover, takeover
from node.services.serving import TooOften
from node.services.site import sightings
from node.services.site.showing import Gone
from node.services.site.sightings import Source, StaleForm, UnfitPicture, network_of
from node.store import leads, marks
from node.store.database import reading, writing
from node.store.federation import messages as store
from node.store.leads import Lead
from node.store.staff import access
from protocol.message import Content
from tests.factories import sample_record
from tests.federation import DE, FR, Federation
from tests.forensics import database_places, invent_child

BR = ("police.br.example", "BR", "law_enforcement")
HERE, THERE, THIRD = DE[0], FR[0], BR[0]
ADDRESS = "203.0.113.7"
SEEN = Letter(
    "She bought bread.\nShe wore a red coat.", "2026-11-20", "Gare du Nord", 48.88, 2.355, "+33 1 22"
)


@pytest.fixture
def federation(database_url: str, tmp_path: Path) -> Iterator[Federation]:
    """The node whose site it is on each kind of database."""
    made = Federation(tmp_path, [FR, DE], databases={HERE: database_url})
    yield made
    made.close()


@pytest.fixture
def light(tmp_path: Path) -> Iterator[Federation]:
    made = Federation(tmp_path, [FR, DE, BR])
    yield made
    made.close()


def keyless(node: Node) -> KeylessNode:
    """What the site is given: the same node, without keys and line."""
    return KeylessNode(
        config=node.config, engine=node.engine, blobs=node.blobs, trust=node.trust, clock=node.clock
    )


def limited(node: Node, **limits: int) -> KeylessNode:
    config = replace(node.config, site=replace(node.config.site, **limits))
    return replace(keyless(node), config=config)


def published(federation: Federation, owner: str = THERE, **changes: Any) -> str:
    (case,) = federation.publish(owner, sample_record("ar", photos=None, **changes))
    if owner != HERE:
        federation.pull(HERE, owner)
    return case.case_id


def ticket(federation: Federation, case_id: str, seconds: float = 10) -> str:
    made = sightings.make_ticket(keyless(federation[HERE]), case_id)
    federation.clock.advance(seconds=seconds)
    return made


def tell(
    federation: Federation,
    case_id: str,
    letter: Letter = SEEN,
    data: bytes = b"",
    address: str = ADDRESS,
    node: KeylessNode | None = None,
) -> str:
    source = Source(address, ticket(federation, case_id))
    return sightings.send_sighting(node or keyless(federation[HERE]), case_id, letter, data, source)


def carry(federation: Federation) -> None:
    """Do what the jobs do."""
    for sender in federation.nodes:
        for receiver in messages.due(federation[sender]):
            assert messages.deliver(federation[sender], receiver) == ""
    for node in federation.nodes.values():
        inbox.take(node)


def come(node: Node) -> list[Lead]:
    return inbox.list_leads(node, outgoing=False, everything=True)


def picture(size: int = 400, **options: Any) -> bytes:
    data = io.BytesIO()
    Image.effect_noise((size, size), 90).convert("RGB").save(data, "JPEG", **options)
    return data.getvalue()


def rows(node: Node, table: Any) -> int:
    with reading(node.engine) as conn:
        return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


def test_what_is_told_about_anothers_case_reaches_its_owner(federation: Federation) -> None:
    case_id = published(federation)
    receipt = tell(federation, case_id, data=picture())
    here, there = federation[HERE], federation[THERE]
    with reading(here.engine) as conn:
        (row,) = store.list_messages(conn)
        assert (row.outgoing, row.member, row.token_id, row.case_id) == (True, THERE, receipt, case_id)
        sealed = store.sealed_content(conn, row.id)
    assert sealed is not None
    assert b"bread" not in sealed
    assert rows(here, leads.lead) == 0  # it is nobody's here

    carry(federation)
    (lead,) = come(there)
    assert (lead.origin, lead.member, lead.token_id, lead.case_id) == (leads.PUBLIC, HERE, receipt, case_id)
    assert (lead.text, lead.details) == (SEEN.text, SEEN.details)
    view = inbox.read(there, lead.id, "Roy")
    assert (view.pictures, view.history, view.delivery) == ([0], [], None)
    assert inbox.list_leads(there, receipt=receipt.replace("-", " ")) == [lead]
    with pytest.raises(Conflict):
        inbox.answer(there, lead.id, "Thank you.", "Roy")


def test_what_is_told_about_an_own_case_waits_sealed_for_the_inbox(federation: Federation) -> None:
    case_id, here = published(federation, HERE), federation[HERE]
    receipt = tell(federation, case_id, data=picture())
    with reading(here.engine) as conn:
        (row,) = store.unattended(conn, ("lead",))
        assert (row.outgoing, row.member, row.token_id) == (False, HERE, receipt)
        assert b"bread" not in (store.sealed_content(conn, row.id) or b"")
    assert messages.due(here) == []
    carry(federation)
    (lead,) = come(here)
    assert (lead.origin, lead.member, lead.token_id, lead.text) == (leads.PUBLIC, HERE, receipt, SEEN.text)
    assert inbox.read(here, lead.id, "Roy").pictures == [0]
    inbox.decide(here, lead.id, leads.INVALID, "Another girl.", "Roy")
    assert inbox.count_leads(here, receipt=receipt) == 1
    assert inbox.count_leads(here, receipt="4711-0815-2342-1234") == 0


def test_a_picture_is_pixels_only_and_small_before_it_is_sealed(light: Federation) -> None:
    exif = Image.Exif()
    exif[0x010E] = "Her school"
    case_id = published(light, HERE)
    tell(light, case_id, data=picture(3000, quality=97, exif=exif))
    with reading(light[HERE].engine) as conn:
        (row,) = store.unattended(conn, ("lead",))
        content = messages.open_row(conn, light[HERE], row)
    assert content is not None
    assert 0 < len(content.attachment) <= sightings.MAX_PICTURE_BYTES < taking.MAX_PICTURE_BYTES
    assert b"Her school" not in content.attachment
    with Image.open(io.BytesIO(content.attachment)) as sent:
        assert sent.format == "JPEG"
        assert 1_000 < max(sent.size) <= 1_600


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (picture()[:3_000], ""),
        (b"\0\0\0\x20ftypisom" + b"film" * 1_000, ""),
        (b"GIF89a" + bytes(100), ""),
        (bytes(31_000_000), "bytes"),
    ],
    ids=["truncated", "film", "gif", "too large"],
)
def test_what_is_no_photograph_is_refused_and_nothing_is_kept(
    light: Federation, data: bytes, reason: str
) -> None:
    case_id = published(light)
    with pytest.raises(UnfitPicture) as refused:
        tell(light, case_id, data=data)
    assert getattr(refused.value.__cause__, "reason", "") == reason
    assert rows(light[HERE], store.message) == 0
    assert list(light[HERE].scratch().iterdir()) == []


def test_no_more_pictures_than_two_are_held_at_once(
    light: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = published(light)
    monkeypatch.setattr(sightings, "_PICTURES", threading.BoundedSemaphore(1))
    with sightings._picture_turn():
        with pytest.raises(TooOften) as refused:
            tell(light, case_id, data=picture())
        assert 0 < refused.value.wait_seconds < 60
        assert tell(light, case_id)  # without one there is nothing to wait for
    assert tell(light, case_id, data=picture())


def test_the_same_is_taken_once(federation: Federation) -> None:
    case_id, other = published(federation), published(federation, HERE)
    here = federation[HERE]
    receipt = tell(federation, case_id)
    source = Source(ADDRESS, ticket(federation, case_id))
    assert sightings.send_sighting(keyless(here), case_id, SEEN, b"", source) == receipt
    federation.clock.advance(days=2)  # a page that is loaded again, long after its form has ended
    assert sightings.send_sighting(keyless(here), case_id, SEEN, b"", source) == receipt
    assert rows(here, store.message) == 1
    different = {
        tell(federation, case_id, replace(SEEN, text="She bought milk.")),
        tell(federation, case_id, replace(SEEN, contact="")),
        tell(federation, case_id, data=picture()),
        tell(federation, other),
    }
    assert len(different - {receipt}) == 4
    carry(federation)
    assert len(come(federation[THERE])) == 4
    assert tell(federation, case_id) == receipt
    federation.clock.advance(days=91)
    with reading(here.engine) as conn:
        assert store.find_message(conn, outgoing=True, member=THERE, token_id=receipt) is not None
    messages.expire(here)
    assert rows(here, store.message) == 0


def test_what_comes_again_when_its_message_is_forgotten_holds_nothing_up(light: Federation) -> None:
    """A member, or this one's site, may use an id again that was forgotten; the lead is still here."""
    case_id, here = published(light, HERE), light[HERE]
    receipt = tell(light, case_id)
    carry(light)
    light.clock.advance(days=91)
    messages.expire(here)
    assert rows(here, store.message) == 0
    publishing.publish(here, [case_id], "test")
    assert tell(light, case_id) == receipt
    assert tell(light, case_id, Letter("Another.")) != receipt
    carry(light)
    assert [lead.text for lead in come(here)] == ["Another.", SEEN.text]


def test_a_form_is_neither_too_young_nor_too_old_nor_anothers(light: Federation) -> None:
    case_id, other = published(light), published(light)
    node = keyless(light[HERE])

    def refused(made: str) -> str:
        with pytest.raises(StaleForm) as error:
            sightings.send_sighting(node, case_id, SEEN, b"", Source(ADDRESS, made))
        return error.value.reason

    assert refused(ticket(light, case_id, 2)) == sightings.TOO_EARLY
    made = ticket(light, case_id, sightings.MAX_AGE.total_seconds() + 1)
    for wrong in (made, ticket(light, other), "", ".", "1.2.3", "é.é.é", f"1{ticket(light, case_id)}"):
        assert refused(wrong) == sightings.TOO_LATE, wrong
    assert rows(light[HERE], store.message) == 0
    assert rows(light[HERE], access.seen_request) == 0  # a refused form costs nobody a turn


def test_a_form_is_for_one_sighting(light: Federation) -> None:
    case_id, node = published(light), keyless(light[HERE])
    source = Source(ADDRESS, ticket(light, case_id))
    with pytest.raises(UnfitPicture):
        sightings.send_sighting(node, case_id, SEEN, b"no picture", source)
    receipt = sightings.send_sighting(node, case_id, SEEN, b"", source)  # what was refused has not used it
    assert sightings.send_sighting(node, case_id, SEEN, b"", source) == receipt
    with pytest.raises(StaleForm) as error:
        sightings.send_sighting(node, case_id, Letter("Buy here!"), b"", source)
    assert error.value.reason == sightings.USED
    assert rows(light[HERE], store.message) == 1


def test_floods_are_stopped_by_address_by_case_and_in_all(federation: Federation) -> None:
    one, two = published(federation), published(federation, HERE)
    node = limited(federation[HERE], sightings_per_address=2, sightings_per_case=3, sightings_per_hour=4)
    texts = iter(range(100))

    def told(case_id: str, address: str) -> int:
        try:
            tell(federation, case_id, Letter(f"Number {next(texts)}"), address=address, node=node)
        except TooOften as error:
            return error.wait_seconds
        return 0

    assert [told(one, "2001:db8::1"), told(one, "2001:db8::2")] == [0, 0]
    assert 3_500 < told(one, "2001:db8:0:0:ffff::") <= 3_600
    assert [told(one, "2001:db8:0:1::1"), told(two, "203.0.113.7")] == [0, 0]
    assert told(one, "198.51.100.1") > 0  # enough about this child
    assert told(two, "198.51.100.1") > 0  # enough in all
    federation.clock.advance(hours=1)
    assert told(one, "2001:db8::1") == 0


def test_who_sent_something_is_not_to_be_found_and_forgotten_within_the_day(federation: Federation) -> None:
    case_id, here = published(federation), federation[HERE]
    tell(federation, case_id, address="2001:db8:aa:bb:cc::1")
    tell(federation, case_id, Letter("Again."), address="203.0.113.77")
    with reading(here.engine) as conn:
        kept = repr(conn.execute(select(access.seen_request)).all())
        secret = marks.find_mark(conn, marks.SITE)
    assert "203.0.113" not in kept
    assert "2001:db8" not in kept
    assert secret is not None
    assert len(bytes.fromhex(secret.about)) == 32
    places = [here.config.home, *database_places(here)]
    files = [file for place in places for file in place.rglob("*") if file.is_file()]
    assert files
    for file in files:
        assert b"203.0.113.77" not in file.read_bytes(), file
    federation.clock.advance(days=1)
    with writing(here.engine) as conn:
        access.forget_requests(conn, here.clock())
    assert rows(here, access.seen_request) == 0


def test_a_network_is_one_sender() -> None:
    assert network_of("203.0.113.7") == "203.0.113.7"
    assert network_of("::ffff:203.0.113.7") == "203.0.113.7"
    assert network_of("2001:db8:1:2:3::4") == "2001:db8:1:2::/64"
    assert network_of("fe80::1%eth0") == "fe80::/64"
    assert network_of("") == network_of("unix:") == "unknown"


def test_nothing_is_taken_about_a_child_that_is_not_shown(light: Federation) -> None:
    node = keyless(light[HERE])
    elsewhere = published(light, show_in=["FR"])
    for case_id in (elsewhere, f"{THERE}/{'a' * 26}", f"police.xx.example/{'a' * 26}"):
        with pytest.raises(NotFound):
            tell(light, case_id)
    erased = published(light)
    publishing.erase(light[THERE], erased, "Roy")
    light.pull(HERE, THERE)
    with pytest.raises(Gone):
        tell(light, erased)
    assert rows(light[HERE], store.message) == 0
    for letter in (
        Letter(""),
        Letter("x" * 8_001),
        replace(SEEN, place="a\nb"),
        replace(SEEN, seen_at="soon"),
    ):
        with pytest.raises(InvalidInput):
            sightings.send_sighting(node, published(light), letter, b"", Source(ADDRESS, ""))


def test_what_waits_sealed_goes_with_the_case(federation: Federation, tmp_path: Path) -> None:
    words = invent_child(tmp_path, photographs=0).words
    letter = Letter(" ".join(words.names), contact=words.texts[0])
    theirs, ours = published(federation), published(federation, HERE)
    here = federation[HERE]
    tell(federation, theirs, letter, picture())
    tell(federation, ours, letter, picture())
    assert words.traces(here.config.home) == []  # sealed from the first moment on
    publishing.erase(federation[THERE], theirs, "Roy")
    publishing.erase(here, ours, "Roy")
    federation.pull(HERE, THERE)
    erasure.purge(here)
    with reading(here.engine) as conn:
        assert [row.state for row in store.list_messages(conn)] == [store.ERASED, store.ERASED]
        assert [store.sealed_content(conn, row.id) for row in store.list_messages(conn)] == [None, None]
    carry(federation)
    assert come(here) == come(federation[THERE]) == []


def test_what_was_taken_goes_with_the_case(federation: Federation, tmp_path: Path) -> None:
    words = invent_child(tmp_path, photographs=0).words
    ours, here = published(federation, HERE), federation[HERE]
    tell(federation, ours, Letter(" ".join(words.names), contact=words.texts[0]), picture())
    carry(federation)
    assert len(come(here)) == 1
    publishing.erase(here, ours, "Roy")
    for table in (leads.lead, leads.lead_photograph):
        assert rows(here, table) == 0
    federation.clock.advance(hours=4)
    erasure.purge(here)
    assert words.traces(here.config.home) == []


def test_what_comes_for_a_case_that_went_elsewhere_goes_on_to_its_owner(light: Federation) -> None:
    case_id = published(light)
    there, third = light[THERE], light[THIRD]
    handover.offer_case(there, case_id, THIRD, "Roy")
    messages.deliver(there, THIRD)
    (offer,) = messages.list_messages(third, outgoing=False, everything=False, limit=5)
    taken = takeover.accept(third, offer.id, "Ana")
    messages.deliver(third, THERE)
    for _ in range(2):
        handover.proceed(there)
        light.pull(THERE, THIRD)
    publishing.erase(there, case_id, "Roy")
    receipt = tell(light, case_id, data=picture())  # the site has not heard of it yet
    for _ in range(2):
        carry(light)
    assert come(there) == []
    (lead,) = come(third)
    assert (lead.case_id, lead.origin, lead.text) == (taken.case_id, leads.PUBLIC, SEEN.text)
    assert (lead.member, lead.token_id) == (THERE, receipt)
    assert inbox.read(third, lead.id, "Ana").pictures == [0]


def test_a_member_says_of_itself_alone_that_the_public_told_it(light: Federation) -> None:
    """Whose site it was is whoever has signed, whatever the message claims."""
    case_id, here, there = published(light), light[HERE], light[THERE]
    for number, claim in enumerate(({"member": THIRD, "iss": THIRD, "via": THIRD}, {"origin": "staff"})):
        body = {"case": case_id, "text": f"Buy {number}", "origin": "public", **claim}
        messages.send_message(here, THERE, "lead", Content(body), "Diaz")
    carry(light)
    (lead,) = come(there)  # an origin that nobody knows is refused
    assert (lead.origin, lead.member, lead.text) == (leads.PUBLIC, HERE, "Buy 0")

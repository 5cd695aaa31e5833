"""A console with one person of every role, each signed in."""

import hashlib
import io
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from node.domain.permissions import POLICE_ONLY, Role
from node.domain.site.look import Colours, Look, Numbers, OwnPage
from node.runtime import Node
from node.services import messages
from node.services.disclosure import gate
from node.services.leads import inbox, sending
from node.services.leads.letters import Letter
from node.services.moving import handover, takeover
from node.services.people import accounts, sessions
from node.services.people.encryption import encrypt
from node.services.register import album, drafts
from node.services.register import cases as register
from node.services.register.album import Album
from node.services.register.drafts import Draft
from node.services.search import finding, saved
from node.services.search.saved import SavedSearch
from node.services.site import library, look
from node.services.site.library import Facts
from node.services.spreadsheets import intake, mappings
from node.services.witnesses.evidence import RECEIVED
from node.store.database import writing
from node.store.federation import evidence
from node.store.federation.evidence import KeptEvidence
from node.store.register.cases import CaseFile
from node.store.register.gate import GateRequest
from node.store.staff import people
from node.store.staff.people import Person
from node.web.console import make_console_app
from node.web.console.cases.form import type_record
from protocol.checkpoint import Checkpoint, sign_checkpoint
from protocol.evidence import Evidence, format_evidence
from protocol.note import format_note
from protocol.policy import Policy
from tests.factories import GATE_ANSWERS, draw_photograph, sample_full_record, sample_record
from tests.federation import DE, FR, Federation

PASSWORD = "a horse on a staple 4"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@dataclass(eq=False)
class Console:
    """A console and its people.

    Attributes:
        people: one of every role, with `PASSWORD` and `SECRET`.
    """

    federation: Federation
    node: Node
    app: Flask
    people: dict[Role, Person] = field(default_factory=dict)

    def browser(self, role: Role | None = None) -> FlaskClient:
        """Give a browser in which somebody of a role is signed in; nobody when None."""
        client = self.app.test_client()
        if role is not None:
            self.sign_in(client, self.people[role])
        return client

    def sign_in(self, client: FlaskClient, person: Person) -> None:
        """Sign somebody in without the work of a password."""
        with writing(self.node.engine) as conn:
            token = sessions.begin_session(conn, person, "Firefox", self.node.clock(), complete=True)
        with client.session_transaction() as cookie:
            cookie["token"] = token

    def code(self) -> str:
        """Give what everybody's authenticator shows now."""
        return pyotp.TOTP(SECRET).at(int(self.node.clock().timestamp()))

    def cookie(self, role: Role) -> tuple[str, str]:
        """Give the name and the value of the cookie of somebody who is signed in, for a real browser."""
        name = self.app.config["SESSION_COOKIE_NAME"]
        found = self.browser(role).get_cookie(name)
        assert found is not None
        return name, found.value

    def addresses(self) -> Iterator[tuple[Rule, str]]:
        """Give every rule of the console with an address that it answers."""
        examples, own = self.examples(), self.entered.examples()
        adapter = self.app.url_map.bind("")
        for rule in self.app.url_map.iter_rules():
            given = examples | own if rule.endpoint.startswith("case") else examples
            yield rule, adapter.build(rule.endpoint, {name: given[name] for name in rule.arguments})

    def examples(self) -> dict[str, Any]:
        """Give a value for every argument that stands in an address of the console."""
        return {
            "person_id": self.people[Role.ANALYST].id,
            "version": "0",
            "name": "console.css",
            "member_id": DE[0],
            "evidence_id": keep_evidence(self.federation, FR[0], DE[0]),
            "request_id": self.proposed.id,
            "offer_id": self.offered,
            "saved_id": self.kept.id,
            "slug": self.made_site.slug,
            "document": self.made_site.document,
            "country": "FR",
            "language": "fr",
            **self.told.examples(),
        }

    @cached_property
    def entered(self) -> "Entered":
        """An own case with a photograph, and something that an operator has not finished."""
        return enter(self)

    @cached_property
    def proposed(self) -> GateRequest:
        """What an operator asked to be published, of a case that nobody has seen yet."""
        return propose(self)

    @cached_property
    def offered(self) -> int:
        """The number of a German offer of a case, which waits for an answer."""
        return offer(self)

    @cached_property
    def kept(self) -> SavedSearch:
        """A search that an operator keeps."""
        return saved.save(
            self.node, self.people[Role.OPERATOR], "Dmitri", saved.FEDERATION, [("name", "Dmitri Shevchuk")]
        )

    @cached_property
    def made_site(self) -> "MadeSite":
        """A public site with a look, a page and two documents, one of which is due."""
        return make_site(self)

    @cached_property
    def told(self) -> "Told":
        """A German case with a photograph that is here, and a German lead with a picture about an own one."""
        return tell(self.federation)


@dataclass(frozen=True)
class MadeSite:
    """What a member has made of its public site.

    Attributes:
        slug: of a page of its own.
        document: SHA-256 of one in the library.
    """

    slug: str
    document: str


def make_site(console: Console) -> MadeSite:
    """Give the public site a look, a page and two documents."""
    node = console.node
    page = OwnPage("about", {"en": "About us", "ar": "من نحن"}, {"en": "# Who\nWe look.", "ar": "نبحث."})
    names, colours = {"en": "Find them", "ar": "ابحثوا عنهم"}, Colours("#7a1f3d", "#ffb3c7")
    numbers = {"FR": Numbers("17", "116000", "Us")}
    chosen = Look(names, languages=("fr", "en"), colours=colours, hotlines=numbers, pages=(page,))
    look.set_look(node, chosen, "test")
    look.set_logo(node, picture(), "test")
    late, soon = node.now().date(), node.now().date() + timedelta(days=100)
    facts = Facts(title="What to do", language="en", licence="CC-BY-4.0", topic="if-missing", review=soon)
    library.add_document(node, b"Look at home first.", replace(facts, title="Old", review=late), "test")
    return MadeSite(page.slug, library.add_document(node, b"Call the police.", facts, "test"))


@dataclass(frozen=True)
class Entered:
    """What the people of a console have entered.

    Attributes:
        case: an own one that is published, with a photograph.
        photograph: SHA-256 of its full form.
        draft: of an operator, begun from that case.
        spreadsheet: of the same, whose columns are to be mapped.
        mapping: that was saved of it.
    """

    case: CaseFile
    photograph: str
    draft: Draft
    spreadsheet: str
    mapping: str

    def examples(self) -> dict[str, Any]:
        """Give a value for every argument that stands in an address of these pages."""
        opaque = self.case.case_id.partition("/")[2]
        photograph = {"sha256": self.photograph, "whose": 0, "number": 0, "step": "earlier"}
        return {
            "opaque": opaque,
            "draft_id": self.draft.id,
            "key": "child",
            "import_id": self.spreadsheet,
            "mapping_id": self.mapping,
            **photograph,
        }


def enter(console: Console) -> Entered:
    """Publish a case with a photograph and a second revision, and begin to change it."""
    node = console.node
    (made,) = console.federation.publish(
        node.member, sample_full_record(photos=None, companions=None, alert=None)
    )
    album.add_photographs(node, Album(made.case_id, None, 1), [picture()], {"kind": "photo"}, "test")
    case = register.get_case(node, made.case_id)
    typed = type_record(case.record, "UTC")
    draft = drafts.begin_change(node, console.people[Role.OPERATOR], case, typed)
    data = b"Reference;Name;Sex\n1;Ana;?\n2;Bo;m\n"
    sheet = intake.take_file(node, console.people[Role.OPERATOR], "a.csv", data, "en", "test")
    mappings.save_mapping(node, sheet, "Ours", "test")
    (mapping,) = mappings.list_mappings(node)
    photograph = case.record["photos"][0]["renditions"][-1]["sha256"]
    return Entered(case, photograph, draft, sheet.id, mapping.id)


def propose(console: Console, **changes: Any) -> GateRequest:
    """Let an operator propose a new case with these changes of a sample."""
    node, who = console.node, sessions.actor_of(console.people[Role.OPERATOR])
    record = sample_record("pt", **{"photos": None, **changes})
    (case,) = register.add_cases(node, [record], who, node.scratch())
    return gate.request(node, case.case_id, GATE_ANSWERS, who)


def offer(console: Console) -> int:
    """Let Germany offer a case with a photograph."""
    federation, there = console.federation, console.federation[DE[0]]
    picture = federation.folder / "offered.png"
    draw_photograph((240, 300)).save(picture)
    record = sample_record("uk", photos=[{"kind": "photo", "file": picture.name, "primary": True}])
    (case,) = federation.publish(there.member, record)
    handover.offer_case(there, case.case_id, console.node.member, "test")
    carry(federation)
    (row,) = takeover.list_offers(console.node, 10)
    return row.id


def picture() -> bytes:
    """Draw a photograph of nobody."""
    made = io.BytesIO()
    draw_photograph((360, 450)).save(made, "PNG", compress_level=1)  # else it takes three times as long
    return made.getvalue()


@dataclass(frozen=True)
class Told:
    """What another member has published and told.

    Attributes:
        foreign, own: a German case that was pulled, and a French one.
        photograph: SHA-256 of a small one of the German case.
        lead: number of what Germany told about the French case.
    """

    foreign: str
    own: str
    photograph: str
    lead: int

    def examples(self) -> dict[str, Any]:
        """Give a value for every argument that stands in an address of these pages."""
        member, opaque = self.foreign.split("/")
        places = {"member": member, "opaque": opaque, "sha256": self.photograph}
        return {**places, "search_id": "x" * 16, "number": self.lead, "entry": 0}


def tell(federation: Federation) -> Told:
    """Let Germany publish a case and tell something about a French one."""
    here, there = federation[FR[0]], federation[DE[0]]
    picture = federation.folder / "child.png"
    draw_photograph((240, 300)).save(picture)
    photos = [{"kind": "photo", "file": picture.name, "primary": True}]
    (foreign,) = federation.publish(there.member, sample_full_record(photos=photos, companions=None))
    (own,) = federation.publish(here.member, sample_record("uk", photos=None))
    federation.pull(here.member, there.member)
    letter = Letter("She was seen at the harbour.", "2026-11-20", "Hamburg", 53.54, 9.98)
    sending.send_lead(there, own.case_id, letter, "Diaz", picture.read_bytes())
    carry(federation)
    (lead,) = inbox.list_leads(here)
    opened = finding.open_case_quietly(here, foreign.case_id)
    small = min(opened.photographs, key=lambda photo: photo.size)
    return Told(foreign.case_id, own.case_id, small.sha256, lead.id)


def carry(federation: Federation) -> None:
    """Do what the jobs do with messages, on both sides."""
    for sender, receiver in ((FR[0], DE[0]), (DE[0], FR[0])):
        assert messages.deliver(federation[sender], receiver) == ""
    for node in federation.nodes.values():
        inbox.take(node)
        sending.take_answers(node)


def csrf_token(page: TestResponse) -> str:
    """Read what proves that a form came from a page."""
    found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def send(client: FlaskClient, path: str, **fields: Any) -> TestResponse:
    """Open the page at a path, and send its form as a browser would."""
    return client.post(path, data={"csrf_token": csrf_token(client.get(path)), **fields})


def keep_evidence(federation: Federation, at: str, against: str) -> str:
    """Let a member keep what proves that another has shown two faces, and give its id. Its feed goes on."""
    origin, signer = f"{against}/network", federation[against].feed_signer("network")
    notes = [format_note(sign_checkpoint(Checkpoint(origin, 1, bytes([n]) * 32), signer)) for n in (1, 2)]
    data = format_evidence(Evidence(origin, *notes))
    node, digest = federation[at], hashlib.sha256(data).hexdigest()
    kept = KeptEvidence(digest, origin, against, "network", data, RECEIVED, against, node.clock())
    with writing(node.engine) as conn:
        evidence.keep_evidence(conn, kept)
    return digest


@contextmanager
def open_console(
    folder: Path,
    members: Sequence[tuple[str, str, str]] = (FR, DE),
    like: Console | None = None,
    *,
    exercise: bool = False,
) -> Iterator[Console]:
    """Give a console in a folder, of the first of some members, or one like another."""
    like = like or _with_people(tuple(members), exercise=exercise)
    federation = like.federation.twin(folder)
    node = federation[like.node.member]
    yield Console(federation, node, make_console_app(node), dict(like.people))
    federation.close()


@cache
def _with_people(members: tuple[tuple[str, str, str], ...], *, exercise: bool) -> Console:
    """Make the console that others are copied from: to add its people takes as long as all the rest."""
    with tempfile.TemporaryDirectory() as folder:
        federation = Federation(Path(folder), members, Policy(exercise=exercise))
        made = console_of(federation, members[0][0])
        federation.twin(Path(folder) / "first").close()  # no later one reads the folder
        return made


def console_of(federation: Federation, member: str) -> Console:
    """Make the console of a member, and add its people."""
    node = federation[member]
    police = node.entry().kind == "law_enforcement"
    made = Console(federation, node, make_console_app(node))
    for role in Role if police else set(Role) - POLICE_ONLY:
        made.people[role], _ = accounts.add_person(node, str(role), f"Some {role}", [role], "test", PASSWORD)
    with writing(node.engine) as conn:
        for role, person in made.people.items():
            factor = encrypt(node, "second-factor", person.id, SECRET.encode())
            seen = {"must_change": False, "second_factor": factor, "signed_in_at": node.clock()}
            people.change_person(conn, person.id, **seen)
            people.set_recovery_codes(conn, person.id, [bytes([n]) for n in range(10)])
            made.people[role] = replace(person, **seen)
    return made


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    with open_console(tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def told_before(tmp_path_factory: pytest.TempPathFactory) -> Console:
    """What takes longer to publish and to tell than most tests of it to run."""
    made = console_of(Federation(tmp_path_factory.mktemp("told"), (FR, DE)), FR[0])
    made.told = tell(made.federation)
    return made


@pytest.fixture
def told_console(told_before: Console, tmp_path: Path) -> Iterator[Console]:
    """A console to which something was told, for tests that are all about that."""
    with open_console(tmp_path, like=told_before) as made:
        made.told = told_before.told
        yield made

"""`gmcn verify`: a newsroom with a file, a photograph and nobody to ask."""

import base64
import hashlib
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from node.runtime import system_clock
from node.services.disclosure import issuing
from node.services.site import library
from node.services.site.library import Facts
from node.services.site.proofs import make_proof_file
from node.services.site.showing import find_shown
from protocol.proof import format_proof
from protocol.proof_file import parse_proof_file
from protocol.roster import format_roster, parse_roster
from tests.node.cli.conftest import FR, Town, gmcn
from tests.node.web.public.conftest import draw


@dataclass
class Newsroom:
    """A folder on a machine that has no node: what the French police's site gave, and its photograph."""

    folder: Path
    case_id: str
    key: str

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def verify(self, *args: str, code: int = 0, stdin: str | None = None) -> str:
        result = gmcn(self.folder / "nowhere", "verify", *args, stdin=stdin)
        assert result.exit_code == code, (args, result.stdout, result.stderr)
        return result.stdout or result.stderr


@pytest.fixture
def newsroom(town: Town, tmp_path: Path) -> Newsroom:
    node = town.nodes[FR]
    photos = [draw(town.folder, f"{tmp_path.name}.png")]
    case_id = town.published(FR, "pt", photos=photos, show_in="all")
    issuing.issue(node)
    data = make_proof_file(node, case_id)
    file = parse_proof_file(data)
    photograph = node.blobs.get(FR, find_shown(node, case_id).photographs[0].sha256)
    assert photograph
    written = {
        "proof.json": data,
        "poster.jpg": photograph,
        "other.jpg": photograph + b" ",
        "roster.json": format_roster(node.network().roster),
        "entry.tlog-proof": format_proof(file.proof),
        "statement.jwt": file.statement.encode(),
        "leaf.json": file.proof.extra or b"",
    }
    for name, content in written.items():
        (tmp_path / name).write_bytes(content)
    return Newsroom(tmp_path, case_id, node.entry().feed("network").keys[-1].format())


def test_everything_is_well(newsroom: Newsroom) -> None:
    roster, photo = newsroom.path("roster.json"), newsroom.path("poster.jpg")
    told = newsroom.verify(newsroom.path("proof.json"), "--photo", photo, "--against", roster)
    assert f"Organisation {FR} ({FR}, law enforcement, FR)" in told
    assert newsroom.case_id in told
    assert "current    until 20" in told
    assert "one of this case" in told
    assert told.endswith("All is well.\n")


def test_as_json(newsroom: Newsroom) -> None:
    photo = newsroom.path("poster.jpg")
    args = (
        newsroom.path("proof.json"),
        "--photo",
        photo,
        "--against",
        newsroom.path("roster.json"),
        "--json",
    )
    told = json.loads(newsroom.verify(*args))
    assert told.pop("at") < told.pop("current_until")
    assert told.pop("last_day") > "2026"
    assert len(told.pop("digest")) == 64
    assert told == {
        "kind": "proof file",
        "member": FR,
        "case": newsroom.case_id,
        "version": 1,
        "witnesses": [],
        "photographs": {photo: True},
        "stands": True,
        "problem": "",
    }


def test_against_the_node_in_a_folder(town: Town, newsroom: Newsroom) -> None:
    file = newsroom.path("proof.json")
    assert "All is well." in newsroom.verify(file, "--against", str(town.home(FR)))
    assert "All is well." in town.run(FR, "verify", file).stdout
    assert "--against roster.json" in newsroom.verify(file, code=2)  # there is no node in --home


def test_the_parts_one_by_one(newsroom: Newsroom) -> None:
    roster = newsroom.path("roster.json")
    assert "not told" in newsroom.verify(newsroom.path("entry.tlog-proof"), "--against", newsroom.key)
    assert "current    until" in newsroom.verify(newsroom.path("statement.jwt"), "--against", roster)
    bare = (newsroom.folder / "entry.tlog-proof").read_text().split("\n")
    text = "\n".join(line for line in bare if not line.startswith("extra "))
    newsroom.verify("-", "--against", roster, stdin=text, code=7)
    newsroom.verify("-", "--against", roster, "--leaf", newsroom.path("leaf.json"), stdin=text)


def test_another_photograph_ends_with_7(newsroom: Newsroom) -> None:
    photos = ("--photo", newsroom.path("poster.jpg"), "--photo", newsroom.path("other.jpg"))
    told = newsroom.verify(
        newsroom.path("proof.json"), *photos, "--against", newsroom.path("roster.json"), code=7
    )
    assert told.count("NOT one of this case") == 1
    assert told.endswith("Do not rely on it.\n")


def test_what_has_run_out_ends_with_5(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    roster = newsroom.path("roster.json")
    monkeypatch.setattr("node.cli.verify.system_clock", lambda: system_clock() + issuing.LIFE)
    told = newsroom.verify(newsroom.path("proof.json"), "--against", roster, code=5)
    assert "ran out at" in told


def test_an_old_list_of_members_is_remarked(
    town: Town, newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.cli.verify.system_clock", lambda: system_clock() + timedelta(days=400))
    result = town.run(FR, "verify", newsroom.path("entry.tlog-proof"), code=5)
    assert "The list of members ran out on 20" in result.stderr
    assert "life was over" in result.stdout


def test_the_word_of_a_suspended_member_ends_with_4(newsroom: Newsroom) -> None:
    roster = parse_roster((newsroom.folder / "roster.json").read_bytes())
    members = tuple(replace(one, state="suspended") if one.id == FR else one for one in roster.members)
    (newsroom.folder / "roster.json").write_bytes(format_roster(replace(roster, members=members)))
    told = newsroom.verify(newsroom.path("proof.json"), "--against", newsroom.path("roster.json"), code=4)
    assert "suspended" in told


@pytest.mark.parametrize(
    ("changed", "code"),
    [(b"", 2), (b"hello", 2), (b"{}", 7), (b"c2sp.org/tlog-proof@v1", 7), (b"a.b.c", 7), (b"\xff" * 99, 2)],
)
def test_what_is_no_proof(newsroom: Newsroom, changed: bytes, code: int) -> None:
    path = newsroom.folder / "changed"
    path.write_bytes(changed)
    told = newsroom.verify(str(path), "--against", newsroom.path("roster.json"), code=code)
    assert told.startswith("Error: ")
    assert "Next: " in told


def test_a_changed_file_ends_with_7(newsroom: Newsroom) -> None:
    value = json.loads((newsroom.folder / "proof.json").read_bytes())
    value["public"] = value["head"]
    told = newsroom.verify("-", "--against", newsroom.path("roster.json"), stdin=json.dumps(value), code=7)
    assert "its digest is not the one in the feed" in told


@pytest.mark.parametrize("against", ["police.fr.example/network+00000000+AAAA", "missing.json"])
def test_who_is_believed_must_be_named_right(newsroom: Newsroom, against: str) -> None:
    gmcn_code = 2 if "+" in against else 3
    newsroom.verify(newsroom.path("proof.json"), "--against", against, code=gmcn_code)


def test_only_a_proof_file_names_photographs(newsroom: Newsroom) -> None:
    photo = ("--photo", newsroom.path("poster.jpg"), "--against", newsroom.path("roster.json"))
    assert "names no photographs" in newsroom.verify(newsroom.path("statement.jwt"), *photo, code=2)


LEAFLET, REVIEW = b"Call at once.\n", system_clock().date() + timedelta(days=30)


@pytest.fixture
def leaflet(town: Town, newsroom: Newsroom) -> Newsroom:
    """A newsroom that has a document of the library of the French police, too."""
    node = town.nodes[FR]
    facts = Facts(title="What to do", language="en", licence="CC-BY-4.0", topic="other", review=REVIEW)
    sha256 = library.add_document(node, LEAFLET, facts, "test")
    statement = library.find_document(node, sha256).filed.statement
    library.remove_document(node, sha256, "test")
    (newsroom.folder / "leaflet.jws").write_text(statement)
    (newsroom.folder / "leaflet.txt").write_bytes(LEAFLET)
    (newsroom.folder / "other.txt").write_bytes(LEAFLET + b" ")
    return newsroom


def test_a_document_of_a_library(leaflet: Newsroom) -> None:
    args = (leaflet.path("leaflet.jws"), "--against", leaflet.path("roster.json"))
    told = leaflet.verify(*args, "--document", leaflet.path("leaflet.txt"))
    assert f"Organisation {FR} ({FR}, law enforcement, FR)" in told
    for line in (
        "title      What to do",
        "licence    CC-BY-4.0",
        f"review     {REVIEW}",
        "document   this one",
    ):
        assert f"{line}\n" in told
    assert told.endswith("All is well.\n")
    assert "not compared" in leaflet.verify(*args)
    told = leaflet.verify(*args, "--document", leaflet.path("other.txt"), code=7)
    assert "ANOTHER one" in told
    assert told.endswith("Do not rely on it.\n")


def test_a_document_as_json(leaflet: Newsroom) -> None:
    args = ("--document", leaflet.path("leaflet.txt"), "--against", leaflet.path("roster.json"), "--json")
    told = json.loads(leaflet.verify(leaflet.path("leaflet.jws"), *args))
    assert told.pop("at") > "2026"
    assert told == {
        "kind": "document",
        "member": FR,
        "sha256": hashlib.sha256(LEAFLET).hexdigest(),
        "media_type": "text/plain; charset=utf-8",
        "title": "What to do",
        "language": "en",
        "licence": "CC-BY-4.0",
        "topic": "other",
        "review": REVIEW.isoformat(),
        "document": True,
        "stands": True,
        "problem": "",
    }


def test_a_document_whose_day_of_review_is_over(leaflet: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.cli.verify.system_clock", lambda: system_clock() + timedelta(days=31))
    told = leaflet.verify(leaflet.path("leaflet.jws"), "--against", leaflet.path("roster.json"))
    assert f"{REVIEW} (past: it may be out of date)" in told


def test_a_document_of_a_suspended_member_or_of_the_future(
    leaflet: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = leaflet.folder / "roster.json"
    args = (leaflet.path("leaflet.jws"), "--against", str(path))
    monkeypatch.setattr("node.cli.verify.system_clock", lambda: system_clock() - timedelta(minutes=30))
    assert "signed in the future" in leaflet.verify(*args, code=5)
    roster = parse_roster(path.read_bytes())
    members = tuple(replace(one, state="suspended") if one.id == FR else one for one in roster.members)
    path.write_bytes(format_roster(replace(roster, members=members)))
    assert "suspended" in leaflet.verify(*args, code=4)


def test_what_was_said_of_a_document_by_nobody(leaflet: Newsroom) -> None:
    roster = ("--against", leaflet.path("roster.json"))
    head, claims, signature = (leaflet.folder / "leaflet.jws").read_text().split(".")
    forged = base64.urlsafe_b64encode(base64.urlsafe_b64decode(claims + "==").replace(b"What", b"When"))
    told = leaflet.verify("-", *roster, stdin=f"{head}.{forged.decode().rstrip('=')}.{signature}", code=7)
    assert "signature does not verify" in told
    leaflet.verify(leaflet.path("leaflet.jws"), "--against", leaflet.key, code=2)


def test_a_document_has_no_photographs_and_a_case_no_document(leaflet: Newsroom) -> None:
    roster = ("--against", leaflet.path("roster.json"))
    photo, document = ("--photo", leaflet.path("poster.jpg")), ("--document", leaflet.path("leaflet.txt"))
    assert "no photographs" in leaflet.verify(leaflet.path("leaflet.jws"), *photo, *roster, code=2)
    assert "no document" in leaflet.verify(leaflet.path("proof.json"), *document, *roster, code=2)

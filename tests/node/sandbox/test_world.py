"""The sandbox's network: built by the real use cases, plainly invented, private where it must be."""

import json
import os
import shutil
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from node.errors import Conflict
from node.runtime import Node
from node.sandbox import world as worlds
from node.sandbox.activity import Activity
from node.sandbox.plan import MEMBERS, NGO_IN, POLICE_FR, POLICE_IN, POLICE_UA
from node.sandbox.processes import running
from node.sandbox.replicas import read_documents, readers_of, version_at
from node.sandbox.screen import render
from node.sandbox.transcription import write_in_cyrillic
from node.sandbox.world import COORDINATOR, World, build_world, choose_name, open_world
from node.services.disclosure import leaving, publishing
from node.services.members import membership
from node.services.register import cases
from node.services.status import status
from protocol.endorsement import verify_endorsement
from schemas import Schemas

CASES = 12  # as many as by default
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    with build_world(tmp_path_factory.mktemp("sandbox") / "net", CASES) as (world, _):
        return world


@pytest.fixture(scope="module")
def nodes(world: World) -> Iterator[dict[str, Node]]:
    with world.open_nodes() as opened:
        yield opened


def test_every_member_knows_and_accepts_every_other(world: World, nodes: dict[str, Node]) -> None:
    for node in nodes.values():
        assert node.network().policy.exercise
        views = membership.list_members(node)
        assert {view.member.id for view in views} == {plan.id for plan in MEMBERS} - {node.member}
        assert all(view.accepted and "network" in view.audiences for view in views)
        assert all(view.member.site == world.site(view.member.id) for view in views)
    assert len({plan.country for plan in MEMBERS if plan.owns_cases}) == 4
    assert [plan.id for plan in MEMBERS if plan.kind == "ngo"] == [NGO_IN.id]


def test_the_ngo_is_endorsed_by_the_police_of_its_country(nodes: dict[str, Node]) -> None:
    roster = nodes[POLICE_FR.id].network().roster
    endorsement = verify_endorsement(roster.member(NGO_IN.id).endorsement or "", roster, datetime.now(UTC))
    assert endorsement.issuer == POLICE_IN.id
    assert roster.member(POLICE_IN.id).country == roster.member(NGO_IN.id).country


def test_every_case_is_invented_and_says_so(nodes: dict[str, Node]) -> None:
    scripts = set()
    for plan in MEMBERS:
        found = cases.list_cases(nodes[plan.id], "published", 100, 0)
        assert len(found) == (CASES if plan.owns_cases else 0)
        for case in found:
            scripts |= {name["script"] for name in case.record.get("names", ())}
            assert "EXERCISE" in case.record["circumstances"]["en"]["text"]
            public = leaving.preview(nodes[plan.id], case.case_id, "test").parts["public"]
            assert "EXERCISE" in public["circumstances"]["en"]["text"]
            (photo,) = case.record["photos"]
            assert "EXERCISE" in photo["alt"]["en"]["text"]
            for rendition in photo["renditions"]:
                assert nodes[plan.id].blobs.get(plan.id, rendition["sha256"]) is not None
    assert len(scripts) >= 8


def test_a_photograph_alone_is_told_of_in_the_words_of_the_country(nodes: dict[str, Node]) -> None:
    for plan in MEMBERS:
        policy = nodes[plan.id].disclosure()
        if plan.neutral:
            assert {lang: text["text"] for lang, text in policy.neutral_text.items()} == plan.neutral


def test_private_files_are_private(world: World) -> None:
    private = [*world.folder.rglob("*.pem"), *world.folder.rglob("passphrase"), *world.folder.rglob("secret")]
    assert len(private) > 20
    for path in private:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(world.folder.stat().st_mode) == 0o700
    passphrases = {path.read_bytes() for path in world.folder.rglob("passphrase")}
    assert len(passphrases) == 3


def test_nothing_but_the_case_to_try_is_left_beside_the_homes(world: World) -> None:
    assert {path.name for path in world.folder.iterdir()} == {
        "sandbox.json", "coordinator", "keyholders", "members", "try", "logs",
    }  # fmt: skip
    for plan in MEMBERS:
        kept = sorted(path.name for path in (world.folder / "try" / plan.id).glob("*"))
        assert len(kept) == (2 if plan.owns_cases else 0)
        if plan.owns_cases:
            record = json.loads((world.folder / "try" / plan.id / "case.json").read_text("utf-8"))
            Schemas.packaged().check("case", record)
            assert record["photos"][0]["file"] in kept


def test_it_is_found_again_as_it_was_built(world: World) -> None:
    assert open_world(world.folder) == world
    assert len({*world.ports.values()}) == len(MEMBERS) + 1
    assert world.ports.keys() == {COORDINATOR, *(plan.id for plan in MEMBERS)}
    with pytest.raises(Conflict), build_world(world.folder, CASES):
        pass


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(Conflict):
        open_world(tmp_path)
    with pytest.raises(Conflict), build_world(tmp_path, CASES):
        pass
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_building_that_fails_leaves_nothing_that_is_taken_for_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(worlds, "_admit_all", fail)
    with pytest.raises(KeyboardInterrupt), build_world(tmp_path / "net", CASES):
        pass
    assert [path.name for path in (tmp_path / "net").iterdir()] == ["building"]
    assert open_world(tmp_path / "net") is None  # and is built anew by the next attempt


def test_another_version_of_the_program_is_told_apart(world: World, tmp_path: Path) -> None:
    shutil.copy(world.folder / "sandbox.json", tmp_path)
    made = json.loads((tmp_path / "sandbox.json").read_text())
    (tmp_path / "sandbox.json").write_text(json.dumps({**made, "format": 99}))
    with pytest.raises(Conflict):
        open_world(tmp_path)


def test_a_network_is_run_once_at_a_time(world: World) -> None:
    with world.hold(), pytest.raises(Conflict, match="runs already"), world.hold():
        pass
    with world.hold():
        pass


def test_a_name_to_search_for_is_one_that_peers_see(nodes: dict[str, Node]) -> None:
    case_id, own, latin = choose_name(nodes[NGO_IN.id])
    page = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text("utf-8")
    assert write_in_cyrillic(latin) in page  # so that what is to be typed there finds somebody
    assert case_id.startswith(f"{NGO_IN.id}/")
    assert latin.isascii()
    assert not own.isascii()


def test_readers_are_those_that_may_read() -> None:
    assert NGO_IN.id in readers_of(POLICE_FR.id)
    assert NGO_IN.id not in readers_of(POLICE_FR.id, "police")
    assert POLICE_FR.id not in readers_of(POLICE_FR.id)


def test_the_screen_says_exercise_and_what_is_wrong(world: World, nodes: dict[str, Node]) -> None:
    console = Console(width=100, record=True, file=(world.folder / "logs" / "screen.txt").open("w"))
    statuses = {member: status(node) for member, node in nodes.items()}
    processes: dict[str, int | None] = {**dict.fromkeys(nodes, 4711), POLICE_UA.id: None}
    console.print(render(statuses, processes, [], ["gmcn search …"], world, NOW))
    text = console.export_text()
    console.file.close()
    assert text.count("EXERCISE") == 2
    assert "down" in text
    for plan in MEMBERS:
        assert plan.id in text
        assert world.site(plan.id) in text
        assert world.console(plan.id) in text


def test_daily_life_publishes_changes_and_closes_but_spares_what_the_screen_names(
    nodes: dict[str, Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "ring_peers", lambda node: {"police.jp.example": ""})
    spared = choose_name(nodes[NGO_IN.id])[0]
    life = Activity(nodes, (spared,), NOW)
    assert life.go_on(NOW) == ""
    told = [life.go_on(NOW + timedelta(minutes=turn)) for turn in range(1, 13)]
    for what in ("published a new case", "published a new version", "closed a case"):
        assert sum(what in line for line in told) == 4
    assert all("1 of 1 peers rung" in line for line in told)
    assert version_at(nodes[NGO_IN.id], spared) == 1
    assert spared in read_documents(nodes[NGO_IN.id], NGO_IN.id, "network")


def test_nothing_that_was_drawn_is_left_outside_the_registers(world: World) -> None:
    assert not [path for plan in MEMBERS for path in (world.home(plan.id) / "tmp").glob("*")]


def test_programs_end_with_their_block_whatever_ends_it(world: World) -> None:
    def fail() -> None:
        with running(world.logs) as processes:
            world.start(processes, COORDINATOR)
            world.wait(processes, COORDINATOR)
            numbers.append(processes.number(COORDINATOR) or 0)
            raise ZeroDivisionError

    numbers: list[int] = []
    with pytest.raises(ZeroDivisionError):
        fail()
    with pytest.raises(ProcessLookupError):
        os.kill(numbers[0], 0)

"""`gmcn bundle`: from one home to another by stick."""

from pathlib import Path

from tests.node.cli.conftest import FR, KE, NGO, Town


def test_a_stick_there_and_back(town: Town, tmp_path: Path) -> None:
    stick = tmp_path / "for-kenya.bundle"
    case = town.published(FR)
    done = town.json(FR, "bundle", "export", "--for", KE, str(stick))
    assert (done["receiver"], done["feeds"][f"{FR}/network"] >= 1) == (KE, True)
    assert [path.name for path in tmp_path.iterdir()] == [stick.name], "nothing unfinished is left"

    brought = town.json(KE, "bundle", "import", str(stick))
    assert (brought["issuer"], brought["refused"]) == (FR, [])
    assert {(feed["member"], feed["audience"]) for feed in brought["feeds"]} >= {
        (FR, "network"),
        (FR, "police"),
    }
    assert case in town.run(KE, "show", case, "--purpose", "border check 4711").stdout

    back = tmp_path / "back.bundle"
    shown = town.run(KE, "bundle", "export", "--for", FR, "--of", KE, "--all", str(back)).stdout
    assert f"{KE}/network" in shown
    assert "receipts in" in shown
    taken = town.run(FR, "bundle", "import", str(back)).stdout
    assert f"Made by {KE}" in taken
    assert f"{KE}/network" in taken


def test_what_cannot_be_is_said_with_the_right_code(town: Town, tmp_path: Path) -> None:
    stick = tmp_path / "for-ngo.bundle"
    town.run(FR, "bundle", "export", "--for", NGO, str(stick))
    refused = town.run(KE, "bundle", "import", str(stick), code=7)
    assert "made for another member" in refused.stderr
    stick.write_bytes(stick.read_bytes()[:-1])
    assert "altered, or cut off" in town.run(NGO, "bundle", "import", str(stick), code=7).stderr
    town.run(NGO, "bundle", "import", str(tmp_path / "nothing"), code=2)
    unknown = town.run(FR, "bundle", "export", "--for", "x.example", str(stick), code=3)
    assert "lists no member" in unknown.stderr
    assert town.run(FR, "bundle", "export", "--for", NGO, str(tmp_path / "no" / "folder"), code=1).stderr

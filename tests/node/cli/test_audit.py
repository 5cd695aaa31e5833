"""Who did what, for an auditor at the keyboard; copies of the journal, and what is wrong with one."""

import json
from pathlib import Path

from tests.node.cli.conftest import FR, KE, Town


def test_who_opened_a_case_and_who_searched_for_a_name(town: Town) -> None:
    case = town.published(FR)
    town.run(FR, "show", case)
    (newest, *_) = town.json(FR, "audit", "list", "--case", case, "--action", "case.open")
    assert (newest["case"], newest["fields"]) == (case, sorted(newest["fields"]))
    assert newest["actor"].startswith("cli:")
    assert {"published", "names"} - set(newest["fields"]) == {"published"}
    town.run(FR, "search", "Zlata Kovacevic")
    town.run(FR, "search", "somebody else")
    for term in ("kovacevic", "ZLATA"):
        (found,) = town.json(FR, "audit", "list", "--term", term, "--action", "search")
        assert found["fields"] == ["name"]
    (again,) = json.loads(
        town.run(FR, "audit", "list", "--action", "search", "--term", "-", "--json", stdin="zlata\n").stdout
    )
    assert again["number"] == found["number"]
    text = town.run(FR, "audit", "list", "--limit", "2").stdout
    assert "audit.list" in text
    town.run(FR, "audit", "list", "--term", "...", code=2)
    assert town.json(FR, "audit", "list", "--until", "2020-01-01") == []
    assert town.json(FR, "audit", "list", "--before", "9007199254740992", "--limit", "1")[0]["number"] > 1


def test_a_copy_is_checked_by_anybody_and_a_changed_one_is_not_taken(town: Town, tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    done = town.json(FR, "audit", "export", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    assert town.json(KE, "audit", "check", str(file))["problems"] == []
    assert "All is well" in town.run(FR, "audit", "check", str(file)).stdout
    more = town.run(FR, "audit", "export", "--after", str(done["last"]), "-").stdout
    assert json.loads(more.splitlines()[0])["after"] == done["last"]
    assert "signed last: 20" in town.run(FR, "fsck").stdout
    file.write_bytes(file.read_bytes().replace(b'"action":"', b'"action":"un', 1))
    assert "was changed" in town.run(KE, "audit", "check", str(file), code=8).stdout
    file.write_bytes(b"{}\n")
    town.run(KE, "audit", "check", str(file), code=2)
    town.run(FR, "audit", "export", "-", "--json", code=2)


def test_an_export_that_cannot_be_signed_says_so(town: Town, tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    town.run(KE, "audit", "export", str(file))
    head = town.home(KE) / "journal.head"
    node = town.nodes[KE]
    with node.engine.begin() as conn:
        trigger = conn.exec_driver_sql(
            "SELECT sql FROM sqlite_master WHERE name = 'journal_no_delete'"
        ).scalar()
        conn.exec_driver_sql("DROP TRIGGER journal_no_delete")
        last = conn.exec_driver_sql("SELECT * FROM journal ORDER BY number DESC").fetchone()
        assert last is not None
        conn.exec_driver_sql("DELETE FROM journal WHERE number = ?", (last.number,))
    try:
        assert "somebody has changed" in town.run(KE, "status").stdout
        result = town.run(KE, "audit", "export", str(file), code=8)
        assert "It is not signed" in result.stderr
        assert "not signed" in town.run(KE, "audit", "check", str(file), code=8).stdout
    finally:
        head.unlink()
        with node.engine.begin() as conn:
            conn.exec_driver_sql(str(trigger))

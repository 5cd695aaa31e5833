"""The pages for people: their examples are right, and nothing is missing from them."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from node.cli.reference import reference
from node.domain.disclosure import DisclosurePolicy
from node.domain.spreadsheets.columns import find_code, parse_mapping
from tests.factories import SCHEMAS, sample_record

DOCS = Path(__file__).parent.parent / "docs"
CASES = (DOCS / "cases.md").read_text("utf-8")


def example(language: str, what: str) -> str:
    (found,) = re.findall(rf"^```{language} {what}\n(.*?)^```$", CASES, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_example_of_a_case_is_one_and_needs_each_of_its_fields() -> None:
    record = json.loads(example("json", "case"))
    SCHEMAS.check("case", record)
    for field in record:
        with pytest.raises(Exception, match=field):
            SCHEMAS.check("case", {name: value for name, value in record.items() if name != field})


@pytest.mark.parametrize("field", ["names", "last_seen", "photos"])
def test_the_examples_of_fields_are_right(field: str) -> None:
    value: Any = json.loads(example("json", field))
    SCHEMAS.check("case", sample_record("uk", **{field: value}))


def test_every_field_of_a_case_is_explained() -> None:
    explained = set(re.findall(r"`([a-z_]+)`", CASES.partition("## Every field")[2]))
    assert SCHEMAS.schema("case")["properties"].keys() <= explained


def test_the_example_of_a_mapping_says_nothing_that_is_not_read() -> None:
    value = json.loads(example("json", "mapping"))
    headers = [*value["columns"]]
    read = parse_mapping(value, headers)
    assert read.to_json(headers) == value
    assert all(find_code("eyes.colour", word, {}) is None for word in value["words"]["eyes.colour"])


def test_the_example_of_a_disclosure_policy_is_one() -> None:
    policy = DisclosurePolicy.parse(tomllib.loads(example("toml", "disclosure"))["disclosure"], SCHEMAS)
    assert (policy.general.birth, policy.general.radius_m) == ("year", 5000)
    assert policy.categories["family_abduction"].companions == "network"


def test_every_picture_of_the_guides_is_there_and_shown() -> None:
    pages = ("officers.md", "families.md", "posters.md")
    guides = "".join((DOCS / name).read_text("utf-8") for name in pages)
    shown = re.findall(r"!\[[^]]+\]\((pictures/[^)]+)\)", guides)
    assert sorted(shown) == sorted(f"pictures/{path.name}" for path in (DOCS / "pictures").iterdir())


def test_every_action_of_the_journal_is_explained() -> None:
    what = (
        "case|gate|photograph|message|lead|bundle|node|member|feed|evidence|token|person|"
        "sign-in|sign-out|audit|import"
    )
    page = (DOCS / "decisions" / "0017-the-journal-is-a-signed-chain.md").read_text("utf-8")
    for module in (DOCS.parent / "node" / "services").rglob("*.py"):
        for action in re.findall(rf'"((?:{what})\.[a-z-]+)"', module.read_text("utf-8")):
            assert f"`{action}`" in page, (module.name, action)


def test_the_page_of_commands_is_what_the_program_says() -> None:
    page = (DOCS / "commands.md").read_text("utf-8")
    assert page == reference(), "write it anew: python -m node.cli.reference > docs/commands.md"

"""The loader: one verdict, every problem, no value repeated, nothing fetched."""

import json
from typing import Any

import pytest

from schemas import Problem, SchemaError, Schemas
from schemas.loader import DIALECT, MAX_PROBLEMS, MAX_SCHEMA_BYTES
from tests.factories import SAMPLES, SCHEMAS, sample_record, sample_summary, sample_supplement


def problems(kind: str, value: Any, schemas: Schemas = SCHEMAS) -> dict[str, str]:
    with pytest.raises(SchemaError) as caught:
        schemas.check(kind, value)
    assert caught.value.kind == kind
    return dict(caught.value.problems)


@pytest.mark.parametrize("language", SAMPLES)
def test_samples_fit(language: str) -> None:
    SCHEMAS.check("case", sample_record(language))
    SCHEMAS.check("summary", sample_summary(language))
    SCHEMAS.check("supplement", sample_supplement(language))


def test_every_problem_is_named_with_its_path() -> None:
    summary = sample_summary()
    public = summary["public"]
    public["names"][0] |= {"full": 3, "lang": "Portuguese!"}
    del public["names"][1]["kind"]
    del public["missing_since"]
    public["sex"] = 3
    public["alert"] = {"state": "active", "level": "amber"}
    del public["last_seen"]["radius_m"]
    public["photos"] = []
    public["contacts"] = [{"kind": "web", "value": "http://x"}, {"kind": "police", "value": "112!"}]
    summary["head"]["show_in"] = "FR"
    found = problems("summary", summary)
    assert found == {
        "public.names[0].full": "must be one line of text; got a number",
        "public.names[0].lang": (
            "must be a BCP 47 language tag such as 'pt-BR' or 'zh-Hant'; got text of 11 characters"
        ),
        "public.names[1].kind": "is missing",
        "public.missing_since": (
            "is missing: only the categories unidentified_found and unaccompanied_migrant may leave it out"
        ),
        "public.sex": (
            "must be 0 (not known), 1 (male), 2 (female) or 9 (not applicable), as in ISO 5218; got a number"
        ),
        "public.alert.area": "is missing",
        "public.last_seen.radius_m": "is missing",
        "public.photos": "must have at least 1 item; got a list of 0 items",
        "public.contacts[0].value": (
            "must be a web address that begins with 'https://'; got text of 8 characters"
        ),
        "public.contacts[1].value": (
            "must be a telephone number such as '+33144556677' (E.164) or a short number such as '116000'; "
            "got text of 4 characters"
        ),
        "head.show_in": (
            "must be 'all' or a list of country codes such as ['FR', 'BE']; got text of 2 characters"
        ),
    }


@pytest.mark.parametrize(
    ("part", "field", "message"),
    [
        ("public", "birth", "belongs in network, not in public"),
        ("public", "narrative", "belongs in police, not in public"),
        ("network", "names", "belongs in public, not in network"),
        ("head", "companions", "belongs in public or network, not in head"),
        ("network", "outcome", "never leaves the owner's own register"),
        ("public", "notes", "never leaves the owner's own register"),
    ],
)
def test_a_field_of_another_part_is_an_error(part: str, field: str, message: str) -> None:
    summary = sample_summary()
    summary[part][field] = "x"
    assert problems("summary", summary) == {f"{part}.{field}": message}


def test_a_part_of_the_other_document_is_an_error() -> None:
    assert problems("summary", {**sample_summary(), "police": {}}) == {"police": "a summary has no such part"}
    assert "public" in problems("supplement", {**sample_supplement(), "public": {}})


def test_unknown_members_are_allowed_everywhere_in_a_document() -> None:
    summary = sample_summary()
    for level in (summary["public"], summary["public"]["names"][0], summary["public"]["photos"][0]):
        level["added_in_1_1"] = {"any": ["thing"]}
    summary["head"]["schema"] = "summary/1.7"
    SCHEMAS.check("summary", summary)


def test_a_slip_in_a_record_is_told_with_the_nearest_field() -> None:
    found = problems("case", sample_record(missing_sinc="2026"))
    assert found == {"": "`missing_sinc` is not known here; did you mean `missing_since`?"}


@pytest.mark.parametrize("category", ["unidentified_found", "unaccompanied_migrant"])
def test_some_categories_do_without_name_date_and_place(category: str) -> None:
    SCHEMAS.check("summary", sample_summary(category=category, names=[], missing_since=None, last_seen=None))
    SCHEMAS.check("case", sample_record(category=category, names=None, missing_since=None, last_seen=None))


@pytest.mark.parametrize("category", ["runaway", None])
def test_others_need_name_date_and_place(category: str | None) -> None:
    found = problems("case", sample_record(category=category, names=[], missing_since=None, last_seen=None))
    assert set(found) == {"names", "missing_since", "last_seen"}


def test_a_child_not_yet_missing_needs_none_of_the_summary() -> None:
    child = {"names": [{"full": "Ana", "kind": "legal"}], "sex": 2, "birth": "2019"}
    SCHEMAS.check("case", {"at_risk_preventive": child, "reference": "7"})
    del child["birth"]
    assert problems("case", {"at_risk_preventive": child}) == {"at_risk_preventive.birth": "is missing"}


def test_the_small_rendition_comes_first_and_is_small() -> None:
    summary = sample_summary()
    summary["public"]["photos"][0]["renditions"].reverse()
    assert problems("summary", summary) == {
        "public.photos[0].renditions[0].bytes": "must be at most 12288; got a number"
    }


def test_a_text_needs_an_original() -> None:
    summary = sample_summary(clothing={"en": {"text": "blue shirt", "origin": "machine"}})
    assert problems("summary", summary) == {
        "public.clothing": "at least one language must have the origin 'original'"
    }


def test_no_problem_repeats_what_came() -> None:
    secret = "Maria Aparecida"
    summary = sample_summary()
    public = summary["public"]
    public["names"] = {secret: secret}
    public["sex"] = secret
    public["category"] = secret
    public["circumstances"] = {secret: {"text": 5, "origin": secret}}
    public["contacts"] = [{"kind": secret, "value": secret}]
    public["languages_spoken"] = [secret]
    public["hair"] = secret
    summary["network"]["companions"] = [{"role": secret, secret: secret}]
    with pytest.raises(SchemaError) as caught:
        SCHEMAS.check("summary", summary)
    assert len(caught.value.problems) > 6
    assert "Maria" not in str(caught.value)
    assert "public.circumstances.?.text" in str(caught.value)


def test_problems_are_capped() -> None:
    with pytest.raises(SchemaError) as caught:
        SCHEMAS.check("summary", sample_summary(nationalities=list(range(500))))
    assert len(caught.value.problems) == MAX_PROBLEMS


@pytest.mark.parametrize(
    "value", [None, 3, "text", [], float("nan"), 10**40, "\ud800", {1: 2}, {"head": "\ud800"}]
)
def test_anything_at_all_gets_a_verdict(value: Any) -> None:
    for kind in SCHEMAS.kinds:
        with pytest.raises(SchemaError):
            SCHEMAS.check(kind, value)


def test_keep_known_leaves_out_what_no_schema_names() -> None:
    public = sample_summary()["public"]
    kept = SCHEMAS.keep_known("summary", "public", public)
    assert kept == public
    public["photos"][0]["file"] = "/home/ana/x.jpg"
    public["names"][0]["mother"] = "x"
    public["circumstances"]["pt"]["author"] = "x"
    public["birth"] = "2014"
    assert SCHEMAS.keep_known("summary", "public", public) == kept


def schema(**members: Any) -> bytes:
    return json.dumps({"$schema": DIALECT, **members}).encode()


def test_a_distributed_schema_wins_over_the_packaged_one() -> None:
    ours = SCHEMAS.schema("leaf")
    stricter = {name: ours[name] for name in ("$schema", "type", "properties")} | {"required": ["new_member"]}
    schemas = Schemas.with_overrides(
        {"leaf.v1.json": json.dumps(stricter).encode(), "leaf.v2.json": b"not ours"}
    )
    assert problems("leaf", {}, schemas) == {"new_member": "is missing"}
    assert "new_member" not in problems("leaf", {})
    assert schemas.schema("summary") == SCHEMAS.schema("summary")
    assert schemas.kinds == SCHEMAS.kinds


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "is not valid JSON in UTF-8"),
        (b"\xff", "is not valid JSON in UTF-8"),
        (b"[" * 100_000, "is not valid JSON in UTF-8"),
        (b"[]", f"must be an object whose $schema is {DIALECT}"),
        (
            b'{"$schema": "http://json-schema.org/draft-07/schema#"}',
            f"must be an object whose $schema is {DIALECT}",
        ),
        (
            b" " * (MAX_SCHEMA_BYTES + 1),
            f"{MAX_SCHEMA_BYTES + 1} bytes, at most {MAX_SCHEMA_BYTES} are allowed",
        ),
        (schema(type="strin"), "is not valid as a JSON Schema of draft 2020-12"),
        (schema(items={"format": "date"}), "the keyword format is not used in this network"),
        (
            schema(properties={"a": {"$id": "https://peer.example/"}}),
            "the keyword $id is not used in this network",
        ),
        (schema(pattern="[а-я]"), "patterns must be ASCII"),
        (
            schema(anyOf=[{"$ref": "https://peer.example/schema.json"}]),
            "a $ref may only point to '#/$defs/...' or 'terms.v1.json#/$defs/...'",
        ),
        (
            schema(items={"$ref": "terms.v1.json#/$defs/Nothing"}),
            "a $ref points to #/$defs/Nothing, which does not exist",
        ),
        (schema(pattern="(?=a)b"), 'cannot be used as a schema: "(?=a)" is not a "regex"'),
        (schema(**{"$defs": {"Sex": {"enum": [1]}}}), "$defs: Sex is already a term of terms.v1.json"),
    ],
)
def test_a_schema_that_could_do_harm_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        Schemas.with_overrides({"leaf.v1.json": data})
    assert caught.value.kind == "leaf.v1.json"
    assert str(caught.value.problems[0]).startswith(message[:30])
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    "police",
    [
        False,
        {"type": "object"},
        {"properties": {"links": {"$ref": "#/$defs/Chain"}}},
    ],
)
def test_a_document_keeps_its_parts_and_they_have_an_end(police: Any) -> None:
    chain = {"properties": {"next": {"$ref": "#/$defs/Chain"}}}
    head = {"properties": {"salt": {"$ref": "terms.v1.json#/$defs/Salt"}}}
    bad = schema(properties={"head": head, "police": police}, **{"$defs": {"Chain": chain}})
    with pytest.raises(SchemaError) as caught:
        Schemas.with_overrides({"supplement.v1.json": bad})
    assert str(caught.value.problems[0]) == "describes no part `police`, or one without end"


def test_a_property_may_be_called_like_a_keyword() -> None:
    Schemas.with_overrides({"leaf.v1.json": schema(properties={"format": {"type": "string"}})})


@pytest.mark.parametrize(
    ("rules", "value", "message"),
    [
        ({"type": ["string", "null"]}, 1, "must be text or null; got a number"),
        ({"const": 4}, 5, "must be 4; got a number"),
        ({"pattern": "^a"}, "b", "does not fit the schema; got text of 1 character"),
        ({"uniqueItems": True}, [1, 1], "must not hold an entry twice; got a list of 2 items"),
        ({"not": {"type": "boolean"}}, True, "is not allowed"),
        ({"multipleOf": 2}, 3, "does not fit the schema; got a number"),
        ({"type": "string", "title": "a word"}, True, "must be a word; got true or false"),
        ({"maxProperties": 1}, {"a": 1, "b": 2}, "must have at most 1 member; got an object"),
        ({"items": False}, [1], "[0]: must not be here"),
        ({"propertyNames": {"maxLength": 1}}, {"ab": 1}, "every key must be of another form"),
        (
            {"additionalProperties": False, "properties": {}},
            {"A b": 1},
            "one of the fields is not known here",
        ),
    ],
)
def test_any_rule_is_put_in_words(rules: dict[str, Any], value: Any, message: str) -> None:
    schemas = Schemas.with_overrides({"leaf.v1.json": schema(**rules)})
    with pytest.raises(SchemaError) as caught:
        schemas.check("leaf", value)
    assert [str(problem) for problem in caught.value.problems] == [message]


def test_a_problem_reads_as_a_sentence() -> None:
    assert str(Problem("head.case", "is missing")) == "head.case: is missing"
    assert str(Problem("", "must be an object")) == "must be an object"

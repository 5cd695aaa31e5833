"""Columns of spreadsheets: told by their headers in five languages, mappings kept by header."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.names.similarity import fold
from node.domain.spreadsheets.column_words import CODES, HEADERS
from node.domain.spreadsheets.columns import (
    TARGETS,
    ColumnMapping,
    find_code,
    header_key,
    parse_mapping,
    suggest_columns,
)
from schemas import Schemas


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (
            ["File number", "First name", "Last name", "DOB", "Sex", "Height (cm)", "Eye color", "Other"],
            ["reference", "names.given", "names.family", "birth", "sex", "height", "eyes.colour"],
        ),
        (
            ["Expediente", "Nombre", "Apellidos", "Fecha de nacimiento", "Sexo", "País", "Ciudad"],
            ["reference", "names.given", "names.family", "birth", "sex", "last_seen.country",
             "last_seen.area"],
        ),
        (
            ["Réf", "NOM", "Prénom", "Né(e) le", "Disparu le", "Taille", "Cheveux", "Circonstances"],
            ["reference", "names.family", "names.given", "birth", "missing_since", "height", "hair.colour",
             "circumstances"],
        ),
        (
            ["رقم الملف", "الاسم", "الجنس", "تاريخ الميلاد", "تاريخ الاختفاء", "البلد"],
            ["reference", "names.full", "sex", "birth", "missing_since", "last_seen.country"],
        ),
        (
            ["№", "ФИО", "Пол", "Дата рождения", "Дата исчезновения", "Рост", "Особые приметы"],
            ["reference", "names.full", "sex", "birth", "missing_since", "height", "marks"],
        ),
        (["names.full", "last_seen.country"], ["names.full", "last_seen.country"]),
        (["Date the child was last seen on (dd/mm)", ""], ["missing_since"]),
    ],
)  # fmt: skip
def test_columns_are_told_by_their_headers(headers: list[str], expected: list[str]) -> None:
    found = suggest_columns(headers)
    assert sorted(found, key=lambda name: found[name]) == expected


@given(st.lists(st.text(max_size=30), max_size=12))
def test_no_column_and_no_field_is_suggested_twice(headers: list[str]) -> None:
    found = suggest_columns(headers)
    assert len(set(found.values())) == len(found)
    assert found.keys() <= TARGETS.keys()


@pytest.mark.parametrize(
    ("name", "word", "code"),
    [
        ("sex", "M", "1"),
        ("sex", "Homme", "1"),
        ("sex", "ذكر", "1"),
        ("sex", "жен.", "2"),
        ("sex", "Niña", "2"),
        ("eyes.colour", "MARRONES", "brown"),
        ("hair.length", "длинные", "long"),
        ("category", "family_abduction", "family_abduction"),
        ("sex", "who knows", None),
    ],
)
def test_codes_are_told_by_their_words(name: str, word: str, code: str | None) -> None:
    assert find_code(name, word, {}) == code


def test_a_word_that_somebody_translated_comes_first() -> None:
    assert find_code("sex", "Muchacho ", {"muchacho": "1", "m": ""}) == "1"
    assert find_code("sex", "M", {"m": ""}) == ""


@pytest.mark.parametrize("name", CODES)
def test_no_word_means_two_codes(name: str) -> None:
    seen: dict[str, str] = {}
    for code, words in CODES[name].items():
        for word in words.split("|"):
            assert seen.setdefault(fold(word), code) == code, word


def test_every_word_is_one_that_can_be_found() -> None:
    assert all(header_key(word) for words in HEADERS.values() for word in words.split("|"))
    assert all(
        fold(word) for codes in CODES.values() for words in codes.values() for word in words.split("|")
    )


def test_the_codes_are_those_of_the_schema() -> None:
    terms = Schemas.packaged().schema("case")["$defs"]
    listed = {
        "eyes.colour": terms["Eyes"]["properties"]["colour"],
        "hair.colour": terms["Hair"]["properties"]["colour"],
        "hair.length": terms["Hair"]["properties"]["length"],
        "build": terms["Build"]["properties"]["value"],
        "category": terms["Category"],
        "risk.level": terms["Risk"]["properties"]["level"],
        "consent.basis": terms["Consent"]["properties"]["basis"],
        "consent.scope": terms["Consent"]["properties"]["scope"]["items"],
        "authority.kind": terms["Authority"]["properties"]["kind"],
        "contacts.kind": terms["Contact"]["properties"]["kind"],
    }
    assert {name: set(CODES[name]) for name in listed} == {
        name: set(one["enum"]) for name, one in listed.items()
    }


def test_a_mapping_fits_another_order_of_the_same_columns() -> None:
    fixed, words = {"category": "unknown"}, {"sex": {"w": "2"}}
    mapping = ColumnMapping({"sex": 0, "names.full": 2}, fixed, words, "fr", "dmy", "m")
    kept = mapping.to_json(["Sexe", "x", "Nom complet"])
    turned = ColumnMapping({"sex": 1, "names.full": 0}, fixed, words, "fr", "dmy", "m")
    assert parse_mapping(kept, ["nom complet", "SEXE"]) == turned


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["columns", "fixed", "words", "sex", "language", "dates", "Sex", ""]),
            inner,
            max_size=4,
        )
    ),
)


@given(_JSON)
def test_whatever_a_mapping_file_holds_it_is_read_or_left_out(value: object) -> None:
    mapping = parse_mapping(value, ["Sex", "Name"])
    assert set(mapping.columns.values()) <= {0, 1}
    assert mapping.dates in ("", "dmy", "mdy")


def test_what_no_case_can_be_without_is_named() -> None:
    missing = ColumnMapping({"names.given": 0, "sex": 1}).missing()
    assert "names.full" not in missing
    assert {"birth", "contacts.value", "missing_since"} <= set(missing)

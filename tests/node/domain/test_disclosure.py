"""What leaves the house: every field has its place, and nothing leaks from one part into another."""

import copy
import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.domain.disclosure import Disclosed, DisclosurePolicy, Rule, coarsen, disclose
from node.errors import InvalidInput
from tests.factories import (
    SCHEMAS,
    lang_text,
    sample_full_record,
    sample_photo,
    sample_record,
    sample_summary,
)

NOW = datetime(2026, 11, 21, tzinfo=UTC)
DEFAULT = DisclosurePolicy.parse({}, SCHEMAS)
CATEGORIES = SCHEMAS.schema("summary")["$defs"]["Category"]["enum"]
DECISION = {"decided_on": "2026-11-01", "by_role": "prosecutor", "reason": "danger to life"}

# Every field of a record, and the parts in which its content may be found.
LANDS = {
    "names": "public",
    "sex": "public",
    "age_at_disappearance": "public",
    "missing_since": "public",
    "last_seen": "public network",  # coarse, and exact as last_seen_exact
    "category": "public",
    "circumstances": "public",
    "height": "public",
    "weight": "public",
    "eyes": "public",
    "hair": "public",
    "build": "public",
    "complexion": "public",
    "marks": "public",
    "clothing": "public",
    "languages_spoken": "public",
    "photos": "public",
    "contacts": "public",
    "alert": "public",
    "companions": "network",
    "birth": "network",
    "birth_place": "network",
    "nationalities": "network",
    "destinations": "network",
    "vehicles": "network",
    "risk": "network",
    "consent": "network",
    "authority": "network",
    "parental": "network",
    "links": "network",
    "review_due": "network",
    "purge_by": "network",
    "reference": "police",
    "external_refs": "police",
    "medical": "police",
    "vulnerabilities": "police",
    "custody": "police",
    "exploitation": "police",
    "narrative": "police",
    "at_risk_preventive": "police",
    "show_in": "head",
    "adult_decision": "head",  # without its reason
    "publication_decision": "",
    "outcome": "",
    "outcome_date": "",
    "notes": "",
}


def show(record: dict[str, Any], **config: Any) -> Disclosed:
    return disclose(record, DisclosurePolicy.parse(config, SCHEMAS), schemas=SCHEMAS, now=NOW)


def public(record: dict[str, Any], **config: Any) -> dict[str, Any]:
    part = show(record, **config).public
    assert part is not None
    return part


def network(record: dict[str, Any], **config: Any) -> dict[str, Any]:
    part = show(record, **config).network
    assert part is not None
    return part


def check(found: Disclosed) -> None:
    """Hold what was disclosed against the shared schemas."""
    assert found.public is not None
    assert found.network is not None
    sample = sample_summary()
    parts = {"public": found.public, "network": found.network, "head": {**sample["head"], **found.head}}
    SCHEMAS.check("summary", {name: {**part, "salt": sample["head"]["salt"]} for name, part in parts.items()})


def written(*parts: Any) -> str:
    return json.dumps(parts, ensure_ascii=False)


def test_the_table_names_every_field_of_a_record() -> None:
    assert set(LANDS) == set(SCHEMAS.schema("case")["properties"])
    assert set(sample_full_record()) == set(LANDS) - {"at_risk_preventive"}


@pytest.mark.parametrize("field", sorted(set(LANDS) - {"at_risk_preventive"}))
def test_each_field_lands_in_its_part_only(field: str) -> None:
    record = sample_full_record()
    found = show(record)
    name = "last_seen_exact" if field == "last_seen" else field
    parts = {"head": found.head, "public": found.public, "network": found.network, "police": found.police}
    assert {
        part for part, content in parts.items() if content and (field in content or name in content)
    } == set(LANDS[field].split())
    check(found)


def test_a_record_is_not_changed() -> None:
    record = sample_full_record(category="unaccompanied_migrant")
    before = copy.deepcopy(record)
    show(record)
    assert record == before


def mark(value: Any, marker: str) -> Any:
    """Replace every free text in a value."""
    if isinstance(value, dict):
        return {
            key: inner if key in ("origin", "system") else mark(inner, marker) for key, inner in value.items()
        }
    if isinstance(value, list):
        return [mark(inner, marker) for inner in value]
    return f"{marker} {value}" if isinstance(value, str) else value


def plant(value: Any, marker: str) -> Any:
    """Put a member that no schema names into every object but maps from languages to texts."""
    if isinstance(value, dict):
        planted = {key: plant(inner, marker) for key, inner in value.items()}
        is_map = all(isinstance(inner, dict) and "origin" in inner for inner in value.values())
        return planted if is_map else {**planted, "unheard_of": marker}
    return [plant(inner, marker) for inner in value] if isinstance(value, list) else value


configs = st.fixed_dictionaries(
    {},
    optional={
        "companions": st.sampled_from(["withhold", "network", "public"]),
        "birth": st.sampled_from(["year", "full"]),
        "place": st.sampled_from(["subdivision", "area"]),
        "decimals": st.integers(0, 3),
        "radius_m": st.integers(100, 100_000),
        "fields": st.dictionaries(
            st.sampled_from(["clothing", "category", "last_seen_exact", "custody", "medical", "parental"]),
            st.sampled_from(["share", "withhold"]),
        ),
    },
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_nothing_of_police_or_owner_is_ever_in_a_summary(data: st.DataObject) -> None:
    config = data.draw(configs)
    category = data.draw(st.sampled_from(CATEGORIES))
    config["categories"] = {category: data.draw(configs)}
    record = sample_full_record(category=category)
    hidden = [name for name, parts in LANDS.items() if parts in ("police", "", "head") and name in record]
    record |= {name: mark(record[name], "SECRET") for name in hidden if name != "show_in"}
    record["last_seen"] = {**record["last_seen"], "note": "SECRET"}
    record["adult_decision"] |= {"decided_on": "2026-11-01", "by_role": "supervisor"}
    record = plant(record, "SECRET")
    for factors in (["young_age"], ["domestic_violence"]):
        record["risk"]["factors"] = factors
        found = show(record, **config)
        assert "SECRET" not in written(found.head, found.public, found.network)
        assert "unheard_of" not in written(found.police)
        assert written(record["last_seen"]["place"]) not in written(found.public)
        if found.network and "companions" in found.network:
            assert found.public is not None
            assert "companions" not in found.public
        check(found)


def test_the_exact_place_is_for_staff_and_the_area_for_the_public() -> None:
    record = sample_record()
    exact = record["last_seen"]
    assert public(record)["last_seen"] == {
        "place": exact["area"],
        "country": "BR",
        "subdivision": "BR-BA",
        "lat": -12.95,
        "lon": -38.49,
        "radius_m": 1000,
    }
    assert network(record)["last_seen_exact"] == {name: exact[name] for name in exact if name != "area"}


def test_what_a_record_does_not_know_is_not_made_up() -> None:
    record = sample_record(category="unidentified_found", last_seen={"country": "BR"}, photos=None)
    assert public(record)["last_seen"] == {"country": "BR"}
    assert network(record)["last_seen_exact"] == {"country": "BR"}
    del record["last_seen"]
    found = show(record)
    assert found.public is not None
    assert found.network is not None
    assert not {"last_seen", "last_seen_exact", "photos"} & {*found.public, *found.network}
    check(found)


def test_without_words_for_the_area_no_words_are_public() -> None:
    record = sample_record()
    del record["last_seen"]["area"]
    assert "place" not in public(record)["last_seen"]


def metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Measure a great circle (haversine)."""
    (lat1, lon1), (lat2, lon2) = ((math.radians(a), math.radians(b)) for a, b in (one, other))
    h = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * 6_371_000 * math.asin(math.sqrt(h))


@given(st.floats(-90, 90), st.floats(-180, 180), st.integers(0, 3), st.integers(0, 50_000))
def test_the_circle_covers_the_place_on_a_grid_that_hides_it(
    lat: float, lon: float, decimals: int, radius_m: int
) -> None:
    rule = Rule(decimals=decimals, radius_m=100)
    coarse = coarsen({"country": "BR", "lat": lat, "lon": lon, "radius_m": radius_m}, rule)
    assert coarse["radius_m"] >= metres((lat, lon), (coarse["lat"], coarse["lon"])) + radius_m
    for name in ("lat", "lon"):
        assert coarse[name] == round(coarse[name], decimals)
    again = coarsen({"country": "BR", "lat": coarse["lat"], "lon": coarse["lon"], "radius_m": radius_m}, rule)
    assert again == coarse  # nothing of the true place is left: its whole cell looks the same


def test_a_place_known_too_vaguely_has_no_public_coordinates() -> None:
    vague = {"country": "BR", "lat": 1.0, "lon": 2.0, "radius_m": 1_000_000}
    assert coarsen(vague, Rule()) == {"country": "BR"}


@pytest.mark.parametrize(
    "changes",
    [
        {"category": "family_abduction"},
        {"risk": {**sample_record()["risk"], "factors": ["domestic_violence"]}},
        {
            "risk": {**sample_record()["risk"], "factors": ["domestic_violence"]},
            "category": "nonfamily_abduction",
        },
    ],
)
def test_sensitive_cases_show_no_exact_place_companion_or_custody(changes: dict[str, Any]) -> None:
    found = show(sample_full_record(**changes), companions="public")
    assert found.public is not None
    assert found.network is not None
    assert found.public["last_seen"] == {"country": "UA", "subdivision": "UA-46"}
    assert not {"companions", "last_seen_exact", "parental"} & {*found.public, *found.network}
    assert found.police is not None
    assert "custody" in found.police
    check(found)


def test_the_configuration_has_the_last_word_on_a_category() -> None:
    record = sample_full_record(category="family_abduction")
    settings = {"companions": "network", "place": "area", "decimals": 1, "fields": {"parental": "share"}}
    found = show(record, categories={"family_abduction": settings})
    assert found.public is not None
    assert found.network is not None
    assert found.public["last_seen"]["lat"] == 49.8
    assert {"companions", "parental"} <= set(found.network)
    assert "last_seen_exact" not in found.network


def test_domestic_violence_holds_back_whatever_a_category_lets_out() -> None:
    record = sample_full_record(category="family_abduction")
    record["risk"]["factors"] = ["domestic_violence"]
    found = show(record, categories={"family_abduction": {"companions": "network", "place": "area"}})
    assert found.network is not None
    assert "companions" not in found.network
    assert public(record)["last_seen"] == {"country": "UA", "subdivision": "UA-46"}


def test_unaccompanied_migrants_show_a_photograph_only() -> None:
    photo = sample_photo("uk", alt=lang_text(uk="Дмитро вдома"), rights_holder="Шевчук")
    found = show(
        sample_full_record(category="unaccompanied_migrant", photos=[photo]),
        neutral_text={"uk": "Зникла дитина."},
    )
    assert found.public is not None
    assert set(found.public) == {
        "sex",
        "age_at_disappearance",
        "category",
        "circumstances",
        "photos",
        "contacts",
        "alert",
    }
    assert found.public["circumstances"] == lang_text(uk="Зникла дитина.")
    assert found.public["photos"] == [sample_photo("uk")]
    check(found)


def test_a_category_is_shown_where_a_summary_would_be_incomplete_without() -> None:
    fields = {"category": "withhold"}
    assert "category" not in public(sample_record(), fields=fields)
    assert "category" not in public(sample_record(category="unidentified_found"), fields=fields)
    nameless = sample_record(category="unidentified_found", names=None)
    assert public(nameless, fields=fields)["category"] == "unidentified_found"
    check(show(nameless, fields=fields))


def test_companions_are_public_by_policy_and_decision_only() -> None:
    record = sample_full_record()
    undecided = sample_full_record(publication_decision=None)
    assert "companions" in public(record, companions="public")
    assert "companions" not in network(record, companions="public")
    for held_back in (show(record), show(undecided, companions="public")):
        assert held_back.public is not None
        assert held_back.network is not None
        assert "companions" not in held_back.public
        assert "companions" in held_back.network
    assert "companions" not in network(record, companions="withhold")


def test_birth_may_be_the_year_alone() -> None:
    assert network(sample_record(), birth="year")["birth"] == "2014"
    assert network(sample_record())["birth"] == "2014-03-05"


def test_photographs_that_expired_or_were_not_imported_stay() -> None:
    kept = sample_photo("a", expires_at="2026-11-21")
    photos = [kept, sample_photo("b", expires_at="2026-11-20"), {"kind": "photo", "file": "c.jpg"}]
    companion = {"role": "companion", "photos": photos}
    record = sample_record(photos=photos, companions=[companion])
    assert public(record)["photos"] == [kept]
    assert network(record)["companions"] == [{"role": "companion", "photos": [kept]}]
    assert "c.jpg" not in written(show(record).public)


def test_a_field_can_be_withheld_and_shared_again_for_a_category() -> None:
    config = {
        "fields": {"clothing": "withhold"},
        "categories": {"runaway": {"fields": {"clothing": "share"}}},
    }
    assert "clothing" in public(sample_record(), **config)
    assert "clothing" not in public(sample_record(category="unknown"), **config)
    assert "clothing" not in public(sample_record(category=None), **config)


def test_a_child_not_yet_missing_is_for_police_alone() -> None:
    child = {"names": [{"full": "Ana", "kind": "legal"}], "sex": 2, "birth": "2019"}
    found = show(sample_full_record(at_risk_preventive=child))
    assert found.public is None
    assert found.network is None
    assert found.police is not None
    assert found.police["at_risk_preventive"] == child


def test_a_record_without_police_fields_has_no_supplement() -> None:
    assert show(sample_record("pt", reference=None, medical=None, narrative=None)).police is None


def test_of_who_is_grown_up_no_public_site_shows_anything_before_a_person_has_decided() -> None:
    assert show(sample_record(birth="2007")).head == {"show_in": []}
    assert show(sample_record(birth="2007", show_in=["UA"])).head == {"show_in": []}
    decided = {"decided_on": "2026-11-01", "by_role": "supervisor", "reason": "still looked for"}
    assert show(sample_record(birth="2007", adult_decision=decided)).head["show_in"] == "all"


def test_the_head_carries_the_owners_choices_without_the_reason() -> None:
    assert show(sample_record()).head == {"show_in": "all"}
    assert show(sample_full_record()).head == {
        "show_in": ["UA", "PL"],
        "adult_decision": {"decided_on": "2026-11-01", "by_role": "supervisor"},
    }


def test_every_mistake_in_the_settings_is_told() -> None:
    config = {
        "x": 1,
        "decimals": 9,
        "radius_m": True,
        "birth": "no",
        "photograph_only": 1,
        "fields": {"clothing": "x", "sex": "withhold", "names": "withhold"},
        "categories": {
            "z": {},
            "runaway": 3,
            "thrown_out": {"photograph_only": True},
            "unidentified_found": {"photograph_only": True, "fields": {"names": "withhold"}},
        },
        "neutral_text": {"Foo": 1},
    }
    with pytest.raises(InvalidInput) as caught:
        DisclosurePolicy.parse(config, SCHEMAS)
    found = dict(problem.split(": ", 1) for problem in caught.value.problems)
    assert set(found) == {
        f"disclosure.{key}"
        for key in (
            "x",
            "decimals",
            "radius_m",
            "birth",
            "photograph_only",
            "fields.clothing",
            "fields.sex",
            "fields.names",
            "categories.z",
            "categories.runaway",
            "categories.thrown_out.photograph_only",
            "neutral_text.Foo",
        )
    }
    assert found["disclosure.decimals"] == "must be a whole number from 0 to 3; read 9"
    assert found["disclosure.birth"] == "must be one of year, full; read 'no'"
    assert found["disclosure.fields.clothing"] == "must be share or withhold; read 'x'"
    assert "clothing" in found["disclosure.fields.names"]


@pytest.mark.parametrize("neutral_text", [{}, "text", {"en": ""}, {"en": "x" * 4001}])
def test_a_neutral_text_must_be_one(neutral_text: Any) -> None:
    with pytest.raises(InvalidInput):
        DisclosurePolicy.parse({"neutral_text": neutral_text}, SCHEMAS)

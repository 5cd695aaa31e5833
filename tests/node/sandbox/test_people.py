"""Invented children: valid, consistent, in the country's script, and plainly an exercise."""

import json
import random
import re
import unicodedata
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pycountry
import pytest

from node.errors import InvalidInput
from node.sandbox.people import Record, _load_words, countries, invent_case
from schemas import Schemas

NOW = datetime(2026, 11, 21, 20, 14, tzinfo=UTC)
SCHEMAS = Schemas.packaged()


def invent(country: str, count: int, seed: int = 1) -> list[Record]:
    rng = random.Random(seed)
    return [invent_case(country, rng, now=NOW) for _ in range(count)]


def texts(value: Any) -> list[str]:
    """Give every text in a record, at any depth."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("country", countries())
def test_records_fit_the_schema(country: str) -> None:
    for record in invent(country, 200):
        SCHEMAS.check("case", record)


def test_at_least_twelve_countries_and_eight_scripts() -> None:
    assert len(countries()) >= 12
    scripts = {invent(country, 1)[0]["names"][0]["script"] for country in countries()}
    assert scripts >= {
        "Latn",
        "Cyrl",
        "Grek",
        "Arab",
        "Deva",
        "Beng",
        "Taml",
        "Thai",
        "Hans",
        "Jpan",
        "Hang",
        "Hebr",
    }
    assert all(pycountry.countries.get(alpha_2=country) for country in countries())


LETTERS = {
    "Latn": "LATIN", "Cyrl": "CYRILLIC", "Grek": "GREEK", "Arab": "ARABIC", "Deva": "DEVANAGARI",
    "Beng": "BENGALI", "Taml": "TAMIL", "Thai": "THAI", "Hans": "CJK", "Jpan": "(CJK|HIRAGANA|KATAKANA)",
    "Hang": "HANGUL", "Hebr": "HEBREW", "Ethi": "ETHIOPIC", "Geor": "GEORGIAN", "Hira": "HIRAGANA",
}  # fmt: skip


@pytest.mark.parametrize("country", countries())
def test_names_and_texts_are_in_the_script_they_claim(country: str) -> None:
    for record in invent(country, 100):
        for name in record["names"]:
            for letter in filter(str.isalpha, name["full"]):
                assert re.match(LETTERS[name["script"]], unicodedata.name(letter)), name
        own = record["names"][0]
        told = record["circumstances"][own["lang"]]["text"]
        letters = [unicodedata.name(letter) for letter in told if letter.isalpha()]
        matching = sum(bool(re.match(LETTERS[own["script"]], letter)) for letter in letters)
        assert matching > 0.95 * len(letters), told


@pytest.mark.parametrize("country", countries())
def test_everybody_can_be_read_in_latin_letters(country: str) -> None:
    for record in invent(country, 50):
        own, *others = record["names"]
        latin = [name for name in record["names"] if name["script"] == "Latn"]
        assert len(latin) == 1
        assert all(name["transliteration_of"] == own["full"] for name in others)
        assert all(name["order"] == own["order"] for name in others)
        first = "given" if own["order"] == "given_first" else "family"
        assert all(name["full"].startswith(name[first].split()[0]) for name in record["names"])


@pytest.mark.parametrize("country", countries())
def test_every_account_begins_with_the_word_for_exercise(country: str) -> None:
    words = Counter()
    for record in invent(country, 100):
        for lang, told in record["circumstances"].items():
            word, dash, _ = told["text"].partition(" – ")
            assert dash
            words[lang, word] += 1
        assert not any("{" in text or "[" in text or "|" in text for text in texts(record))
    assert len(words) == 2
    assert words["en", "EXERCISE"] == 100


@pytest.mark.parametrize("country", countries())
def test_age_birth_and_disappearance_agree(country: str) -> None:
    for record in invent(country, 200):
        missing = datetime.fromisoformat(record["missing_since"])
        missing = missing if missing.tzinfo else missing.replace(tzinfo=UTC)
        assert missing <= NOW
        born_first, born_last = earliest_and_latest(record["birth"])
        age = record["age_at_disappearance"]
        per_year = 1 if age["unit"] == "year" else 12
        assert (missing - born_last).days / 365.25 * per_year - 1.1 <= age["max"]
        assert (missing - born_first).days / 365.25 * per_year + 0.1 >= age["min"]
        assert NOW - born_last < timedelta(days=18 * 365.25)
        assert datetime.fromisoformat(record["risk"]["assessed_at"]) <= NOW


def earliest_and_latest(birth: str) -> tuple[datetime, datetime]:
    if birth.endswith("~"):
        year = int(birth[:4])
        return datetime(year - 1, 1, 1, tzinfo=UTC), datetime(year + 1, 12, 31, tzinfo=UTC)
    if len(birth) == 7:
        first = datetime.fromisoformat(f"{birth}-01").replace(tzinfo=UTC)
        return first, first + timedelta(days=31)
    day = datetime.fromisoformat(birth).replace(tzinfo=UTC)
    return day, day


@pytest.mark.parametrize("country", countries())
def test_places_exist_and_numbers_do_not(country: str) -> None:
    for record in invent(country, 100):
        place = record["last_seen"]
        assert pycountry.subdivisions.get(code=place["subdivision"]).country_code == country
        assert all(pycountry.countries.get(alpha_2=to["country"]) for to in record.get("destinations", ()))
        for contact in record["contacts"]:
            # 01 99 00 is the French regulator's range for films; no national number begins with three zeros.
            assert re.fullmatch(
                r"\+3319900\d{4}|\+\d{1,3}000\d{4}|https://[a-z.]+\.example/", contact["value"]
            )


def test_same_seed_same_children() -> None:
    for country in countries():
        assert json.dumps(invent(country, 20)) == json.dumps(invent(country, 20))
    assert invent("FR", 5, seed=1) != invent("FR", 5, seed=2)


def test_children_and_circumstances_vary() -> None:
    records = invent("UA", 1000)
    assert len({record["names"][0]["full"] for record in records}) > 800
    assert len({record["circumstances"]["uk"]["text"] for record in records}) > 950
    categories = Counter(record["category"] for record in records)
    assert categories.most_common(1)[0][0] == "runaway"
    assert len(categories) == 7


def test_abducted_children_are_with_a_parent_and_stories_happen_at_their_hour() -> None:
    for record in invent("GR", 500):
        if record["category"] == "family_abduction":
            assert record["companions"][0]["relation"] in ("mother", "father")
            assert set(record["parental"]) <= {"custody_order", "hague_states"}
        if "after school" in record["circumstances"]["en"]["text"] and "T" in record["missing_since"]:
            assert 14 <= datetime.fromisoformat(record["missing_since"]).hour <= 18


def test_words_stand_in_the_same_order_in_every_language() -> None:
    """A text and its translation are the same entry of two lists, which therefore have one length."""
    english = _load_words("EN")
    for country in countries():
        words = _load_words(country)
        assert {kind: len(told) for kind, told in words.stories.items()} == {
            kind: len(told) for kind, told in english.stories.items()
        }
        for field in ("spots", "tops", "bottoms", "extras", "marks"):
            assert len(getattr(words, field)) == len(getattr(english, field)), (country, field)


def test_unknown_country_is_told() -> None:
    with pytest.raises(InvalidInput, match="no words for XX") as caught:
        invent_case("XX", random.Random(1), now=NOW)
    assert "FR" in caught.value.next_step

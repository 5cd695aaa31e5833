"""Small deterministic builders of case records and documents, in several scripts.

The children are invented. Everything that is built validates against the packaged schemas; `changes` replace
whole fields, and a change to None leaves the field out.

    record = sample_record("ar")                                 # what a person writes
    record = sample_record(category="family_abduction", photos=None)
    summary = sample_summary("ja", number=7, member="police.jp.example", version=2)
    supplement = sample_supplement("ja", number=7, member="police.jp.example")
"""

import base64
import copy
import hashlib
from collections.abc import Mapping
from typing import Any

from PIL import Image

from schemas import Schemas

SAMPLES = ("pt", "ar", "uk", "ja", "hi")
"""The languages that there is a child for: Latin, Arabic, Cyrillic, Japanese and Devanagari script."""

SCHEMAS = Schemas.packaged()

GATE_ANSWERS: dict[str, Any] = {
    "basis": "parental",
    "risk": "medium",
    "publicity": "no",
    "privacy": "clean",
    "wording": "neutral",
    "where": "all",
    "channels": ["public"],
    "closing": "on_return",
}
"""Answers at the gate that let a sample of a case pass."""

Record = dict[str, Any]
Parts = dict[str, dict[str, Any]]


def lang_text(**texts: str) -> dict[str, Any]:
    """Build a text in one or more languages: the first is the original, the rest are translations."""
    return {
        lang: {"text": text, "origin": "human" if index else "original"}
        for index, (lang, text) in enumerate(texts.items())
    }


def sample_case_id(number: int = 1, member: str = "police.br.example") -> str:
    """Build the id of a member's n-th sample case."""
    digest = hashlib.sha256(f"case {number}".encode()).digest()[:16]
    return f"{member}/{base64.b32encode(digest).decode().rstrip('=').lower()}"


def sample_salt(seed: str) -> str:
    """Build the salt of a part, base64."""
    return base64.b64encode(hashlib.sha256(f"salt {seed}".encode()).digest()).decode()


def sample_photo(seed: str = "photo", **changes: Any) -> dict[str, Any]:
    """Build the description of an imported photograph with its two renditions."""
    small, full = (hashlib.sha256(f"{seed} {size}".encode()).hexdigest() for size in ("small", "full"))
    return _changed(
        {
            "kind": "photo",
            "taken": "2025-06",
            "primary": True,
            "renditions": [
                {"sha256": small, "media_type": "image/jpeg", "width": 240, "height": 300, "bytes": 9876},
                {"sha256": full, "media_type": "image/jpeg", "width": 1280, "height": 1600, "bytes": 245678},
            ],
        },
        changes,
    )


def draw_photograph(size: tuple[int, int]) -> Image.Image:
    """Draw a photograph of nobody, each time another one. It is smooth, as photographs are: noise takes many
    tries to be brought below the bytes that a small one may have."""
    width, height = size
    return Image.effect_noise((width // 10, height // 10), 120).resize(size).convert("RGB")


def sample_record(language: str = "pt", /, **changes: Any) -> Record:
    """Build a case record.

    Args:
        language: one of SAMPLES.
        changes: fields to replace, or to leave out (None).
    """
    child = copy.deepcopy(_CHILDREN[language])
    common: Record = {
        "category": "runaway",
        "height": {"min": 140, "max": 145, "unit": "cm"},
        "eyes": {"colour": "brown"},
        "hair": {"colour": "black", "length": "short"},
        "languages_spoken": [language],
        "photos": [sample_photo(language)],
        "risk": {
            "level": "medium",
            "factors": ["young_age"],
            "assessed_at": "2026-11-03T09:00:00Z",
            "next_review": "2026-12-03T09:00:00Z",
            "assessed_by_role": "duty_officer",
        },
        "consent": {
            "basis": "parental",
            "given_by_role": "mother",
            "scope": ["network", "public", "photograph"],
            "date": "2026-11-02",
        },
        "review_due": "2026-12-03T00:00:00Z",
        "purge_by": "2044-01-01T00:00:00Z",
    }
    return _changed({**child, **common}, changes)


def sample_full_record(**changes: Any) -> Record:
    """Build a case record in which every field has a value but `at_risk_preventive`, which has no summary."""
    return sample_record(
        "uk",
        **{
            "weight": {"min": 40.5, "max": 44, "unit": "kg", "measured_on": "2026~"},
            "build": {"value": "slim", "text": lang_text(uk="худорлявий")},
            "complexion": {"value": "freckled"},
            "marks": [{"kind": "mole", "body_part": "neck", "text": lang_text(uk="родимка на шиї")}],
            "clothing": lang_text(uk="чорна куртка"),
            "photos": [sample_photo(alt=lang_text(uk="хлопець у шапці"), rights_holder="родина")],
            "alert": {
                "state": "active",
                "level": "amber",
                "area": {
                    "text": lang_text(uk="Львівська область"),
                    "polygon": [[49.0, 23.0], [50.0, 23.0], [50.0, 25.0], [49.0, 23.0]],
                    "countries": ["UA", "PL"],
                },
                "until": "2026-11-22T20:00:00+02:00",
            },
            "birth_place": {"country": "UA", "place": lang_text(uk="Стрий")},
            "parental": {
                "hague_states": ["UA", "PL"],
                "custody_order": "in_force",
                "central_authority": lang_text(uk="Міністерство юстиції"),
            },
            "links": [{"case": sample_case_id(2), "kind": "sibling"}],
            "medical": {"codes": ["asthma"], "text": lang_text(uk="інгалятор")},
            "vulnerabilities": {"codes": ["autism"]},
            "custody": {"codes": ["joint"]},
            "exploitation": {"codes": ["online"], "text": lang_text(uk="листування")},
            "narrative": lang_text(uk="Розповідь\nу двох рядках"),
            "show_in": ["UA", "PL"],
            "adult_decision": {
                "decided_on": "2026-11-01",
                "by_role": "supervisor",
                "reason": "родина просить",
            },
            "publication_decision": {
                "decided_on": "2026-11-01",
                "by_role": "prosecutor",
                "reason": "небезпека для життя",
            },
            "outcome": "recovered_safe",
            "outcome_date": "2026-11-20",
            "notes": "Перевірити вокзал.",
            **changes,
        },
    )


def sample_summary(
    language: str = "pt",
    /,
    number: int = 1,
    member: str = "police.br.example",
    version: int = 1,
    updated_at: str = "2026-11-21T12:00:00Z",
    expires_at: str = "2027-05-20",
    **changes: Any,
) -> Parts:
    """Build a valid summary: head, public and network, each with its salt.

    Args:
        language: one of SAMPLES.
        number: which case of the member; another number, another case id and other salts.
        changes: fields of the record to replace, or to leave out (None).
    """
    record = sample_record(language, **changes)
    exact = record.get("last_seen")
    if exact:
        record["last_seen_exact"] = {key: value for key, value in exact.items() if key != "area"}
        record["last_seen"] = {
            "place": exact["area"],
            "country": exact["country"],
            "lat": round(exact["lat"], 1),
            "lon": round(exact["lon"], 1),
            "radius_m": 8000,
        }
    head = _head("summary", number, member, version, updated_at, expires_at)
    return _salted({"head": head, **{part: _part("summary", part, record) for part in ("public", "network")}})


def sample_supplement(
    language: str = "pt",
    /,
    number: int = 1,
    member: str = "police.br.example",
    version: int = 1,
    updated_at: str = "2026-11-21T12:00:00Z",
    expires_at: str = "2027-05-20",
    **changes: Any,
) -> Parts:
    """Build a valid supplement: head and police, each with its salt. Arguments as for `sample_summary`."""
    head = _head("supplement", number, member, version, updated_at, expires_at)
    return _salted(
        {"head": head, "police": _part("supplement", "police", sample_record(language, **changes))}
    )


def _changed(fields: Record, changes: Mapping[str, Any]) -> Record:
    return {name: value for name, value in {**fields, **changes}.items() if value is not None}


def _part(kind: str, part: str, record: Record) -> dict[str, Any]:
    return {
        name: record[name] for name in SCHEMAS.fields(kind, part) if name in record and _is_in(part, name)
    }


def _is_in(part: str, name: str) -> bool:
    """Companions may stand in two parts; the sample has them where no decision is needed."""
    return (part, name) != ("public", "companions")


def _head(
    kind: str, number: int, member: str, version: int, updated_at: str, expires_at: str
) -> dict[str, Any]:
    return {
        "schema": f"{kind}/1.0",
        "case": sample_case_id(number, member),
        "version": version,
        "issued_at": "2026-11-03T12:00:00Z",
        "updated_at": updated_at,
        "issuer": member,
        "expires_at": expires_at,
        "show_in": "all",
    }


def _salted(parts: Parts) -> Parts:
    head = parts["head"]
    seed = f"{head['schema']} {head['case']} {head['version']}"
    return {name: {**part, "salt": sample_salt(f"{seed} {name}")} for name, part in parts.items()}


_CHILDREN: dict[str, Record] = {
    "pt": {
        "names": [
            {
                "full": "João Pedro Nascimento da Conceição",
                "given": "João Pedro",
                "family": "Nascimento da Conceição",
                "kind": "legal",
                "lang": "pt-BR",
                "script": "Latn",
                "order": "given_first",
            },
            {"full": "Joãozinho", "kind": "nickname", "lang": "pt-BR", "script": "Latn"},
        ],
        "sex": 1,
        "age_at_disappearance": {"min": 12, "max": 12, "unit": "year"},
        "missing_since": "2026-11-02T17:30:00-03:00",
        "last_seen": {
            "place": lang_text(pt="Rua das Palmeiras 118, em frente à padaria"),
            "area": lang_text(pt="Bairro da Liberdade, Salvador", en="Liberdade district, Salvador"),
            "country": "BR",
            "subdivision": "BR-BA",
            "lat": -12.94613,
            "lon": -38.49274,
        },
        "circumstances": lang_text(
            pt="Saiu da escola a pé e não chegou em casa.", en="Left school on foot and did not arrive home."
        ),
        "marks": [{"kind": "scar", "body_part": "arm", "text": lang_text(pt="cicatriz no braço esquerdo")}],
        "clothing": lang_text(pt="camiseta azul do uniforme, bermuda preta"),
        "contacts": [
            {"kind": "police", "value": "+557132357000", "country": "BR", "hours": "24/7"},
            {"kind": "hotline", "value": "100", "country": "BR"},
        ],
        "birth": "2014-03-05",
        "birth_place": {"place": lang_text(pt="Feira de Santana"), "country": "BR", "subdivision": "BR-BA"},
        "nationalities": ["BR"],
        "authority": {"name": lang_text(pt="Delegacia de Proteção à Pessoa"), "kind": "police"},
        "reference": "BO 2026/118220",
        "medical": {"codes": ["asthma"], "text": lang_text(pt="usa bombinha de salbutamol")},
        "narrative": lang_text(pt="A tia relata discussão em casa na véspera."),
        "notes": "Ligar para a escola na segunda-feira.",
    },
    "ar": {
        "names": [
            {
                "full": "مريم عبد الرحمن الخطيب",
                "given": "مريم",
                "family": "الخطيب",
                "kind": "legal",
                "lang": "ar",
                "script": "Arab",
                "order": "given_first",
            },
            {
                "full": "Mariam Abdelrahman Elkhatib",
                "kind": "legal",
                "lang": "ar",
                "script": "Latn",
                "transliteration_of": "مريم عبد الرحمن الخطيب",
                "system": "passport",
            },
        ],
        "sex": 2,
        "age_at_disappearance": {"min": 8, "max": 9, "unit": "year"},
        "missing_since": "2026-10-18",
        "last_seen": {
            "place": lang_text(ar="١٤ شارع السوق القديم، أمام الصيدلية"),
            "area": lang_text(ar="حي السيدة زينب، القاهرة", en="Sayeda Zeinab, Cairo"),
            "country": "EG",
            "subdivision": "EG-C",
            "lat": 30.03127,
            "lon": 31.23582,
        },
        "circumstances": lang_text(
            ar="خرجت لشراء الخبز ولم تعد.", en="Went out to buy bread and did not return."
        ),
        "clothing": lang_text(ar="فستان أخضر وحذاء أبيض"),
        "contacts": [{"kind": "hotline", "value": "16000", "country": "EG", "languages": ["ar"]}],
        "birth": "2017~",
        "nationalities": ["EG"],
        "authority": {"name": lang_text(ar="مديرية أمن القاهرة"), "kind": "police"},
        "reference": "EG-C-2026-5531",
        "vulnerabilities": {"codes": ["sensory_disability"], "text": lang_text(ar="ضعف في السمع")},
    },
    "uk": {
        "names": [
            {
                "full": "Шевчук Дмитро Олексійович",
                "given": "Дмитро",
                "family": "Шевчук",
                "kind": "legal",
                "lang": "uk",
                "script": "Cyrl",
                "order": "family_first",
            },
            {
                "full": "Dmytro Shevchuk",
                "kind": "legal",
                "lang": "uk",
                "script": "Latn",
                "transliteration_of": "Шевчук Дмитро Олексійович",
                "system": "passport",
            },
        ],
        "sex": 1,
        "age_at_disappearance": {"min": 15, "max": 15, "unit": "year"},
        "missing_since": "2026-09-30",
        "last_seen": {
            "place": lang_text(uk="Вокзальна площа, 1, біля кас"),
            "area": lang_text(uk="Залізничний район, Львів", en="Zaliznychnyi district, Lviv"),
            "country": "UA",
            "subdivision": "UA-46",
            "lat": 49.83983,
            "lon": 23.99402,
        },
        "circumstances": lang_text(uk="Не повернувся з тренування.", en="Did not come back from training."),
        "contacts": [{"kind": "hotline", "value": "116000", "country": "UA", "languages": ["uk"]}],
        "birth": "2011-08",
        "nationalities": ["UA"],
        "destinations": [{"country": "PL", "region": lang_text(uk="Краків"), "confidence": "medium"}],
        "companions": [
            {
                "relation": "friend",
                "role": "companion",
                "names": [{"full": "Тарас Гнатюк", "kind": "legal", "lang": "uk", "script": "Cyrl"}],
                "sex": 1,
            }
        ],
        "vehicles": [
            {"make": "Škoda", "model": "Octavia", "colour": "сірий", "plate": "ВС 4471 КІ", "country": "UA"}
        ],
        "authority": {"name": lang_text(uk="Головне управління Національної поліції"), "kind": "police"},
        "reference": "12026140050003312",
        "external_refs": [{"system": "national", "value": "ЄРДР-3312"}],
    },
    "ja": {
        "names": [
            {
                "full": "高橋 結衣",
                "given": "結衣",
                "family": "高橋",
                "kind": "legal",
                "lang": "ja",
                "script": "Jpan",
                "order": "family_first",
            },
            {
                "full": "Yui Takahashi",
                "kind": "legal",
                "lang": "ja",
                "script": "Latn",
                "order": "given_first",
                "transliteration_of": "高橋 結衣",
                "system": "Hepburn",
            },
        ],
        "sex": 2,
        "age_at_disappearance": {"min": 6, "max": 6, "unit": "year"},
        "missing_since": "2026-11-15T15:20:00+09:00",
        "last_seen": {
            "place": lang_text(ja="緑ヶ丘公園の滑り台付近"),
            "area": lang_text(ja="京都市左京区", en="Sakyo ward, Kyoto"),
            "country": "JP",
            "subdivision": "JP-26",
            "lat": 35.04938,
            "lon": 135.78161,
        },
        "circumstances": lang_text(
            ja="公園で遊んでいて姿が見えなくなった。", en="Vanished while playing in a park."
        ),
        "clothing": lang_text(ja="黄色い帽子、白いワンピース"),
        "contacts": [{"kind": "police", "value": "+81754519111", "country": "JP", "languages": ["ja"]}],
        "birth": "2020-04-23",
        "nationalities": ["JP"],
        "authority": {"name": lang_text(ja="京都府警察本部"), "kind": "police"},
        "reference": "京-2026-0917",
    },
    "hi": {
        "names": [
            {
                "full": "आरव कुमार मिश्रा",
                "given": "आरव कुमार",
                "family": "मिश्रा",
                "kind": "legal",
                "lang": "hi",
                "script": "Deva",
                "order": "given_first",
            },
            {
                "full": "Aarav Kumar Mishra",
                "kind": "legal",
                "lang": "hi",
                "script": "Latn",
                "transliteration_of": "आरव कुमार मिश्रा",
            },
        ],
        "sex": 1,
        "age_at_disappearance": {"min": 10, "max": 11, "unit": "year"},
        "missing_since": "2026-11-01~",
        "last_seen": {
            "place": lang_text(hi="स्टेशन रोड, चाय की दुकान के पास"),
            "area": lang_text(hi="कैंट, वाराणसी", en="Cantt, Varanasi"),
            "country": "IN",
            "subdivision": "IN-UP",
            "lat": 25.32718,
            "lon": 82.98634,
        },
        "circumstances": lang_text(hi="मेले में परिवार से बिछड़ गया।", en="Separated from the family at a fair."),
        "contacts": [{"kind": "hotline", "value": "1098", "country": "IN", "languages": ["hi", "en"]}],
        "birth": "2015/2016",
        "nationalities": ["IN"],
        "authority": {"name": lang_text(hi="वाराणसी पुलिस"), "kind": "police"},
        "reference": "UP-VNS-2026-771",
    },
}

"""Who is in the sandbox's network: four members in four countries that own cases, one of them an NGO, and the
police force that endorses it.

Why there are five and not four members is in docs/decisions/0008-five-members-in-the-sandbox.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from protocol.member import Kind

NETWORK = "Exercise network"
"""Every screen says that it is one; so does its name."""

KEY_HOLDERS = ("secretariat", "auditor", "board")
"""Who keeps the keys to the list of members; any THRESHOLD of them sign."""

THRESHOLD = 2

QUORUM = 2
"""How many of the other law-enforcement members have to cosign a head before it counts as witnessed."""

AGREEMENT = "EX-2026-01"
ENDORSEMENT_DAYS = 365


@dataclass(frozen=True)
class Plan:
    """One member.

    Attributes:
        names: by language, its own first, then those of the other members, Arabic and Russian.
        origins: the countries that the families of some of its children come from, beside its own.
        neutral: by language, what is told of a child of whom only a photograph may be shown.
        endorser: of an NGO: the member that endorses it.
    """

    id: str
    country: str
    kind: Kind
    names: Mapping[str, str]
    phone: str
    languages: tuple[str, ...]
    origins: tuple[str, ...] = ()
    neutral: Mapping[str, str] | None = None
    owns_cases: bool = True
    endorser: str = ""


_NEUTRAL = "EXERCISE – This child is missing. If you know anything, please call."

POLICE_FR = Plan(
    id="police.fr.example",
    country="FR",
    kind="law_enforcement",
    names={
        "fr": "Police de France (exercice)",
        "en": "Police of France (exercise)",
        "ar": "شرطة فرنسا (تمرين)",
        "hi": "फ़्रांस की पुलिस (अभ्यास)",
        "ja": "フランスの警察（訓練）",
        "ru": "Полиция Франции (учения)",
        "uk": "Поліція Франції (навчання)",
    },
    phone="+33199000100",
    languages=("fr", "en"),
    origins=("EG", "ET", "CN"),
    neutral={
        "fr": "EXERCICE – Cet enfant est porté disparu. Si vous savez quelque chose, appelez.",
        "en": _NEUTRAL,
    },
)
POLICE_UA = Plan(
    id="police.ua.example",
    country="UA",
    kind="law_enforcement",
    names={
        "uk": "Поліція України (навчання)",
        "en": "Police of Ukraine (exercise)",
        "ar": "شرطة أوكرانيا (تمرين)",
        "fr": "Police d’Ukraine (exercice)",
        "hi": "यूक्रेन की पुलिस (अभ्यास)",
        "ja": "ウクライナの警察（訓練）",
        "ru": "Полиция Украины (учения)",
    },
    phone="+380000000100",
    languages=("uk", "en"),
    origins=("GE", "IL", "GR"),
    neutral={
        "uk": "НАВЧАННЯ – Ця дитина зникла. Якщо ви щось знаєте, зателефонуйте.",
        "en": _NEUTRAL,
    },
)
POLICE_JP = Plan(
    id="police.jp.example",
    country="JP",
    kind="law_enforcement",
    names={
        "ja": "日本の警察（訓練）",
        "en": "Police of Japan (exercise)",
        "ar": "شرطة اليابان (تمرين)",
        "fr": "Police du Japon (exercice)",
        "hi": "जापान की पुलिस (अभ्यास)",
        "ru": "Полиция Японии (учения)",
        "uk": "Поліція Японії (навчання)",
    },
    phone="+81000000100",
    languages=("ja", "en"),
    origins=("KR", "TH"),
    neutral={
        "ja": "訓練 – この子どもは行方不明です。何かご存じの方はお電話ください。",
        "en": _NEUTRAL,
    },
)
NGO_IN = Plan(
    id="helpline.in.example",
    country="IN",
    kind="ngo",
    names={
        "hi": "गुमशुदा बच्चों की सहायता (अभ्यास)",
        "en": "Missing Children Helpline, India (exercise)",
        "ar": "خط مساعدة الأطفال المفقودين، الهند (تمرين)",
        "fr": "Ligne d’aide aux enfants disparus, Inde (exercice)",
        "ja": "行方不明児童ヘルプライン、インド（訓練）",
        "ru": "Помощь пропавшим детям, Индия (учения)",
        "uk": "Допомога зниклим дітям, Індія (навчання)",
    },
    phone="+910000000100",
    languages=("hi", "en"),
    origins=("BD", "LK"),
    neutral={
        "hi": "अभ्यास – यह बच्चा लापता है। यदि आप कुछ जानते हैं, तो कृपया फ़ोन करें।",
        "en": _NEUTRAL,
    },
    endorser="police.in.example",
)
POLICE_IN = Plan(
    id="police.in.example",
    country="IN",
    kind="law_enforcement",
    names={
        "hi": "भारत की पुलिस (अभ्यास)",
        "en": "Police of India (exercise)",
        "ar": "شرطة الهند (تمرين)",
        "fr": "Police d’Inde (exercice)",
        "ja": "インドの警察（訓練）",
        "ru": "Полиция Индии (учения)",
        "uk": "Поліція Індії (навчання)",
    },
    phone="+910000000200",
    languages=("hi", "en"),
    owns_cases=False,
)

MEMBERS = (POLICE_FR, POLICE_UA, POLICE_JP, NGO_IN, POLICE_IN)


def plan_of(member: str) -> Plan:
    """Return the plan of a member by its id."""
    return next(plan for plan in MEMBERS if plan.id == member)

"""How a name may be spelled in Latin letters: suggestions for a person, who takes one, mends it, or does not.

Offices spell by the systems that their passports use, so those come first: a spelling that is on a paper is
found on the next one, too. Scripts that leave vowels out (Arabic, Hebrew) are spelled by a table of frequent
names; what is not in it has its consonants alone, and says so.

Leaves to others: finding a name whatever its spelling, which needs none of this (`similarity`).
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from anyascii import anyascii

from node.domain.names.han import DOUBLE_SURNAMES
from node.domain.names.similarity import MAX_NAME, fold, readings


class Spelling(NamedTuple):
    """A name in Latin letters.

    Attributes:
        system: by which it is spelled; empty where there is none to name.
        whole: False where vowels are missing that the script does not write.
    """

    text: str
    system: str
    whole: bool = True


def suggest_spellings(name: str, language: str = "") -> list[Spelling]:
    """Spell a name in Latin letters as its country's passports may, the likeliest first.

    Args:
        name: in any script; nothing is suggested for one that is in Latin letters already.
        language: BCP 47, where it is known: Cyrillic and Han are read otherwise in each.
    """
    name = unicodedata.normalize("NFC", " ".join(name[:MAX_NAME].split()))
    spell = next((spell for script, spell in _SCRIPTS if script.search(name)), None)
    if spell is None:
        other = any(char.isalpha() and not _LATIN.match(char) for char in name)
        found = [Spelling(fold(name), "")] if other else []
    else:
        found = list(spell(name, language.partition("-")[0].lower()))
    named = {one.text.casefold(): Spelling(_capitals(one.text), *one[1:]) for one in reversed(found)}
    return [one for one in reversed(named.values()) if one.text]


def _capitals(text: str) -> str:
    return re.sub(r"(?<![^\W\d_'’])[^\W\d_]", lambda found: found[0].upper(), text.lower())


# --- Letter by letter ---

Letters = Mapping[str, str]


def _letters(table: str) -> Letters:
    pairs = (pair.partition("=") for pair in table.split())
    return {letter: latin for letter, _, latin in pairs}


_RUSSIAN = _letters(
    "а=a б=b в=v г=g д=d е=e ё=e ж=zh з=z и=i й=i к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f х=kh ц=ts ч=ch "
    "ш=sh щ=shch ъ=ie ы=y ь= э=e ю=iu я=ia"
)
_RUSSIAN_BGN = {**_RUSSIAN, **_letters("ё=yo й=y ю=yu я=ya ъ=")}
_UKRAINIAN = {**_RUSSIAN, **_letters("г=h ґ=g и=y і=i ї=i й=i є=ie ’= '= ʼ=")}
_UKRAINIAN_FIRST = _letters("є=ye ї=yi й=y ю=yu я=ya")
_BULGARIAN = {**_RUSSIAN, **_letters("й=y х=h щ=sht ъ=a ь=y ю=yu я=ya")}
_SERBIAN = {
    **_RUSSIAN,
    **_letters("ђ=đ ж=ž ј=j љ=lj њ=nj ћ=ć х=h ц=c ч=č џ=dž ш=š ѓ=gj ќ=kj ѕ=dz"),
}
_GREEK = _letters(
    "α=a β=v γ=g δ=d ε=e ζ=z η=i θ=th ι=i κ=k λ=l μ=m ν=n ξ=x ο=o π=p ρ=r σ=s ς=s τ=t υ=y φ=f χ=ch ψ=ps ω=o"
)
_GREEK_PAIRS = (
    (r"ου", "ou"),
    (r"([αεη])υ(?=[βγδζλμνραεηιουω])", r"\1v"),
    (r"([αεη])υ", r"\1f"),
    (r"γγ", "ng"),
    (r"γξ", "nx"),
    (r"γχ", "nch"),
    (r"\bμπ|μπ\b", "b"),
)


def _by_letters(text: str, letters: Letters, first: Letters | None = None) -> str:
    """Spell letter by letter.

    Args:
        first: letters that are spelled otherwise where a word begins.
    """
    made, begins = [], True
    for char in text.lower():
        latin = (first or {}).get(char) if begins else None
        made.append(letters.get(char, anyascii(char)) if latin is None else latin)
        begins = not (char.isalpha() or char in "'’ʼ")
    return "".join(made)


def _cyrillic(name: str, language: str) -> Iterator[Spelling]:
    lower = name.lower()
    if language == "uk" or (not language and re.search("[іїєґ]", lower)):
        text = lower.replace("зг", "zgh")
        yield Spelling(_by_letters(text, _UKRAINIAN, _UKRAINIAN_FIRST), "KMU 55")
    elif language == "bg":
        yield Spelling(re.sub(r"ия\b", "ia", lower).translate(_table(_BULGARIAN)), "BG 2009")
    elif language in ("sr", "mk", "bs", "me") or re.search("[ђћџљњј]", lower):
        yield Spelling(_by_letters(lower, _SERBIAN), "ISO 9")
    else:
        yield Spelling(_by_letters(lower, _RUSSIAN), "ICAO 9303")
        soft = re.sub(r"\bе|(?<=[аеёиоуыэюяйьъ])е", "ye", lower)
        yield Spelling(_by_letters(soft, _RUSSIAN_BGN), "BGN/PCGN")


def _table(letters: Letters) -> dict[int, str]:
    return {ord(letter): latin for letter, latin in letters.items()}


def _greek(name: str, _language: str) -> Iterator[Spelling]:
    # A diaeresis keeps two vowels apart; accents only say where the voice rises.
    text = unicodedata.normalize("NFD", name.lower())
    text = re.sub("[\u0300\u0301\u0313\u0314\u0342\u0345]", "", text)
    for pattern, latin in _GREEK_PAIRS:
        text = re.sub(pattern, latin, text)
    yield Spelling(_by_letters(text.replace("\u0308", ""), _GREEK), "ELOT 743")


# --- Scripts without vowels ---

_ARABIC_NAMES = _letters("""
محمد=Muhammad أحمد=Ahmad احمد=Ahmad محمود=Mahmoud علي=Ali حسن=Hassan حسين=Hussein عمر=Omar عثمان=Othman
خالد=Khaled إبراهيم=Ibrahim ابراهيم=Ibrahim إسماعيل=Ismail اسماعيل=Ismail يوسف=Youssef موسى=Moussa
عيسى=Issa داود=Daoud سليمان=Suleiman يحيى=Yahya زكريا=Zakaria آدم=Adam نوح=Nuh يعقوب=Yacoub
مصطفى=Mustafa مرتضى=Murtada طه=Taha ياسين=Yassin حمزة=Hamza طارق=Tareq سعيد=Said سعد=Saad سالم=Salem
سامي=Sami سمير=Samir كريم=Karim جمال=Jamal كمال=Kamal رشيد=Rashid رامي=Rami هاني=Hani فادي=Fadi
شادي=Shadi وليد=Walid وسام=Wissam نبيل=Nabil عادل=Adel ماجد=Majed ماهر=Maher ناصر=Nasser منصور=Mansour
فهد=Fahd فيصل=Faisal سلطان=Sultan بدر=Badr زيد=Zaid زياد=Ziad أنس=Anas بلال=Bilal أمين=Amin أمير=Amir
أيمن=Ayman أسامة=Osama إياد=Iyad عماد=Imad عمار=Ammar جابر=Jaber جعفر=Jaafar صالح=Saleh صلاح=Salah
طلال=Talal فؤاد=Fouad قاسم=Qassem مروان=Marwan معاذ=Muadh هشام=Hisham عبد=Abd عبدالله=Abdullah
الله=Allah الدين=al-Din الزهراء=al-Zahra رحمن=Rahman الرحمن=ar-Rahman الرحيم=ar-Rahim الكريم=al-Karim
فاطمة=Fatima عائشة=Aisha خديجة=Khadija زينب=Zainab مريم=Maryam مريام=Mariam سارة=Sara هاجر=Hajar
آمنة=Amina أمينة=Amina نور=Nour نورا=Noura هدى=Huda منى=Mona سلمى=Salma ليلى=Layla سعاد=Souad
سميرة=Samira كريمة=Karima جميلة=Jamila رشيدة=Rashida نادية=Nadia دينا=Dina دعاء=Duaa آية=Aya إيمان=Iman
أمل=Amal أميرة=Amira أسماء=Asma إسراء=Isra شيماء=Shaimaa رنا=Rana ريم=Reem رانيا=Rania رشا=Rasha
سحر=Sahar شهد=Shahd غادة=Ghada فرح=Farah لينا=Lina ملاك=Malak ميساء=Maysa ندى=Nada نجلاء=Najlaa هبة=Heba
هند=Hind وفاء=Wafaa ياسمين=Yasmin حياة=Hayat بن=bin ابن=ibn بنت=bint أبو=Abu ابو=Abu أم=Umm حداد=Haddad
خوري=Khoury نجار=Najjar مصري=Masri حلبي=Halabi
""")
_HEBREW_NAMES = _letters("""
דוד=David משה=Moshe יוסף=Yosef אברהם=Avraham יצחק=Yitzhak יעקב=Yaakov שרה=Sarah רחל=Rachel לאה=Leah
רבקה=Rivka מרים=Miriam אסתר=Esther חנה=Hanna רות=Ruth נעמי=Naomi דבורה=Devora מיכאל=Michael דניאל=Daniel
גבריאל=Gavriel רפאל=Rafael שמואל=Shmuel שלמה=Shlomo אליהו=Eliyahu יהודה=Yehuda בנימין=Binyamin
שמעון=Shimon לוי=Levi אהרן=Aharon אהרון=Aharon נועם=Noam נועה=Noa תמר=Tamar מאיה=Maya יעל=Yael
שירה=Shira אורי=Uri איתי=Itai עומר=Omer אריאל=Ariel איתן=Eitan יונתן=Yonatan עידו=Ido רון=Ron גיל=Gil
טל=Tal עמית=Amit ליאור=Lior אבי=Avi חיים=Haim מאיר=Meir כהן=Cohen מזרחי=Mizrahi פרץ=Peretz ביטון=Biton
אזולאי=Azoulay פרידמן=Friedman גולדשטיין=Goldstein קליין=Klein שפירא=Shapira רוזן=Rosen ברק=Barak בר=Bar
בן=Ben בת=Bat
""")
_SILENT_MARKS = re.compile("[\u0591-\u05c7\u064b-\u065f\u0670\u0640]")


def _without_vowels(names: Letters, system: str) -> Callable[[str, str], Iterator[Spelling]]:
    def spell(name: str, _language: str) -> Iterator[Spelling]:
        words, whole = [], True
        for word in _SILENT_MARKS.sub("", name).replace("-", " ").split():
            article, rest = ("al-", word[2:]) if word.startswith("ال") and len(word) > 3 else ("", word)
            known = names.get(word) or (names.get(rest) and article + names[rest])
            whole = whole and known is not None
            words.append(known or (article + fold(rest)))
        yield Spelling(" ".join(words), system if whole else "", whole)

    return spell


# --- Scripts in which vowels stand around their consonants ---

_DEVANAGARI = _letters(
    "क=k ख=kh ग=g घ=gh ङ=n च=ch छ=chh ज=j झ=jh ञ=n ट=t ठ=th ड=d ढ=dh ण=n त=t थ=th द=d ध=dh न=n प=p फ=ph ब=b "
    "भ=bh म=m य=y र=r ल=l व=v श=sh ष=sh स=s ह=h ळ=l"
)
_DEVANAGARI_VOWELS = _letters(
    "अ=a आ=a इ=i ई=i उ=u ऊ=u ऋ=ri ए=e ऐ=ai ओ=o औ=au ा=a ि=i ी=i ु=u ू=u ृ=ri े=e ै=ai ो=o ौ=au"
)
_HALANT, _NASAL = "\u094d", "ंँ"


def _devanagari(name: str, _language: str) -> Iterator[Spelling]:
    name = unicodedata.normalize("NFD", name).replace("\u093c", "").replace("सिंह", "सिंघ")
    yield Spelling(" ".join(map(_devanagari_word, name.split())), "Hunterian")


def _devanagari_word(word: str) -> str:
    """Spell a word; the vowel that every consonant has by itself is not spoken at its end, nor between two
    consonants that have others around them."""
    made: list[str] = []
    for at, char in enumerate(word):
        after = word[at + 1 : at + 2]
        if char in _DEVANAGARI:
            made.append(_DEVANAGARI[char])
            if after not in _DEVANAGARI_VOWELS and after != _HALANT:
                made.append("ə")
        elif char in _NASAL:
            made.append("n")
        elif char == "ः":
            made.append("h")
        elif char != _HALANT:
            made.append(_DEVANAGARI_VOWELS.get(char, anyascii(char)))
    text = re.sub("(?<=.[^aeiouə])ə$", "" if len(made) > 2 else "a", "".join(made))
    if "\u094d" in word[-3:-1] and word[-1] in _DEVANAGARI:
        text += "a"  # a cluster is not left without its vowel: शर्मा, चन्द्र
    text = re.sub("(?<=[aeiouə][^aeiouə])ə(?=[^aeiouəh]h?[aeiou])", "", text)
    return text.replace("ə", "a")


_THAI_FIRST = _letters(
    "ก=k ข=kh ฃ=kh ค=kh ฅ=kh ฆ=kh ง=ng จ=ch ฉ=ch ช=ch ซ=s ฌ=ch ญ=y ฎ=d ฏ=t ฐ=th ฑ=th ฒ=th ณ=n ด=d ต=t "
    "ถ=th ท=th ธ=th น=n บ=b ป=p ผ=ph ฝ=f พ=ph ฟ=f ภ=ph ม=m ย=y ร=r ล=l ว=w ศ=s ษ=s ส=s ห=h ฬ=l อ= ฮ=h"
)
_THAI_LAST = {
    **dict.fromkeys("กขคฆ", "k"),
    **dict.fromkeys("จฉชซฌฎฏฐฑฒดตถทธศษส", "t"),
    **dict.fromkeys("บปผฝพฟภ", "p"),
    **dict.fromkeys("ญณนรลฬ", "n"),
    **_letters("ง=ng ม=m ย=i ว=o อ=o ห= ฮ="),
}
_THAI = "[ก-ฮ]"
_THAI_CLUSTER = "(?:[กขคตปผพ][รลว]|ห[งญนมยรลว]|ทร|[ก-ฮ])"
# Vowels as they stand around what begins a syllable, the longest first.
_THAI_VOWELS = tuple(
    (re.compile(pattern.replace("C", f"({_THAI_CLUSTER})")), latin)
    for pattern, latin in (
        ("เCียะ?", "ia"), ("เCือะ?", "uea"), ("เCาะ", "o"), ("เCอะ?", "oe"), ("เCิ", "oe"), ("เCย", "oei"),
        ("เCา", "ao"), ("เC็", "e"), ("แC็", "ae"), ("เCะ?", "e"), ("แCะ?", "ae"), ("โCะ?", "o"),
        ("[ใไ]Cย?", "ai"), ("Cัวะ?", "ua"), ("Cัย", "ai"), ("Cรร(?=[ก-ฮ])", "a"), ("Cรร", "an"), ("Cั", "a"),
        ("Cะ", "a"), ("Cำ", "am"), ("Cาว", "ao"), ("Cาย", "ai"), ("Cา", "a"), ("Cิว", "io"), ("Cิ", "i"),
        ("Cี", "i"),
        ("C[ึื]อ?", "ue"), ("Cุ", "u"), ("Cู", "u"), ("C็อ", "o"), ("Cอย", "oi"), ("Cอ(?![าิีึืุูัะำ็])", "o"),
    )
)  # fmt: skip


def _thai(name: str, _language: str) -> Iterator[Spelling]:
    text = re.sub("(?:[ทตด]ร|[ก-ฮ])[ิุ]?\u0e4c", "", unicodedata.normalize("NFC", name).replace("ํา", "ำ"))
    text = re.sub("[\u0e48-\u0e4b]", "", text)  # tones
    yield Spelling(" ".join(map(_thai_word, text.split())), "RTGS")


def _thai_word(word: str) -> str:
    """Spell a word syllable by syllable: what begins one, its vowel, and a consonant that ends it."""
    made, at = [], 0
    while at < len(word):
        found = next(
            ((match, latin) for vowel, latin in _THAI_VOWELS if (match := vowel.match(word, at))), None
        )
        if found is not None:
            match, vowel = found
            at = match.end()
            made.append(_thai_first(match[1]) + vowel)
            ends = vowel not in ("ai", "ao", "am", "an", "oi", "oei", "io")
        elif re.match(f"{_THAI}{{2}}", word[at:]) and not _begins_thai(word, at + 1):
            ends = not _stands_alone(word, at + 2)
            made.append(_thai_first(word[at]) + ("o" if ends else "a"))
            at += 1
        else:
            made.append(
                _THAI_FIRST.get(word[at], anyascii(word[at])) + ("a" if word[at] in _THAI_FIRST else "")
            )
            at, ends = at + 1, False
        if ends and word[at : at + 1] in _THAI_LAST and not _begins_thai(word, at):
            if _stands_alone(word, at + 1):
                continue
            made.append(_THAI_LAST[word[at]])
            at += 1
    return "".join(made)


def _stands_alone(word: str, at: int) -> bool:
    """Tell whether one consonant is left there, which ends a syllable with the one before: พร is phon."""
    return len(word) == at + 1 and word[at] in _THAI_FIRST


def _begins_thai(word: str, at: int) -> bool:
    """Tell whether a consonant has a vowel of its own, and so begins a syllable."""
    return any(vowel.match(word, at) for vowel, _ in _THAI_VOWELS)


def _thai_first(consonants: str) -> str:
    if len(consonants) == 2 and consonants[0] in "หท":
        return "s" if consonants == "ทร" else _THAI_FIRST[consonants[1]]
    return "".join(_THAI_FIRST[one] for one in consonants)


# --- East Asia ---

_KOREAN_FAMILIES = _letters(
    "김=Kim 이=Lee 박=Park 최=Choi 정=Jung 강=Kang 조=Cho 윤=Yoon 장=Jang 임=Lim 한=Han 오=Oh 서=Seo "
    "신=Shin 권=Kwon 황=Hwang 안=Ahn 송=Song 류=Ryu 유=Yoo 홍=Hong 전=Jeon 고=Ko 문=Moon 손=Son 양=Yang "
    "배=Bae 백=Baek 허=Heo 남=Nam 심=Shim 노=Noh 하=Ha 곽=Kwak 성=Sung 차=Cha 주=Joo 우=Woo 구=Koo 나=Na "
    "민=Min 진=Jin 지=Ji 엄=Um 원=Won 천=Chun 방=Bang"
)


def _korean(name: str, _language: str) -> Iterator[Spelling]:
    family, given = _family_first(name)
    spelled = "".join(anyascii(char).lower() for char in given)
    if family in _KOREAN_FAMILIES:
        yield Spelling(f"{_KOREAN_FAMILIES[family]} {spelled}", "passport")
    yield Spelling(f"{anyascii(family)} {spelled}".strip(), "Revised Romanization")


def _han(name: str, language: str) -> Iterator[Spelling]:
    others = readings(name)[1:]
    if language in ("ja", "ko", "vi"):
        system = {"ja": "Hepburn", "ko": "Revised Romanization", "vi": ""}[language]
        yield from (Spelling(other, system) for other in others[:1])
    parts = re.split("[·・]", name)
    words = parts if len(parts) > 1 else _family_first(name)
    pinyin = ("".join(anyascii(char).lower() for char in word if char.isalpha()) for word in words)
    yield Spelling(" ".join(pinyin).strip(), "Pinyin")
    yield from (Spelling(other, "Hepburn") for other in others[:1] if language == "")


def _kana(name: str, _language: str) -> Iterator[Spelling]:
    """Spell kana as Japanese passports do: a long vowel like a short one."""
    if _HAN.search(name):
        yield from (Spelling(reading, "Hepburn") for reading in readings(name)[1:2])
        return
    yield Spelling(re.sub("(o)[ou]|(u)u", r"\1\2", fold(name)), "Hepburn")


def _family_first(name: str) -> Sequence[str]:
    """Cut a name that is written without a space after its family name."""
    if " " in name:
        family, _, given = name.partition(" ")
        return family, given.replace(" ", "")
    length = 2 if name[:2] in DOUBLE_SURNAMES else 1
    return name[:length], name[length:]


_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_LATIN = re.compile("[\u0000-\u024f\u1e00-\u1eff]")
_SCRIPTS: tuple[tuple[re.Pattern[str], Callable[[str, str], Iterator[Spelling]]], ...] = (
    (re.compile("[\u0400-\u052f]"), _cyrillic),
    (re.compile("[\u0370-\u03ff\u1f00-\u1fff]"), _greek),
    (re.compile("[\u0590-\u05ff]"), _without_vowels(_HEBREW_NAMES, "passport")),
    (re.compile("[\u0600-\u06ff\u0750-\u077f]"), _without_vowels(_ARABIC_NAMES, "passport")),
    (re.compile("[\u0900-\u097f]"), _devanagari),
    (re.compile("[\u0e00-\u0e7f]"), _thai),
    (re.compile("[\u3040-\u30ff]"), _kana),
    (re.compile("[\uac00-\ud7a3]"), _korean),
    (_HAN, _han),
)

"""How alike two names are, whatever scripts and spellings they are written in.

A name is compared on three levels: as it reads in Latin letters (`fold`), word by word, and by its consonants
alone (`skeleton`), because vowels are what scripts and offices write most differently. `NameKey` holds both
for a name that is compared many times; both are what an index of names is made of.

Leaves to others: which names are candidates at all (the index), and what a score means for a case.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from anyascii import anyascii
from rapidfuzz.fuzz import ratio

from node.domain.names.han import DOUBLE_SURNAMES, JAPANESE_GIVEN, JAPANESE_SURNAMES, KOREAN, VIETNAMESE

# Characters of a name that are read; no name is longer, and whatever follows is ignored.
MAX_NAME = 200
# Characters whose Latin form is kept in memory: all that people write with, and not all of Unicode.
_REMEMBERED = 32_768
# Words of names whose forms are kept in memory, about 2 MB: the names of a first pull repeat.
_WORDS_REMEMBERED = 8_192
# Words of a name that are compared: an office may write a whole lineage, but never this many words.
_MAX_WORDS = 12
_WEIGHT_WHOLE, _WEIGHT_WORDS, _WEIGHT_SKELETON = 0.40, 0.25, 0.35


class NameKey(NamedTuple):
    """One reading of a name, ready to be compared.

    Attributes:
        fold: its words in Latin letters, one space apart.
        skeleton: the consonants of the same words.
    """

    fold: str
    skeleton: str


def fold(text: str) -> str:
    """Write a name in small Latin letters, its words one space apart.

    Case, accents, width, vowel signs and punctuation vanish. Han is read in Mandarin; see `readings`.

    Args:
        text: any text; what lies beyond `MAX_NAME` characters is not read.
    """
    text = text[:MAX_NAME]
    if text.isascii():
        return _latin(text.lower())
    if _FAMILY_FIRST.fullmatch(text):
        # 王小明 is a family name and a given name; in 奥莱娜·舍甫琴科 a separator tells.
        text = f"{text[:2]} {text[2:]}" if text[:2] in DOUBLE_SURNAMES else f"{text[:1]} {text[1:]}"
    return " ".join(filter(None, map(_fold_word, text.split(" "))))


@lru_cache(_WORDS_REMEMBERED)
def _fold_word(word: str) -> str:
    return _latin(_spell_out(unicodedata.normalize("NFKC", word).lower()))


def readings(text: str) -> list[str]:
    """Give every way to read a name: its `fold` first, then the Japanese, Korean and Vietnamese of Han."""
    first = fold(text)
    if text.isascii() or not _HAN.search(text):
        return [first]
    text = unicodedata.normalize("NFKC", text[:MAX_NAME])
    others = (_japanese(text), _by_syllable(text, KOREAN), _by_syllable(text, VIETNAMESE))
    return list(dict.fromkeys((first, *(fold(other) for other in others if other))))


def similar_skeletons(word: str) -> set[str]:
    """Give what one skeleton may be elsewhere: itself, and with one sound lost, won or heard differently.

    Args:
        word: one word of a `skeleton`.
    """
    similar = {word}
    for at in range(len(word) + 1):
        before, after = word[:at], word[at:]
        similar.update(before + sound + after for sound in _FLEETING)
        if after:
            similar.update(before + sound + after[1:] for sound in (*_CONFUSED.get(after[0], ""), ""))
    similar.discard("")
    return similar


def name_keys(names: Iterable[str]) -> list[NameKey]:
    """Give the keys of all readings of all names of one person, each once."""
    folds = list(dict.fromkeys([reading for name in names for reading in readings(name) if reading]))
    return [NameKey(reading, skeleton_of(reading)) for reading in folds]


def key_score(query: list[NameKey], names: list[NameKey]) -> float:
    """Say how alike a name is to the most alike of the names of one person, from 0 to 1.

    Words may come in another order, and the query may leave words out.

    Args:
        query: keys of the name that is looked for, in any script (`name_keys`).
        names: those of one person's names: legal, nicknames, transliterations.
    """
    return max((_pair_score(asked, name) for asked in query for name in names), default=0.0)


def _pair_score(query: NameKey, name: NameKey) -> float:
    if query.fold == name.fold:
        return 1.0
    asked, known = query.fold.split()[:_MAX_WORDS], name.fold.split()[:_MAX_WORDS]
    asked_bones, known_bones = query.skeleton.split()[:_MAX_WORDS], name.skeleton.split()[:_MAX_WORDS]
    whole = _whole(asked, known)
    words = max(_words(asked, known), whole)
    bones = max(_words(asked_bones, known_bones), _whole(asked_bones, known_bones))
    return _WEIGHT_WHOLE * whole + _WEIGHT_WORDS * words + _WEIGHT_SKELETON * bones


def _whole(asked: list[str], known: list[str]) -> float:
    """Compare without regard to where words end: `Min-su`, `Minsu`; in the order given and the other way."""
    together = "".join(asked)
    best = ratio(together, "".join(known))
    if len(known) > 1:
        best = max(best, ratio(together, "".join(known[-1:] + known[:-1])))
    if len(known) > 2:
        best = max(best, ratio(together, "".join(known[1:] + known[:1])))
    return best / 100


def _words(asked: list[str], known: list[str]) -> float:
    """Find for every word asked for the word most alike, each used once; long words count for more."""
    total = got = 0.0
    left = known
    for word in sorted(asked, key=len, reverse=True):
        scores = [ratio(word, other) for other in left]
        best = max(scores, default=0.0)
        if scores:
            at = scores.index(best)
            left = left[:at] + left[at + 1 :]
        total += len(word)
        got += len(word) * best
    return got / total / 100 if total else 0.0


# --- From any script to Latin letters ---


class _Letters(dict[int, str]):
    """Characters in Latin letters, each looked up once and remembered: `str.translate` runs it at C speed."""

    def __missing__(self, point: int) -> str:
        # Letters, marks (vowel signs) and numerals are read; a picture of a child is not the word for it.
        latin = anyascii(chr(point)) if unicodedata.category(chr(point))[0] in "LMN" else ""
        latin = "".join(filter(str.isalnum, latin.lower()))
        if point >= _FIRST_IDEOGRAPH:
            # In Pinyin alone these are sibilants: 琴 qin and 小 xiao are heard as chin and shao.
            latin = latin.replace("q", "ch").replace("x", "sh")
        if len(self) < _REMEMBERED:
            self[point] = latin
        return latin


_SEPARATORS = ' \t\r\n\x0b\x0c-‐‑‒–—―_・·,;./\\|()[]{}<>=+&:!?"«»“”„、，。־'
# Letters whose usual Latin form says something else than what the other scripts hear.
_HEARD = {
    "ch": "çčćचछচছਚચச", "sh": "šşśщשशषশষશஷ", "ts": "ţțц", "ss": "ß", "ny": "ñ",
    "ks": "ξ", "ps": "ψ", "th": "θ",
    "a": "äåأاٱآةىعאע", "e": "эے", "i": "йηυإئ", "o": "øöёؤ", "u": "ü", "h": "хχھח", "j": "ж", "zh": "ž",
    "g": "ґغگ", "k": "کכךק", "p": "פ", "f": "ף", "b": "ב", "v": "β", "y": "ی", "n": "ںंংਂંംಂంੰँ",
}  # fmt: skip


def _table() -> _Letters:
    table = _Letters({ord(mark): " " for mark in _SEPARATORS})
    table.update({ord(char): latin for latin, chars in _HEARD.items() for char in chars})
    silent = "ьъ'’‘ʼʻ`´ءـーッっğ"
    table.update({ord(char): "" for char in silent})
    return table


class _Script(NamedTuple):
    """What a script writes by context: rules that run before its letters are read one by one."""

    present: re.Pattern[str]
    rules: tuple[tuple[re.Pattern[str], str], ...]


def _script(present: str, *rules: tuple[str, str]) -> _Script:
    return _Script(re.compile(present), tuple((re.compile(pattern), put) for pattern, put in rules))


_FIRST_IDEOGRAPH = 0x3400
_LETTERS = _table()
_SCRIPTS = (
    _script(
        "[\u0370-\u03ff]",
        ("\u0301|\u0308|\u0342|\u0313|\u0314|\u0345|\u0300", ""),
        ("γι(?=[αεοωου])", "y"),
        ("γου(?=[αεοι])", "w"),
        ("μπ", "b"),
        ("ντ", "d"),
        ("γκ", "g"),
        ("γγ", "ng"),
        ("τζ", "j"),
        ("ου", "u"),
        ("([αε])υ(?=[βγδζλμνραεηιοω])", r"\1v"),
        ("([αε])υ", r"\1f"),
    ),
    _script("[\u0530-\u058f]", ("ու", "u")),
    _script("[\u0400-\u04ff]", ("дж", "j"), ("чж", "ch"), ("[ыиі]й\\b", "i")),
    _script(
        "[\u0590-\u05ff]",
        ("ג['׳]", "j"),
        ("[צץ]['׳]", "ch"),
        ("ז['׳]", "zh"),
        ("ח['׳]", "kh"),
        ("וו|\\bו", "v"),
        ("ו", "o"),
        ("(?<=\\w)יי?", "i"),
        ("(?<=\\w)ה\\b", "a"),
    ),
    _script(
        "[\u0600-\u06ff]",
        ("[\u064b-\u065f\u0670]", ""),
        ("\\bال(?=\\w{3})", "al "),
        ("\\bو", "w"),
        ("(?<=\\w)و", "o"),
        ("(?<=\\w)[يی]", "i"),
        ("(?<=\\w)ه\\b", "a"),
        ("نغ", "ng"),
    ),
    # A letter under thanthakhat is not spoken, nor mostly ห before one that it leads; เ–ียว is one sound; a
    # vowel written before its consonant is spoken after it.
    _script(
        "[\u0e00-\u0eff]",
        ("[ก-ฮ][\u0e34\u0e38]?\u0e4c", ""),
        ("ห(?=[งญนมยรลว][ก-\u0e4b])", ""),
        ("เ([ก-ฮ])\u0e35[\u0e48-\u0e4b]?ยว", r"\1iao"),
        ("([เแโใไເແໂໃໄ])([ก-ฮກ-ຮ])", r"\2\1"),
    ),
)
_IDEOGRAPHS = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_HAN = re.compile(f"[{_IDEOGRAPHS}]")
_FAMILY_FIRST = re.compile(f"[{_IDEOGRAPHS}\uac00-\ud7a3]{{2,4}}")
_GREEK = re.compile("[\u0370-\u03ff\u1f00-\u1fff]")
_ARTICLE = re.compile(r"\b(?:al|el|ul|ar|as|ash|an|ad|az|at|er|es|ed|аль|ар|ас|аш|ан|ад|аз|ат|эль|אל)-(?=\w)")


def _latin(text: str) -> str:
    if "-" in text:
        text = _ARTICLE.sub("al ", text)
    return " ".join(text.translate(_LETTERS).split())


def _spell_out(text: str) -> str:
    """Apply the rules that look at more than one character."""
    if _GREEK.search(text):
        text = unicodedata.normalize("NFD", text)
    for script in _SCRIPTS:
        if script.present.search(text):
            for pattern, put in script.rules:
                text = pattern.sub(put, text)
    return text


def _japanese(text: str) -> str:
    """Read a Japanese name whose family name is known; what is not known stays as it is written."""
    compact = text.replace(" ", "")
    for length in (3, 2, 1):
        family, given = compact[:length], compact[length:]
        if family in JAPANESE_SURNAMES:
            return f"{JAPANESE_SURNAMES[family]} {JAPANESE_GIVEN.get(given, given)}"
    return ""


def _by_syllable(text: str, table: dict[str, str]) -> str:
    """Read a name of two to four characters, all of them known; a family name of one comes first."""
    syllables = [table.get(char, "") for char in text.replace(" ", "")]
    if not 2 <= len(syllables) <= 4 or not all(syllables):
        return ""
    return f"{syllables[0]} {''.join(syllables[1:])}"


# --- From Latin letters to consonants ---

# Applied in this order to " fold ". Sibilants are one class (Шевченко is Chevtchenko and Σεβτσένκο), so are
# lips (ב is b and v, ف is f and v), l and r, k and g, t and d.
_SOUNDS = (
    (" x", " s"), (" qi", " si"), (" al ", " "), (" el ", " "), (" ul ", " "), ("tsch", "s"), ("tch", "s"),
    ("sch", "s"), ("ch", "s"), ("sh", "s"), ("zh", "s"), ("kh", "h"), ("gh", "g"), ("ph", "f"), ("th", "t"),
    ("dh", "t"), ("bh", "b"), ("ngh", "n"), ("ng", "n"), ("nk ", "n "), ("ck", "k"), ("ce", "se"),
    ("ci", "si"), ("cy", "sy"), ("cz", "s"), ("x", "ks"), ("ts", "s"), ("tz", "s"), ("dz", "s"),
    ("dj", "s"), ("tj", "s"), ("h ", " "), (" a", " A"), (" e", " A"), (" i", " A"), (" o", " A"),
    (" u", " A"), (" y", " A"),
)  # fmt: skip
_CLASSES = str.maketrans("bpfvwdtgkqclrmnszjh", "PPPPPTTKKKKLLMNSSSH", "aeiouy")
_DOUBLED = tuple((letter * times, letter) for letter in "PTKLMNSH" for times in (3, 2))

# What one language speaks and another leaves out, and what they hear differently, by counting both in
# bench/names/corpus.json.
_FLEETING = "LNSHKA"
_CONFUSED = {"A": "HSKP", "H": "APK", "S": "ATLP", "K": "AH", "P": "HSA", "T": "S", "L": "S"}


def skeleton_of(folded: str) -> str:
    """Give the consonants of words in Latin letters (`fold`), one space apart; vowels alone vanish."""
    return " ".join(filter(None, map(_consonants, folded.split(" "))))


class Joint(NamedTuple):
    """Neighbouring words of a `fold` as one: Ji Young is Jiyoung elsewhere.

    Attributes:
        begin, end: which words, as of a slice.
        skeleton: the consonants of the one word, never empty.
    """

    begin: int
    end: int
    skeleton: str


def joints(words: Sequence[str]) -> Iterator[Joint]:
    """Give every two neighbours as one word, also across an article: Abd al Rahman is Abdurrahman."""
    for at in range(len(words) - 1):
        ends = [at + 2] if _consonants(words[at + 1]) else [at + 2, at + 3]
        for end in ends:
            if end <= len(words) and (bones := skeleton_of("".join(words[at:end]))):
                yield Joint(at, end, bones)


@lru_cache(_WORDS_REMEMBERED)
def _consonants(word: str) -> str:
    text = f" {word} "
    for sound, simpler in _SOUNDS:
        text = text.replace(sound, simpler)
    text = text.translate(_CLASSES)
    for doubled, single in _DOUBLED:
        text = text.replace(doubled, single)
    return text.strip()

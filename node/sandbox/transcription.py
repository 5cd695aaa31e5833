"""A foreign name as somebody hears it and types it in Cyrillic: for trying the search, not for records.

It follows the ear, roughly, as a person at a counter does; no standard of transliteration is meant.
"""

import unicodedata

_SOUNDS = {
    "shch": "щ",
    "tch": "ч",
    "sh": "ш",
    "ch": "ч",
    "zh": "ж",
    "kh": "х",
    "ts": "ц",
    "ph": "ф",
    "th": "т",
    "gh": "г",
    "bh": "бх",
    "dh": "дх",
    "ck": "к",
    "qu": "кв",
    "ya": "я",
    "yu": "ю",
    "yo": "ё",
    "ye": "е",
    "yi": "і",
    "ee": "и",
    "oo": "у",
    "a": "а",
    "b": "б",
    "c": "к",
    "d": "д",
    "e": "е",
    "f": "ф",
    "g": "г",
    "h": "х",
    "i": "и",
    "j": "дж",
    "k": "к",
    "l": "л",
    "m": "м",
    "n": "н",
    "o": "о",
    "p": "п",
    "q": "к",
    "r": "р",
    "s": "с",
    "t": "т",
    "u": "у",
    "v": "в",
    "w": "в",
    "x": "кс",
    "y": "й",
    "z": "з",
}
_LONGEST = max(map(len, _SOUNDS))


def write_in_cyrillic(latin: str) -> str:
    """Write a name that is given in Latin letters in Cyrillic, by ear."""
    plain = unicodedata.normalize("NFD", latin.lower())
    return " ".join(_write_word(word).capitalize() for word in plain.split())


def _write_word(word: str) -> str:
    written, place = "", 0
    while place < len(word):
        for length in range(_LONGEST, 0, -1):
            sound = word[place : place + length]
            if sound in _SOUNDS:
                written += _SOUNDS[sound]
                place += length
                break
        else:  # an accent or a sign that nobody would type
            place += 1
    return written

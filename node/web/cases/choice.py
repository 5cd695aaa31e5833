"""Which name and which words of a case a reader gets first: those that they can read.

Guarantees: pages and posters choose in this one way. What a program translated never comes before what
somebody wrote, but in the reader's own language.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from node.domain.scripts import reads, script_of, scripts_in


def order_names(names: Sequence[Mapping[str, Any]], language: str) -> list[Mapping[str, Any]]:
    """Put the names of a child in order: first the principal one, or where that is in another script than the
    reader's its spelling in theirs, else in Latin letters; then the others as they are given.

    Args:
        names: the principal one first, as the schemas have them: its owner knows by which a child is known.
        language: the reader's, as a BCP 47 tag.
    """
    spellings = [name for name in names if _is_spelling(name, names[0])]
    script = script_of(language)
    readable = [name for wanted in (script, "Latn") for name in spellings if reads(wanted, _scripts(name))]
    first = next(iter(readable), None)
    return sorted(names, key=lambda name: name is not first)


def choose_words(texts: Mapping[str, Mapping[str, str]], language: str) -> str:
    """Choose of a text the language that the reader reads best: theirs, else one of the same script, else
    English, else one in Latin letters, else what its owner wrote.

    Args:
        texts: at least one, by language.
        language: the reader's, as a BCP 47 tag.

    Returns: its tag.
    """
    wanted, script = language.partition("-")[0].lower(), script_of(language)

    def rank(tag: str) -> tuple[bool, ...]:
        text, code = texts[tag], tag.partition("-")[0].lower()
        written = scripts_in(text["text"]) if code == "und" else {script_of(tag)}
        return (
            code != wanted,
            text["origin"] == "machine",
            not reads(script, written),
            code != "en",
            written != {"Latn"},
            text["origin"] != "original",
        )

    return min(texts, key=rank)


def _is_spelling(name: Mapping[str, Any], principal: Mapping[str, Any]) -> bool:
    """Tell whether a name is the principal one, spelled in some way, and no other that the child goes by."""
    of: str | None = name.get("transliteration_of")
    kinds = {one.get("kind", "legal") for one in (name, principal)}
    return of == principal["full"] if of else len(kinds) == 1


def _scripts(name: Mapping[str, Any]) -> set[str]:
    return {name["script"]} if name.get("script") else scripts_in(name["full"])

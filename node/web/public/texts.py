"""The texts of the site, as translators get them.

`python -m node.web.public.texts` brings the file of every language that there is one for up to date;
`python -m node.web.public.texts LANGUAGE` begins one. Of the words for fields and codes of a case only those
are asked for that the public part of a summary can have, by its schema.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from babel.messages.catalog import Catalog

from node.web.languages import path_of
from node.web.public.request import DOMAIN, LANGUAGES
from node.web.texts import NODE, Found, make_catalog, texts_in_folder, texts_of_module, update_texts
from schemas import Schemas

_CASES = NODE / "web" / "cases"


def extract_texts() -> Catalog:
    """Return every text that a reader of the site may see."""
    return make_catalog(DOMAIN, _found())


def update_all(*begun: str) -> None:
    """Bring the files up to date.

    Args:
        begun: languages that get a file if they have none.
    """
    there = {
        language: name
        for language, name in LANGUAGES.items()
        if language != "en" and (language in begun or path_of(DOMAIN, language).is_file())
    }
    update_texts(DOMAIN, extract_texts(), there, "site")


def _found() -> Iterator[Found]:
    yield from texts_in_folder(NODE / "web" / "public")
    for name in ("maps.py", "text.py"):
        yield from texts_of_module(_CASES / name)
    yield from texts_of_module(NODE / "web" / "topics.py")
    shown = words_of_public()
    path = _CASES / "words.py"
    for table in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(table, ast.Dict):
            for key, value in zip(table.keys, table.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(value, ast.Call) and key.value in shown:
                    (text,) = value.args
                    assert isinstance(text, ast.Constant), "a word is written out"
                    yield path, text.lineno, str(text.value), [], None


def words_of_public() -> set[Any]:
    """Return the names of fields and the codes that the public part of a summary can have."""
    summary = Schemas.packaged().schema("summary")
    return set(_words(summary["properties"]["public"], summary["$defs"], set()))


def _words(schema: Any, terms: Mapping[str, Any], seen: set[str]) -> Iterator[Any]:
    if isinstance(schema, dict):
        term = str(schema.get("$ref", "")).rpartition("/")[2]
        if term and term not in seen:
            seen.add(term)
            yield from _words(terms[term], terms, seen)
        for name, inner in schema.get("properties", {}).items():
            if inner is not False:
                yield name
        yield from schema.get("enum", ())
        yield from ([schema["const"]] if "const" in schema else [])
        for inner in schema.values():
            yield from _words(inner, terms, seen)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _words(inner, terms, seen)


if __name__ == "__main__":
    update_all(*sys.argv[1:])

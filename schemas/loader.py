"""Reads the JSON Schemas in force and holds values against them.

Guarantees: one verdict, by one validator (jsonschema-rs) whose patterns match in linear time; no schema can
make it fetch anything; every problem is named by its path in plain words, and no text that came with a value
is ever repeated in one. What values mean to each other (a head and its leaf, two dates) is left to others.
"""

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Any, NamedTuple

from jsonschema_rs import (
    Draft202012Validator,
    ReferencingError,
    RegexOptions,
    ValidationError,
    ValidationErrorKind,
    meta,
)

MAX_SCHEMA_BYTES = 1 << 18
MAX_PROBLEMS = 50

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PARTS = {"summary": ("head", "public", "network"), "supplement": ("head", "police")}
"""The kinds that are made of parts. A field that is known in one part is an error in any other."""

_ALL_PARTS = [(kind, part) for kind, parts in PARTS.items() for part in parts]
_SUFFIX = ".v1.json"
_TERMS = "terms" + _SUFFIX
_OTHERS = "additionalProperties"
_LOCAL_REF = re.compile(r"(?:#|terms\.v1\.json#)/\$defs/[A-Za-z0-9]+", re.ASCII)
_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_LANGUAGE_KEY = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}", re.ASCII)

Schema = dict[str, Any]
Path = Sequence[str | int]


class Problem(NamedTuple):
    """One thing that is wrong with a value.

    Attributes:
        path: where, such as "public.names[0].full"; empty for the whole value.
        message: what, in plain words and without the value.
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class SchemaError(Exception):
    """A value does not fit its schema, or a schema is not one that may be used.

    Attributes:
        kind: the schema that was asked for, or the file that is no usable schema.
        problems: every problem, at most MAX_PROBLEMS.
    """

    def __init__(self, kind: str, problems: Sequence[Problem]) -> None:
        self.kind = kind
        self.problems = tuple(problems)
        super().__init__(f"{kind}: " + "; ".join(map(str, self.problems)))


class Schemas:
    """The schemas in force, ready to use. Immutable, and safe to share between threads."""

    def __init__(self, sources: Mapping[str, bytes]) -> None:
        """Load schemas from their files' bytes, by file name.

        Raises:
            SchemaError: a file is no JSON Schema, or one that could reach outside or be slow to match.
        """
        parsed = {name: _parse_schema(name, data) for name, data in sources.items()}
        terms = parsed.pop(_TERMS)
        self._schemas = {name.removesuffix(_SUFFIX): _bundle(name, s, terms) for name, s in parsed.items()}
        self._validators = {kind: _compile(kind, schema) for kind, schema in self._schemas.items()}
        self._shapes = {
            (kind, part): _part_shape(kind, part, self._schemas[kind]) for kind, part in _ALL_PARTS
        }

    @classmethod
    def packaged(cls) -> "Schemas":
        """Return the schemas that came with the program."""
        return _packaged()

    @classmethod
    def with_overrides(cls, overrides: Mapping[str, bytes]) -> "Schemas":
        """Load the packaged schemas with those that the network distributes in their place.

        Args:
            overrides: by file name ("summary.v1.json"). Other major versions are passed over: they are other
                schemas, which this program does not know.

        Raises:
            SchemaError: see the constructor.
        """
        packaged = _packaged_files()
        known = {name: data for name, data in overrides.items() if name.endswith(_SUFFIX)}
        if known.items() <= packaged.items():  # as in most networks
            return _packaged()
        return cls({**packaged, **known})

    @property
    def kinds(self) -> frozenset[str]:
        """What can be checked: "summary", "leaf" and so on."""
        return frozenset(self._schemas)

    def schema(self, kind: str) -> Schema:
        """Give a schema with its vocabulary bundled in. It is shared: read it, do not change it."""
        return self._schemas[kind]

    def check(self, kind: str, value: Any) -> None:
        """Hold a value against a schema.

        Args:
            kind: one of `kinds`.
            value: as parsed from JSON; a document as {"head": {...}, "public": {...}, "network": {...}}.

        Raises:
            SchemaError: with every problem.
        """
        validator = self._validators[kind]
        try:
            if validator.is_valid(value):
                return
            errors = list(islice(validator.iter_errors(value), MAX_PROBLEMS))
        except ValueError:
            # Half a surrogate pair, a key that is no text: nothing that came from JSON in UTF-8.
            raise SchemaError(kind, [Problem("", "holds what JSON in UTF-8 cannot")]) from None
        problems = dict.fromkeys(problem for error in errors for problem in self._explain(kind, value, error))
        raise SchemaError(kind, list(problems)[:MAX_PROBLEMS])

    def fields(self, kind: str, part: str) -> tuple[str, ...]:
        """Name the fields that a part may hold, but for its salt."""
        properties = self._schemas[kind]["properties"][part]["properties"]
        return tuple(name for name, schema in properties.items() if schema is not False and name != "salt")

    def keep_known(self, kind: str, part: str, value: Mapping[str, Any]) -> dict[str, Any]:
        """Copy the content of a part without whatever its schema does not name, at any depth.

        For writing: a reader keeps what it does not know, but nobody should send what no schema describes.
        """
        kept: dict[str, Any] = self._shapes[kind, part].keep(value)
        return kept

    def _explain(self, kind: str, value: Any, error: ValidationError) -> Iterator[Problem]:
        """Say in plain words what an error is; one error can hold several problems."""
        path, place, why = error.instance_path, error.schema_path, error.kind
        rule = _follow(self._schemas[kind], place[:-1])
        show = self._format_path
        match why:
            case ValidationErrorKind.Required():
                reason = f": {rule['$comment']}" if "$comment" in rule else ""
                yield Problem(show([*path, why.property]), "is missing" + reason)
            case ValidationErrorKind.AdditionalProperties():
                for name in why.unexpected:
                    yield Problem(show(path), _unknown_field(name, rule["properties"]))
            case ValidationErrorKind.FalseSchema():
                yield Problem(show(path), self._misplaced(kind, path))
            case ValidationErrorKind.PropertyNames():
                inner = _follow(self._schemas[kind], why.error.schema_path[:-1])
                yield Problem(show(path), f"every key must be {inner.get('title', 'of another form')}")
            case ValidationErrorKind.Not():
                yield Problem(show(path), rule["not"].get("$comment", "is not allowed"))
            case _:
                found = _follow(value, path)
                yield Problem(show(path), f"{_requirement(rule, str(place[-1]))}; got {_describe(found)}")

    def _misplaced(self, kind: str, path: Path) -> str:
        if kind not in PARTS:
            return "must not be here"
        if len(path) == 1:
            return f"a {kind} has no such part"
        homes = dict.fromkeys(part for document, part in _ALL_PARTS if path[1] in self.fields(document, part))
        if not homes:
            return "never leaves the owner's own register"
        return f"belongs in {' or '.join(homes)}, not in {path[0]}"

    def _format_path(self, path: Path) -> str:
        """Write a path such as "public.names[0].full".

        Keys that are no field's name and no language's could be anything, somebody's name too: they are
        written "?".
        """
        text = ""
        for step in path:
            if isinstance(step, int):
                text += f"[{step}]"
            else:
                shown = step if _FIELD_NAME.fullmatch(step) or _LANGUAGE_KEY.fullmatch(step) else "?"
                text += f".{shown}" if text else shown
        return text


@cache
def _packaged() -> Schemas:
    return Schemas(_packaged_files())


@cache
def _packaged_files() -> Mapping[str, bytes]:
    folder = files("schemas")
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name.endswith(_SUFFIX)}


def _parse_schema(name: str, data: bytes) -> Schema:
    """Read a schema and refuse what could reach outside this machine or what validators disagree about."""

    def refuse(message: str) -> SchemaError:
        return SchemaError(name, [Problem("", message)])

    if len(data) > MAX_SCHEMA_BYTES:
        raise refuse(f"{len(data)} bytes, at most {MAX_SCHEMA_BYTES} are allowed")
    try:
        schema = json.loads(data)
    except (ValueError, RecursionError):
        raise refuse("is not valid JSON in UTF-8") from None
    if not isinstance(schema, dict) or schema.get("$schema") != DIALECT:
        raise refuse(f"must be an object whose $schema is {DIALECT}")
    for keyword, content in _keywords(schema):
        if keyword == "$ref" and not _LOCAL_REF.fullmatch(content):
            raise refuse("a $ref may only point to '#/$defs/...' or 'terms.v1.json#/$defs/...'")
        if keyword == "pattern" and not content.isascii():
            raise refuse("patterns must be ASCII")
        if keyword in ("$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "format"):
            raise refuse(f"the keyword {keyword} is not used in this network")
    if not meta.is_valid(schema):
        raise refuse("is not valid as a JSON Schema of draft 2020-12")
    return schema


def _keywords(schema: Any) -> Iterator[tuple[str, str]]:
    """Walk all members that are text: a property that is called like a keyword has a schema there."""
    if isinstance(schema, dict):
        for key, value in schema.items():
            if isinstance(value, str):
                yield key, value
            else:
                yield from _keywords(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from _keywords(item)


def _bundle(name: str, schema: Schema, terms: Schema) -> Schema:
    """Bring the vocabulary into a schema, so that every reference in it is to itself."""
    own = schema.get("$defs", {})
    if both := own.keys() & terms["$defs"].keys():
        raise SchemaError(name, [Problem("$defs", f"{min(both)} is already a term of {_TERMS}")])
    bundled: Schema = _point_inside({**schema, "$defs": {**terms["$defs"], **own}})
    for keyword, content in _keywords(bundled):
        if keyword == "$ref" and content.rpartition("/")[2] not in bundled["$defs"]:
            raise SchemaError(name, [Problem("", f"a $ref points to {content}, which does not exist")])
    return bundled


def _point_inside(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {
            key: value.removeprefix(_TERMS) if key == "$ref" else _point_inside(value)
            for key, value in schema.items()
        }
    if isinstance(schema, list):
        return [_point_inside(item) for item in schema]
    return schema


def _compile(kind: str, schema: Schema) -> Draft202012Validator:
    try:
        # RegexOptions chooses the engine without look-around and back-references: linear time.
        return Draft202012Validator(schema, offline=True, pattern_options=RegexOptions())
    except (ValidationError, ReferencingError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise SchemaError(kind + _SUFFIX, [Problem("", f"cannot be used as a schema: {reason}")]) from None


def _follow(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _layers(root: Schema, schema: Any) -> Iterator[Schema]:
    """Give a schema and all that it adds up from by $ref and allOf."""
    if isinstance(schema, dict):
        yield schema
        if "$ref" in schema:
            yield from _layers(root, _follow(root, schema["$ref"].split("/")[1:]))
        for part in schema.get("allOf", ()):
            yield from _layers(root, part)


def _part_shape(kind: str, part: str, schema: Schema) -> "_Shape":
    """Draw the shape of a part, which shows along the way that an overridden schema still has its parts."""
    try:
        shape = _shape(schema, [schema["properties"][part]])
    except (KeyError, TypeError, RecursionError):
        shape = None
    if shape is None or not shape.members:
        raise SchemaError(kind + _SUFFIX, [Problem("", f"describes no part `{part}`, or one without end")])
    return shape


class _Shape(NamedTuple):
    """What a schema names, with everything it adds up from: enough to leave out the rest quickly.

    Attributes:
        members: shapes by name; None for a field that belongs elsewhere.
        others: of members with any other name, such as languages; None when there are none.
        items: of the items of a list.
    """

    members: Mapping[str, "_Shape | None"]
    others: "_Shape | None"
    items: "_Shape | None"

    def keep(self, value: Any) -> Any:
        """Copy a value without what is not named."""
        if isinstance(value, dict):
            known = ((key, self.members.get(key, self.others), inner) for key, inner in value.items())
            return {key: shape.keep(inner) for key, shape, inner in known if shape is not None}
        if isinstance(value, list) and self.items is not None:
            return [self.items.keep(item) for item in value]
        return value


def _shape(root: Schema, schemas: Sequence[Any]) -> _Shape | None:
    """Draw the shape of what fits all of some schemas; None when nothing does."""
    if not schemas or False in schemas:
        return None
    layers = [layer for schema in schemas for layer in _layers(root, schema)]
    names = dict.fromkeys(name for layer in layers for name in layer.get("properties", ()))
    return _Shape(
        {
            name: _shape(root, [w["properties"][name] for w in layers if name in w.get("properties", ())])
            for name in names
        },
        _shape(root, [layer[_OTHERS] for layer in layers if _OTHERS in layer]),
        _shape(root, [layer["items"] for layer in layers if "items" in layer]),
    )


def _unknown_field(name: str, known: Mapping[str, Any]) -> str:
    """Say that a field is not known. The name is repeated only where it has the form of a field's name."""
    shown = f"`{name}`" if _FIELD_NAME.fullmatch(name) else "one of the fields"
    near = difflib.get_close_matches(name, known, n=1)
    return f"{shown} is not known here" + (f"; did you mean `{near[0]}`?" if near else "")


_WORDS = {
    "object": "an object",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


def _requirement(rule: Schema, keyword: str) -> str:
    """Say what a keyword asks for."""
    limit = rule[keyword]
    if keyword in _BOUNDS:
        bound, noun = _BOUNDS[keyword]
        return f"must {bound} {_count(limit, noun) if noun else limit}"
    if keyword in ("pattern", "type", "enum", "const") and limit != "object" and "title" in rule:
        return f"must be {rule['title']}"
    match keyword:
        case "type":
            return "must be " + " or ".join(_WORDS[t] for t in ([limit] if isinstance(limit, str) else limit))
        case "enum":
            return "must be one of " + ", ".join(map(str, limit))
        case "const":
            return f"must be {limit}"
        case "uniqueItems":
            return "must not hold an entry twice"
    return str(rule.get("$comment", "does not fit the schema"))


_BOUNDS = {
    "maxLength": ("have at most", "character"),
    "minLength": ("have at least", "character"),
    "maxItems": ("have at most", "item"),
    "minItems": ("have at least", "item"),
    "maxProperties": ("have at most", "member"),
    "minProperties": ("have at least", "member"),
    "minimum": ("be at least", ""),
    "maximum": ("be at most", ""),
}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _describe(value: Any) -> str:
    """Say what came by its type and size alone: the value itself may be about a person."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return f"text of {_count(len(value), 'character')}"
        case list() | tuple():
            return f"a list of {_count(len(value), 'item')}"
    return "an object"

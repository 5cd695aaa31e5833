"""What every test would compile anew, kept for all tests of a process: SQL, URL rules and templates. Each
test opens databases and makes applications of its own, which cost more to make than most tests to run."""

from collections import defaultdict
from collections.abc import Hashable
from typing import Any

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import Dialect, Engine, Pool
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

_OF_RULES = ("_parts", "_trace", "_converters", "_build", "_build_unknown")  # what `Rule.compile` makes


def share_compiled() -> None:
    """Keep what is compiled, for the rest of the process."""
    _share_statements()
    _share_rules()
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": _Templates()}


def _share_statements() -> None:
    kept = defaultdict[type[Dialect], LRUCache[Any, Any]](lambda: LRUCache(5000))
    begin = Engine.__init__

    def share(engine: Engine, pool: Pool, dialect: Dialect, *args: Any, **options: Any) -> None:
        begin(engine, pool, dialect, *args, **options)
        engine._compiled_cache = kept[type(dialect)]

    Engine.__init__ = share  # type: ignore[method-assign]
    # A statement is kept by its dialect, too, of which every engine has one of its own.
    DefaultDialect.__eq__ = lambda one, other: type(one) is type(other)  # type: ignore[method-assign]
    DefaultDialect.__hash__ = lambda one: hash(type(one))  # type: ignore[method-assign]


def _share_rules() -> None:
    kept: dict[Hashable, dict[str, Any]] = {}
    compile_rule = Rule.compile

    def share(rule: Rule) -> None:
        assert rule.map is not None
        kinds = tuple(rule.map.converters.items())
        key = rule.rule, rule.subdomain, rule.host, rule.merge_slashes, repr(rule.defaults), kinds
        if key not in kept:
            compile_rule(rule)
            kept[key] = {name: vars(rule)[name] for name in _OF_RULES}
        vars(rule).update(kept[key])
        rule.arguments.update(rule._converters)

    Rule.compile = share  # type: ignore[method-assign]


class _Templates(BytecodeCache):
    """Templates, by name and content."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key, bucket.checksum] = bucket.code

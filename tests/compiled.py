"""What every test would compile anew, kept for all tests of a process: SQL, URL rules and templates. Each
test opens databases and makes applications of its own, which cost more to make than most tests to run."""

from collections import defaultdict
from collections.abc import Callable, Hashable
from typing import Any

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import Dialect, Engine, Pool
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule


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
    kept: dict[Hashable, Callable[..., tuple[str, str]]] = {}
    compile_builder = Rule._compile_builder

    def share(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        key = rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown
        if key not in kept:
            kept[key] = compile_builder(rule, append_unknown)
        return kept[key]

    Rule._compile_builder = share  # type: ignore[method-assign]


class _Templates(BytecodeCache):
    """Templates, by name and content."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key, bucket.checksum] = bucket.code

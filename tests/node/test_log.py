"""The log holds nothing that could be personal."""

import ast
import json
import logging
import re
from pathlib import Path

import pytest
import structlog

import node
from node.config import LogConfig
from node.log import ALLOWED, describe_exception, set_up_log


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_only_known_keys_with_plain_values_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_log(LogConfig(form="json"))
    log = structlog.get_logger()
    log.info("request", method="GET", route="/feeds/<audience>/checkpoint", status=304, ms=1.5, bytes=None)
    log.info("pulled", member="police.fr.example", name="Amina", status="two words", count={"a": 1})
    log.info("Amina was found")
    log.info("case مريم")
    first, second, third, fourth = written(capsys)
    assert {key: first[key] for key in ("event", "method", "status", "ms", "bytes")} == {
        "event": "request", "method": "GET", "status": 304, "ms": 1.5, "bytes": None,
    }  # fmt: skip
    assert (second["member"], second["withheld"]) == ("police.fr.example", 3)
    assert {"name", "status", "count"}.isdisjoint(second)
    assert third["event"] == fourth["event"] == "event withheld"


def test_libraries_lose_their_words(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_log(LogConfig(form="json"))
    try:
        raise ValueError("Amina")
    except ValueError:
        logging.getLogger("waitress").exception("Exception while serving %s", "/Amina")
    logging.getLogger("waitress").info("Amina")
    (line,) = written(capsys)
    assert (line["library"], line["level"]) == ("waitress", "error")
    assert str(line["error"]).startswith("ValueError@test_log.py:")
    assert str(line["source"]).startswith("test_log.py:")
    assert "Amina" not in json.dumps(line)


def test_levels_and_text(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_log(LogConfig(level="warning", form="text"))
    structlog.get_logger().info("request", status=200)
    structlog.get_logger().warning("job failed", job="purge")
    said = capsys.readouterr().err
    assert re.fullmatch(r"\d{4}-[-0-9T:.]+Z \[warning\] job failed job=purge\n", said)


def test_an_exception_is_named_by_kind_and_place_alone() -> None:
    assert describe_exception(KeyError("Amina")) == "KeyError"


def test_whatever_the_program_logs_is_on_the_list() -> None:
    found = {
        keyword.arg
        for path in Path(node.__file__).parent.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "log"
        for keyword in call.keywords
    }
    assert {"member", "status"} < found <= ALLOWED

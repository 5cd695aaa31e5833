"""The public site in processes of its own: without keys, beside the node, and in any number."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from node.config import SiteConfig
from node.runtime import KeylessNode
from node.web.process import Server
from tests.federation import FR, Federation

_SERVE = """
import sys
from dataclasses import replace
from pathlib import Path
from node.config import SiteConfig
from node.errors import NodeError
from node.runtime import open_keyless_node
from node.web.site_process import serve_site
from tests.federation import FR, Federation
home, workers = Path(sys.argv[1]), int(sys.argv[2])
def open_site():
    node = open_keyless_node(home)
    if len(sys.argv) > 3:
        raise NodeError("It cannot be opened.")
    return replace(node, trust=Federation(home.parent / "other", (FR,))[FR[0]].trust)
try:
    serve_site(SiteConfig(port=0), open_site, workers, lambda url: print(url, flush=True))
except NodeError as error:
    print(error.message, flush=True)
    sys.exit(3)
print("ended", flush=True)
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    federation = Federation(tmp_path / "network", (FR,))
    yield federation[FR[0]].config.home
    federation.close()


@contextmanager
def serving(home: Path, workers: int, *more: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(home), str(workers), *more],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def line_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def get(url: str) -> str:
    with urllib.request.urlopen(f"{url}/en/", timeout=60) as answer:  # noqa: S310 - just served
        return str(answer.read().decode())


@pytest.mark.parametrize("workers", [1, 2])
def test_it_answers_without_reading_a_key_and_ends_when_it_is_told_to(home: Path, workers: int) -> None:
    for path in (home / "keys").iterdir():
        path.unlink()
    with serving(home, workers) as process:
        url = line_of(process)
        assert "Missing children" in get(url)
        children = psutil.Process(process.pid).children()
        assert len(children) == (0 if workers == 1 else workers)
        process.send_signal(signal.SIGTERM)
        assert line_of(process) == "ended"
        assert process.wait(20) == 0
        assert not any(is_alive(child) for child in children)


def test_a_worker_that_ends_is_replaced_and_none_outlives_the_one_that_looks_after_them(home: Path) -> None:
    with serving(home, 2) as process:
        url = line_of(process)
        get(url)
        parent = psutil.Process(process.pid)
        first, second = parent.children()
        time.sleep(5.5)  # one that ends sooner is taken for one that cannot work
        os.kill(first.pid, signal.SIGKILL)
        wait_for(lambda: len({child.pid for child in parent.children()} - {first.pid}) == 2)
        assert second.is_running()
        assert "Missing children" in get(url)
        others = parent.children()
        process.kill()
        wait_for(lambda: not any(is_alive(child) for child in others))


def test_workers_that_cannot_work_are_not_started_for_ever(home: Path) -> None:
    with serving(home, 2, "broken") as process:
        assert re.match("http://", line_of(process))
        assert process.stdout is not None
        assert "The site's workers end at once." in process.stdout.read()
        assert process.wait(20) == 3


def test_the_node_serves_its_site_on_a_socket_of_its_own(tmp_path: Path) -> None:
    federation = Federation(tmp_path, (FR,))
    node = federation[FR[0]]
    server = Server(replace(node, config=replace(node.config, site=SiteConfig(port=0))), lambda: None)
    assert server.site_url.startswith("http://127.0.0.1:")
    assert len({server.url, server.site_url}) == 2
    server.close()
    server = Server(node, lambda: None)  # switched off in tests
    assert server.site_url == ""
    server.close()
    federation.close()


def test_what_the_site_is_given_has_no_key() -> None:
    assert not {"keys", "http", "feed_signer", "console_key"} & set(dir(KeylessNode))


def wait_for(done: object) -> None:
    assert callable(done)
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end
        time.sleep(0.1)


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

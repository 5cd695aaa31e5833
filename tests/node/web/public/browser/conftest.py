"""A public site on a real socket, for a real browser to look at."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from node.config import ServerConfig, SiteConfig
from node.web.process import Server
from protocol.policy import Policy
from tests.node.web.public.conftest import Site, open_site


@contextmanager
def serve_site(site: Site) -> Iterator[str]:
    """Serve a site, and tell where."""
    config = replace(site.node.config, server=ServerConfig(port=0), site=SiteConfig(port=0))
    server = Server(replace(site.node, config=config), lambda: None)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server.site_url
    server.stop()
    thread.join()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Site, str]]:
    """The site of an exercise."""
    site = open_site(tmp_path, Policy(exercise=True))
    with serve_site(site) as url:
        yield site, url
    site.federation.close()

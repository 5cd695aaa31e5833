"""A public site on a real socket, for a real browser to look at."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from node.config import SiteConfig
from protocol.policy import Policy
from tests.node.web.public.conftest import Site, open_site
from tests.serving import serving


@contextmanager
def serve_site(site: Site) -> Iterator[str]:
    """Serve a site, and tell where."""
    with serving(site.node, site=SiteConfig(port=0)) as server:
        yield server.site_url


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Site, str]]:
    """The site of an exercise."""
    site = open_site(tmp_path, Policy(exercise=True))
    with serve_site(site) as url:
        yield site, url
    site.federation.close()

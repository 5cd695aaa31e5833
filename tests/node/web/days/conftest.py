"""The sandbox that these tests share; left running, its processes would slow down all later tests."""

from collections.abc import Iterator

import pytest

from node.sandbox.world import World, build_world


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A sandbox whose nodes, consoles and sites run, each in its own process; nothing happens by itself in
    it."""
    with build_world(tmp_path_factory.mktemp("sandbox") / "net", 4) as (world, processes):
        world.start_all(processes)
        yield world

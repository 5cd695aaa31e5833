"""The network that a test of the services has where it names no other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.federation import Federation


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    """Give the French and the German police and a French NGO, who have accepted each other."""
    made = Federation(tmp_path)
    yield made
    made.close()

"""A public site over what two members have published."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from node.runtime import Node
from node.web.public import make_site_app
from protocol.policy import Policy
from tests.factories import draw_photograph, sample_full_record, sample_record
from tests.federation import DE, FR, Federation


@dataclass(eq=False)
class Site:
    """The site of the French police, which has pulled what the German police publishes."""

    federation: Federation
    node: Node
    app: Flask

    @property
    def peer(self) -> Node:
        """The node of the other member."""
        return self.federation[DE[0]]

    def browser(self) -> FlaskClient:
        """Give a browser; it keeps cookies, so that a test can tell that there are none."""
        return self.app.test_client()

    def publish(self, *, own: bool = True, language: str = "pt", **changes: Any) -> str:
        """Publish a sample case with a photograph, by this member or by the other, and give its id."""
        owner = self.node.member if own else self.peer.member
        changes.setdefault("photos", [draw(self.federation.folder)])
        (made,) = self.federation.publish(owner, sample_record(language, **changes))
        return self._arrived(made.case_id)

    def publish_full(self, *, own: bool = True, **changes: Any) -> str:
        """Publish a sample case in which every field has a value."""
        owner = self.node.member if own else self.peer.member
        changes = {"photos": [draw(self.federation.folder)], "show_in": "all", "companions": None} | changes
        (made,) = self.federation.publish(owner, sample_full_record(**changes))
        return self._arrived(made.case_id)

    def pull(self) -> None:
        """Let this member pull the other."""
        self.federation.pull(self.node.member, self.peer.member)

    def _arrived(self, case_id: str) -> str:
        if not case_id.startswith(f"{self.node.member}/"):
            self.pull()
        return case_id


def draw(folder: Path, name: str = "child.png") -> dict[str, Any]:
    """Put a photograph of nobody into a folder, and say what a record says of it."""
    path = folder / name
    if not path.exists():
        path.write_bytes(_drawn(name))
    return {"kind": "photo", "file": name, "primary": True, "taken": "2025-06"}


@cache
def _drawn(_name: str) -> bytes:
    """Draw another photograph for every name, but not for every test: PNG is slow to write."""
    made = io.BytesIO()
    draw_photograph((360, 450)).save(made, "PNG")
    return made.getvalue()


def open_site(folder: Path, policy: Policy | None = None, **more: Any) -> Site:
    """Make a site in a folder; close its federation afterwards."""
    federation = Federation(folder, (FR, DE), policy=policy or Policy(), **more)
    node = federation[FR[0]]
    return Site(federation, node, make_site_app(node))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = open_site(tmp_path)
    yield made
    made.federation.close()

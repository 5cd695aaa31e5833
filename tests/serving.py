"""A node, or one application, on real sockets."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from wsgiref.types import WSGIApplication

from node.config import ServerConfig
from node.runtime import Node
from node.web.process import Listening, Server


@contextmanager
def serving(node: Node, **sections: Any) -> Iterator[Server]:
    """Serve a node on sockets of this machine.

    Args:
        sections: settings in the place of its own.
    """
    config = replace(node.config, server=ServerConfig(port=0), **sections)
    server = Server(replace(node, config=config), lambda: None)
    with running(server):
        yield server


@contextmanager
def answering(app: WSGIApplication) -> Iterator[str]:
    """Serve an application, and tell where."""
    listening = Listening()
    url = listening.add(app, socket.create_server(("127.0.0.1", 0)), 4, max_body=1 << 20, connections=100)
    with running(listening):
        yield url


@contextmanager
def running(server: Server | Listening) -> Iterator[None]:
    """Let what listens answer, in a thread."""
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield
    finally:
        server.stop()
        thread.join()

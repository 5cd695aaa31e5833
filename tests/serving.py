"""A node on real sockets, for a browser to look at."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from node.config import ServerConfig
from node.runtime import Node
from node.web.process import Server


@contextmanager
def serving(node: Node, **sections: Any) -> Iterator[Server]:
    """Serve a node on sockets of this machine.

    Args:
        sections: settings in the place of its own.
    """
    config = replace(node.config, server=ServerConfig(port=0), **sections)
    server = Server(replace(node, config=config), lambda: None)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server
    server.stop()
    thread.join()

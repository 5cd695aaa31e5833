"""The coordinator's web server: the network's signed files, as any server of static files would give them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from node.errors import NodeError

_PATH = re.compile(r"/((?:metadata|targets)/(?:schemas/)?[A-Za-z0-9][A-Za-z0-9._-]*\.json)", re.ASCII)


@contextmanager
def serve_files(folder: Path, port: int) -> Iterator[None]:
    """Serve `metadata/` and `targets/` of a network's folder on loopback.

    Raises:
        NodeError: the port is taken.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            match = _PATH.fullmatch(self.path)
            try:
                data = (folder / match[1]).read_bytes() if match else None
            except OSError:
                data = None
            self.send_response(200 if data is not None else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *_: Any) -> None:
            """Keep the screen for the table."""

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError:
        raise NodeError(
            f"Port {port} of 127.0.0.1, which this sandbox uses, is taken by another program.",
            "Stop that program, or build a sandbox in another folder.",
        ) from None
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

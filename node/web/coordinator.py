"""The coordinator's web site: the network's signed files, and nothing else.

Guarantees: only files below `metadata/` and `targets/` are served; nobody is asked who they are, for the
files are signed and public. Nodes serve the same files on, so that this site may be down for days.
"""

from pathlib import Path

from flask import Flask, Response, send_from_directory

from node.adapters.repository import Repository


def create_coordinator_app(folder: Path) -> Flask:
    """Make the site of the network in a folder.

    Raises:
        NotFound: there is no network.
    """
    repository = Repository.open(folder)
    app = Flask("gmcn-coordinator", static_folder=None)

    @app.get("/metadata/<name>")
    def metadata(name: str) -> Response:
        """Serve a metadata file. What has its version in its name never changes; the timestamp always may."""
        changing = name == "timestamp.json" or name.endswith(".root.json")
        return _send(repository.metadata_folder, name, 0 if changing else 86_400)

    @app.get("/targets/<path:name>")
    def targets(name: str) -> Response:
        """Serve a target file, which has its hash in its name."""
        return _send(repository.targets_folder, name, 86_400)

    return app


def _send(folder: Path, name: str, max_age: int) -> Response:
    return send_from_directory(folder.resolve(), name, mimetype="application/json", max_age=max_age)

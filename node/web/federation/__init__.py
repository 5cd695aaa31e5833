"""What a node answers to other nodes (protocol README, "HTTP interface")."""

from node.web.federation.app import make_federation_app
from node.web.federation.routes import MAX_BODY_BYTES

__all__ = ["MAX_BODY_BYTES", "make_federation_app"]

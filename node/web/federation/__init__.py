"""What a node answers to other nodes (protocol README, "HTTP interface")."""

from node.web.federation.app import MAX_BODY_BYTES, make_federation_app

__all__ = ["MAX_BODY_BYTES", "make_federation_app"]

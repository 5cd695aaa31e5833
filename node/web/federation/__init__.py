"""What a node answers to other nodes (protocol README, "HTTP interface")."""

from node.web.federation.app import make_federation_app

__all__ = ["make_federation_app"]

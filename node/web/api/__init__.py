"""The search API for a member's own staff and programs (docs/api.md)."""

from node.web.api.app import make_api_app

__all__ = ["make_api_app"]

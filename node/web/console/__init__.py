"""The members' console: where a member's people work, in their browsers.

How to add a page: docs/console.md.
"""

from node.web.console.app import MAX_BODY_BYTES, make_console_app, prepare

__all__ = ["MAX_BODY_BYTES", "make_console_app", "prepare"]

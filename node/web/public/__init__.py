"""The public site of a member: for families, media and everybody who may have seen a child."""

from node.web.public.app import MAX_BODY_BYTES, make_site_app

__all__ = ["MAX_BODY_BYTES", "make_site_app"]

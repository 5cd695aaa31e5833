"""Who makes the present request between nodes, and to which node."""

from urllib.parse import urlsplit

from flask import current_app, g, request
from sqlalchemy import Connection

from node.runtime import Node
from node.services import serving
from node.services.serving import Caller, NotIdentified
from node.store.database import reading


def this_node() -> Node:
    """Return the node whose application answers."""
    node: Node = current_app.extensions["node"]
    return node


def present_caller() -> Caller:
    """Return the member that makes the request.

    Raises:
        NotIdentified: it does not say so, or cannot.
    """
    with reading(this_node().engine) as conn:
        return identify(conn)


def present_asker() -> Caller | NotIdentified:
    """Return the member that makes the request, or why it is not known."""
    with reading(this_node().engine) as conn:
        try:
            return identify(conn)
        except NotIdentified as error:
            return error


def identify(conn: Connection) -> Caller:
    """Return the member that makes the request; raises like `present_caller`."""
    node = this_node()
    path = urlsplit(node.entry().address).path + sent_path()
    authorization = request.headers.get("Authorization", "")
    caller = serving.caller_of(node, conn, authorization, request.method, path, g.body)
    g.member = caller.member
    return caller


def sent_path() -> str:
    """Return the path and query as they were sent; gunicorn and waitress have two names for them."""
    sent: str = request.environ.get("RAW_URI") or request.environ["REQUEST_URI"]
    return sent

"""The routes of a witness (C2SP tlog-witness), below `/witness`, over `node.services.witnesses.cosigning`.

Guarantees: a submission gets exactly the status that the specification gives for what is wrong with it, as
plain text, and a police feed the 404 of an unknown log, whatever is wrong.
"""

from collections.abc import Callable

from flask import Flask, Response, current_app, g

from node.errors import NodeError
from node.services.serving import NotIdentified
from node.services.witnesses import cosigning
from node.services.witnesses.cosigning import Asker
from node.web.problems import status_of
from protocol.errors import ProtocolError
from protocol.witness import TEXT_TYPE, format_cosignatures, format_refusal

SUBMISSION = "submission"
"""The endpoint whose requests have a body."""

_REVALIDATE = "private, no-cache"


def add_witness_routes(app: Flask, who_asks: Callable[[], Asker]) -> None:
    """Add the routes to the application between nodes.

    Args:
        who_asks: tells who makes the present request.
    """

    def post_submission() -> Response:
        """Cosign a head that continues the newest one."""
        try:
            line = cosigning.add_checkpoint(current_app.extensions["node"], who_asks(), g.body)
        except ProtocolError as error:
            status, media_type, body = format_refusal(error)
            return Response(body, status, content_type=media_type)
        except NodeError as error:
            return _refuse(error)
        return Response(format_cosignatures([line]), content_type=TEXT_TYPE)

    def get_cosigned(log: str) -> Response:
        """Answer with the newest head of a log that was cosigned here."""
        try:
            note = cosigning.newest_cosigned(current_app.extensions["node"], who_asks(), log)
        except NodeError as error:
            return _refuse(error)
        return Response(note, headers={"Cache-Control": _REVALIDATE}, content_type=TEXT_TYPE)

    app.add_url_rule("/witness/add-checkpoint", SUBMISSION, post_submission, methods=["POST"])
    app.add_url_rule("/witness/<log>/checkpoint", "cosigned", get_cosigned)


def _refuse(error: NodeError) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, NotIdentified) else {}
    return Response(f"{error.message}\n", status_of(error), headers, content_type=TEXT_TYPE)

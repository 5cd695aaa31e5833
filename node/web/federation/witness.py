"""The routes of a witness (C2SP tlog-witness), below `/witness`, over `node.services.witnesses.cosigning`.

Guarantees: a submission gets exactly the status that the specification gives for what is wrong with it, as
plain text, and a police feed the 404 of an unknown log, whatever is wrong.
"""

from flask import Response, g

from node.errors import NodeError
from node.services.serving import NotIdentified
from node.services.witnesses import cosigning
from node.web.federation.callers import present_asker, this_node
from node.web.problems import status_of
from protocol.errors import ProtocolError
from protocol.witness import TEXT_TYPE, format_cosignatures, format_refusal

_REVALIDATE = "private, no-cache"


def post_submission() -> Response:
    """Cosign a head that continues the newest one."""
    try:
        line = cosigning.add_checkpoint(this_node(), present_asker(), g.body)
    except ProtocolError as error:
        status, media_type, body = format_refusal(error)
        return Response(body, status, content_type=media_type)
    except NodeError as error:
        return _refuse(error)
    return Response(format_cosignatures([line]), content_type=TEXT_TYPE)


def get_cosigned(log: str) -> Response:
    """Answer with the newest head of a log that was cosigned here."""
    try:
        note = cosigning.newest_cosigned(this_node(), present_asker(), log)
    except NodeError as error:
        return _refuse(error)
    return Response(note, headers={"Cache-Control": _REVALIDATE}, content_type=TEXT_TYPE)


def _refuse(error: NodeError) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, NotIdentified) else {}
    return Response(f"{error.message}\n", status_of(error), headers, content_type=TEXT_TYPE)

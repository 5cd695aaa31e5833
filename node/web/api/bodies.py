"""The bodies of requests and answers, as marshmallow schemas: what the OpenAPI document says of them is made
from these.

Guarantees: a request is read strictly (numbers are no texts, and true is no number), unknown members are
refused, and every problem is named by its path in words that repeat nothing of the request but plain names of
members.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import current_app
from marshmallow import Schema, ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range, Regexp

from node.domain.names.similarity import MAX_NAME
from node.runtime import Node
from node.services.search.finding import MAX_PURPOSE, MIN_PURPOSE
from node.store.register.cases import DRAFT, PUBLISHED, WITHDRAWN
from node.store.search.query import MAX_OFFSET, MAX_QUESTION, Query
from node.web.described import MEMBER, Moment, Number, Strict, Truth, WholeNumber, country_code, ref, said

MAX_PAGE = 100


def _check_category(value: str) -> None:
    """Hold a category against the schemas in force, so that a slip of the pen is not an empty result."""
    node: Node = current_app.extensions["node"]
    known = node.network().schemas.schema("summary")["$defs"]["Category"]["enum"]
    if value not in known:
        raise ValidationError(f"Must be one of: {', '.join(known)}.")


# --- Requests ---


class Near(Strict):
    """A circle on the map."""

    lat = Number(required=True, validate=Range(-90, 90), metadata=said("Degrees north."))
    lon = Number(required=True, validate=Range(-180, 180), metadata=said("Degrees east."))
    radius_m = Number(
        required=True,
        validate=Range(0, 20_100_000),
        metadata=said("Metres; the radius that a case was published with counts too."),
    )


class SearchRequest(Strict):
    """What is looked for. Every condition narrows the result; a case that does not state a field is not found
    by a condition on it."""

    name = fields.String(
        validate=Length(1, MAX_NAME), metadata=said("A name in any script, however it was transliterated.")
    )
    text = fields.String(
        validate=Length(1, MAX_QUESTION),
        metadata=said("Words of place, circumstances, marks and clothing, each the beginning of a word."),
    )
    place = fields.String(
        validate=Length(1, MAX_QUESTION), metadata=said("Words of the place alone, in any script.")
    )
    near = fields.Nested(Near, metadata=said("Last seen within a circle."))
    country = country_code("Country of the member that owns the case.")
    seen_in = country_code("Country where the child was last seen.")
    owner = fields.String(
        validate=[
            Regexp(MEMBER, error="Must be a member's id, a domain such as police.fr.example."),
            Length(max=253),
        ],
        metadata=said("The member that owns the case."),
    )
    source = fields.String(
        validate=OneOf(("own", "replica")), metadata=said("This register, or others' cases.")
    )
    status = fields.String(
        validate=OneOf((DRAFT, PUBLISHED, WITHDRAWN)),
        metadata=said("Of own cases; replicas are always published."),
    )
    category = fields.String(validate=_check_category, metadata=ref("Category", "Why the child is missing."))
    sex = WholeNumber(
        validate=OneOf((0, 1, 2, 9)),
        metadata=said("ISO 5218: 0 not known, 1 male, 2 female, 9 not applicable."),
    )
    missing_within_years = WholeNumber(
        validate=Range(0, 200), metadata=said("Disappeared at most so many years ago.")
    )
    age_min = WholeNumber(validate=Range(0, 150), metadata=said("Years, included."))
    age_max = WholeNumber(validate=Range(0, 150), metadata=said("Years, included."))
    age_when = fields.String(
        validate=OneOf(("disappearance", "now")),
        load_default="disappearance",
        metadata=said("When the child has, or had, that age."),
    )
    has_photo = Truth(metadata=said("Whether the case has a photograph."))
    limit = WholeNumber(
        validate=Range(1, MAX_PAGE), load_default=20, metadata=said("The most results of one answer.")
    )
    offset = WholeNumber(
        validate=Range(0, MAX_OFFSET), load_default=0, metadata=said("How many results are skipped.")
    )

    @validates_schema
    def _check_ages(self, data: Mapping[str, Any], **_: Any) -> None:
        if data.get("age_min", 0) > data.get("age_max", 150):
            raise ValidationError("Must not be less than age_min.", "age_max")


class OpenRequest(Strict):
    """Why the closed parts of a case are read."""

    purpose = fields.String(
        required=True,
        validate=Length(MIN_PURPOSE, MAX_PURPOSE),
        metadata=said(
            "What it is read for, in a few words and without names; kept in this node's journal.",
            example="border check, report 4711",
        ),
    )


def make_query(asked: Mapping[str, Any], today: date) -> Query:
    """Turn what was asked for into a query of the store."""
    near = asked.get("near")
    circle = (near["lat"], near["lon"], near["radius_m"]) if near else None
    return Query(today=today, **{**asked, "near": circle})


# --- Answers ---


class Result(Schema):
    """A case that was found."""

    case = fields.String(
        required=True, attribute="case_id", metadata=ref("CaseId", "Which case; part of its addresses.")
    )
    source = fields.String(
        required=True, metadata=said("own: of this register. replica: of a peer.", enum=["own", "replica"])
    )
    owner = fields.String(
        required=True, metadata=ref("MemberId", "The member to which leads on the case go.")
    )
    country = fields.String(required=True, metadata=ref("Country", "The owner's."))
    status = fields.String(
        required=True,
        metadata=said("Of an own case; a replica is published.", enum=[DRAFT, PUBLISHED, WITHDRAWN]),
    )
    score = fields.Float(
        required=True,
        metadata=said(
            "How alike the name is; 1 where none was asked for. No claim of identity.", minimum=0, maximum=1
        ),
    )
    public = fields.Dict(
        required=True,
        metadata=ref("Public", "What may be shown to anybody; of an own case what its policy makes public."),
    )


class SearchAnswer(Schema):
    """The part of the result that was asked for."""

    total = fields.Integer(required=True, metadata=said("How many cases match in all.", minimum=0))
    results = fields.List(
        fields.Nested(Result),
        required=True,
        metadata=said("With a name the most alike first, else the most recently changed."),
    )


class PhotographEntry(Schema):
    """A rendition of a photograph that the parts name."""

    sha256 = fields.String(required=True, metadata=ref("Sha256", "Of its bytes; part of its address."))
    rendition = fields.String(
        required=True,
        metadata=said("small ones are always kept, full ones while there is room.", enum=["small", "full"]),
    )
    media_type = fields.String(required=True, metadata=said("Such as image/jpeg."))
    width = fields.Integer(required=True, metadata=said("Pixels."))
    height = fields.Integer(required=True, metadata=said("Pixels."))
    size = fields.Integer(required=True, data_key="bytes", metadata=said("Length of the file."))
    state = fields.String(
        required=True,
        metadata=said("held: it is here. wanted: it is fetched. refused: it is not what was announced."),
    )


class CaseAnswer(Schema):
    """A case as this node has it."""

    case = fields.String(required=True, attribute="case_id", metadata=ref("CaseId", "Which case."))
    source = fields.String(required=True, metadata=said("own or replica.", enum=["own", "replica"]))
    owner = fields.String(required=True, metadata=ref("MemberId", "The member whose case it is."))
    status = fields.String(required=True, metadata=said("Where it stands; a replica is published."))
    version = fields.Integer(
        required=True, metadata=said("Of the document in the feed; null when there is none.", minimum=1),
        allow_none=True,
    )  # fmt: skip
    expires = fields.Date(
        required=True, allow_none=True, metadata=said("The last day on which it may be shown.")
    )
    reached_at = Moment(
        required=True, allow_none=True, metadata=said("When the owner of a replica was last reached.")
    )
    parts = fields.Dict(
        required=True,
        keys=fields.String(),
        metadata=said(
            "The parts that are open, by name. Of a replica head and public, and with a purpose network and"
            " police; of an own case public, or with a purpose record: all of it.",
            properties={
                "head": {"$ref": "#/components/schemas/Head"},
                "public": {"$ref": "#/components/schemas/Public"},
                "network": {"$ref": "#/components/schemas/Network"},
                "police": {"$ref": "#/components/schemas/Police"},
                "record": {"type": "object", "description": "The private record of an own case."},
            },
            additionalProperties=False,
        ),
    )
    withheld = fields.List(
        fields.String(), required=True, metadata=said("Parts that are here, and open for a purpose.")
    )
    photographs = fields.List(fields.Nested(PhotographEntry), required=True)


class FeedEntry(Schema):
    """How a feed stands here."""

    audience = fields.String(required=True)
    origin = fields.String(required=True)
    size = fields.Integer(required=True, metadata=said("Leaves, verified and committed."))
    states = fields.Dict(
        required=True,
        keys=fields.String(),
        values=fields.Integer(),
        metadata=said("Number of cases by state: held, wanted, refused, withheld, erased and so on."),
    )
    state = fields.String(required=True, metadata=said("open, quarantined or split."))
    reason = fields.String(required=True, metadata=said("Why it is not open."))
    advanced_at = Moment(required=True, allow_none=True)


class PeerEntry(Schema):
    """What may be exchanged with a member, and how pulling it goes."""

    member = fields.String(required=True, metadata=ref("MemberId", "Which member."))
    country = fields.String(required=True, metadata=ref("Country", "Its country."))
    kind = fields.String(required=True, metadata=said("law_enforcement or ngo."))
    names = fields.Dict(
        required=True,
        keys=fields.String(),
        values=fields.String(),
        metadata=said("What it calls itself, by language."),
    )
    standing = fields.String(required=True)
    accepted = fields.Boolean(required=True, metadata=said("By this node's administrator."))
    audiences = fields.List(fields.String(), required=True, metadata=said("What is exchanged."))
    reason = fields.String(required=True, metadata=said("Why it is not all."))
    feeds = fields.List(fields.Nested(FeedEntry), required=True)
    reached_at = Moment(required=True, allow_none=True)
    failures = fields.Integer(required=True, metadata=said("In a row."))
    error = fields.String(required=True, metadata=said("Of the last pull."))
    lying = fields.Boolean(required=True, metadata=said("Whether that breaks the protocol."))


class StatusAnswer(Schema):
    """How this node stands: how complete and how fresh what is found here can be. No personal data."""

    member = fields.String(required=True, metadata=ref("MemberId", "Whose node this is."))
    network = fields.String(required=True)
    exercise = fields.Boolean(required=True, metadata=said("Whether all cases here are invented."))
    roster_version = fields.Integer(required=True)
    roster_expires_at = Moment(required=True)
    register = fields.Dict(
        required=True,
        keys=fields.String(),
        values=fields.Integer(),
        metadata=said("Number of own cases by status."),
    )
    own = fields.List(fields.Nested(FeedEntry), required=True)
    peers = fields.List(fields.Nested(PeerEntry), required=True)
    warnings = fields.List(
        fields.String(), required=True, metadata=said("What the operator should do something about.")
    )

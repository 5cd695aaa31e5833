"""What the public API is asked and answers, as marshmallow schemas.

Guarantees: what is asked is read strictly, and what stands in an address is never a name, words or a place.
"""

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range, Regexp

from node.store.search.finding import MAX_COUNT
from node.store.search.query import MAX_OFFSET
from node.web.described import Moment, Strict, Truth, WholeNumber, country_code, ref, said
from node.web.public.search import MAX_AGE, MAX_WORDS

MAX_PAGE = 50
_DIGITS = re.compile(r"[0-9]{1,6}", re.ASCII)


class _Digits(fields.Integer):
    """A number in an address: digits and nothing else."""

    def _validated(self, value: Any) -> int:
        if not isinstance(value, str) or not _DIGITS.fullmatch(value):
            raise self.make_error("invalid")
        return int(value)


def _conditions(number: type[fields.Integer]) -> dict[str, Any]:
    """Make the fields that every search has; numbers are written differently in a body and an address."""
    years, age = Range(0, 200), Range(0, MAX_AGE)
    return {
        "country": country_code("Whose case it is."),
        "category": fields.String(
            validate=Regexp(r"^[a-z_]{1,40}$", error="Must be a category."),
            metadata=ref("Category", "Why the child is missing."),
        ),
        "sex": number(validate=OneOf((0, 1, 2, 9)), metadata=said("ISO 5218: 1 male, 2 female.")),
        "missing_within_years": number(validate=years, metadata=said("Missing for at most so many years.")),
        "missing_for_years": number(validate=years, metadata=said("Missing for at least so many years.")),
        "age_min": number(validate=age, metadata=said("Years, at the disappearance.")),
        "age_max": number(validate=age, metadata=said("Years, at the disappearance.")),
        "limit": number(validate=Range(1, MAX_PAGE), load_default=12, metadata=said("The most results.")),
        "offset": number(validate=Range(0, MAX_OFFSET), load_default=0, metadata=said("Results to skip.")),
    }


class _Ages(Strict):
    @validates_schema
    def _check_ages(self, data: Mapping[str, Any], **_: Any) -> None:
        if data.get("age_min", 0) > data.get("age_max", MAX_AGE):
            raise ValidationError("Must not be less than age_min.", "age_max")


def _words(description: str) -> fields.String:
    return fields.String(validate=Length(1, MAX_WORDS), metadata=said(description))


Conditions = _Ages.from_dict(_conditions(_Digits), name="Conditions")
Wanted = _Ages.from_dict(
    {
        "name": _words("A name in any script, however it was transliterated."),
        "text": _words("Words of circumstances, marks or clothing."),
        "place": _words("Words of the place; give something else, too."),
        "alert": Truth(metadata=said("Only children for whom an alert is out.")),
        **_conditions(WholeNumber),
    },
    name="Wanted",
)


class Owner(Schema):
    """The member whose case it is."""

    id = fields.String(required=True, metadata=ref("MemberId", "Which member."))
    country = fields.String(required=True, metadata=ref("Country", "Its country."))
    names = fields.Dict(required=True, keys=fields.String(), values=fields.String())


class Photograph(Schema):
    """A photograph in one size."""

    sha256 = fields.String(required=True, metadata=ref("Sha256", "Of its bytes."))
    media_type = fields.String(required=True)
    width = fields.Integer(required=True)
    height = fields.Integer(required=True)
    size = fields.Integer(required=True, attribute="bytes", data_key="bytes")
    url = fields.String(required=True)


class Case(Schema):
    """A case as the site shows it."""

    case = fields.String(required=True, metadata=ref("CaseId", "Which case."))
    owner = fields.Nested(Owner, required=True)
    version = fields.Integer(required=True, metadata=said("Of the document that is shown.", minimum=1))
    digest = fields.String(required=True, metadata=ref("Sha256", "Of that document, as its owner signed it."))
    updated_at = Moment(required=True)
    expires = fields.Date(required=True, metadata=said("The last day on which it may be shown."))
    public = fields.Dict(required=True, metadata=ref("Public", "What may be shown to anybody."))
    photographs = fields.List(fields.Nested(Photograph), required=True)
    page = fields.String(required=True, metadata=said("The child's page in English."))
    widget = fields.String(required=True, metadata=said("A frame for pages of others."))
    proof = fields.String(
        required=True,
        allow_none=True,
        metadata=said("Where the owner proves it, for `gmcn verify`; null where the owner names no site."),
    )


class Found(Schema):
    """The part of the result that was asked for."""

    total = fields.Integer(
        required=True, metadata=said(f"How many match, without words counted to {MAX_COUNT} at the most.")
    )
    results = fields.List(fields.Nested(Case), required=True)


class CountryCount(Schema):
    """How many cases are shown of a country."""

    country = fields.String(required=True, metadata=ref("Country", "Which country."))
    children = fields.Integer(required=True)


class Countries(Schema):
    """The countries whose cases are shown."""

    countries = fields.List(fields.Nested(CountryCount), required=True)

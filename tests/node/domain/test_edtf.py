"""Uncertain dates have an earliest and a latest day."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.edtf import edtf_bounds, edtf_year
from node.errors import InvalidInput
from tests.factories import SCHEMAS

TERMS = SCHEMAS.schema("case")["$defs"]


@pytest.mark.parametrize(
    ("text", "earliest", "latest"),
    [
        ("2014-03-05", "2014-03-05", "2014-03-05"),
        ("2014-03-05~", "2014-03-05", "2014-03-05"),
        ("2014-03", "2014-03-01", "2014-03-31"),
        ("2012-02?", "2012-02-01", "2012-02-29"),
        ("2014~", "2014-01-01", "2014-12-31"),
        ("2014-03-XX", "2014-03-01", "2014-03-31"),
        ("2014-XX-XX", "2014-01-01", "2014-12-31"),
        ("2014-XX", "2014-01-01", "2014-12-31"),
        ("2014-22", "2014-01-01", "2014-12-31"),
        ("201X", "2010-01-01", "2019-12-31"),
        ("20XX%", "2000-01-01", "2099-12-31"),
        ("2013/2015", "2013-01-01", "2015-12-31"),
        ("2013-05~/2015-02", "2013-05-01", "2015-02-28"),
        ("2015/2013", "2013-01-01", "2015-12-31"),
        ("2013/..", "2013-01-01", None),
        ("2013/", "2013-01-01", None),
        ("../2013", None, "2013-12-31"),
        ("/2013", None, "2013-12-31"),
        ("2014-02-30", "2014-02-28", "2014-02-28"),
        ("2026-11-21T21:14:00+01:00", "2026-11-21", "2026-11-21"),
        ("2026-11-21T20:14:00Z", "2026-11-21", "2026-11-21"),
    ],
)
def test_bounds(text: str, earliest: str | None, latest: str | None) -> None:
    found = tuple(day and day.isoformat() for day in edtf_bounds(text))
    assert found == (earliest, latest)


@pytest.mark.parametrize(
    "text", ["", "..", "14", "2014-13", "2014-00-01", "1799", "2014-3-5", "٢٠١٤", "2014\n", "x/y"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        edtf_bounds(text)


@given(
    st.sampled_from(["UncertainDate", "BirthDate", "UncertainMoment", "Day", "Moment"]).flatmap(
        lambda term: st.from_regex(TERMS[term]["pattern"].replace("$", r"\Z"), fullmatch=True)
    )
)
def test_whatever_the_schemas_let_pass_has_bounds_in_order(text: str) -> None:
    earliest, latest = edtf_bounds(text)
    assert earliest or latest
    assert earliest is None or latest is None or earliest <= latest


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("2014-03-05", "2014"),
        ("2014-03-05~", "2014~"),
        ("2014-XX-XX", "2014"),
        ("2014-22", "2014"),
        ("2013-05/2015-02-03?", "2013/2015?"),
        ("2014", "2014"),
    ],
)
def test_year_alone(text: str, year: str) -> None:
    assert edtf_year(text) == year


@given(st.from_regex(TERMS["BirthDate"]["pattern"].replace("$", r"\Z"), fullmatch=True))
def test_a_year_alone_is_no_narrower_than_the_date(text: str) -> None:
    whole, cut = edtf_bounds(text), edtf_bounds(edtf_year(text))
    assert isinstance(whole[0], date)
    assert isinstance(whole[1], date)
    assert isinstance(cut[0], date)
    assert isinstance(cut[1], date)
    assert cut[0] <= whole[0] <= whole[1] <= cut[1]
    assert (cut[0].month, cut[0].day, cut[1].month, cut[1].day) == (1, 1, 12, 31)

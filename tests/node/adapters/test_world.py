"""The packaged atlas: what is drawn of it, and that known places are where they are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.adapters.world import load_atlas
from node.domain.maps.atlas import MAX_DOTS, MAX_FOUND
from node.domain.maps.geometry import ZOOMS, View, span_of

VIEWS = st.builds(
    lambda lat, lon, zoom: View.around(lat, lon, span_of(zoom), 480, 360),
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.integers(0, ZOOMS - 1),
)


@pytest.mark.parametrize(
    ("lat", "lon", "country", "town"),
    [
        (48.8566, 2.3522, "FR", "Paris"),
        (-23.55, -46.63, "BR", "São Paulo"),
        (52.52, 13.405, "DE", "Berlin"),
        (30.04, 31.24, "EG", "Cairo"),
        (-18.14, 178.44, "FJ", "Suva"),
        (64.0, 175.0, "RU", None),
        (66.0, -171.0, "RU", None),  # beyond the antimeridian, and still Russia
        (61.22, -149.9, "US", "Anchorage"),
        (-41.29, 174.78, "NZ", "Wellington"),
        (43.94, 12.46, "SM", "San Marino"),
        (-80.0, 30.0, "AQ", None),
        (-75.0, -179.0, "", None),  # the Ross Sea
        (0.0, -30.0, "", None),
    ],
)
def test_a_place_is_where_it_is(lat: float, lon: float, country: str, town: str | None) -> None:
    atlas = load_atlas()
    assert atlas.country_at(lat, lon) == country
    found = atlas.whereabouts(lat, lon)
    assert (found.town.name if found.town else None) == town


def test_a_country_is_named_only_where_sources_agree() -> None:
    atlas = load_atlas()
    assert atlas.whereabouts(48.86, 2.35).country == "FR"
    assert atlas.whereabouts(44.95, 34.10).country == ""  # Simferopol: the sources differ
    assert atlas.whereabouts(9.56, 44.06).country == ""  # Hargeisa: an outline without a code
    assert atlas.whereabouts(43.28, 5.33).country == "FR"  # in the bay of Marseille
    assert atlas.whereabouts(40.0, -30.0).country == ""  # far at sea


@given(VIEWS)
@settings(max_examples=60, deadline=None)
def test_a_drawing_is_small_and_inside(view: View) -> None:
    drawn = load_atlas().draw(view)
    lines = [*drawn.land, *drawn.borders]
    assert sum(map(len, lines)) <= MAX_DOTS
    for line in lines:
        assert all(-7 <= x <= 487 and -7 <= y <= 367 for x, y in line)


def test_land_goes_on_across_the_antimeridian() -> None:
    view = View.around(66, 179.9, 15, 480, 360)
    drawn = load_atlas().draw(view)
    middle = view.project(66, 180)[0]
    beside = [[(x, y) for x, y in area if abs(x - middle) < 3] for area in drawn.land]
    assert sum(len(dots) > 1 for dots in beside) >= 2  # Chukotka on both sides of it
    for area in drawn.land:
        xs = [x for x, _y in area]
        assert max(xs) <= middle + 3 or min(xs) >= middle - 3  # and nothing reaches around the earth


def test_the_whole_earth_shows_every_continent() -> None:
    drawn = load_atlas().draw(View.around(0, 10, 360, 480, 240))
    assert len(drawn.land) > 30
    assert len(drawn.borders) > 50


def test_towns_are_found_by_their_names_in_any_script() -> None:
    towns = load_atlas().towns
    for asked, name in (
        ("paris", "Paris"),
        ("Москва", "Moscow"),
        ("القاهرة", "Cairo"),
        ("Львів", "Lviv"),
        ("北京", "Beijing"),
        ("sao paulo", "São Paulo"),
        ("Cologne", "Köln"),
        ("Berln", "Berlin"),
    ):
        assert towns.find(asked)[0].name == name, asked
    assert "Paris" in [town.name for town in towns.find("باريس")]
    assert len(towns.find("a")) == MAX_FOUND
    assert towns.find("...") == []
    assert towns.find("x" * 10_000) == []


def test_the_largest_towns_of_a_view_come_first_and_no_more_than_wanted() -> None:
    view = View.around(48.86, 2.35, 15, 480, 360)
    found = load_atlas().towns.seen(view, 5)
    assert len(found) == 5
    assert [town.people for town, _dot in found] == sorted(
        (town.people for town, _dot in found), reverse=True
    )
    assert all(0 <= x <= 480 and 0 <= y <= 360 for _town, (x, y) in found)


def test_every_country_has_a_place_for_its_name() -> None:
    atlas = load_atlas()
    assert atlas.labels.keys() == atlas.countries.keys()
    wrong = {code for code, (lat, lon, _size) in atlas.labels.items() if atlas.country_at(lat, lon) != code}
    assert len(wrong) < 12, wrong  # islands smaller than what the outlines tell

"""Views of the earth: there and back again, the antimeridian, the poles, and what a box keeps."""

from math import hypot, isclose

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.domain.maps.geometry import (
    ZOOMS,
    View,
    circle,
    clip_line,
    clip_ring,
    metres_between,
    significance,
    span_of,
    thin,
    wrap,
    zoom_for,
)

LATS = st.floats(-90, 90)
LONS = st.floats(-180, 179.999)
VIEWS = st.builds(
    lambda lat, lon, zoom: View.around(lat, lon, span_of(zoom), 480, 360),
    LATS,
    LONS,
    st.integers(0, ZOOMS - 1),
)
DOTS = st.tuples(st.floats(-900, 900), st.floats(-900, 900))
BOX = (0.0, 0.0, 480.0, 360.0)


@settings(deadline=None)
@given(VIEWS, st.floats(0, 480), st.floats(0, 360))
def test_a_press_on_a_map_is_where_the_pin_goes(view: View, x: float, y: float) -> None:
    lat, lon = view.locate(x, y)
    assert -90 <= lat <= 90
    assert -180 <= lon < 180
    there_x, there_y = view.project(lat, lon)
    around = 360 * view.stretch * view.scale
    assert isclose((there_x - x) % around, 0, abs_tol=0.01) or isclose(
        (there_x - x) % around, around, abs_tol=0.01
    )
    if abs(lat) < 90:
        assert isclose(there_y, y, abs_tol=0.01)


@settings(deadline=None)
@given(VIEWS)
def test_no_view_reaches_beyond_a_pole(view: View) -> None:
    assert abs(view.lat) + view.span * view.height / view.width / 2 <= 90.000001


@settings(deadline=None)
@given(VIEWS, st.floats(-400, 400), st.floats(-400, 400))
def test_moving_keeps_the_width_and_stays_on_the_earth(view: View, right: float, down: float) -> None:
    moved = view.moved(right, down)
    assert moved.span == view.span
    assert -180 <= moved.lon < 180


@pytest.mark.parametrize("lon", [179.9, -179.9, 180, -180])
def test_neighbours_across_the_antimeridian_are_neighbours_on_the_map(lon: float) -> None:
    view = View.around(-17, lon, 10, 480, 360)
    (east, _), (west, _) = view.project(-17, -179.5), view.project(-17, 179.5)
    assert 0 < east - west < 60
    assert 0 < west < east < 480


@settings(deadline=None)
@given(st.floats(-1e6, 1e6))
def test_a_longitude_is_brought_back(lon: float) -> None:
    assert -180 <= wrap(lon) < 180


@settings(deadline=None)
@given(st.lists(DOTS, max_size=40))
def test_a_clipped_area_lies_inside(dots: list[tuple[float, float]]) -> None:
    for x, y in clip_ring(dots, BOX):
        assert -1e-6 <= x <= 480 + 1e-6
        assert -1e-6 <= y <= 360 + 1e-6


@settings(deadline=None)
@given(st.lists(DOTS, max_size=40))
def test_a_clipped_line_lies_inside(dots: list[tuple[float, float]]) -> None:
    for piece in clip_line(dots, BOX):
        assert len(piece) > 1
        for x, y in piece:
            assert 0 <= x <= 480
            assert 0 <= y <= 360


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 480), st.floats(0, 360)), min_size=3, max_size=40))
def test_what_lies_inside_is_left_as_it_is(dots: list[tuple[float, float]]) -> None:
    assert clip_ring(dots, BOX) == dots
    assert clip_line(dots, BOX) == [dots]


def test_an_area_around_the_box_fills_it() -> None:
    around = [(-100.0, -100.0), (900.0, -100.0), (900.0, 900.0), (-100.0, 900.0)]
    assert set(clip_ring(around, BOX)) == {(0, 0), (480, 0), (480, 360), (0, 360)}
    assert clip_ring([(-9.0, -9.0), (-1.0, -9.0), (-1.0, -1.0)], BOX) == []


@settings(deadline=None)
@given(st.lists(DOTS, min_size=2, max_size=60), st.floats(0.1, 100))
def test_thinning_keeps_the_ends_and_adds_nothing(dots: list[tuple[float, float]], gap: float) -> None:
    thinned = thin(dots, gap)
    assert (thinned[0], thinned[-1]) == (dots[0], dots[-1])
    assert set(thinned) <= set(dots)


def test_a_coarser_line_has_only_points_of_a_finer_one() -> None:
    ragged = [(float(at), ((at * 7919) % 97) ** 2 / 400) for at in range(200)]
    weights = significance(ragged)
    kept = [
        [dot for dot, weight in zip(ragged, weights, strict=True) if weight >= least] for least in (8, 4, 1)
    ]
    assert 2 < len(kept[0]) < len(kept[1]) < len(kept[2]) < 200
    assert set(kept[0]) <= set(kept[1]) <= set(kept[2])


def test_distances_are_those_of_the_earth() -> None:
    assert isclose(metres_between(48.857, 2.352, 51.507, -0.128), 343_500, rel_tol=0.01)  # Paris to London
    assert isclose(metres_between(0, 179.5, 0, -179.5), 111_195, rel_tol=0.001)


@settings(deadline=None)
@given(st.floats(-80, 80), LONS, st.floats(100, 500_000))
def test_every_corner_of_a_circle_is_as_far_as_its_radius(lat: float, lon: float, radius: float) -> None:
    view = View.around(lat, lon, 60, 480, 360)
    for x, y in circle(view, lat, lon, radius):
        there = view.lat - (y - 180) / view.scale, view.lon + (x - 240) / (view.scale * view.stretch)
        assert isclose(metres_between(lat, lon, *there), radius, rel_tol=0.001)


def test_a_circle_around_a_pole_reaches_it() -> None:
    view = View.around(89, 0, 30, 480, 360)
    dots = circle(view, 89.5, 0, 500_000)
    pole = 180 - (90 - view.lat) * view.scale
    assert min(y for _x, y in dots) == pole
    assert hypot(dots[0][0] - dots[-1][0], 0) < 1e-9


def test_the_closest_view_that_is_wide_enough_is_found() -> None:
    assert [zoom_for(span_of(zoom)) for zoom in range(ZOOMS)] == list(range(ZOOMS))
    assert zoom_for(0) == ZOOMS - 1
    assert zoom_for(1000) == 0
    assert span_of(-3) == span_of(0)

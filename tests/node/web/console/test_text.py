"""The parts of a case in words."""

from typing import Any

from flask_babel import force_locale

from node.web.cases.text import describe_briefly, describe_public, pictures_of, small_forms_of
from tests.node.web.console.conftest import Console

PHOTOS = [
    {"kind": "photo", "renditions": [{"sha256": "b1", "bytes": 900}, {"sha256": "b0", "bytes": 90.0}]},
    {"kind": "photo", "renditions": []},
    {"kind": "photo", "primary": True, "renditions": [{"sha256": "a0", "bytes": 80}]},
]
COMPANIONS = [{"relation": "mother", "photos": [{"renditions": [{"sha256": "c0", "bytes": 70}]}]}]


def test_small_forms_are_those_of_the_pictures_of_the_child_in_their_order(console: Console) -> None:
    part: dict[str, Any] = {"photos": PHOTOS, "companions": COMPANIONS}
    assert small_forms_of(part) == ["a0", "b0"]
    assert small_forms_of({}) == []
    with console.app.test_request_context():
        assert [picture.forms[0] for picture in pictures_of(part)] == ["a0", "b0", "c0"]


def test_a_place_in_brief_is_the_first_line_of_the_whole(console: Console) -> None:
    words = {"en": {"text": "At the station", "origin": "original"}}
    part = {"last_seen": {"country": "FR", "lat": 48.8, "lon": 2.3, "radius_m": 1000, "place": words}}
    with console.app.test_request_context(), force_locale("en"):
        assert describe_briefly(part).place == "At the station, France"
        (fact,) = describe_public(part).facts
        assert [line.text for line in fact.lines] == [
            "At the station, France",
            "48.80000, 2.30000, within 1,000 m",
        ]
        assert describe_briefly({"last_seen": {}}).place == ""

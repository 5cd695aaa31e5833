import re

import pytest

from node.web.public.telephones import format_telephone
from tests.node.web.public.conftest import Site


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("+33144556677", "+33 144 556 677"),
        ("+12025550143", "+1 202 555 0143"),
        ("+4915112345678", "+49 151 1234 5678"),
        ("+8800000100", "+880 000 0100"),
        ("116000", "116000"),
        ("112", "112"),
    ],
)
def test_telephone_numbers_can_be_kept_in_mind(number: str, written: str) -> None:
    assert format_telephone(number) == written
    assert written.replace(" ", "") == number


def test_a_page_writes_a_number_as_a_poster_does(site: Site) -> None:
    case_id = site.publish(contacts=[{"kind": "police", "value": "+33144556677"}])
    page = site.browser().get(f"/en/child/{case_id}").text
    assert re.findall(r'href="tel:([^"]+)"', page) == ["+33144556677"] * 2
    assert re.findall(r'<bdi dir="ltr">([^<]+)</bdi>', page) == ["+33 144 556 677"] * 2


def test_help_now_writes_it_so_too(site: Site) -> None:
    assert '<bdi dir="ltr">+1 800 843 5678</bdi>' in site.browser().get("/en/help?country=US").text

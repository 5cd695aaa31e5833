"""The numbers that come with the program: each is one, and of a country that there is."""

import csv
from importlib.resources import files

import pycountry

from node.adapters import hotlines
from node.adapters.hotlines import load_numbers
from node.domain.site.look import Look, check_look


def test_every_number_is_one_and_of_a_country() -> None:
    numbers = load_numbers()
    check_look(Look(hotlines=numbers))
    known = {country.alpha_2 for country in pycountry.countries} | {"XK"}
    assert numbers.keys() <= known
    assert all(item.emergency or item.hotline for item in numbers.values())
    assert all(item.hotline or not item.organisation for item in numbers.values())


def test_what_is_known_for_sure() -> None:
    numbers = load_numbers()
    assert (numbers["FR"].emergency, numbers["FR"].hotline) == ("112", "116000")
    assert (numbers["GB"].emergency, numbers["US"].emergency) == ("999", "911")
    assert numbers["US"].hotline == "+18008435678"
    assert sum(item.hotline == "116000" for item in numbers.values()) == 32


def test_what_does_not_lead_to_the_police_everywhere_is_left_out() -> None:
    numbers = load_numbers()
    partial = {"AO", "AR", "AZ", "BJ", "BY", "CI", "ID", "IQ", "MA", "MK", "PA", "SA", "SL", "VE"}
    assert not partial & numbers.keys()
    assert (numbers["RS"].emergency, numbers["RS"].hotline) == ("", "116000")
    assert [numbers[code].emergency for code in ("CH", "ME", "UA", "ZA")] == ["117", "122", "102", "10111"]


def test_a_country_stands_there_once_in_order() -> None:
    rows = csv.DictReader(files(hotlines).joinpath("numbers.csv").read_text("utf-8").splitlines())
    codes = [row["country"] for row in rows]
    assert codes == sorted(set(codes))

"""An error has its values in its text, and keeps the text without them for whoever translates it."""

import pytest

from node.errors import Conflict, InvalidInput
from node.services.serving import TooOften


def test_values_stand_in_message_and_next_step() -> None:
    next_step = "Ask %(member)s, at most %(most)s times."
    error = Conflict("%(member)s waits.", next_step, member="a.example", most=3)
    assert (error.message, error.next_step) == ("a.example waits.", "Ask a.example, at most 3 times.")
    assert str(error) == error.message
    assert error.templates == ("%(member)s waits.", next_step)
    given = InvalidInput("It is %(kind)s.", "", ["a: wrong"], kind="odd")
    assert (given.message, given.problems) == ("It is odd.", ("a: wrong",))


@pytest.mark.parametrize("error", [Conflict("90 % are full."), TooOften("90 % are full.", "", 60)])
def test_without_values_a_percent_sign_is_itself(error: Conflict) -> None:
    assert error.message == "90 % are full."

"""Passwords cost what they should, which no other test holds: all others have cheap ones."""

from node.services.people import passwords
from tests.passwords import true_cost


def test_a_password_costs_what_owasp_asks_and_so_does_nobodys() -> None:
    cost = "$argon2id$v=19$m=19456,t=2,p=1$"
    with true_cost():
        assert passwords.hash_password("a horse on a staple 4").startswith(cost)
        assert passwords._NOBODY.startswith(cost)

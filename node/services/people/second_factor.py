"""The second factor: codes of an authenticator (TOTP, RFC 6238) and recovery codes.

Guarantees: the secret is encrypted at rest and opens for its person alone; a code works once, and none that
is older than it; of recovery codes only keyed hashes are kept, and each works once.
"""

import hmac
from datetime import datetime

import pyotp
from sqlalchemy import Connection

from node.errors import NotAllowed, NotFound
from node.runtime import Node
from node.services.people.encryption import decrypt, encrypt, keyed_hash
from node.services.people.passwords import generate_secret
from node.store.staff import people
from node.store.staff.people import Person

CODES = 10

_PERIOD = 30
_DIGITS = 6
_USE = "second-factor"


def new_secret() -> str:
    """Draw a secret for an authenticator: 160 bits in base32."""
    return pyotp.random_base32()


def provisioning_uri(node: Node, person: Person, secret: str) -> str:
    """Return what an authenticator reads from the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=person.name, issuer_name=node.member)


def is_code(secret: str, code: str, now: datetime) -> bool:
    """Tell whether somebody who enrols has the secret in their authenticator."""
    return _step_of(secret, code, now) is not None


def enrol(conn: Connection, node: Node, person: Person, secret: str) -> list[str]:
    """Set a person's second factor, and return ten new recovery codes, which cannot be shown again."""
    sealed = encrypt(node, _USE, person.id, secret.encode())
    people.change_person(conn, person.id, second_factor=sealed)
    return renew_recovery_codes(conn, node, person)


def renew_recovery_codes(conn: Connection, node: Node, person: Person) -> list[str]:
    """Replace a person's recovery codes, and return the new ones, which cannot be shown again."""
    codes = [generate_secret(groups=2) for _ in range(CODES)]
    people.set_recovery_codes(conn, person.id, [_hash(node, person, code) for code in codes])
    return codes


def show_code(node: Node, person: Person) -> str:
    """Return what a person's authenticator shows now: in an exercise, for whoever tries it without one.

    Raises:
        NotAllowed: this is no exercise.
        NotFound: the person has set up none.
    """
    if not node.network().policy.exercise:
        raise NotAllowed("Codes are shown in an exercise alone.", "Look at the authenticator.")
    if person.second_factor is None:
        raise NotFound("No second factor is set up.", "Sign in to the console first.")
    secret = decrypt(node, _USE, person.id, person.second_factor).decode()
    return pyotp.TOTP(secret).at(int(node.clock().timestamp()))


def take_code(conn: Connection, node: Node, person: Person, code: str, now: datetime) -> bool:
    """Use up a code of a person's authenticator, or a recovery code. Returns whether it was one."""
    typed = "".join(char for char in code if char.isalnum()).lower()
    if len(typed) != _DIGITS or not typed.isdecimal():
        return people.take_recovery_code(conn, person.id, _hash(node, person, typed))
    if person.second_factor is None:
        return False
    secret = decrypt(node, _USE, person.id, person.second_factor).decode()
    step = _step_of(secret, typed, now)
    return step is not None and people.take_step(conn, person.id, step)


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """Return the period whose code this is: the present one or a neighbour, since clocks differ."""
    totp = pyotp.TOTP(secret)
    present = int(now.timestamp()) // _PERIOD
    # Arabic keyboards, and others, have digits of their own.
    typed = "".join(str(int(char)) for char in code if char.isdecimal())
    steps = (present, present - 1, present + 1)
    return next((step for step in steps if hmac.compare_digest(totp.at(step * _PERIOD), typed)), None)


def _hash(node: Node, person: Person, code: str) -> bytes:
    return keyed_hash(node, "recovery-code", f"{person.id} {code.replace('-', '')}")

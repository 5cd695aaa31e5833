"""Spreadsheets of invented children."""

import csv
import io

HEADERS = ["Reference", "Name", "Sex", "Date of birth", "Missing since", "Country", "What happened", "Height"]
FIXED = {
    "contacts.value": "+33144556677",
    "authority.name": "Police",
    "authority.kind": "police",
    "consent.basis": "police",
    "consent.scope": "network, public",
    "consent.date": "2026-11-02",
    "risk.level": "high",
    "risk.assessed_at": "2026-11-03",
    "risk.assessed_by_role": "duty officer",
    "review_due": "2026-12-03",
    "purge_by": "2044-01-01",
}


def row(number: int, **changes: str) -> list[str]:
    """Write a row of an invented child."""
    cells = {
        "Reference": f"A-{number}",
        "Name": f"Child Number {number}",
        "Sex": "girl",
        "Date of birth": "2014-03-05",
        "Missing since": "2026-11-02 17:30",
        "Country": "France",
        "What happened": "Did not come home.",
        "Height": "140",
    }
    return list((cells | changes).values())


def table(*rows: list[str], headers: list[str] = HEADERS) -> bytes:
    """Write rows as CSV."""
    text = io.StringIO()
    csv.writer(text).writerows([headers, *rows])
    return text.getvalue().encode()

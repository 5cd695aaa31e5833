"""What is wrong with a row, in sentences, and what its columns are called."""

from collections.abc import Mapping
from types import MappingProxyType

from node.adapters.tables import row
from node.domain.spreadsheets import conversion
from node.domain.spreadsheets.conversion import CellProblem
from node.services.spreadsheets.intake import Import


def sentence(text: str) -> str:
    """Mark a sentence that the console translates (`node.web.console.texts`)."""
    return text


PROBLEMS: Mapping[str, str] = MappingProxyType(
    {
        conversion.NEEDED: sentence("Fill this in."),
        conversion.UNKNOWN_WORD: sentence(
            "The word is not known. Translate it on the page of questions, or mend it."
        ),
        conversion.DATE: sentence("Write a date like 2014-03-05, 2014-03, 2014~ or 2013/2015."),
        conversion.ORDER: sentence("Day and month can be mistaken for each other. Say which comes first."),
        conversion.MOMENT: sentence("Write a day and a time like 2026-11-02 17:30, or a day alone."),
        conversion.DAY: sentence("Write a day like 2026-11-02."),
        conversion.NUMBER: sentence("Write a number within what is possible."),
        conversion.AGE: sentence("Write an age in whole years like 12, or like 8 months."),
        conversion.HEIGHT: sentence("Write a height like 140, 140-145 cm, 1.40 m or 4 ft 7 in."),
        conversion.WEIGHT: sentence("Write a weight like 40, 40-45 kg or 90 lb."),
        conversion.COUNTRY: sentence("Write the name of a country, or its code of two letters."),
        conversion.LANGUAGE: sentence("Write the name of a language, or its code."),
        conversion.PHONE: sentence(
            "Write a telephone number like +33144556677, or an address that begins with https://"
        ),
        conversion.ROLE: sentence("Write a role in Latin letters, such as duty officer."),
        conversion.UNFIT: sentence(
            "This does not fit: it is too long, has signs that nobody can print, or is not one of the list."
        ),
        row.FORMULA: sentence("The cell holds a formula without a value. Write the value itself."),
        row.ERROR: sentence("The cell shows an error of the spreadsheet. Write the value itself."),
        row.LONG: sentence("The cell holds far more text than a field can."),
        conversion.SEVERAL: sentence("Several cases in the register have this reference. Give each its own."),
        conversion.TWICE: sentence("A row further up has the same reference. Keep one of them."),
    }
)


def say_problem(found: Import, problem: CellProblem) -> str:
    """Say what is wrong with a row, in English and by the names of fields."""
    where = "" if problem.column < 0 else f" (column {column_name(found, problem.column)})"
    return f"{problem.target}{where}: {problem_sentence(problem)}"


def problem_sentence(problem: CellProblem) -> str:
    """Return the sentence of a problem."""
    return PROBLEMS.get(problem.code, PROBLEMS[conversion.UNFIT])


def column_name(found: Import, column: int) -> str:
    """Return the header of a column, or its letters where it has none."""
    header = found.headers[column] if column < len(found.headers) else ""
    return header or column_letters(column)


def column_letters(column: int) -> str:
    """Return what a spreadsheet program calls a column: A, B, and after Z AA."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters

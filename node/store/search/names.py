"""Names of any script: candidates by their words in Latin letters and by the consonants of these, which are
words of the same index, asked for exactly, with neighbours as one word and with one sound changed;
`domain.names.similarity` says how alike they are.
"""

# ruff: noqa: S608 - SQL is put together from the constants below alone; every value is bound

from collections.abc import Collection, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from rapidfuzz import fuzz, process
from sqlalchemy import Connection, text

from node.domain.names.similarity import NameKey, joints, key_score, name_keys, similar_skeletons, skeleton_of
from node.domain.searchable import BETWEEN_NAMES, fold_words, skeleton_words
from node.store.search.filters import Filter, conditions
from node.store.search.index import LEXEMES, as_list, one_of, read_ids
from node.store.search.query import Query

# How alike a name must be to count as found; see bench/names.py for what that costs and brings.
MIN_SCORE = 0.55
# Candidates that are taken; that are enough to look no further, since what a looser way finds is less alike,
# and to find the last few of the most would take longer than all before; that go through the full comparison.
_MOST, _ENOUGH, _COMPARED = 250, 200, 120
# Candidates who leave out those that share a single word: thousands do, and few of them are alike enough.
_FEW = 30
# Consonants of two words that may both differ: shorter names are like thousands, longer ones have a word that
# is the same.
_LONG = 6
# Words of a name that are looked up; more of them tell nothing more.
_MAX_WORDS = 5


def score_names(connection: Connection, query: Query) -> dict[int, float]:
    """Find the rows that have a name like the one asked for, and say how alike it is, from MIN_SCORE to 1."""
    asked = name_keys([query.name or ""])
    filtered = conditions(connection, query)
    ids: set[int] = set()
    for key in asked:
        ids |= _find_candidates(connection, key, filtered)
    scores: dict[int, float] = {}
    for names, called in _most_alike(asked, _read_names(connection, list(ids))):
        score = key_score(asked, names.keys)
        if score >= MIN_SCORE:
            scores |= dict.fromkeys(called, round(score, 4))
    return scores


def _find_candidates(connection: Connection, key: NameKey, filtered: Filter) -> set[int]:
    """Look for rows that may have a name, the most alike first, until there are enough."""
    found: set[int] = set()
    for step in _steps(key):
        if len(found) >= step.enough:
            break
        found.update(_look_up(connection, step.ways, filtered, _MOST - len(found)))
    return found


_Way = Sequence[Collection[str]]
"""Groups of indexed words; a row must have one word of each group."""


class _Step(NamedTuple):
    """What is looked for at once: each statement takes its time, whatever it finds.

    Attributes:
        enough: candidates that make this step not worth its time.
    """

    ways: Sequence[_Way]
    enough: int = _ENOUGH


def _steps(key: NameKey) -> Iterator[_Step]:
    """Give what to look for, the strictest first."""
    words = key.fold.split()[:_MAX_WORDS]
    bones = list(dict.fromkeys(key.skeleton.split()))[:_MAX_WORDS]
    yield _Step([[[word] for word in dict.fromkeys(fold_words(words))]])
    if not bones:
        return
    every = skeleton_words(bones)
    same = [[word] for word in every]
    alike = [set(skeleton_words(similar_skeletons(word))) for word in bones]  # cut, many of long ones are one
    yield _Step([same])
    yield _Step([*_with_joints(words), *_one_changed(same, alike)])
    if len(bones) == 2 and sum(map(len, bones)) >= _LONG:
        yield _Step([alike])
    if len(bones) > 2:
        # Two words of a longer name are the same: one of all but any of them.
        yield _Step([list(combinations(every, len(every) - 1))])
    if len(bones) > 1:
        yield _Step([[every]], enough=_FEW)


def _with_joints(words: list[str]) -> Iterator[_Way]:
    for begin, end, together in joints(words):
        others = skeleton_of(" ".join([*words[:begin], *words[end:]])).split()
        yield [[word] for word in skeleton_words([together, *others])]


def _one_changed(same: _Way, alike: _Way) -> Iterator[_Way]:
    for at in range(len(same)):
        yield [*same[:at], alike[at], *same[at + 1 :]]


def _look_up(connection: Connection, ways: Sequence[_Way], filtered: Filter, most: int) -> list[int]:
    # Filters come before the limit, or many of one name would hide the one that is looked for.
    where, values = filtered
    bound, listed = {**values, "most": most}, []
    for number, way in enumerate(ways):
        if connection.dialect.name == "sqlite":
            bound[f"names_{number}"] = " AND ".join("(" + _either(group, '"', " OR ") + ")" for group in way)
            listed.append(_MATCHING_SQLITE.format(where=where, names=f":names_{number}"))
        else:
            bound |= {f"names_{number}_{at}": _either(group, "'", " | ") for at, group in enumerate(way)}
            named = (f"{LEXEMES} @@ CAST(:names_{number}_{at} AS tsquery)" for at in range(len(way)))
            listed.append(_MATCHING_POSTGRESQL.format(where=where, named=" AND ".join(named)))
    found = read_ids(connection, " UNION ALL ".join(f"SELECT id FROM ({one}) way" for one in listed), bound)
    return list(dict.fromkeys(found))[:most]


def _either(group: Collection[str], quote: str, either: str) -> str:
    return either.join(f"{quote}{word}{quote}" for word in group)


# CROSS JOIN keeps the order: first the words, then the filters on the rows they are in.
_MATCHING_SQLITE = (
    "SELECT f.rowid AS id FROM search_fts f CROSS JOIN search_entry e ON e.id = f.rowid"
    " WHERE search_fts MATCH {names} AND {where} ORDER BY f.rowid DESC LIMIT :most"
)
# The same on PostgreSQL, which without the common table may go through all texts in their order, and without
# OFFSET 0 looks at the rows of all before it counts. Each group is a condition of its own: the index goes
# along the rarest of them then, where of a single one it would look at every row of any word.
_MATCHING_POSTGRESQL = (
    "WITH named AS MATERIALIZED (SELECT id FROM search_text WHERE {named})"
    " SELECT f.id FROM (SELECT id FROM named ORDER BY id DESC OFFSET 0) f"
    " JOIN search_entry e ON e.id = f.id WHERE {where} ORDER BY f.id DESC LIMIT :most"
)


class _Names(NamedTuple):
    """Every reading of every name of a case, as the columns have them."""

    fold: str
    skeleton: str

    @property
    def keys(self) -> list[NameKey]:
        columns = (column.strip().split(BETWEEN_NAMES) for column in self)
        return list(map(NameKey, *columns))


def _read_names(connection: Connection, ids: list[int]) -> dict[_Names, list[int]]:
    """Read who is called what: many are called the same, and a name is compared once."""
    these = f"WHERE id {one_of(connection, 'ids')} ORDER BY id DESC"
    statement = text(f"SELECT id, names_fold, names_skeleton FROM search_text {these}")
    called: dict[_Names, list[int]] = {}
    for number, *columns in connection.execute(statement, {"ids": as_list(connection, ids)}).all():
        called.setdefault(_Names(*columns), []).append(number)
    return called


def _most_alike(asked: list[NameKey], called: dict[_Names, list[int]]) -> Iterator[tuple[_Names, list[int]]]:
    """Give the names that a quick look at whole columns likes best, since the full comparison takes longer,
    until they are those of enough cases."""
    every = list(called)
    best = [-0.001 * len(names.fold) for names in every]  # of equals, those who are called little else
    for key in asked:
        for column, wanted in enumerate((key.fold, key.skeleton)):
            texts = [names[column] for names in every]
            for _text, score, at in process.extract(wanted, texts, scorer=fuzz.token_set_ratio, limit=None):
                best[at] += score
    left = _COMPARED
    for at in sorted(range(len(every)), key=best.__getitem__, reverse=True):
        yield every[at], called[every[at]][:left]
        left -= len(called[every[at]])
        if left <= 0:
            return

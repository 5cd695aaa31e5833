"""Asking for the next thing while the last one is being worked on.

Guarantees: results come in the order of the questions, at most two are held in memory, and an error is raised
where its result would have come. One thread a call, ended with it.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


def fetch_ahead(fetch: Callable[[Q], A], questions: Iterable[Q]) -> Iterator[tuple[Q, A]]:
    """Yield each question with its answer, while the answer to the next is on its way."""
    remaining = iter(questions)
    first = next(remaining, None)
    if first is None:
        return
    second = next(remaining, None)
    if second is None:  # the common case, a small change, needs no thread
        yield first, fetch(first)
        return
    with ThreadPoolExecutor(1, thread_name_prefix="fetch-ahead") as thread:
        question, answer = first, thread.submit(fetch, first)
        upcoming: Q | None = second
        while True:
            got = answer.result()
            asked = question
            if upcoming is None:
                yield asked, got
                return
            question, answer = upcoming, thread.submit(fetch, upcoming)
            upcoming = next(remaining, None)
            yield asked, got

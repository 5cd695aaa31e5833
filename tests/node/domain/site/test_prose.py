"""node/domain/site/prose.py: what becomes a heading, a list or a link, and that everything else is text."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.site.prose import Block, Run, is_address, parse_prose


def test_a_page() -> None:
    items = "- one\n- [two](https://a.example/b?c#d) [three](tel:+33123)"
    text = f"# About\nWe look.\nAlways.\n\n{items}\n\nEnd [x](mailto:a@b.example)."
    assert parse_prose(text) == [
        Block("heading", [[Run("About")]]),
        Block("paragraph", [[Run("We look.")], [Run("Always.")]]),
        Block(
            "list",
            [[Run("one")], [Run("two", "https://a.example/b?c#d"), Run(" "), Run("three", "tel:+33123")]],
        ),
        Block("paragraph", [[Run("End "), Run("x", "mailto:a@b.example"), Run(".")]]),
    ]


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert",
        "data:text/html,x",
        "http://a.example/",
        "//a.example/",
        "/p",
        "https://a.example\\@b.example",
        "https://user@a.example/",
        "https://a",
        "https:a.example",
        "tel:javascript",
        "mailto:a@b.example?body=x",
        "https://a.example/\u202e",
        "vbscript:x",
    ],
)
def test_no_other_address_is_a_link(address: str) -> None:
    assert not is_address(address)
    assert all(
        not run.address for block in parse_prose(f"[x]({address})") for line in block.lines for run in line
    )


def test_two_headings_in_a_row_are_two() -> None:
    assert [block.kind for block in parse_prose("# a\n# b\n- c\nd")] == [
        "heading",
        "heading",
        "list",
        "paragraph",
    ]


@given(st.text(max_size=300))
def test_no_letter_is_invented_and_none_of_a_link_is_foreign(text: str) -> None:
    runs = [run for block in parse_prose(text) for line in block.lines for run in line]
    assert all(run.text in text for run in runs)
    assert all(is_address(run.address) for run in runs if run.address)


@pytest.mark.parametrize(
    "text", ["[" * 20_000, "[a](" * 5_000, "[" + "a" * 19_000 + "](", "# " * 10_000, "[x](https://a" * 1500]
)
def test_bombs_take_no_time(text: str) -> None:
    begun = time.perf_counter()
    parse_prose(text)
    assert time.perf_counter() - begun < 1

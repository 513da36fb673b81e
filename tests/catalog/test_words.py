"""From names to words: what is indexed and what is asked are parted by one rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.catalog.words import asked, words


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("OrderLines", ("order", "line"), id="camel case is split before case is folded"),
        pytest.param("orderLineID", ("order", "line", "id"), id="an abbreviation is one word"),
        pytest.param("HTTPRequests", ("http", "request"), id="an abbreviation before a word"),
        pytest.param("order_lines", ("order", "line"), id="snake case"),
        pytest.param("sales.orders.lines", ("sale", "order", "line"), id="an id"),
        pytest.param("daily-revenue_v2", ("daily", "revenue", "v2"), id="a short number stays with its word"),
        pytest.param("revenue2024", ("revenue", "2024"), id="a year is a word"),
        pytest.param("categories", ("category",), id="plurals in -ies"),
        pytest.param("boxes classes status analysis", ("box", "class", "status", "analysis"), id="what only ends so"),
        pytest.param("Café Straße", ("cafe", "strasse"), id="accents are let go"),
        pytest.param("売上高", ("売", "上", "高"), id="signs that are words"),
        pytest.param("", (), id="nothing"),
        pytest.param("--- ...", (), id="no letters"),
    ],
)
def test_words_of_a_name(name: str, expected: tuple[str, ...]) -> None:
    """A name is parted into words that can be compared."""
    assert words(name) == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        pytest.param("where is the revenue", ("revenue",), id="stop words are left out"),
        pytest.param("by the", ("by", "the"), id="unless there are no others"),
        pytest.param("order orders ORDER", ("order",), id="each word once"),
    ],
)
def test_words_that_are_asked(question: str, expected: tuple[str, ...]) -> None:
    """A question is asked by its words that say something."""
    assert asked(question) == expected


@given(st.text(max_size=80))
def test_words_have_no_spaces_and_come_again(text: str) -> None:
    """Words can stand in a text parted at spaces, and are the words of that text again, up to plurals of plurals."""
    found = words(text)

    assert all(word and not any(sign.isspace() for sign in word) for word in found)
    assert len(" ".join(found).split()) == len(found)

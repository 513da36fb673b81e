"""A cheaper question in place of a regular expression gives the same answer for every text."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from freehold.engines import Session
from freehold.quality.patterns import matches, understood

PATTERNS = [
    "^.{3}$", "^.*$", "^.+$", "^.{2,4}$", "^.{2,}$", "^...$", "^[a-c]", "^[a-c]+", "^[^a-c]", "^[a-c]{2}$",
    "^[a-c]*$", "a", "^a", "a$", "[0-9]", r"^\d", r"^\w+$", r"^[\w.-]+$", "^[é-ü]", r"^[\]a]", "^[a-]", "^a?",
    "^[a-c]{1,3}$", "^[b]+$", "^(a|b)", "(?i)^a", "^[[:alpha:]]",
]  # fmt: skip
TEXTS = st.text(alphabet="abcdé0-.]\n A", max_size=6)
RE2 = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("pattern", PATTERNS)
@RE2
@given(texts=st.lists(TEXTS, min_size=1, max_size=20))
@example(texts=["", "a", "a\nb", "\n", "abc", "ABC", "éa", "-", "]"])
def test_the_cheaper_condition_is_the_pattern(pattern: str, texts: list[str], session: Session) -> None:
    """Lengths and first characters say exactly what RE2 says, empty texts, line breaks and accents included."""
    cheap = matches(exp.column("x"), pattern).sql("duckdb")
    values = ", ".join("('" + text.replace("'", "''") + "')" for text in texts)
    wrong = session.rows(
        f"SELECT x FROM (VALUES {values}) AS v(x) WHERE ({cheap}) IS DISTINCT FROM regexp_matches(x, '{pattern}')"
    )
    assert wrong == []


@RE2
@given(a=st.sampled_from(PATTERNS), b=st.sampled_from(PATTERNS), texts=st.lists(TEXTS, min_size=1, max_size=30))
def test_a_stricter_pattern_proves_a_looser_one(a: str, b: str, texts: list[str], session: Session) -> None:
    """Where one pattern is said to imply another, no text matches the first and not the second."""
    strict, loose = understood(a), understood(b)
    if strict is None or loose is None or not strict.implies(loose):
        return
    values = ", ".join("('" + text.replace("'", "''") + "')" for text in texts)
    against = session.rows(
        f"SELECT x FROM (VALUES {values}) AS v(x) WHERE regexp_matches(x, '{a}') AND NOT regexp_matches(x, '{b}')"
    )
    assert against == []


@pytest.mark.parametrize(
    ("strict", "loose", "implied"),
    [
        ("^[0-9a-f]{32}$", "^[0-9a-f]+$", True),
        ("^[0-9a-f]{32}$", "^[0-9]+$", False),
        ("^[a-c]{2}$", "^[a-z]{1,4}$", True),
        ("^[a-c]+$", "^[a-z]{1,4}$", False),
        ("^[a-c]+", "^[a-z]+", False),
        ("^[a-c]*$", "^[a-z]+$", False),
        ("^[a-c]$", "^[a-z]{2}", False),
    ],
)
def test_implication_is_decided_by_class_and_length(strict: str, loose: str, implied: bool) -> None:
    """Inclusion of classes and of lengths, and nothing less, is a proof."""
    a, b = understood(strict), understood(loose)
    assert a is not None
    assert b is not None
    assert a.implies(b) is implied


@pytest.mark.parametrize("pattern", ["^(a|b)$", "a.b", "^a$|b", r"\s", "[[:alpha:]]", "^[a-z]+?$", "(?i)a"])
def test_what_is_more_than_one_class_stays_a_pattern(pattern: str) -> None:
    """Nothing is guessed about a pattern that is not understood whole."""
    assert understood(pattern) is None

"""Shapes: what is left of a statement without its values, the same for every value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.sql.kernel import parse
from freehold.sql.shapes import fingerprint_of, shape_of

SHAPES = {
    "numbers and strings": (
        "postgres", "select a from t where b = 12.5 and c = 'it''s'", "select a from t where b = 0 and c = '?'"
    ),
    "comments and line breaks": ("postgres", "select a -- for Ana\nfrom /* 17 */ t", "select a from t"),
    "lists of any length": ("duckdb", "select a from t where b in (1, 2, 3)", "select a from t where b in (0)"),
    "rows of values": ("duckdb", "insert into t values ('a'), ('b')", "insert into t values ('?')"),
    "a placeholder is a value": ("postgres", "select a from t where b = $1", "select a from t where b = '?'"),
    "names in quotes stay": ("snowflake", 'select "A 1" from t where b = 1', 'select "A 1" from t where b = 0'),
    "strings in double quotes": ("bigquery", 'select a from `p.t` where b = "x"', "select a from `p.t` where b = '?'"),
    "strings in dollars": ("postgres", "select $$a secret$$, E'b'", "select '?', '?'"),
    "a text that no tokenizer takes": ("postgres", "select 7 from t where b = 'open", "select 0 from t where b = '?'"),
    "dollars that nothing closes": ("postgres", "select 7 from t where b = $$open", "select 0 from t where b = '?'"),
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "sql", "expected"), SHAPES.values(), ids=list(SHAPES))
def test_a_shape_has_no_value(dialect: str, sql: str, expected: str) -> None:
    """What is left is what was asked, and not for whom."""
    assert shape_of(sql, dialect) == expected


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\\\x00"), max_size=30)


@given(TEXTS, st.integers(0, 10**9), st.lists(st.integers(0, 99), min_size=2, max_size=5))
def test_statements_that_differ_in_values_have_one_shape(text: str, number: int, some: list[int]) -> None:
    """Whatever the values: one shape, one fingerprint, and the shape parses."""
    quoted = text.replace("'", "''")
    sql = (
        f"SELECT a FROM s.t WHERE b = '{quoted}' AND c > {number} AND d IN ({', '.join(map(str, some))}) LIMIT {number}"
    )

    shape = shape_of(sql, "duckdb")

    assert shape == "SELECT a FROM s.t WHERE b = '?' AND c > 0 AND d IN (0) LIMIT 0"
    parse(shape, "duckdb")
    assert fingerprint_of(shape) == fingerprint_of(shape.lower())

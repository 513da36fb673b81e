"""Normal forms: what means the same, and what does not."""

from __future__ import annotations

import pytest

from freehold.foundation import FreeholdError, Where
from freehold.sql import normalised, parse, same_meaning, tables_of


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param("select a from t", "SELECT a\nFROM t", id="case and layout"),
        pytest.param("select a from t -- why", "select /* why */ a from t", id="comments"),
        pytest.param("select A from T", "select a from t", id="unquoted names"),
        pytest.param("select count(*) from t", "select COUNT(*) from t", id="names of functions"),
        pytest.param("select a as b from t", "select a b from t", id="an alias with and without AS"),
    ],
)
def test_these_mean_the_same(left: str, right: str) -> None:
    """A change of spelling is no change of definition."""
    assert same_meaning(left, right, "duckdb")


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param("select a from t", "select b from t", id="another column"),
        pytest.param("select a from t", "select a from u", id="another table"),
        pytest.param("select a from t where a > 1", "select a from t where a >= 1", id="another comparison"),
        pytest.param("select a, b from t", "select b, a from t", id="another order of columns"),
        pytest.param("select 'A' from t", "select 'a' from t", id="another text"),
        pytest.param("select a from t", "select distinct a from t", id="distinct"),
    ],
)
def test_these_do_not(left: str, right: str) -> None:
    """A change of meaning is seen, however small."""
    assert not same_meaning(left, right, "duckdb")


def test_a_normal_form_is_its_own_normal_form() -> None:
    """Normalising twice changes nothing more."""
    once = normalised("select  A , count( * ) from T group by ALL -- x", "duckdb")
    assert normalised(once, "duckdb") == once


@pytest.mark.parametrize(
    ("sql", "line", "column", "sign"),
    [
        pytest.param("select 'a' || 'b from t\nwhere x = 1", 1, 15, "'", id="a text"),
        pytest.param("select 1,\n  'a' as x,\n  \"a from t", 3, 3, '"', id="a name"),
        pytest.param("\nselect $$a", 2, 8, "$$", id="dollars"),
        pytest.param("select 1\n /* abc", 2, 2, "comment", id="a comment"),
    ],
)
def test_what_is_never_closed_is_told_where_it_begins(sql: str, line: int, column: int, sign: str) -> None:
    """The tokenizer ends there, and says so of the whole text."""
    with pytest.raises(FreeholdError) as caught:
        parse(sql, "duckdb", Where("models/x.sql", 1, 1))
    with pytest.raises(FreeholdError) as within:
        parse(sql, "duckdb", Where("products.yaml", 1, 1), lambda at: Where("products.yaml", 10, 1 + at))
    before = sum(len(one) + 1 for one in sql.split("\n")[: line - 1])
    assert (caught.value.code, str(caught.value.where)) == ("FH-Q001", f"models/x.sql:{line}:{column}")
    assert str(within.value.where) == f"products.yaml:10:{before + column}"
    assert sign in caught.value.problem
    assert "not closed" in caught.value.problem


@pytest.mark.parametrize(
    ("sql", "code", "line"),
    [
        pytest.param("select a from t\nwhere (a = 1", "FH-Q001", 2, id="an open parenthesis"),
        pytest.param("select 1; select 2", "FH-Q002", None, id="two statements"),
        pytest.param("drop table t", "FH-Q002", None, id="no query"),
        pytest.param("", "FH-Q002", None, id="nothing"),
    ],
)
def test_what_is_no_query_is_refused_in_its_place(sql: str, code: str, line: int | None) -> None:
    """The error names the file, and the line where the parser stopped."""
    with pytest.raises(FreeholdError) as caught:
        parse(sql, "duckdb", Where("models/x.sql", 1, 1))
    assert caught.value.code == code
    assert caught.value.where is not None
    assert caught.value.where.path == "models/x.sql"
    if line:
        assert caught.value.where.line == line


def test_names_that_a_query_defines_itself_are_not_tables_it_reads() -> None:
    """A WITH name is its own; a qualified name of the same spelling is not."""
    query = parse("with a as (select * from b) select * from a join s.a on true", "duckdb")
    assert sorted(f"{t.db}.{t.name}" for t in tables_of(query)) == [".b", "s.a"]

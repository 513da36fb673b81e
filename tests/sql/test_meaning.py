"""Digests of queries: the same where two texts mean the same, another for every column or row that may differ."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from freehold.sql.meaning import Meaning, meaning_of

SOURCES = {
    "s.t": Meaning("rows of t", {"x": "t.x", "y": "t.y", "z": "t.z"}),
    "s.u": Meaning("rows of u", {"x": "u.x", "w": "u.w"}),
}


def _name(table: exp.Table) -> str:
    return ".".join(part.name for part in table.parts)


def _meaning(sql: str, sources: dict[str, Meaning] | None = None, dialect: str = "duckdb") -> Meaning:
    return meaning_of(sql, dialect, sources or SOURCES, _name)


SAME = [
    ("layout, comments and case", "select x, y from s.t", "SELECT  x,\n  y -- the second\nFROM s.t"),
    ("aliases of tables", "select a.x from s.t a where a.y > 1", "select b.x from s.t as b where b.y > 1"),
    ("a CTE around a table", "select x from s.t where y > 1",
     "with q as (select * from s.t) select x from q where y > 1"),
    ("the name of a CTE", "with q as (select x from s.t where y = 1) select x from q",
     "with r as (select x from s.t where y = 1) select x from r"),
    ("a derived table for a CTE", "with q as (select x from s.t where y = 1) select x from q",
     "select x from (select x from s.t where y = 1)"),
    ("a star for its columns", "select * from s.t", "select x, y, z from s.t"),
    ("positions in GROUP BY", "select x, sum(y) as s from s.t group by 1", "select x, sum(y) as s from s.t group by x"),
    ("USING for ON", "select t.y from s.t join s.u using (x)", "select t.y from s.t join s.u on t.x = u.x"),
    ("qualified names", "select y from s.t join s.u on t.x = u.x", "select t.y from s.t join s.u on t.x = u.x"),
    ("a CTE that nobody reads", "select x from s.t", "with q as (select 1 as n) select x from s.t"),
    ("an alias used further right", "select x as a, a + 1 as b from s.t", "select x as a, x + 1 as b from s.t"),
]  # fmt: skip

ROWS = [
    ("a filter", "select x from s.t", "select x from s.t where y > 1"),
    ("a bound", "select x from s.t where y > 1", "select x from s.t where y > 2"),
    ("DISTINCT", "select x from s.t", "select distinct x from s.t"),
    ("the kind of a join", "select t.x from s.t join s.u on t.x = u.x",
     "select t.x from s.t left join s.u on t.x = u.x"),
    ("what a join compares", "select t.x from s.t join s.u on t.x = u.x", "select t.x from s.t join s.u on t.x = u.w"),
    ("another table", "select x from s.t", "select x from s.u"),
    ("the grain of a group", "select x, sum(z) as s from s.t group by x",
     "select x, sum(z) as s from s.t group by x, y"),
    ("HAVING", "select x, sum(z) as s from s.t group by x",
     "select x, sum(z) as s from s.t group by x having sum(z) > 0"),
    ("LIMIT", "select x from s.t", "select x from s.t limit 10"),
    ("UNION for UNION ALL", "select x from s.t union all select x from s.u",
     "select x from s.t union select x from s.u"),
    ("QUALIFY", "select x, row_number() over (order by y) as n from s.t",
     "select x, row_number() over (order by y) as n from s.t qualify n = 1"),
    ("a filter inside a CTE", "with q as (select x from s.t) select x from q",
     "with q as (select x from s.t where z = 1) select x from q"),
    ("a subquery in a filter", "select x from s.t where exists (select 1 from s.u where u.x = t.x)",
     "select x from s.t where exists (select 1 from s.u where u.w = t.x)"),
    ("folding all rows into one", "select x from s.t", "select max(x) as x from s.t"),
    ("unnesting", "select x from s.t", "select x, unnest([1, 2]) as n from s.t"),
    ("a sample", "select x from s.t", "select x from s.t using sample 10%"),
    ("a table function", "select range as x from range(3)", "select range as x from range(4)"),
]  # fmt: skip

COLUMNS = [
    ("one expression of two", "select x, y + 1 as k from s.t", "select x, y + 2 as k from s.t", {"k"}),
    ("a column for another", "select x, y as k from s.t", "select x, z as k from s.t", {"k"}),
    ("an expression in a CTE", "with q as (select x, y * 2 as k from s.t) select x, k from q",
     "with q as (select x, y * 3 as k from s.t) select x, k from q", {"k"}),
    ("an aggregate", "select x, sum(y) as a, sum(z) as b from s.t group by x",
     "select x, sum(y) as a, avg(z) as b from s.t group by x", {"b"}),
    ("a scalar subquery", "select x, (select max(w) from s.u) as m from s.t",
     "select x, (select min(w) from s.u) as m from s.t", {"m"}),
    ("the filter of a scalar subquery", "select x, (select max(w) from s.u where u.x = t.x) as m from s.t",
     "select x, (select max(w) from s.u where u.x = t.y) as m from s.t", {"m"}),
    ("a window", "select x, sum(y) over (partition by z) as w from s.t",
     "select x, sum(y) over (partition by x) as w from s.t", {"w"}),
    ("one branch of a union", "select x, y from s.t union all select x, w from s.u",
     "select x, y from s.t union all select x, w + 1 from s.u", {"y"}),
    ("which side of a self join", "select a.x as p, a.y as q from s.t a join s.t b on a.x = b.z",
     "select b.x as p, a.y as q from s.t a join s.t b on a.x = b.z", {"p"}),
    ("a type", "select x, y from s.t", "select x, cast(y as varchar) as y from s.t", {"y"}),
]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), [pytest.param(*c[1:], id=c[0]) for c in SAME])
def test_what_changes_nothing(left: str, right: str) -> None:
    """Another way to say the same has the same digests, and was taken apart, not compared as text."""
    assert _meaning(left) == _meaning(right)
    assert not _meaning(left).is_whole


@pytest.mark.parametrize(("left", "right"), [pytest.param(*c[1:], id=c[0]) for c in ROWS])
def test_what_changes_rows(left: str, right: str) -> None:
    """A change of which rows there are changes the digest of the rows."""
    assert _meaning(left).rows != _meaning(right).rows


@pytest.mark.parametrize(("left", "right", "changed"), [pytest.param(*c[1:], id=c[0]) for c in COLUMNS])
def test_what_changes_columns(left: str, right: str, changed: set[str]) -> None:
    """A change of one expression changes that column alone, and not the rows."""
    before, after = _meaning(left), _meaning(right)
    assert before.rows == after.rows
    assert {name for name in after.columns if before.columns.get(name) != after.columns[name]} == changed


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("with recursive r as (select 1 as n union all select n + 1 from r where n < 5) select n from r",
                     id="a recursive CTE"),
        pytest.param("pivot s.t on x using sum(y)", id="a pivot"),
        pytest.param("select k from s.t, lateral (select y as k)", id="a lateral"),
        pytest.param("select *, 1 as k from elsewhere.v", id="a star over unknown columns"),
        pytest.param("select nobody from s.t join s.u on true", id="a column that nobody has"),
        pytest.param("select x from s.t union by name select w from s.u", id="a union by name"),
        pytest.param("select " + "(" * 3000 + "x" + ")" * 3000 + " as k from s.t", id="3,000 parentheses"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_apart_counts_whole(sql: str) -> None:
    """Then every change of the text, and of anything it reads, changes it; and nothing crashes."""
    found = _meaning(sql)
    assert found.is_whole
    assert _meaning(sql) == found
    assert _meaning(sql + " -- said", SOURCES).is_whole


def test_a_change_reaches_only_what_reads_it() -> None:
    """Digests go through a chain of models: the column that changed, what is made of it, and nothing else."""

    def chain(first: str) -> Meaning:
        one = _meaning(first)
        two = _meaning("select x, y * 2 as double, z from s.one where z > 0", {"s.one": one})
        return _meaning("select x, double + 1 as more from s.two", {"s.two": two})

    base = chain("select x, y, z from s.t")
    assert chain("select x, y + 1 as y, z from s.t").columns["x"] == base.columns["x"]
    assert chain("select x, y + 1 as y, z from s.t").columns["more"] != base.columns["more"]
    assert chain("select x, y + 1 as y, z from s.t").rows == base.rows
    assert chain("select x, y, z + 1 as z from s.t").rows != base.rows  # it is filtered by further down
    assert chain("select x, y, z, 1 as extra from s.t") == base


def test_a_relation_that_nobody_describes_counts_by_its_name() -> None:
    """Its columns are told apart by name; a star passes them on."""
    found = _meaning("select a, b from elsewhere.v")
    assert found.columns["a"] != found.columns["b"]
    assert _meaning("select * from elsewhere.v").column("a") == found.columns["a"]
    assert _meaning("select a from elsewhere.w").columns["a"] != found.columns["a"]


@pytest.mark.parametrize(
    ("sql", "missing"),
    [
        pytest.param("select q from s.t", ("s.t", "q"), id="of the only relation"),
        pytest.param("select u.y from s.t join s.u using (x)", ("s.u", "y"), id="of one that is named"),
        pytest.param("select x from s.t where q > 1", ("s.t", "q"), id="in a filter"),
        pytest.param("with c as (select x from s.t) select y from c", ("c", "y"), id="of a CTE"),
        pytest.param("select q from s.t join s.u on t.x = u.x", ("", "q"), id="of any of two"),
        pytest.param("select q from elsewhere.v", None, id="of a relation that nobody describes"),
        pytest.param("select x as a from s.t order by a", None, id="an alias in ORDER BY"),
        pytest.param(
            "select x from s.t as t where exists (select 1 from s.u where u.x = y)", None, id="of the outer query"
        ),
    ],
)  # fmt: skip
def test_a_column_that_is_not_there(sql: str, missing: tuple[str, str] | None) -> None:
    """A column is missing only where all columns of a relation are known and it is none of them."""
    assert _meaning(sql).missing == missing


# -- soundness: whatever has equal digests gives equal rows

_COLUMN = st.sampled_from(["x", "y", "z"])
_VALUE = st.one_of(
    _COLUMN,
    st.builds("{} + {}".format, _COLUMN, st.integers(0, 2)),
    st.builds("coalesce({}, {})".format, _COLUMN, _COLUMN),
    st.builds("case when {} > 1 then {} end".format, _COLUMN, _COLUMN),
    st.builds("(select max({}) from s.t as i where i.{} = o.{})".format, _COLUMN, _COLUMN, _COLUMN),
)
_FILTER = st.one_of(st.just(""), st.builds(" where {} > {}".format, _COLUMN, st.integers(0, 2)))
_FOLDED = st.sampled_from(["sum", "min", "count"])


@st.composite
def _queries(draw: Any, depth: int = 2) -> str:
    """Return a query of the columns x, y, z over s.t, nested and spelled in many ways."""
    if depth == 0:
        return "select x, y, z from s.t"
    inner = draw(_queries(depth=depth - 1))
    kind = draw(st.sampled_from(["plain", "plain", "group", "distinct", "union", "join", "cte"]))
    a, b, c = (draw(_VALUE) for _ in range(3))
    where = draw(_FILTER)
    if kind == "group":
        return f"select x, {draw(_FOLDED)}(y) as y, {draw(_FOLDED)}(z) as z from ({inner}) as o{where} group by x"
    if kind == "union":
        return f"select x, y, z from ({inner}) as o{where} union all select {a}, {b}, {c} from s.t as o"
    if kind == "join":
        on = draw(st.sampled_from(["o.x = p.x", "o.x = p.y", "o.z = p.x"]))
        side = draw(st.sampled_from(["", "left "]))
        names = [draw(st.sampled_from(["o", "p"])) for _ in range(3)]
        return (
            f"select {names[0]}.x as x, {names[1]}.y as y, {names[2]}.z as z "
            f"from ({inner}) as o {side}join s.t as p on {on}"
        )
    body = f"select {'distinct ' if kind == 'distinct' else ''}{a} as x, {b} as y, {c} as z from"
    if kind == "cte":
        return f"with q as ({inner}) {body} q as o{where}"
    return f"{body} ({inner}) as o{where}"


@pytest.fixture(scope="module")
def warehouse() -> duckdb.DuckDBPyConnection:
    """Return a small table on which few different queries agree by chance."""
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA s")
    connection.execute(
        "CREATE TABLE s.t AS SELECT hash(i) % 5 AS x, hash(i * 7) % 4 AS y, "
        "CASE WHEN i % 6 > 0 THEN hash(i * 11) % 3 END AS z FROM range(40) AS r(i)"
    )
    return connection


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(queries=st.lists(_queries(), min_size=4, max_size=12, unique=True))
def test_equal_digests_mean_equal_rows(queries: list[str], warehouse: duckdb.DuckDBPyConnection) -> None:
    """Of any queries, those of equal digests give equal rows, and columns of equal digests over equal rows agree."""
    rows: dict[str, list[Any]] = {}
    columns: dict[tuple[str, str], list[Any]] = {}
    for query in queries:
        meaning = _meaning(query)
        found = sorted(warehouse.execute(query).fetchall(), key=repr)
        assert rows.setdefault(meaning.all, found) == found
        for number, value in enumerate(meaning.columns.values()):
            held = sorted((row[number] for row in found), key=repr)
            assert columns.setdefault((meaning.rows, value), held) == held

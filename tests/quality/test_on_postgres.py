"""A check means on PostgreSQL what it means on DuckDB: the same rows, the same verdict, the same figures."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freehold.engines import Column, Session, open_engine
from freehold.engines.duckdb import CAPABILITIES as DUCKDB
from freehold.engines.postgres import CAPABILITIES as POSTGRES
from freehold.foundation import LOCAL
from freehold.quality import CheckPlan, ColumnProfile, Evaluation, Scope

_spec = importlib.util.spec_from_file_location("paths", Path(__file__).with_name("test_every_path_agrees.py"))
assert _spec is not None
assert _spec.loader is not None
paths = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(paths)

COLUMNS = tuple(Column(c.name, "DOUBLE PRECISION" if c.type == "DOUBLE" else c.type) for c in paths.COLUMNS)
CHECKS = paths.CHECKS.filter(
    lambda drawn: all(said[0][0] != "sql" or "regexp" not in said[0][2]["query"] for said in drawn)
)


@pytest.fixture(scope="module")
def both(postgres: Any) -> Iterator[tuple[Session, Session]]:
    """A session on each engine."""
    url = postgres.fresh()
    engines = open_engine("duckdb://", threads=1), open_engine(url)
    yield engines[0].session(LOCAL), engines[1].session(LOCAL)
    for engine in engines:
        engine.close()
    postgres.drop(url)


def _write(session: Session, columns: tuple[Column, ...], rows: Any) -> None:
    shape = ", ".join(f'"{c.name}" {c.type}' for c in columns)
    for table in ("t", "r", "gap"):
        session.run(f"DROP TABLE IF EXISTS {table}")
    session.run(f"CREATE TABLE t ({shape})")
    session.run("CREATE TABLE r AS SELECT i AS id FROM generate_series(0, 19) AS n(i)")
    session.run("CREATE TABLE gap AS SELECT id FROM r WHERE id <> 7")
    if rows:
        one = f"({', '.join('?' * len(columns))})"
        session.run(f"INSERT INTO t VALUES {', '.join([one] * len(rows))}", [v for row in rows for v in row])


def _said(evaluation: Evaluation) -> list[tuple[Any, ...]]:
    return [(r.check.kind, dict(r.check.arguments), *paths._said(r), r.reason) for r in evaluation.results]


@pytest.mark.parametrize("path", ["fused", "large, values listed", "large, sampled"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=paths.TABLES, drawn=CHECKS)
def test_a_check_says_the_same_on_both_engines(both: tuple[Session, Session], path: str, rows: Any, drawn: Any) -> None:
    """Whatever the rows, the checks and the way they are settled."""
    found = []
    for session, columns, capabilities in zip(both, (paths.COLUMNS, COLUMNS), (DUCKDB, POSTGRES), strict=True):
        _write(session, columns, rows)
        profile = {c.name: ColumnProfile(distinct_about=10) for c in columns} if "listed" in path else None
        plan = CheckPlan.make(paths._checks(drawn), columns, capabilities, profile)
        plan.strategy.large_from = 10**9 if path == "fused" else 0
        scope = Scope("t", {"r": "r", "gap": "gap"}, paths.NOW)
        found.append(_said(plan.evaluate(session, scope)))
    for duckdb, postgres in zip(*found, strict=True):
        assert all(paths._same(p, d) for p, d in zip(postgres[2:6], duckdb[2:6], strict=True)), (duckdb, postgres)


TEXTS = st.text(alphabet="ab.\n -1é", max_size=5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=TEXTS,
    pattern=st.sampled_from(
        ["^.{3}$", "^a.b", "[^a]", "a[.]b", r"a\.b", r"\ba", r"\d", r"^\S+$", "^(a|b)+.?$", ".$", "(?i)A"]
    ),
)
def test_a_pattern_matches_the_same_texts_on_both_engines(
    both: tuple[Session, Session], text: str, pattern: str
) -> None:
    """Line breaks, dots and the ends of words included."""
    from sqlglot import exp

    asked = exp.Select(
        expressions=[exp.RegexpLike(this=exp.Literal.string(text), expression=exp.Literal.string(pattern))]
    )
    duckdb, postgres = (
        session.rows(asked.sql(of.dialect)) for session, of in zip(both, (DUCKDB, POSTGRES), strict=True)
    )
    assert postgres == duckdb


@pytest.mark.parametrize("large_from", [10**9, 0], ids=["few rows", "many rows"])
def test_quantiles_are_the_same_on_both_engines(both: tuple[Session, Session], large_from: int) -> None:
    """Of few rows each column of numbers tells its own values at some shares; of many, which would be sorted, none."""
    found = []
    for session, of in zip(both, (DUCKDB, POSTGRES), strict=True):
        session.run("DROP TABLE IF EXISTS q")
        rows = ", ".join(f"({n}, {n * n / 4}, '{n}')" for n in range(1, 101))
        session.run(f"CREATE TABLE q AS SELECT * FROM (VALUES {rows}, (NULL, NULL, NULL)) AS v(a, b, c)")
        columns = (Column("a", "INTEGER"), Column("b", "DECIMAL(10,2)"), Column("c", "VARCHAR"))
        plan = CheckPlan.make((), columns, of)
        plan.strategy.large_from = large_from
        state = plan.evaluate(session, Scope("q", {}, paths.NOW)).state
        found.append({name: column.quantiles for name, column in state.columns.items()})

    assert found[0] == found[1]
    few = tuple(float(n) for n in (5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95))
    expected = {"a": few, "b": tuple(n * n / 4 for n in few), "c": None}
    assert found[0] == (expected if large_from else dict.fromkeys("abc"))

"""Whatever path the planner takes, it says what one plain statement for each check says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freehold.engines import Column, Session
from freehold.engines.duckdb import CAPABILITIES
from freehold.foundation import Where
from freehold.quality import Check, CheckPlan, ColumnProfile, Evaluation, Result, Scope, TableState

NOW = datetime(2024, 6, 1, tzinfo=UTC)
COLUMNS = (
    Column("number", "INTEGER"),
    Column("select", "BIGINT"),  # a reserved word
    Column("Mixed Case", "VARCHAR"),
    Column("text", "VARCHAR"),
    Column("amount", "DECIMAL(10,2)"),
    Column("ratio", "DOUBLE"),
    Column("day", "DATE"),
    Column("seen_at", "TIMESTAMP WITH TIME ZONE"),
    Column("flag", "BOOLEAN"),
)
TEXTS = st.sampled_from(["", "a", "ab", "abc", "A1", "a\nb", "né", "x" * 9, "abcd", "'quoted'"])
ROW = st.tuples(
    st.none() | st.integers(-5, 30),
    st.none() | st.integers(-(2**40), 2**40) | st.integers(0, 9),
    st.none() | TEXTS,
    st.none() | TEXTS,
    st.none() | st.decimals("-99.99", "99.99", places=2, allow_nan=False) | st.just(Decimal("0.10")),
    st.none() | st.sampled_from([0.0, -0.0, 0.1, 2.5, -3.25, 1e9, math.nan, math.inf, -math.inf]),
    st.none() | st.dates(date(2023, 12, 1), date(2024, 5, 30)),
    st.none() | st.integers(0, 150 * 86400).map(lambda s: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=s)),
    st.none() | st.booleans(),
)
OPERATORS = st.one_of(
    st.tuples(st.sampled_from(["mustBe", "mustNotBe", "mustBeGreaterThan", "mustBeGreaterOrEqualTo",
                               "mustBeLessThan", "mustBeLessOrEqualTo"]), st.integers(0, 30) | st.just(2.5)),
    st.tuples(st.sampled_from(["mustBeBetween", "mustNotBeBetween"]),
              st.tuples(st.integers(-3, 10), st.integers(11, 60)).map(list)),
)  # fmt: skip
NAMES = [c.name for c in COLUMNS]
COUNTED = st.tuples(OPERATORS, st.sampled_from(["rows", "percent"]))
PATTERNS = ["^.{3}$", "^a", "^[a-c]+$", "^[a-z]{1,4}$", "b$", "^[^a]", "[0-9]", "^.*$", "^[a-d]{2}", "^[a-z]+$"]


def _range(low: Any, high: Any) -> st.SearchStrategy[dict[str, Any]]:
    bounds = {"minimum": low, "maximum": high, "exclusiveMinimum": low, "exclusiveMaximum": high}
    names = st.lists(st.sampled_from(sorted(bounds)), min_size=1, max_size=3, unique=True)
    return names.map(lambda chosen: {name: bounds[name] for name in chosen})


KINDS: st.SearchStrategy[tuple[str, tuple[str, ...], dict[str, Any]]] = st.one_of(
    st.tuples(st.sampled_from(["not_null", "nulls"]), st.sampled_from(NAMES).map(lambda n: (n,)), st.just({})),
    st.tuples(st.just("missing"), st.just(("text",)), st.just({"missingValues": [None, "", "abc"]})),
    st.tuples(st.just("in_set"), st.sampled_from([("text",), ("Mixed Case",)]),
              st.lists(TEXTS, max_size=4).map(lambda v: {"values": [*v, None]})),
    st.tuples(st.just("in_set"), st.just(("number",)), st.just({"values": [1, 2, 3, 7]})),
    st.tuples(st.just("in_set"), st.just(("flag",)), st.just({"values": [True]})),
    st.tuples(st.just("invalid"), st.just(("text",)),
              st.just({"validValues": ["a", "ab", "abc"], "pattern": "^[a-z]+$"})),
    st.tuples(st.just("range"), st.sampled_from([("number",), ("select",), ("amount",), ("ratio",)]),
              _range(0, 20) | _range(-3.25, 0.1) | _range(-100, 10**9)),
    st.tuples(st.just("range"), st.just(("day",)), _range("2024-01-01", "2024-05-01")),
    st.tuples(st.just("range"), st.just(("seen_at",)), _range("2024-01-01 00:00:00+00", "2024-03-01 00:00:00+02:00")),
    st.tuples(st.just("multiple"), st.sampled_from([("number",), ("amount",)]),
              st.sampled_from([{"of": 2}, {"of": 0.05}])),
    st.tuples(st.just("length"), st.just(("text",)), _range(1, 4)),
    st.tuples(st.just("pattern"), st.sampled_from([("text",), ("Mixed Case",)]),
              st.sampled_from(PATTERNS).map(lambda p: {"pattern": p})),
    st.tuples(st.just("expression"), st.just(()),
              st.sampled_from([{"expression": "number < 20 OR flag"},
                               {"expression": '"select" IS NULL OR amount > 0'},
                               {"expression": "text NOT IN ('a', 'ab')"}])),
    st.tuples(st.sampled_from(["unique", "duplicates"]),
              st.sampled_from([("number",), ("text",), ("amount",), ("ratio",), ("day",), ("flag", "text"),
                               ("number", "select")]), st.just({})),
    st.tuples(st.just("reference"), st.just(("number",)),
              st.sampled_from(["r", "gap"]).map(lambda r: {"object": r, "asset": r, "columns": ("id",)})),
    st.tuples(st.just("row_count"), st.just(()), st.just({})),
    st.tuples(st.just("aggregate"), st.sampled_from([("number",), ("amount",)]),
              st.sampled_from(["min", "max", "sum", "distinct"]).map(lambda a: {"aggregate": a})),
    st.tuples(st.just("freshness"), st.sampled_from([("day",), ("seen_at",)]), st.just({})),
    st.tuples(st.just("sql"), st.just(()), st.sampled_from([
        "SELECT count(*) FROM {object} WHERE number < 0 OR number > 25",
        "SELECT count(*) FROM {object} AS o WHERE o.number NOT BETWEEN 0 AND 9",
        "SELECT count(*) FROM {object} WHERE length(text) <> 3",
        "SELECT count(*) FROM {object} WHERE NOT regexp_matches(text, '^[a-z]{1,4}$')",
        "SELECT count(*) FROM {object} WHERE ratio > 2 AND flag",
        "SELECT coalesce(sum(amount), 0) FROM {object} WHERE flag",
        "SELECT count(DISTINCT text) FROM {object}",
        "SELECT max(number) FROM {object}",
        "SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM {object} GROUP BY flag)",
        "SELECT count(*) FROM {object}",
    ]).map(lambda q: {"query": q, "object": "t", "aliases": ("t",), "references": {}})),
)  # fmt: skip
CHECKS = st.lists(
    st.tuples(KINDS, COUNTED, st.booleans(), st.sampled_from(["table", "interval"])), min_size=1, max_size=12
)
TABLES = st.lists(ROW, max_size=40) | st.lists(ROW, min_size=1, max_size=4).map(lambda rows: rows * 3)
PATHS = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _checks(drawn: Sequence[Any]) -> tuple[Check, ...]:
    made = []
    for number, ((kind, columns, said), ((operator, threshold), unit), blocking, scope) in enumerate(drawn):
        counts = kind not in ("row_count", "aggregate", "freshness", "sql", "unique", "reference")
        made.append(
            Check(
                f"t:{number}",
                "t",
                kind,
                kind,
                Where("c.yaml", 1, 1),
                columns,
                scope,
                blocking and kind != "freshness",
                operator=operator,
                threshold=threshold,
                unit=unit if counts else "rows",
                arguments=said,
            )
        )
    return tuple(made)


def _write(session: Session, name: str, rows: Sequence[tuple[Any, ...]]) -> None:
    shape = ", ".join(f'"{c.name}" {c.type}' for c in COLUMNS)
    session.run(f"CREATE OR REPLACE TABLE {name} ({shape})")
    if rows:
        one = f"({', '.join('?' * len(COLUMNS))})"
        session.run(f"INSERT INTO {name} VALUES {', '.join([one] * len(rows))}", [v for row in rows for v in row])


def _said(result: Result) -> tuple[str, Any, int | None, int | None]:
    counts = result.check.kind not in ("sql", "row_count")
    failing = result.failing if counts else None
    total = result.total if counts or result.check.kind == "row_count" else None
    return result.verdict.value, result.value, failing, total


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(found, float) or isinstance(wanted, float):
        return found == wanted or (found != found and wanted != wanted) or math.isclose(found, wanted, rel_tol=1e-12)
    return bool(found == wanted)


def _agrees(session: Session, naive: ModuleType, evaluation: Evaluation, scope: Scope) -> None:
    for result in evaluation.results:
        wanted = naive.evaluate(session, result.check, COLUMNS, scope)
        found = _said(result)
        assert all(_same(f, w) for f, w in zip(found, wanted, strict=True)), (result, wanted)


def _plan(checks: tuple[Check, ...], path: str) -> CheckPlan:
    profile = {c.name: ColumnProfile(distinct_about=10) for c in COLUMNS} if "listed" in path else None
    plan = CheckPlan.make(checks, COLUMNS, CAPABILITIES, profile)
    plan.strategy.large_from = 10**9 if path == "fused" else 0
    if path == "large, nothing listed":
        plan.strategy.low = set()
    return plan


def _refer(session: Session) -> dict[str, str]:
    """Two keys to refer to: one with every integer, one with a gap."""
    session.run("CREATE OR REPLACE TABLE r AS SELECT i AS id FROM range(0, 20) AS n(i)")
    session.run("CREATE OR REPLACE TABLE gap AS SELECT id FROM r WHERE id <> 7")
    return {"r": "r", "gap": "gap"}


@pytest.mark.parametrize("path", ["fused", "large, values listed", "large, nothing listed", "large, sampled"])
@PATHS
@given(rows=TABLES, drawn=CHECKS)
def test_a_whole_table(path: str, rows: Any, drawn: Any, session: Session, naive: ModuleType) -> None:
    """Verdicts, values and counts are those of plain statements, by one fused statement and by every proof."""
    _write(session, "t", rows)
    scope = Scope("t", _refer(session), NOW)
    plan = _plan(_checks(drawn), path)
    for _ in range(2):  # the second time with what the first has taught the plan
        evaluation = plan.evaluate(session, scope)
        _agrees(session, naive, evaluation, scope)
        assert evaluation.state.rows == len(rows)


@pytest.mark.parametrize("path", ["fused", "large, values listed"])
@pytest.mark.parametrize("known", ["state kept", "nothing kept"])
@PATHS
@given(kept=TABLES, rows=TABLES, drawn=CHECKS)
def test_a_batch_beside_what_is_live(
    path: str, known: str, kept: Any, rows: Any, drawn: Any, session: Session, naive: ModuleType
) -> None:
    """A new batch is judged with what stays live, whether its state is kept or it must be read again."""
    _write(session, "kept", kept)
    _write(session, "t", rows)
    references, checks = _refer(session), _checks(drawn)
    before = _plan(checks, path).evaluate(session, Scope("kept", references, NOW)).state
    state = before if known == "state kept" else None
    scope = Scope("t", references, NOW, rest="kept", rest_state=state)
    _agrees(session, naive, _plan(checks, path).evaluate(session, scope), scope)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=TABLES, drawn=CHECKS)
def test_parquet_footers(rows: Any, drawn: Any, session: Session, naive: ModuleType, tmp_path: Path) -> None:
    """What footers prove is what the rows say; what they cannot prove is read."""
    _write(session, "t", rows)
    path = tmp_path / "t.parquet"
    session.run(f"COPY t TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 16)")
    scope = Scope(f"(SELECT * FROM read_parquet('{path}'))", _refer(session), NOW, parquet=(str(path),))
    _agrees(session, naive, _plan(_checks(drawn), "large").evaluate(session, scope), scope)


@PATHS
@given(batches=st.lists(TABLES, min_size=1, max_size=4))
def test_states_of_batches_merge_to_the_state_of_the_table(batches: Any, session: Session) -> None:
    """Merging the states of batches says of the table what reading it whole says, and survives a round trip."""
    merged = TableState()
    plan = CheckPlan.make((), COLUMNS, CAPABILITIES)
    for rows in batches:
        _write(session, "t", rows)
        state = plan.evaluate(session, Scope("t", {}, NOW)).state
        assert TableState.from_json(state.to_json()).to_json() == state.to_json()
        merged = TableState.merge(merged, state)
    _write(session, "t", [row for rows in batches for row in rows])
    whole = plan.evaluate(session, Scope("t", {}, NOW)).state
    assert merged.rows == whole.rows
    for name, column in whole.columns.items():
        there = merged.columns[name]
        assert (there.nulls, repr(there.minimum), repr(there.maximum)) == (
            column.nulls, repr(column.minimum), repr(column.maximum)
        )  # fmt: skip
        if column.total is not None and name != "ratio":
            assert math.isclose(there.total, column.total, rel_tol=1e-9, abs_tol=1e-6)
            assert math.isclose(there.m2 or 0, column.m2 or 0, rel_tol=1e-6, abs_tol=1e-6)


def test_a_gap_in_a_key_is_seen_between_its_bounds(session: Session) -> None:
    """Bounds prove a reference only where every integer between them is a key."""
    _write(session, "t", [(n, n, "a", "a", None, None, None, None, True) for n in (1, 7, 9)])
    said = [{"object": r, "asset": r, "columns": ("id",)} for r in ("r", "gap")]
    checks = [Check(f"t:{n}", "t", "reference", "", Where(""), ("number",), arguments=a) for n, a in enumerate(said)]
    found = _plan(tuple(checks), "large").evaluate(session, Scope("t", _refer(session), NOW)).results
    assert [(r.failing, r.decided_by) for r in found] == [(0, "bounds of a gapless key"), (1, "anti-join")]


def test_an_age_is_measured_from_the_given_instant(session: Session) -> None:
    """A replay of last year judges freshness by its own clock."""
    _write(session, "t", [(1, 1, "a", "a", None, None, date(2024, 5, 30), NOW - timedelta(hours=5), True)])
    check = Check("t:f", "t", "freshness", "fresh", Where(""), ("seen_at",), blocking=False,
                  operator="mustBeLessOrEqualTo", threshold=4 * 3600.0, unit="seconds")  # fmt: skip
    plan = CheckPlan.make((check,), COLUMNS, CAPABILITIES)
    late = plan.evaluate(session, Scope("t", {}, NOW)).results[0]
    fresh = plan.evaluate(session, Scope("t", {}, NOW - timedelta(hours=2))).results[0]
    assert (late.verdict.value, late.value) == ("warn", 5 * 3600.0)
    assert fresh.verdict.value == "pass"

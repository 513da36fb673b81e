"""One broken check breaks itself and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from freehold.engines import Column, Session
from freehold.engines.duckdb import CAPABILITIES
from freehold.foundation import FreeholdError, Where
from freehold.quality import Check, CheckPlan, Result, Scope, TableState, failing_samples

NOW = datetime(2024, 6, 1, tzinfo=UTC)
COLUMNS = (Column("id", "INTEGER"), Column("word", "VARCHAR"), Column("Order", "INTEGER"))


@pytest.fixture(autouse=True)
def words(session: Session) -> None:
    """Four rows: one repeated, one without a word."""
    session.run('CREATE OR REPLACE TABLE t (id INTEGER, word VARCHAR, "Order" INTEGER)')
    session.run("INSERT INTO t VALUES (1, 'one', 10), (2, NULL, 20), (2, 'two', 30), (4, 'four', 40)")


def _check(number: int, kind: str, columns: tuple[str, ...] = (), **fields: Any) -> Check:
    return Check(f"t:{number}", "t", kind, kind, Where("c.yaml", number, 1), columns, **fields)


def _sql(number: int, query: str, **fields: Any) -> Check:
    said = {"query": query, "object": "t", "aliases": ("t",), "references": {}}
    return _check(number, "sql", arguments=said, **fields)


def _judged(session: Session, *checks: Check, large: bool = False, **scope: Any) -> dict[str, Result]:
    plan = CheckPlan.make(checks, COLUMNS, CAPABILITIES)
    plan.strategy.large_from = 0 if large else 10**9
    found = plan.evaluate(session, Scope("t", scope.pop("references", {}), NOW, **scope))
    return {r.check.id: r for r in found.results}


BROKEN = [
    pytest.param("SELECT count(*) FROM {object} WHERE nothing > 1", "nothing", id="an unknown column"),
    pytest.param("SELECT count(*) FROM {object} WHERE word::INTEGER > 1", "one", id="a cast that fails on the data"),
    pytest.param("SELECT id FROM {object}", "", id="more than one row"),
    pytest.param("SELECT count(*) FROM {object} WHERE regexp_matches(word, '(')", "", id="a bad pattern"),
    pytest.param("SELECT count(* FROM {object}", "cannot be read", id="broken SQL"),
    pytest.param("SELECT count(*) FROM {objekt}", "Did you mean `object`", id="a misspelt placeholder"),
    pytest.param("SELECT count(*) FROM {property}", "belongs to none", id="a column nobody gave"),
    pytest.param("DELETE FROM {object}", "one SELECT", id="a statement that writes"),
    pytest.param("SELECT 1; DROP TABLE t", "one SELECT", id="two statements"),
    pytest.param("SELECT count(*) FROM elsewhere", "neither", id="a table nobody knows"),
    pytest.param("SELECT count(*) FROM {object} WHERE word ~ 'o'", "engines disagree", id="an ambiguous operator"),
    pytest.param("SELECT max(id) FROM {object} WHERE id > 99", "no value", id="no value at all"),
]


@pytest.mark.parametrize("large", [False, True], ids=["fused", "planned"])
@pytest.mark.parametrize(("query", "reason"), BROKEN)
def test_a_broken_check_is_an_error_and_its_neighbours_are_judged(
    query: str, reason: str, large: bool, session: Session
) -> None:
    """An error is no failure and no pass; the other checks get their exact verdicts."""
    found = _judged(
        session, _check(1, "nulls", ("word",)), _sql(2, query), _check(3, "unique", ("id",)),
        _sql(4, "SELECT sum(id) FROM {object}", operator="mustBe", threshold=9), large=large,
    )  # fmt: skip
    assert found["t:2"].verdict == "error"
    assert found["t:2"].blocks
    assert reason in found["t:2"].reason
    assert [(found[i].verdict.value, found[i].value) for i in ("t:1", "t:3", "t:4")] == [
        ("fail", 1), ("fail", 1), ("pass", 9),
    ]  # fmt: skip


def test_several_broken_checks_are_all_found(session: Session) -> None:
    """Bisecting does not stop at the first guilty one."""
    broken = [_sql(n, f"SELECT count(*) FROM {{object}} WHERE word::INTEGER > {n}") for n in range(5)]
    sound = [_check(10 + n, "nulls", ("id",)) for n in range(5)]
    found = _judged(session, *broken, *sound)
    assert [r.verdict.value for r in found.values()] == ["error"] * 5 + ["pass"] * 5


def test_a_missing_column_is_named(session: Session) -> None:
    """The schema check fails, and the checks of that column are errors that say so."""
    schema = _check(1, "schema", arguments={"columns": ("id", "gone", "ORDER")})
    found = _judged(session, schema, _check(2, "not_null", ("gone",)), _check(3, "not_null", ("ORDER",)))
    assert (found["t:1"].verdict.value, found["t:1"].value) == ("fail", ["gone"])
    assert (found["t:2"].verdict.value, found["t:2"].reason) == ("error", "column is missing: `gone`")
    assert found["t:3"].verdict == "pass"  # `Order` by another case


def test_rows_that_cannot_be_read_are_no_checks_fault(session: Session) -> None:
    """Where not even the rows can be counted, the engine's error is raised."""
    plan = CheckPlan.make((_check(1, "nulls", ("id",)),), COLUMNS, CAPABILITIES)
    with pytest.raises(FreeholdError, match="nowhere"):
        plan.evaluate(session, Scope("nowhere", {}, NOW))


def test_a_reference_without_a_relation_is_an_error(session: Session) -> None:
    """What is not live cannot be compared with, and nothing passes by that."""
    said = {"object": "r", "asset": "shop.r", "columns": ("id",)}
    found = _judged(session, _check(1, "reference", ("id",), arguments=said))
    assert found["t:1"].verdict == "error"
    assert "shop.r" in found["t:1"].reason


@pytest.mark.parametrize("unit", ["rows", "percent"])
def test_an_empty_table_has_nothing_to_fail(unit: str, session: Session) -> None:
    """No rows are no violations: a share of nothing passes, with 0 of 0 and the reason."""
    session.run("DELETE FROM t")
    check = _check(1, "nulls", ("word",), unit=unit, operator="mustBeLessThan", threshold=1)
    result = _judged(session, check)["t:1"]
    assert (result.verdict.value, result.failing, result.total) == ("pass", 0, 0)
    assert result.reason == "there are no rows to judge"
    assert result.share is None


@pytest.mark.parametrize("large", [False, True], ids=["fused", "planned"])
def test_samples_show_failing_rows_key_first(large: bool, session: Session) -> None:
    """A failing check can show rows that fail, on demand; a passing one has none."""
    found = _judged(
        session,
        _check(1, "nulls", ("word",)),
        _check(2, "unique", ("Order",), arguments={"columns": ("Order",), "primary": True}),
        _check(3, "unique", ("id",)),
        _sql(4, "SELECT count(*) FROM {object} WHERE length(word) > 3"),
        large=large,
    )
    assert failing_samples(session, found["t:1"]) == [{"Order": 20, "word": None, "id": 2}]
    assert list(failing_samples(session, found["t:1"])[0]) == ["Order", "word", "id"]
    assert failing_samples(session, found["t:2"]) == []
    assert failing_samples(session, found["t:3"]) == [{"id": 2, "repeated_rows": 2}]
    assert [row["word"] for row in failing_samples(session, found["t:4"])] == ["four"]
    assert len(failing_samples(session, found["t:4"], limit=0)) == 0


def test_a_batch_is_one_statement_of_a_text_made_once(session: Session) -> None:
    """The second batch of a shape costs one statement and no SQL generation."""
    checks = (_check(1, "nulls", ("word",)), _check(2, "unique", ("id",)), _sql(3, "SELECT count(*) FROM {object}"))
    plan = CheckPlan.make(checks, COLUMNS, CAPABILITIES)
    first = plan.evaluate(session, Scope("t", {}, NOW))
    session.run("CREATE OR REPLACE TABLE u AS SELECT * FROM t WHERE id < 2")
    second = plan.evaluate(session, Scope("u", {}, NOW))
    assert (first.queries, second.queries) == (2, 1)  # the first one also counts the rows
    assert [r.value for r in second.results] == [0, 0, 1]


def test_a_tally_spares_reading_what_stays_live(session: Session) -> None:
    """With the kept state of the rest, its rows are not read for what adds up."""
    session.run('CREATE OR REPLACE TABLE kept AS SELECT id + 10 AS id, word, "Order" FROM t WHERE id <> 2')
    checks = (_sql(1, 'SELECT count(*) FROM {object} WHERE "Order" > 15'), _check(2, "row_count"))
    plan = CheckPlan.make(checks, COLUMNS, CAPABILITIES)
    before = plan.evaluate(session, Scope("kept", {}, NOW)).state
    state = TableState.from_json(before.to_json())
    found = plan.evaluate(session, Scope("t", {}, NOW, rest="kept", rest_state=state)).results
    assert [(r.value, r.decided_by) for r in found] == [(4, "kept state"), (6, "kept state")]
    assert all("kept" not in (r.sql or "") for r in found)


def test_explain_names_a_rule_for_every_check(session: Session) -> None:
    """Before anything runs, the plan says what is to decide each check and about what it costs."""
    ranged = _check(1, "range", ("id",), arguments={"minimum": 0})
    plan = CheckPlan.make((ranged, _check(2, "unique", ("id",)), _check(3, "schema", arguments={"columns": ("id",)})),
                          COLUMNS, CAPABILITIES)  # fmt: skip
    assert [(p.check_id, p.rule) for p in plan.explain(10_000_000)] == [
        ("t:1", "bounds"), ("t:2", "uniqueness"), ("t:3", "catalog"),
    ]  # fmt: skip
    assert [p.rule for p in plan.explain(100)] == ["fused", "fused", "catalog"]

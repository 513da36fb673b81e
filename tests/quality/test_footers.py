"""Parquet footers prove what they hold exactly, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from freehold.engines import Session
from freehold.engines.duckdb import CAPABILITIES
from freehold.foundation import Where
from freehold.quality import Check, CheckPlan, Evaluation, Scope

NOW = datetime(2024, 6, 1, tzinfo=UTC)


def _evaluated(session: Session, path: Path, *checks: tuple[str, str, dict[str, Any]]) -> Evaluation:
    rows = f"(SELECT * FROM read_parquet('{path}'))"
    made = [
        Check(f"t:{n}", "t", kind, kind, Where(""), (column,), arguments=said)
        for n, (kind, column, said) in enumerate(checks)
    ]
    plan = CheckPlan.make(made, session.columns_of(f"SELECT * FROM {rows}"), CAPABILITIES)
    return plan.evaluate(session, Scope(rows, {}, NOW, parquet=(str(path),)))


def test_counts_and_ranges_are_proved_without_reading_rows(session: Session, tmp_path: Path) -> None:
    """No null, a range that holds, and a state with bounds: from the footer alone."""
    pq.write_table(pa.table({"id": list(range(100)), "name": ["x"] * 100}), tmp_path / "t.parquet")
    found = _evaluated(session, tmp_path / "t.parquet", ("not_null", "id", {}), ("range", "id", {"minimum": 0}))
    assert [(r.verdict.value, r.decided_by, r.total) for r in found.results] == [("pass", "footers", 100)] * 2
    assert (found.state.columns["id"].minimum, found.state.columns["id"].maximum) == (0, 99)


def test_a_broken_range_is_counted(session: Session, tmp_path: Path) -> None:
    """A footer says that something violates, not how much: that is read."""
    pq.write_table(pa.table({"id": [1, 2, -3, -4]}), tmp_path / "t.parquet")
    (result,) = _evaluated(session, tmp_path / "t.parquet", ("range", "id", {"minimum": 0})).results
    assert (result.verdict.value, result.failing, result.decided_by) == ("fail", 2, "counted")


def test_nan_hides_from_footers_and_is_found(session: Session, tmp_path: Path) -> None:
    """Writers leave NaN out of minimum and maximum, so fractions are believed only where NaN was counted."""
    pq.write_table(pa.table({"x": [0.5, float("nan")]}), tmp_path / "t.parquet")
    (result,) = _evaluated(session, tmp_path / "t.parquet", ("range", "x", {"minimum": 0, "maximum": 1})).results
    assert (result.verdict.value, result.failing) == ("fail", 1)


@pytest.mark.parametrize("statistics", [False, True], ids=["no statistics", "only of another column"])
def test_a_footer_without_statistics_proves_nothing(statistics: bool, session: Session, tmp_path: Path) -> None:
    """What a writer left out is read from the rows."""
    table = pa.table({"id": [1, None, 3], "other": [1, 2, 3]})
    pq.write_table(table, tmp_path / "t.parquet", write_statistics=["other"] if statistics else False)
    found = _evaluated(session, tmp_path / "t.parquet", ("not_null", "id", {}), ("range", "id", {"maximum": 2})).results
    assert [(r.verdict.value, r.failing) for r in found] == [("fail", 1), ("fail", 1)]
    assert "footers" not in {r.decided_by for r in found}

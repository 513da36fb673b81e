"""Performance of products: exact over events that are written down here, silent where nothing was told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from freehold.foundation import SimulatedClock
from freehold.insight.performance import Performance, Spread, by_days, performances, seen
from freehold.ledger import Event, Ledger

NOW = datetime(2011, 6, 15, 12, tzinfo=UTC)
DAY = NOW - timedelta(hours=8)


def step(run: str, asset: str, began: float, ended: float, status: str = "success", **said: Any) -> Event:
    """Return a step of a run, from and to so many seconds after that day began."""
    env, product = said.pop("env", "prod"), said.pop("product", asset.rpartition(".")[0])
    content = {
        "run_id": run,
        "asset": asset,
        "status": status,
        "started": (DAY + timedelta(seconds=began)).isoformat(),
        "ended": (DAY + timedelta(seconds=ended)).isoformat(),
        **said,
    }
    return Event("run.completed", content, occurred_at=DAY, env=env, subject=asset, product=product, run_id=run)


def due(asset: str, at: float) -> Event:
    """Return that a run was due so many seconds after that day began."""
    when = DAY + timedelta(seconds=at)
    return Event("run.expected", {"asset": asset, "due_at": when.isoformat()}, occurred_at=when, env="prod")


def asked(product: str, ms: float | None, **said: Any) -> Event:
    """Return a read of an asset of a product."""
    env = said.pop("env", "prod")
    at = said.pop("at", DAY)
    content = {"consumer": "user:a", "product": product, "resource": f"{product}.x", "duration_ms": ms, **said}
    return Event("usage.query", content, occurred_at=at, env=env)


def at(seconds: float) -> str:
    """Return an instant of that day."""
    return (DAY + timedelta(seconds=seconds)).isoformat()


STEPS = [
    # Two steps at once: a run takes as long as both together, not one after the other.
    step("r1", "a.x", 0, 40),
    step("r1", "a.y", 10, 60, "failed"),
    step("r1", "b.x", 60, 65),
    step("r2", "a.x", 0, 20),
    # What took no time did no work: it waited, was there before, or was recorded before steps told their times.
    step("r2", "a.y", 900, 900, "held"),
    step("r3", "a.x", 50, 50),
    step("r4", "a.x", 0, 500, env="test"),
    step("r5", "a.x", -10 * 86_400, -10 * 86_400 + 600),
    # One due time, answered at the second attempt: it waited until the first began.
    step("s1", "a", 30, 31, "failed", due_at=at(0), attempt=1, final=False, product="a"),
    step("s2", "a", 90, 95, due_at=at(0), attempt=2, product="a"),
    step("s3", "a", 110, 111, due_at=at(100), attempt=1, product="a"),
    step("s4", "a", 300, 300, "skipped", due_at=at(200), attempt=1, product="a"),
    # A job of another tool: it waited since it was due last; one that somebody began was not due.
    due("airflow/load", 0),
    due("airflow/load", 1_000),
    step("o1", "airflow/load", 1_007, 1_107, trigger="schedule", outputs=["b.x"], product=""),
    step("o2", "airflow/load", 2_000, 2_010, trigger="manual", outputs=["b.x"], product=""),
    step("o3", "airflow/sync", 0, 3, trigger="manual", product=""),
]
READS = [
    *(asked("a", ms, query_id=f"q{ms}") for ms in (10, 20, 30, 40)),
    # One question that read two assets of a product took its time once; of the other product, too.
    asked("a", 50, query_id="both"),
    asked("a", 50, query_id="both"),
    asked("b", 50, query_id="both"),
    asked("a", 1_000, query_id="no", status="error"),
    asked("a", 70, status="denied"),
    asked("a", 7, env="test"),
    asked("a", 9, at=NOW - timedelta(days=3)),
    # Of counters a mean alone is known: no percentile is made of it.
    asked("b", 8_000, calls=99, spilled_bytes=10),
    asked("b", None, queued_ms=250, spilled_bytes=0),
    asked("b", 5, queued_ms=750, spilled_bytes=500),
]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """What ran and what was asked on one day."""
    folder: Path = tmp_path_factory.mktemp("performance")
    with Ledger.open("sqlite:///state.db", root=folder, clock=SimulatedClock(NOW)) as opened:
        opened.append(*STEPS)
        opened.raw.append("usage.query", READS)
        yield opened


def test_how_fast_products_are_made_and_read(ledger: Ledger) -> None:
    """By product, each run and each question once; half take at most the median, 19 of 20 the 95th percentile."""
    with ledger.evidence() as evidence:
        found = {one.product: one for one in performances(evidence, "prod", NOW, 1)}

    assert list(found) == ["a", "airflow/sync", "b"]
    assert found["a"] == Performance(
        "a",
        runs=Spread(2, 40.0, pytest.approx(20 + 0.95 * 40)),  # type: ignore[arg-type]
        failed_runs=1,
        waited=Spread(2, 20.0, pytest.approx(10 + 0.95 * 20)),  # type: ignore[arg-type]
        queries=Spread(6, 0.035, pytest.approx(0.7625)),  # type: ignore[arg-type]
        asked=6,
        failed=1,
    )
    assert found["b"].runs == Spread(3, 10.0, pytest.approx(10 + 0.9 * 90))  # type: ignore[arg-type]
    assert found["b"].waited == Spread(1, 7.0, 7.0)
    assert (found["b"].queries.count, found["b"].asked) == (2, 102)
    assert found["b"].queued == Spread(2, 0.5, pytest.approx(0.25 + 0.95 * 0.5))  # type: ignore[arg-type]
    assert (found["b"].spilled, found["b"].spilled_bytes) == (100, 99 * 10 + 500)
    assert found["airflow/sync"].runs == Spread(1, 3.0, 3.0)


def test_what_lies_further_back_counts_in_a_longer_span(ledger: Ledger) -> None:
    """Each span ends now."""
    with ledger.evidence() as evidence:
        told = {
            days: next(one for one in ones if one.product == "a")
            for days, ones in by_days(evidence, "prod", NOW).items()
        }

    assert {days: (one.runs.count, one.asked) for days, one in told.items()} == {1: (2, 6), 7: (2, 7), 30: (3, 7)}


def test_of_what_nothing_was_told_nothing_is_said(tmp_path: Path) -> None:
    """An environment in which nothing ran has no product; what no warehouse tells is unknown, and not none."""
    with Ledger.open("sqlite:///state.db", root=tmp_path, clock=SimulatedClock(NOW)) as ledger:
        with ledger.evidence() as evidence:
            assert performances(evidence, "prod", NOW, 30) == ()
        ledger.raw.append("usage.query", [asked("a", 10)])
        with ledger.evidence() as evidence:
            (one,) = performances(evidence, "prod", NOW, 30)

    assert (one.runs, one.waited, one.queued, one.spilled) == (Spread(), Spread(), Spread(), None)


def test_jobs_of_no_product_are_for_who_sees_all() -> None:
    """Anybody else sees the products they may see."""
    told = (Performance("a"), Performance("airflow/sync"), Performance("b"))

    assert seen(told, ["a"], all_=False) == (Performance("a"),)
    assert seen(told, ["a"], all_=True) == told

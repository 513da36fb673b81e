"""Key results are measured once a day by the server itself, in the morning, as a job that several servers share."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import time
from pathlib import Path

import pytest

from freehold.server.measuring import KIND, ObjectiveRound
from live_process import until
from live_server import Running

RATES = {"read": 100_000, "write": 100_000}
OBJECTIVE = """apiVersion: freehold.dev/v1
kind: Objective
metadata: {id: trust, name: Nobody doubts a number, owner: shop-data}
spec:
  period: %s
  key_results:
    - {metric: validation-pass-rate, start: 0.5, target: 1}
    - {metric: shop.orders, start: 0, target: 1000000}
"""
RUNS, IS_OVER = "2011-01-01..2999-12-31", "2011-01-01..2011-12-31"


@pytest.fixture
def root(made_estate: Path, tmp_path: Path) -> Path:
    """An estate with data in it."""
    return Path(shutil.copytree(made_estate, tmp_path / "shop"))


def test_a_day_is_measured_once(root: Path, serving: Callable[..., Running], monkeypatch: pytest.MonkeyPatch) -> None:
    """A KPI and a metric of the warehouse; asked for by another server, it is the same job."""
    monkeypatch.setattr("freehold.server.measuring.FROM", time(0))
    (root / "objective.yaml").write_text(OBJECTIVE % RUNS)
    served = serving(root, rates=RATES).app.state.served
    ledger = served.snapshots.ledger
    until(lambda: len(list(ledger.read(types=("objective.measured",)))) == 2, "both were measured")
    another = ObjectiveRound(served.snapshots, served.jobs)
    another.go()
    another.go()
    jobs = [job for job in served.jobs.list(limit=10) if job.kind == KIND]
    told = {e.data["key_result"]: e.data["now"] for e in ledger.read(types=("objective.measured",))}

    assert [job.caller.principal for job in jobs] == ["system:server"]
    assert set(told) == {"validation-pass-rate", "shop.orders"}
    assert told["shop.orders"] > 0


@pytest.mark.parametrize(
    ("period", "begins"),
    [pytest.param(RUNS, time.max, id="not before its time"), pytest.param(IS_OVER, time(0), id="none that is over")],
)
def test_nothing_is_measured_where_nothing_is_due(
    root: Path, serving: Callable[..., Running], monkeypatch: pytest.MonkeyPatch, period: str, begins: time
) -> None:
    """What came in the night is there by the morning; what is over stands as it was measured last."""
    monkeypatch.setattr("freehold.server.measuring.FROM", begins)
    (root / "objective.yaml").write_text(OBJECTIVE % period)
    served = serving(root, rates=RATES).app.state.served
    ObjectiveRound(served.snapshots, served.jobs).go()

    assert served.jobs.list(limit=10) == ()

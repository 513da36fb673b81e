"""What KPIs cost over a year of three million events: a closed month and quarter, the open year, twelve months at once.

    python bench/kpis.py [--events N] [--dir DIR]

Fills a SQLite ledger by the clock of 2011: verdicts, freshness, runs and what was expected of them, deployments,
merges, incidents, and fifty versions of an estate of 200 assets. Evidence is opened again once its segments are there;
then every KPI that has evidence is asked as of the end of the year. Seconds are the least of three; `cpu` is of the
process, which neighbours do not slow. `again` is a period that is over and was asked for before. Goals: an open period
over 3 million events within 3 s, one that is over within 200 ms. Writes bench/results/kpis.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from freehold.foundation import SimulatedClock
from freehold.insight import Period, State, builtin_kpis, items, last_periods, period_named, sliced, trend
from freehold.ledger import Event, Evidence, Ledger

RESULTS = Path(__file__).parent / "results" / "kpis.json"
START = datetime(2011, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
A_MINUTE = timedelta(minutes=1)
ASSETS = [f"d{n % 5}.p{n % 40}.a{n}" for n in range(200)]
STATUS = ("pass",) * 97 + ("warn", "fail", "error")
BATCH = 1_000


def facts(version: int) -> dict[str, Any]:
    """Return what a version of the estate says of its assets."""
    return {
        asset: {"tier": 1 + (n + version // 10) % 3, "domain": f"d{n % 5}", "product": asset.rpartition(".")[0],
                "owner": f"team-{n % 7}", "certified": n % 2 == 0}
        for n, asset in enumerate(ASSETS)
    }  # fmt: skip


def happened(number: int, now: datetime) -> Event:
    """Return the event of a number: of every hundred, eighty are verdicts."""
    asset, said = ASSETS[number * 7 % 200], number % 100
    if said < 80:
        content = {"check_id": f"{asset}.c{number % 9}", "asset": asset, "status": STATUS[number // 100 % 100]}
        return Event("check.completed", content, subject=asset, env="prod")
    if said < 88:
        content = {"asset": asset, "target_s": 86_400.0, "data_time": (now - timedelta(hours=number % 30)).isoformat()}
        return Event("freshness.observed", content, subject=asset, env="prod")
    due = now.replace(minute=0, second=0, microsecond=0).isoformat()
    asset = ASSETS[(number // 100 * 6 + said % 6) % 200]
    if said < 94:
        return Event("run.expected", {"asset": asset, "due_at": due}, subject=asset, env="prod")
    if said < 98:
        asset = ASSETS[(number // 100 * 6 + (said - 94)) % 200]  # four of six come
        content = {"run_id": f"r{number}", "asset": asset, "status": "success", "ended": now.isoformat()}
        return Event("run.completed", content, subject=asset, env="prod")
    return _change(number, asset, now) if said == 98 else _incident(number, now)


def _change(number: int, asset: str, now: datetime) -> Event:
    turn, change = number // 100 % 2, f"c{number // 200}"
    if not turn:
        return Event(
            "change.merged", {"change_id": change, "merged_at": (now - timedelta(hours=number % 40)).isoformat()}
        )
    content = {
        "deploy_id": f"d{number}", "env": "prod", "status": "success", "change_ids": [change], "assets": [asset],
        "team": f"team-{number % 7}", "product": asset.rpartition(".")[0], "ended": now.isoformat(),
    }  # fmt: skip
    return Event("deploy.completed", content, env="prod")


def _incident(number: int, now: datetime) -> Event:
    turn, incident = number // 100 % 2, f"i{number // 200}"
    if not turn:
        content = {"incident": incident, "kind": "data", "tier": 1, "sev": 2, "detected_at": now.isoformat()}
        return Event("incident.opened", content, env="prod")
    content = {"incident": incident, "restored_at": now.isoformat(), "verified_by": "check:x"}
    return Event("incident.resolved", content, env="prod")


def fill(folder: str, events: int) -> None:
    """Record a year."""
    clock = SimulatedClock(START)
    with Ledger.open("sqlite:///state.db", root=folder, clock=clock) as ledger:
        for first in range(0, events, BATCH):
            clock.move_to(START + YEAR * (first / events))
            batch = [happened(n, clock.now()) for n in range(first, min(first + BATCH, events))]
            if first // BATCH % max(1, events // BATCH // 50) == 0:
                version = first * 50 // events
                batch.append(
                    Event("estate.applied", {"estate": "e", "resources": {}, "assets": facts(version)}, env="prod")
                )
            ledger.append(*batch)


def least(work: Callable[[], Any], times: int = 3) -> tuple[float, float]:
    """Return the least seconds of the wall, and of the CPU, of several runs."""
    found = []
    for _ in range(times):
        began, cpu = time.perf_counter(), time.process_time()
        work()
        found.append((time.perf_counter() - began, time.process_time() - cpu))
    return min(wall for wall, _ in found), min(cpu for _, cpu in found)


def measured(folder: str) -> Iterator[tuple[str, Any]]:
    """Yield what was measured, by name: how long evidence takes to open, then a row for each KPI."""
    as_of = START + YEAR
    december, autumn = Period.month(2011, 12), period_named("2011-Q4")
    with Ledger.open("sqlite:///state.db", root=folder) as ledger:
        ledger.evidence(as_of).close()
        yield "evidence_again_s", least(lambda: ledger.evidence(as_of).close())[0]
        year = period_named("2011")
        with ledger.evidence(as_of) as evidence, ledger.evidence(as_of - A_MINUTE) as running:
            for kpi in builtin_kpis().values():
                if trend(kpi, evidence, [december])[0].state is State.NOT_INSTRUMENTED:
                    continue
                by = "product" if "product" in kpi.slices else kpi.slices[0]
                asked = {
                    "month": lambda kpi=kpi: trend(kpi, evidence, [december]),
                    "quarter": lambda kpi=kpi: trend(kpi, evidence, [autumn]),
                    "open_year": lambda kpi=kpi: trend(kpi, running, [year]),
                    "year_by_month": lambda kpi=kpi: trend(kpi, evidence, last_periods(december, 12)),
                    "month_by_slice": lambda kpi=kpi, by=by: sliced(kpi, evidence, december, [by]),
                    "items_of_a_month": lambda kpi=kpi: items(kpi, evidence, december),
                }
                seconds = {what: least(anew(work, evidence)) for what, work in asked.items()}
                seconds |= {f"{what}_again": least(asked[what]) for what in ("month", "quarter")}
                row = {f"{what}_s": wall for what, (wall, _) in seconds.items()}
                yield kpi.id, row | {f"{what}_cpu_s": seconds[what][1] for what in ("month", "quarter", "open_year")}


def anew(work: Callable[[], Any], evidence: Evidence) -> Callable[[], Any]:
    """Return work that finds nothing kept from before."""

    def done() -> None:
        shutil.rmtree(evidence.folder / "cache", ignore_errors=True)
        work()

    return done


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=3_000_000)
    parser.add_argument("--dir", default=None, help="where the state is written, and kept; default: a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.dir or temporary
        if not (Path(folder) / "state.db").exists():
            Path(folder).mkdir(parents=True, exist_ok=True)
            fill(folder, options.events)
        rows = dict(measured(folder))
    tables = {name: row for name, row in rows.items() if isinstance(row, dict)}
    found: dict[str, Any] = {"events": options.events} | {n: r for n, r in rows.items() if n not in tables}
    found |= {"load": os.getloadavg()[0], "python": platform.python_version(), "machine": platform.machine()}
    for name, value in (found | tables).items():
        print(f"{name:24} {value}")
    found["kpis"] = tables
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()

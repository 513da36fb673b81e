"""How fast the ledger remembers, proves and answers.

    python bench/ledger.py [--events N] [--dir DIR]

Appends N validated check results (default 200,000) in batches of 1,000, durably, sealing as it goes; then one at a
time; then from eight threads that share commits; verifies all of it; makes evidence and asks three questions. Prints
rates and seconds, writes bench/results/ledger.json; on SQLite, then on PostgreSQL 18 over a socket with `fsync` and
`synchronous_commit` on. Goal: >= 20,000 events/s batched.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from freehold.ledger import Event, Ledger

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from live_postgres import LivePostgres  # the server that tests use, here with everything on that keeps data

SQLITE = "sqlite:///state.db"
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "wal_level": "replica"}
DURABLE |= {"max_wal_senders": "10", "autovacuum": "on", "shared_buffers": "128MB"}
RESULTS = Path(__file__).parent / "results" / "ledger.json"
GOAL = 20_000
STATUS = ("pass",) * 97 + ("warn", "fail", "error")
QUESTIONS = {
    "pass rate by dimension": "SELECT dimension, AVG(CAST(status = 'pass' AS INTEGER)) FROM check_completed GROUP BY 1",
    "p95 cost by asset": "SELECT asset, QUANTILE_CONT(cost_s, 0.95) FROM check_completed GROUP BY 1",
    "events by type and hour": "SELECT type, DATE_TRUNC('hour', occurred_at), COUNT(*) FROM events GROUP BY ALL",
}


def check(number: int) -> Event:
    asset = f"sales.orders.asset_{number % 40}"
    payload = {
        "check_id": f"{asset}.column_{number % 7}:not_null",
        "asset": asset,
        "kind": "not_null",
        "dimension": ("completeness", "validity", "uniqueness")[number % 3],
        "status": STATUS[number % 100],
        "severity": "error",
        "blocking": True,
        "value": number % 5,
        "threshold": 0,
        "operator": "mustBe",
        "unit": "rows",
        "failing": number % 5,
        "total": 12_345,
        "decided_by": "metadata",
        "cost_s": 0.0123,
        "suite_run": f"run-{number // 80}",
    }
    return Event("check.completed", payload, subject=asset, product="sales.orders", env="prod")


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    answer = work()
    return time.perf_counter() - began, answer


def batched(ledger: Ledger, events: int) -> tuple[float, float]:
    """Return events per second of the wall and of the CPU, which others on the machine do not slow."""
    wall = cpu = 0.0
    for start in range(0, events, 1000):
        batch = [check(n) for n in range(start, min(start + 1000, events))]
        began = time.process_time()
        wall += timed(lambda batch=batch: ledger.append(*batch))[0]  # making the events is not the ledger's work
        cpu += time.process_time() - began
    return events / wall, events / cpu


def singly(ledger: Ledger, events: int) -> float:
    made = [check(n) for n in range(events)]
    return events / timed(lambda: [ledger.append(event) for event in made])[0]


def from_threads(ledger: Ledger, threads: int, each: int) -> float:
    def write(thread: int) -> None:
        for n in range(each):
            ledger.append(check(thread * each + n))

    with ThreadPoolExecutor(threads) as pool:
        return threads * each / timed(lambda: list(pool.map(write, range(threads))))[0]


def measure(folder: str, events: int, url: str) -> dict[str, Any]:
    found: dict[str, Any] = {"events": events}
    found["first_open_s"], ledger = timed(lambda: Ledger.open(url, root=folder))
    found["batched_per_s"], found["batched_per_cpu_s"] = batched(ledger, events)
    found["singly_per_s"] = singly(ledger, 2_000)
    found["eight_threads_per_s"] = from_threads(ledger, 8, 250)
    ledger.close()
    if url == SQLITE:
        found["megabytes"] = (Path(folder) / "state.db").stat().st_size / 1e6
    found["open_again_s"], ledger = timed(lambda: Ledger.open(url, root=folder))
    found["verify_s"], verification = timed(ledger.verify)
    assert verification.ok, verification.broken
    found["verified_per_s"] = verification.events / found["verify_s"]
    found["evidence_first_s"], evidence = timed(ledger.evidence)
    evidence.close()
    found["evidence_again_s"], evidence = timed(ledger.evidence)
    found["questions_s"] = {name: timed(lambda sql=sql: evidence.query(sql))[0] for name, sql in QUESTIONS.items()}
    evidence.close()
    ledger.close()
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--dir", default=None, help="where the state is written; default: a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        found = measure(folder, options.events, SQLITE)
    with tempfile.TemporaryDirectory(dir=options.dir) as folder, LivePostgres(**DURABLE) as server:
        on_server = measure(folder, options.events, server.fresh())
    del on_server["peak_mb"]  # of the same process, so it says nothing more
    found |= {f"postgresql_{name}": value for name, value in on_server.items() if name != "events"}
    found["load"] = os.getloadavg()[0]  # above the number of cores, walls measure the neighbours: read the CPU figures
    found |= {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version, "machine": platform.machine()}
    for name, value in found.items():
        print(f"{name:22} {value:,.3f}" if isinstance(value, float) else f"{name:22} {value}")
    for name in ("batched_per_s", "postgresql_batched_per_s"):
        print(f"goal {GOAL:,} events/s, {name}: {'met' if found[name] >= GOAL else 'MISSED'}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()

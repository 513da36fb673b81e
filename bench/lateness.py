"""How soon lateness is found of 10,000 data sets in one process, and how much of a core that takes.

    python bench/lateness.py [--sets 10000] [--minutes 5] [--lead 2]

An estate of 100 products with 100 data sets each that other tools build, every one of them due at a minute of its own
within the minutes of the measurement, with a minute of grace, and promised to be fresh. Another process tells the
ledger that they came, as a run of theirs; one in 21 never comes. The watch is asked every five seconds, as a round
of the server does, for all of its signals: what is late, and whose error budget burns. Delay is from the deadline and
grace to the answer that names the data set. So many are due in minutes as are in a day elsewhere, so the share of a
core is also given for minutes in which nothing is due. Beside it, in a process of its own in the same minutes, a poll
of all, which asks the ledger for the newest arrival of each once a minute. Writes bench/results/lateness.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from freehold.delivery.graph import Graph
from freehold.estate import load_estate
from freehold.ledger import Event, Ledger
from freehold.reliability.signals import SignalKind
from freehold.reliability.slo import Watch

RESULTS = Path(__file__).parent / "results" / "lateness.json"
LOOKS_EVERY_S, GRACE = 5.0, timedelta(minutes=1)
LOST = 21  # one in so many never comes, at whichever minute
ESTATE = """\
apiVersion: freehold.dev/v1
kind: Estate
metadata: {id: bench}
spec: {connections: {here: {url: "duckdb:///bench.db"}}, environments: {prod: {connection: here}}}
"""
PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: bench.p%d
status: active
customProperties: [{property: "freehold:mode", value: watch}]
outputPorts:
"""
CONTRACT = """\
---
apiVersion: v3.1.0
kind: DataContract
id: bench.p%d.d%d
version: 1.0.0
status: active
schema: [{name: d%d, properties: [{name: x, logicalType: integer}]}]
slaProperties: [{property: latency, value: 2, unit: d}]
customProperties: [{property: "freehold:arrives", value: {cron: "%d %d * * *", grace: 1m}}]
"""


def write(root: Path, sets: int, begins: datetime, minutes: int) -> dict[str, datetime]:
    """Write the estate; return when each data set is due, by asset."""
    due: dict[str, datetime] = {}
    (root / "estate.yaml").write_text(ESTATE, encoding="utf-8")
    for product in range(sets // 100):
        folder = root / f"p{product}"
        (folder / "contracts").mkdir(parents=True)
        ports, contracts = PRODUCT % product, ""
        for number in range(100):
            at = begins + timedelta(minutes=(product * 100 + number) % minutes)
            due[f"bench.p{product}.d{number}"] = at
            ports += f"  - {{name: d{number}, version: 1.0.0, contractId: bench.p{product}.d{number}}}\n"
            contracts += CONTRACT % (product, number, number, at.minute, at.hour)
        (folder / "product.odps.yaml").write_text(ports, encoding="utf-8")
        (folder / "contracts" / "all.odcs.yaml").write_text(contracts, encoding="utf-8")
    return due


def ran(asset: str, at: datetime) -> Event:
    """Return the run of another tool that wrote a data set."""
    said = {"asset": f"tool.{asset}", "run_id": f"{asset} {at}", "status": "success", "outputs": [asset]}
    return Event("run.completed", said, occurred_at=at, env="prod", subject=f"tool.{asset}")


def seed(root: Path, due: dict[str, datetime]) -> None:
    """Tell of the day before: every data set came an hour early, and is as fresh as promised."""
    with Ledger.open("sqlite:///state.db", root=root) as ledger:
        events = []
        for asset, at in due.items():
            before = at - timedelta(days=1, hours=1)
            said = {"asset": asset, "data_time": f"{before:%Y-%m-%dT%H:%M:%SZ}", "target_s": 172_800}
            events += [
                ran(asset, before), Event("freshness.observed", said, occurred_at=before, env="prod", subject=asset),
            ]  # fmt: skip
        ledger.append(*events)


def deliver(root: Path, due: dict[str, datetime]) -> None:
    """Tell of each data set that it came, at the second it is due; of one in 21 nothing is told."""
    with Ledger.open("sqlite:///state.db", root=root) as ledger:
        coming = sorted((at, asset) for n, (asset, at) in enumerate(due.items()) if n % LOST)
        while coming:
            now = datetime.now(UTC)
            ready = [ran(asset, now) for at, asset in coming if at <= now]
            if ready:
                ledger.append(*ready)
                coming = coming[len(ready) :]
            time.sleep(1)


def watched(estate: Any, graph: Graph, root: Path, due: dict[str, datetime], until: datetime) -> dict[str, Any]:
    """Watch until all is over; return delays, and the share of a core."""
    with Ledger.open("sqlite:///state.db", root=root) as ledger:
        began = time.perf_counter()
        watch = Watch(estate, graph, ledger, "prod", datetime.now(UTC))
        starts_s = time.perf_counter() - began

        def late() -> set[str]:
            return {one.asset for one in watch.signals(datetime.now(UTC)) if one.kind is SignalKind.LATE}

        return {"start_s": round(starts_s, 2), **looked(late, due, until, LOOKS_EVERY_S)}


def polled(root: Path, due: dict[str, datetime], until: datetime) -> dict[str, Any]:
    """Ask for the newest arrival of each data set once a minute; return delays, and the share of a core."""
    with Ledger.open("sqlite:///state.db", root=root) as ledger:

        def late() -> set[str]:
            now, found = datetime.now(UTC), set()
            for asset, at in due.items():
                told = ledger.read(types=("run.completed",), subject=f"tool.{asset}", newest_first=True, limit=1)
                if now >= at + GRACE and next(told).occurred_at < at:
                    found.add(asset)
            return found

        return looked(late, due, until, 60.0)


def looked(late: Callable[[], set[str]], due: dict[str, datetime], until: datetime, every_s: float) -> dict[str, Any]:
    """Look again and again; the minutes after the last deadline tell what it takes while nothing is due."""
    known: dict[str, datetime] = {}
    quiet_from, last = None, max(due.values()) + GRACE + timedelta(seconds=10)
    wall, cpu = time.perf_counter(), time.process_time()
    while datetime.now(UTC) < until:
        began = time.perf_counter()
        for asset in late():
            known.setdefault(asset, datetime.now(UTC))
        if quiet_from is None and datetime.now(UTC) >= last:
            busy = (time.process_time() - cpu) / (time.perf_counter() - wall)
            quiet_from = (time.perf_counter(), time.process_time())
        time.sleep(max(0.0, every_s - (time.perf_counter() - began)))
    assert quiet_from is not None, "it is measured until after the last deadline"
    quiet = (time.process_time() - quiet_from[1]) / (time.perf_counter() - quiet_from[0])
    delays = sorted((at - due[asset] - GRACE).total_seconds() for asset, at in known.items())
    return {
        "late": len(delays), "delay_s_median": round(delays[len(delays) // 2], 2), "delay_s_most": round(delays[-1], 2),
        "core_while_all_are_due": round(busy, 4), "core_while_none_is": round(quiet, 4),
    }  # fmt: skip


def main() -> None:
    """Measure, print and write."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--sets", type=int, default=10_000)
    asked.add_argument("--minutes", type=int, default=5)
    asked.add_argument("--lead", type=int, default=2, help="minutes to write, seed and load in")
    asked.add_argument("--out", type=Path, default=RESULTS)
    given = asked.parse_args()
    found: dict[str, Any] = {"sets": given.sets, "minutes": given.minutes}
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(2) as others:
        root = Path(folder)
        begins = (datetime.now(UTC) + timedelta(minutes=given.lead)).replace(second=0, microsecond=0)
        due = write(root, given.sets, begins, given.minutes)
        seed(root, due)
        estate = load_estate(root)
        graph = Graph.of(estate, "prod", "duckdb")
        assert datetime.now(UTC) < begins, "the machine is too slow for this lead"
        until = begins + timedelta(minutes=given.minutes + 2)
        delivering = others.submit(deliver, root, due)
        polling = others.submit(polled, root, due, until)
        found["watch"] = watched(estate, graph, root, due, until)
        found["poll"] = polling.result()
        delivering.result()
    found |= {"load": os.getloadavg()[0], "python": platform.python_version()}
    print(json.dumps(found, indent=2))
    given.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

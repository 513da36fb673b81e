"""What a server bears: 200 people who read pages and 20 programs that write, at once, for a minute.

    python bench/serving.py [--readers 200] [--writers 20] [--seconds 60] [--print-only]

Each reader asks for a page of Freehold's demo, takes a second on the mean to look at it, and asks for the next, over a
connection and with a token of their own. Each writer sends what runs elsewhere tell (OpenLineage), one event after the
other, a few a second. Both come over real HTTP from a process of their own, on the same two cores.
Goals: no answer of 500 or more, the slowest of a hundred within a second. Figures go to bench/results/serving.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx2

from freehold import opening
from freehold.foundation import SystemClock
from freehold.server.entry.tokens import Mint
from freehold.server.identity import Who
from pages import DEMO, OURS, free_port, running

RESULTS = Path(__file__).parent / "results" / "serving.json"
PATHS = (
    *(path if path != "/metrics" else "/metrics.json" for path in OURS.values()),  # which is for what scrapes figures
    "/api/v1/products",
    "/api/v1/metrics/sales.revenue/values?by=month",
    "/api/v1/search?q=orders",
)
LOOKS_S, BETWEEN_S = 1.0, 0.4  # the mean time to look at a page, and between two events


@dataclass
class Seen:
    """What the askers saw."""

    reads: list[float] = field(default_factory=list)
    writes: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)


async def read(client: httpx2.AsyncClient, token: str, until: float, seen: Seen, draw: random.Random) -> None:
    """Ask for one page after the other."""
    while time.monotonic() < until:
        await asyncio.sleep(draw.expovariate(1 / LOOKS_S))
        await asked(client, "GET", draw.choice(PATHS), token, seen, seen.reads)


async def write(client: httpx2.AsyncClient, token: str, until: float, seen: Seen, draw: random.Random) -> None:
    """Send one event after the other."""
    while time.monotonic() < until:
        await asyncio.sleep(draw.expovariate(1 / BETWEEN_S))
        event = {
            "eventType": "COMPLETE",
            "eventTime": f"2026-11-20T10:00:{draw.random() * 60:09.6f}Z",
            "run": {"runId": str(uuid4())},  # not drawn: what came before, in another run of this, would be known
            "job": {"namespace": "elsewhere", "name": f"load_{draw.randrange(40)}"},
            "inputs": [{"namespace": "postgres://shop", "name": "public.orders"}],
            "outputs": [{"namespace": "postgres://shop", "name": f"public.daily_{draw.randrange(40)}"}],
            "producer": "https://example.com/bench",
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        }
        await asked(client, "POST", "/openlineage/api/v1/lineage", token, seen, seen.writes, event)


async def asked(
    client: httpx2.AsyncClient,
    method: str,
    path: str,
    token: str,
    seen: Seen,
    spans: list[float],
    body: dict[str, object] | None = None,
) -> None:
    """Ask once, and note how long it took and how it ended."""
    before = time.perf_counter()
    try:
        answer = await client.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})
    except httpx2.HTTPError as error:
        seen.failed[type(error).__name__] += 1
        return
    spans.append(1_000 * (time.perf_counter() - before))
    seen.statuses[answer.status_code] += 1


async def asking(base: str, readers: list[str], writers: list[str], seconds: float) -> Seen:
    """Let everybody ask for some seconds."""
    seen, until = Seen(), time.monotonic() + seconds
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx2.AsyncClient(base_url=base, limits=limits, timeout=30) as client:
        tasks = [read(client, t, until, seen, random.Random(n)) for n, t in enumerate(readers)]
        tasks += [write(client, t, until, seen, random.Random(-n - 1)) for n, t in enumerate(writers)]
        await asyncio.gather(*tasks)
    return seen


def tokens(count: int, scopes: tuple[str, ...]) -> list[str]:
    """Make tokens in the state of the estate, before anybody serves it."""
    with opening.ledger_around(str(DEMO)) as ledger:
        mint = Mint(ledger, SystemClock())
        people = (Who(f"user:bench/{scopes[0]}-{n}", f"asker {n}", (), "local", "session", "") for n in range(count))
        return [mint.make(who, "bench", scopes, timedelta(days=1))[0] for who in people]


def told(spans: list[float], seconds: float) -> dict[str, float]:
    """Return how long answers took, in ms."""
    if not spans:
        return {"count": 0}
    spans.sort()
    at = {f"p{share}_ms": round(spans[min(int(len(spans) * share / 100), len(spans) - 1)], 1) for share in (50, 95, 99)}
    return {"count": len(spans), "per_second": round(len(spans) / seconds, 1), **at, "max_ms": round(spans[-1], 1)}


def main() -> None:
    """Serve, ask, print and keep."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--readers", type=int, default=200)
    parser.add_argument("--writers", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--print-only", action="store_true")
    given = parser.parse_args()
    freehold = str(Path(sys.executable).with_name("freehold"))
    if not (DEMO / "estate.yaml").exists():
        subprocess.run([freehold, "demo", "--dir", str(DEMO)], check=True, capture_output=True)
    readers = tokens(given.readers, ("catalog:read", "metrics:query"))
    writers = tokens(given.writers, ("lineage:write",))
    port, load = free_port(), os.getloadavg()[0]
    base = f"http://127.0.0.1:{port}"
    with running([freehold, "-C", str(DEMO), "serve", "--port", str(port)], f"{base}/ready", DEMO / "served.log"):
        for path in PATHS:  # what is first asked of a snapshot is read from the warehouse
            httpx2.get(base + path, headers={"Authorization": f"Bearer {readers[0]}"}, timeout=60).raise_for_status()
        seen = asyncio.run(asking(base, readers, writers, given.seconds))
    served = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = {
        "reads": told(seen.reads, given.seconds),
        "writes": told(seen.writes, given.seconds),
        "answers": {str(status): count for status, count in sorted(seen.statuses.items())} | dict(seen.failed),
        "measured": {
            "readers": given.readers,
            "writers": given.writers,
            "seconds": given.seconds,
            "server_cpu_s": round(served.ru_utime + served.ru_stime, 1),
            "read_cpu_ms": round(1_000 * (served.ru_utime + served.ru_stime) / max(1, len(seen.reads)), 1),
            "load before": round(load, 2),
            "mean_read_ms": round(statistics.mean(seen.reads), 1),
            "python": platform.python_version(),
            "machine": platform.machine(),
        },
    }
    print(json.dumps(result, indent=1))
    if not given.print_only:
        RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

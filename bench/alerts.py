"""What a turn of alerts costs: signals folded for the first time, a turn with little new, and one with nothing new.

python bench/alerts.py --signals 100000
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from freehold.estate import load_estate
from freehold.foundation import SimulatedClock
from freehold.ledger import Event, Ledger
from freehold.reliability.alerts import take_turn
from watched_estate import write

START = datetime(2026, 11, 2, 6, tzinfo=UTC)
_CHECKS = 10  # of each asset; one of them fails and the others pass


def main() -> None:
    """Print CPU seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--signals", type=int, default=100_000, help="verdicts of checks; every tenth fails")
    count = parser.parse_args().signals
    with tempfile.TemporaryDirectory() as folder:
        root, clock = write(Path(folder)), SimulatedClock(START)
        estate = load_estate(root)
        inputs = {f"shop.orders.a{n}": (f"shop.orders.a{n // 2}",) if n else () for n in range(count // _CHECKS)}
        with Ledger.open("sqlite:///state.db", root=root, clock=clock) as ledger:
            for first in range(0, count, 5_000):
                ledger.append(*(_verdict(n, clock.now()) for n in range(first, min(first + 5_000, count))))
            for what, more in (("all that is there", 0), ("as many as an hour brings", 100), ("nothing new", 0)):
                clock.advance(timedelta(seconds=1))
                ledger.append(*(_verdict(n, clock.now()) for n in range(count, count + more)))
                began = time.process_time(), time.perf_counter()
                turn = take_turn(estate, ledger, "prod", lambda: inputs, clock.now())
                cpu, wall = time.process_time() - began[0], time.perf_counter() - began[1]
                print(f"{what}: {cpu:.3f} s CPU, {wall:.3f} s; {len(turn.raised):,} alerts raised")


def _verdict(number: int, at: datetime) -> Event:
    asset, check = f"shop.orders.a{number // _CHECKS}", number % _CHECKS
    said = {
        "check_id": f"{asset}:c{check}", "asset": asset, "status": "pass" if check else "fail", "blocking": True,
        "target": "live", "severity": "error", "value": number, "threshold": 10, "operator": "mustBeLessThan",
    }  # fmt: skip
    return Event("check.completed", said, f"check-{number}", at, "prod", asset, "shop.orders")


if __name__ == "__main__":
    main()

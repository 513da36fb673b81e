"""Takes turns over an estate in a folder, and is killed before the given statement that writes.

Arguments: the folder, the time of the turns, the number of the statement; `slos` where promises are watched, too.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from freehold.delivery.graph import Graph
from freehold.estate import load_estate
from freehold.foundation import SimulatedClock
from freehold.ledger import Ledger
from freehold.reliability import watch
from freehold.reliability.alerts import take_turn
from freehold.reliability.slo import Watch

sys.path.insert(0, str(Path(__file__).parents[2]))
from watched_estate import INPUTS

_WRITES = ("insert", "update", "delete", "commit")


def main() -> None:
    """Take two turns, and die on the way."""
    root, now, last = Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2]), int(sys.argv[3])
    estate, seen = load_estate(root), 0

    def count() -> None:
        nonlocal seen
        seen += 1
        if seen == last:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.lstrip().lower().startswith(_WRITES):
            count()

    ledger = Ledger.open("sqlite:///state.db", root=root, clock=SimulatedClock(now))
    event.listen(Engine, "before_cursor_execute", before)
    event.listen(Engine, "commit", lambda _: count())
    for _ in range(2):
        if "slos" in sys.argv:
            graph = Graph.of(estate, "prod")
            promises = Watch(estate, graph, ledger, "prod", now)
            watch(estate, ledger, "prod", lambda graph=graph: graph, SimulatedClock(now), slos=promises)
        else:
            take_turn(estate, ledger, "prod", lambda: INPUTS, now)


if __name__ == "__main__":
    main()

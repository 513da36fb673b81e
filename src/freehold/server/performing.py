"""How fast products are made and read, as an asker may see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from freehold.insight.performance import Performance, by_days, seen

if TYPE_CHECKING:
    from freehold.server.application import Served
    from freehold.server.snapshots import Snapshot


def performance_in(served: Served, snapshot: Snapshot, days: int) -> tuple[Performance, ...]:
    """Return how fast the products that a snapshot shows were made and read, in one of `DAYS`; lately.

    Jobs of other tools that write to no product are there for who sees the whole estate.
    """
    whole = snapshot.whole or snapshot

    def make() -> Mapping[int, tuple[Performance, ...]]:
        with served.snapshots.ledger.evidence() as evidence:
            return by_days(evidence, whole.env, served.snapshots.clock.now())

    told = served.performance.get(whole.estate, make)[days]
    return seen(told, snapshot.estate.products, all_=snapshot.seen is None)

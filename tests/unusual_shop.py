"""What the batches of a shop looked like over five weeks, and one that was unlike them: for tests that look at it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from freehold.delivery.categories import remember
from freehold.ledger import Event
from freehold.quality import ColumnProfile, TableState
from freehold.reliability import look

if TYPE_CHECKING:
    from freehold.ledger import Ledger
    from freehold.reliability import Anomaly

ASSET, PRODUCT = "shop.orders.orders", "shop.orders"
_START = datetime(2011, 1, 3, tzinfo=UTC)


def told_of(ledger: Ledger) -> dict[str, Anomaly]:
    """Record thirty-five days, and one of few rows in a state nobody knew; return what is unusual, by its measure."""
    for day in range(36):
        states = {"sent": 400, "paid": 600} if day < 35 else {"sent": 200, "paid": 100, "zirkon": 200}
        _tell(ledger, day, sum(states.values()) + day % 3, states)
    return {one.measure.name: one for one in look(ledger, "prod")}


def _tell(ledger: Ledger, day: int, rows: int, states: dict[str, int]) -> None:
    profile = ColumnProfile(nulls=0, values=states)
    categories = remember(ledger, ASSET, TableState(rows, {"state": profile}))
    start = _START + timedelta(days=day)
    said: dict[str, Any] = {
        "asset": ASSET, "batch": f"b{day}", "rows": rows,
        "columns": {"state": {"nulls": 0, "distinct": 2, "categories": categories["state"]}},
        "interval_start": f"{start:%Y-%m-%d}", "interval_end": f"{start + timedelta(days=1):%Y-%m-%d}",
    }  # fmt: skip
    ledger.append(Event("profile.observed", said, occurred_at=start, env="prod", subject=ASSET, product=PRODUCT))

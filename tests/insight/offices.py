"""An estate that is in force since a morning in March 2026, with work items that people move as days go by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from freehold.delivery.applying import apply
from freehold.delivery.graph import Graph
from freehold.estate import load_estate
from freehold.foundation import Caller, SimulatedClock
from freehold.insight.documents import Edition, Library
from freehold.ledger import Ledger
from freehold.work import Work

BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)
OWNER = Caller("user:idp/olive", ("role:idp/shop-data-owner", "role:idp/shop-data-steward"))
CLAIM = "Nobody paid for what was cancelled."


@dataclass
class Office:
    """An estate whose files were put in force in March 2026, and its work."""

    root: Path
    ledger: Ledger
    clock: SimulatedClock

    def put_in_force(self) -> None:
        """Put the files in force as they are now."""
        estate = load_estate(self.root, cache=False)
        apply(estate, Graph.of(estate, "prod"), self.ledger, self.root, "prod", {}, is_of_files=True)

    @property
    def work(self) -> Work:
        """The work of the estate, as its owner moves it."""
        return Work(load_estate(self.root, cache=False), self.ledger.acting(OWNER), clock=self.clock)

    def later(self, **span: int) -> None:
        """Let some time pass."""
        self.clock.move_to(self.clock.now() + timedelta(**span))

    def write(self, id: str, as_of: datetime | None = None, **said: str) -> Edition:
        """Write an edition of a document."""
        return Library(load_estate(self.root, cache=False), self.ledger, "prod").write(id, said, as_of)

    def dispute(self, metric: str = "shop.revenue", claim: str = CLAIM, **fields: str) -> str:
        """Begin a dispute, and put it before the council; return its id."""
        said = {"metric": metric, "claim": claim, **fields}
        item = self.work.create("metric_dispute", said, product="shop.orders").item.id
        self.work.move(item, "accept")
        self.later(minutes=1)
        return item

"""An estate of three assets in a row, as far as alerts look at one, and a ledger to tell things of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from freehold.estate import load_estate
from freehold.estate.model import Estate
from freehold.foundation import SimulatedClock
from freehold.ledger import Event, Ledger
from freehold.reliability.alerts import Turn, take_turn

START = datetime(2026, 11, 2, 6, tzinfo=UTC)  # a Monday
RAW, LINES, DAILY = "shop.orders.raw", "shop.orders.lines", "shop.orders.daily"
INPUTS: Mapping[str, tuple[str, ...]] = {RAW: (), LINES: (RAW,), DAILY: (LINES,), "shop.hr.people": ()}
_FILES = {
    "estate.yaml": """\
apiVersion: freehold.dev/v1
kind: Estate
metadata: {id: shop, name: Shop}
spec:
  connections: {warehouse: {url: "duckdb:///.freehold/warehouse.db"}}
  environments: {prod: {connection: warehouse}}
""",
    "teams.yaml": """\
apiVersion: freehold.dev/v1
kind: Team
metadata: {id: data}
spec:
  roles: {owner: ["user:idp/olga"]}
  on_call: {rota: {who: ["user:idp/ana", "user:idp/ben"], from: "2026-11-02", at: "05:00"}}
""",
    "shop/orders/product.odps.yaml": """\
apiVersion: v1.0.0
kind: DataProduct
id: shop.orders
name: Orders
version: 1.0.0
status: active
domain: shop
description: {purpose: Orders.}
team: {name: data}
customProperties:
  - {property: "freehold:tier", value: 1}
  - {property: "freehold:runbook", value: "https://runbooks.example.com/orders"}
""",
}


def write(root: Path, **more: str) -> Path:
    """Write the files of the estate, and more."""
    for name, text in {**_FILES, **more}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


class Bench:
    """A ledger under a clock that is moved by hand, and turns taken over it."""

    def __init__(self, root: Path, estate: Estate | None = None) -> None:
        self.clock = SimulatedClock(START)
        self.ledger = Ledger.open("sqlite:///state.db", root=root, clock=self.clock)
        self.estate = estate or load_estate(root)
        self._number = 0

    def pass_by(self, **length: float) -> Bench:
        """Let time pass."""
        self.clock.advance(timedelta(**length))
        return self

    def tell(self, type_: str, asset: str, **said: Any) -> str:
        """Record something of an asset that happens now; return the event's id."""
        self._number += 1
        id_, run = f"event-{self._number}", str(said.pop("run", ""))
        of = Event(type_, {"asset": asset, **said}, id_, self.clock.now(), "prod", asset, "shop.orders", run)
        self.ledger.append(of)
        return id_

    def check(self, status: str, asset: str = LINES, name: str = "rows", **said: Any) -> str:
        """Record the verdict of a check over all that is live; a contract's, unless it says otherwise."""
        usual = {"target": "live", "blocking": True, "severity": "error"}
        return self.tell("check.completed", asset, check_id=f"{asset}:{name}", status=status, **(usual | said))

    def turn(self, **more: Any) -> Turn:
        """Take a turn now."""
        return take_turn(self.estate, self.ledger, "prod", lambda: INPUTS, self.clock.now(), **more)

    def told(self, type_: str) -> list[dict[str, Any]]:
        """Return what events of a type hold."""
        return [dict(event.data) for event in self.ledger.read(types=(type_,))]

    def notified(self) -> list[tuple[str, int, int]]:
        """Return what was to be notified: why, of how many alerts that stand, of how many that are over."""
        return [(one["reason"], len(one["alerts"]), len(one["resolved"])) for one in self.told("alert.notified")]

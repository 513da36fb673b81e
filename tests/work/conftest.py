"""Workflows and estates for tests, read from files as anybody's are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from freehold.estate import load_estate
from freehold.estate.model import Estate
from freehold.foundation import Caller, SeededIds, SimulatedClock
from freehold.ledger import Ledger
from freehold.work import Work
from freehold.work.item import Item

ESTATE = """apiVersion: freehold.dev/v1
kind: Estate
metadata: {id: corner, name: Corner shop}
spec:
  connections: {warehouse: {url: "duckdb:///warehouse.db"}}
  environments: {prod: {connection: warehouse, protected: true}}
  defaults: {timezone: Europe/London, calendar: england}
"""
TEAMS = """apiVersion: freehold.dev/v1
kind: Team
metadata: {id: sales}
spec:
  members: ["user:idp/member"]
  roles: {owner: ["user:idp/owner"], steward: ["group:idp/stewards"]}
  parent: everybody
---
apiVersion: freehold.dev/v1
kind: Team
metadata: {id: everybody}
spec: {roles: {dataops-lead: ["user:idp/lead"], delegate: ["team:sales"]}}
---
apiVersion: freehold.dev/v1
kind: Team
metadata: {id: other}
spec: {roles: {steward: ["user:idp/other"], privacy: ["role:dataops-lead", "role:idp/dpo"], round: ["role:round"]}}
---
apiVersion: freehold.dev/v1
kind: Calendar
metadata: {id: england}
spec:
  country: GB
  subdivision: ENG
  working_days: mon-fri
  hours: "09:00-17:00"
  freeze: [{from: 2011-12-19, to: 2011-12-27, reason: Christmas trading}]
"""
PRODUCT = """apiVersion: v1.0.0
kind: DataProduct
id: sales.orders
status: active
team: {name: sales}
"""
DISPUTE = """apiVersion: freehold.dev/v1
kind: Workflow
metadata: {id: metric-dispute, name: Metric dispute}
spec:
  fields: {metric: metric!, claim: text!, evidence: url*, affected_decision: text, amount: number}
  sla: {triage: 2bd, resolve: 10bd, alive: {within: 8h, until: decided}}
  states:
    raised:   {moves: {accept: council, duplicate: closed, withdraw: {to: closed, by: requester}}, by: steward}
    council:  {moves: {decide: decided, ask: waiting}, by: [steward, owner], on_enter: [{document: dispute-dossier}]}
    waiting:  {moves: {answer: council}, by: requester, pauses_clock: true}
    decided:  {moves: {migrate: closed}, by: owner, requires: [decision-recorded, "evidence > 0 and amount < 100"]}
    closed:   {final: true}
"""


def write(root: Path, **more: str) -> Path:
    """Write the estate, and more files by name."""
    files = {"estate": ESTATE, "teams": TEAMS, "sales_orders_product.odps": PRODUCT, "dispute": DISPUTE, **more}
    for name, text in files.items():
        place = root / (name.replace("_", "/") + ".yaml")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes the estate, and more files by name."""
    return lambda **more: write(tmp_path, **more)


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    """The estate of a corner shop."""
    return load_estate(write(tmp_path), cache=False)


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock that stands at ten on a Monday morning in London until it is moved."""
    return SimulatedClock(datetime(2011, 3, 7, 10, tzinfo=UTC))


@pytest.fixture
def work_of(estate: Estate, clock: SimulatedClock) -> Iterator[Callable[..., Work]]:
    """Open the work of the estate for a caller; what documents are asked for is kept in `work_of.documents`."""
    opened: list[Ledger] = []
    documents: list[tuple[str, object]] = []
    ids = SeededIds(7, clock.now())

    def make(principal: str, *groups: str, handlers: bool = True) -> Work:
        caller = Caller(f"user:idp/{principal}", tuple(f"group:idp/{g}" for g in groups), assurance="oidc")
        ledger = Ledger.open("sqlite:///state.db", root=estate.root, caller=caller, clock=clock)
        opened.append(ledger)
        known = {"document": lambda item, what: _kept(documents, item, what)} if handlers else {}
        return Work(estate, ledger, clock=clock, ids=ids, handlers=known)

    make.documents = documents  # type: ignore[attr-defined]
    yield make
    for ledger in opened:
        ledger.close()


def _kept(documents: list[tuple[str, object]], item: Item, what: object) -> None:
    documents.append((item.state, what))

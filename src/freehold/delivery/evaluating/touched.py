"""What has to be evaluated again: what a run touched, and what changed files are about. All of it once a day."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from freehold.delivery.evaluating.metrics import JudgedMetrics
    from freehold.delivery.graph import Graph
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger

_ALL = ("Estate", "RuleSet", "Waiver", "Assessment", "DataPolicy", "Team")  # kinds that are about many things at once


@dataclass(frozen=True, slots=True)
class Touched:
    """The assets, products and metrics that rules are evaluated over again."""

    assets: frozenset[str]
    products: frozenset[str]
    metrics: frozenset[str]

    @property
    def is_nothing(self) -> bool:
        """Whether nothing has to be evaluated again."""
        return not (self.assets or self.products or self.metrics)

    @property
    def all(self) -> frozenset[str]:
        """The ids of all of them."""
        return self.assets | self.products | self.metrics

    def of(self, kind: str) -> frozenset[str]:
        """Return which subjects of a kind are meant."""
        return {"asset": self.assets, "product": self.products, "metric": self.metrics}.get(kind, frozenset())


def touched_since(
    estate: Estate,
    graph: Graph,
    metrics: JudgedMetrics,
    ledger: Ledger,
    env: str,
    assets: Collection[str],
    today: date,
    kept_in: str,
) -> Touched | None:
    """Return what to evaluate after a run over assets; None where it is time to evaluate everything."""
    kept = ledger.state.get(kept_in, env) or {}
    if kept.get("day") != today.isoformat():
        return None
    told = ledger.read(types=("estate.applied",), env=env, after=int(kept.get("upto") or 0))
    parts = [one for e in told for part in ("added", "changed", "removed") for one in e.data.get(part) or ()]
    kinds = {one.partition(":")[0] for one in parts}
    if kinds.intersection(_ALL):
        return None
    products = {*_products(graph, assets), *_meant(estate, parts)}
    whole = frozenset(a.id for a in graph.assets.values() if a.product.id in products) if parts else frozenset(assets)
    moved = whole | frozenset(assets)
    return Touched(moved, frozenset(products), metrics.all if parts else metrics.over(moved))


def _products(graph: Graph, assets: Iterable[str]) -> set[str]:
    return {graph.assets[name].product.id for name in assets if name in graph.assets}


def _meant(estate: Estate, parts: Iterable[str]) -> set[str]:
    """Return the products that changed files are about: by their ids, or by those of their assets and contracts."""
    found = set()
    for one in parts:
        id_ = one.partition(":")[2]
        contract = estate.contracts.get(id_)
        named = (id_, id_.rpartition(".")[0], contract.data_product or "" if contract else "")
        found |= {name for name in named if name in estate.products}
    return found

"""Whatever rules may be about, with its facts: from the files of an estate, its lineage, and what the ledger tells."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from freehold.delivery.gate.facts import CHANGE
from freehold.rules.assets import ASSET, asset_subjects
from freehold.rules.estates import ESTATE, estate_subject
from freehold.rules.metrics import METRIC
from freehold.rules.products import PRODUCT, product_subjects
from freehold.rules.secrets import SECRET, secret_subjects

if TYPE_CHECKING:
    from freehold.delivery.evaluating.evidence import Told
    from freehold.delivery.evaluating.metrics import JudgedMetrics
    from freehold.delivery.graph import Graph
    from freehold.estate.model import Estate
    from freehold.rules.evaluating import Subject

OVER_ESTATE = {one.subject: one for one in (ASSET, PRODUCT, METRIC, SECRET, ESTATE)}
"""The facts of what an estate is made of, by the word that rule sets name it by."""

TABLES = {**OVER_ESTATE, CHANGE.subject: CHANGE}


@dataclass(frozen=True)
class Subjects:
    """What rules may be about in an estate.

    Attributes:
        graph: of the estate, as its models compile.
        metrics: of the estate, with what they stand on.
        today: the day that ages are counted to.
        assets, products, whole: what evidence tells; without, only files count.
    """

    estate: Estate
    graph: Graph
    metrics: JudgedMetrics
    today: date
    assets: Told = field(default_factory=dict)
    products: Told = field(default_factory=dict)
    whole: Mapping[str, Any] = field(default_factory=dict)

    def of(self, kind: str, only: Collection[str] | None = None) -> tuple[Subject, ...]:
        """Return the subjects of a kind, in the order of their ids; of those that are named, where some are."""
        if kind == "asset":  # a port may name an asset of another product, whose own it is
            among = self.graph.assets.keys() if only is None else self.graph.assets.keys() & set(only)
            return tuple(asset_subjects(self.estate, self.assets, among))
        return self._other(kind, only)

    def _other(self, kind: str, only: Collection[str] | None) -> tuple[Subject, ...]:
        match kind:
            case "product":
                return tuple(product_subjects(self.estate, self.products, only))
            case "secret":
                return tuple(s for s in secret_subjects(self.estate, self.today) if only is None or s.id in only)
            case "metric":
                return tuple(self.metrics.subjects(self.assets, only))
            case _:
                of = (self.estate, self.of("product"), self.of("asset"), self.whole, self.today)
                return (estate_subject(*of),)

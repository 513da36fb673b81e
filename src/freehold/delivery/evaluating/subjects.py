"""Whatever rules may be about, with its facts: from the files of an estate, its lineage, and what the ledger tells."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from freehold.delivery.gate.facts import CHANGE
from freehold.rules.assets import ASSET, asset_subjects
from freehold.rules.estates import ESTATE, estate_subject
from freehold.rules.evaluating import Subject
from freehold.rules.metrics import METRIC
from freehold.rules.products import PRODUCT, product_subjects
from freehold.rules.secrets import SECRET, secret_subjects

if TYPE_CHECKING:
    from freehold.delivery.evaluating.evidence import Told
    from freehold.delivery.graph import Graph
    from freehold.estate.model import Estate
    from freehold.metrics.catalogue import Catalogue
    from freehold.metrics.model import Metric

OVER_ESTATE = {one.subject: one for one in (ASSET, PRODUCT, METRIC, SECRET, ESTATE)}
"""The facts of what an estate is made of, by the word that rule sets name it by."""

TABLES = {**OVER_ESTATE, CHANGE.subject: CHANGE}


@dataclass(frozen=True)
class Subjects:
    """What rules may be about in an estate.

    Attributes:
        graph: of the estate, as its models compile; metrics are traced by it.
        dialect: of the SQL of its models.
        today: the day that ages are counted to.
        assets, products, whole: what evidence tells; without, only files count.
    """

    estate: Estate
    graph: Graph
    dialect: str
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
                return tuple(s for s in self._metrics() if only is None or s.id in only)
            case _:
                of = (self.estate, self.of("product"), self.of("asset"), self.whole, self.today)
                return (estate_subject(*of),)

    def _metrics(self) -> Iterator[Subject]:
        from freehold.delivery.lineage import KeptLineage, estate_lineage
        from freehold.foundation import Problems
        from freehold.metrics import catalogue_of

        if not self.estate.semantic_models:
            return
        try:
            catalogue = catalogue_of(self.estate)
        except Problems:
            return  # what is wrong with them, `validate` says; there is nothing that could be judged
        kept = KeptLineage(self.estate.root)
        unread = estate_lineage(self.graph, self.estate, self.dialect, kept).unread
        kept.save()
        for metric in sorted(catalogue.metrics(), key=lambda one: one.id):
            yield self._metric(metric, catalogue, unread)

    def _metric(self, metric: Metric, catalogue: Catalogue, unread: Mapping[str, str]) -> Subject:
        from freehold.metrics.estate import owner_of
        from freehold.metrics.fingerprint import sources_of

        sources = [self.estate.published(name) for name in sources_of(catalogue, metric)]
        known = [name for name in sources if name in self.graph.assets]
        above = self.graph.upstream(known)
        products = [self.graph.assets[name].product for name in known]
        lost = sorted({*(n for n in above if n in unread or self._is_python(n)), *set(sources).difference(known)})
        failing = [told["failing_checks"] for n in above if (told := self.assets.get(n)) and "failing_checks" in told]
        facts = {
            "metric": metric.id,
            "file": metric.where.path,
            "status": metric.status,
            "owner": owner_of(self.estate, catalogue, metric) or None,
            "tier": min((one.tier for one in products), default=None),
            "has_description": bool(metric.words.get("description")),
            "failing_checks": sum(failing) if failing else None,
            "is_traced": not lost,
            "untraced": ", ".join(lost) or None,
        }
        return Subject(metric.id, METRIC.checked(facts, metric.id))

    def _is_python(self, asset: str) -> bool:
        """Whether an asset is built by a program, of which only running it would tell which column goes where."""
        model = self.estate.models.get(asset)
        return model is not None and model.language == "python"

"""The metrics of an estate as subjects of rules: each with the assets that its rows come from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from freehold.rules.evaluating import Subject
from freehold.rules.metrics import METRIC

if TYPE_CHECKING:
    from freehold.delivery.evaluating.evidence import Told
    from freehold.delivery.graph import Graph
    from freehold.estate.model import Estate
    from freehold.metrics.catalogue import Catalogue
    from freehold.metrics.model import Metric


@dataclass(frozen=True, slots=True)
class _Traced:
    """A metric; the assets it reads, those with all they stand on, and its sources that are no assets."""

    metric: Metric
    known: tuple[str, ...]
    above: frozenset[str]
    foreign: frozenset[str]


@dataclass(frozen=True)
class JudgedMetrics:
    """The metrics that rules are about. None where the files of metrics are in error, which `validate` tells."""

    estate: Estate
    graph: Graph
    dialect: str

    @property
    def all(self) -> frozenset[str]:
        """The ids of all metrics."""
        return frozenset(one.metric.id for one in self._traced)

    def over(self, assets: Collection[str]) -> frozenset[str]:
        """Return the metrics whose rows come from one of the assets, directly or not."""
        return frozenset(one.metric.id for one in self._traced if not one.above.isdisjoint(assets))

    def assets(self, only: Collection[str] | None) -> frozenset[str]:
        """Return all the assets that metrics stand on; those of some metrics, where they are named."""
        return frozenset().union(*(one.above for one in self._traced if only is None or one.metric.id in only))

    def subjects(self, told: Told, only: Collection[str] | None) -> Iterator[Subject]:
        """Yield the metrics with their facts, in the order of their ids."""
        wanted = [one for one in self._traced if only is None or one.metric.id in only]
        unread = self._unread() if wanted else {}
        for one in wanted:
            yield self._subject(one, told, unread)

    @cached_property
    def _catalogue(self) -> Catalogue | None:
        from freehold.foundation import Problems
        from freehold.metrics import catalogue_of

        try:
            return catalogue_of(self.estate) if self.estate.semantic_models else None
        except Problems:
            return None

    @cached_property
    def _traced(self) -> tuple[_Traced, ...]:
        from freehold.metrics.fingerprint import sources_of

        if self._catalogue is None:
            return ()
        found = []
        for metric in sorted(self._catalogue.metrics(), key=lambda one: one.id):
            sources = [self.estate.published(name) for name in sources_of(self._catalogue, metric)]
            known = tuple(name for name in sources if name in self.graph.assets)
            above = frozenset(self.graph.upstream(known))
            found.append(_Traced(metric, known, above, frozenset(sources).difference(known)))
        return tuple(found)

    def _unread(self) -> Mapping[str, str]:
        from freehold.delivery.lineage import lineage_of

        return lineage_of(self.graph, self.estate, self.dialect).unread

    def _subject(self, one: _Traced, told: Told, unread: Mapping[str, str]) -> Subject:
        from freehold.metrics.estate import owner_of

        assert self._catalogue is not None, "what is traced is of a catalogue"
        metric = one.metric
        products = [self.graph.assets[name].product for name in one.known]
        lost = sorted({*(n for n in one.above if n in unread or self._is_python(n)), *one.foreign})
        failing = [told[n]["failing_checks"] for n in one.above if "failing_checks" in told.get(n, ())]
        facts = {
            "metric": metric.id,
            "file": metric.where.path,
            "status": metric.status,
            "owner": owner_of(self.estate, self._catalogue, metric) or None,
            "tier": min((product.tier for product in products), default=None),
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

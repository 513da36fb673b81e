"""What the rows of a candidate follow from, however it came about: a meaning, and versions of files far above.

A *step* names its inputs by version, so a rebuilt input makes a new step. Often it would give the same rows again: the
input was rebuilt for a column that this asset does not read. Two candidates of one *origin* hold the same rows, and
what has the origin it should have is not built again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from freehold.delivery.asset import NOT_BUILT, Asset, Kind
from freehold.delivery.graph import Graph
from freehold.delivery.overlay import Overlay, fingerprint
from freehold.delivery.plan.meanings import KeptMeanings, meanings_of
from freehold.delivery.release import Candidate, Origin
from freehold.delivery.step import Definitions, Step

_MOST = 8  # roots that are kept one by one; more are kept as one digest


@dataclass(slots=True)
class Origins:
    """The origins of the steps of one graph; meanings are found when first asked for."""

    graph: Graph
    dialect: str
    root: Path
    _means: dict[str, str] | None = None

    def of(self, step: Step, overlay: Overlay) -> Origin:
        """Return what the rows of a step follow from."""
        return Origin(self.means(step.asset), self._roots(step, overlay))

    def means(self, asset: Asset) -> str:
        """Return a digest of what an asset means down to its sources, and of how it is kept."""
        if self._means is None:
            kept = KeptMeanings(self.root)
            found = meanings_of(_without_data(self.graph), self.dialect, kept)
            kept.save()
            self._means = {name: meaning.all for name, meaning in found.items()}
        return fingerprint(str(asset.kind), asset.grain, ",".join(asset.unique_key), self._means[asset.id])

    def equate(self, definitions: Definitions, overlay: Overlay) -> None:
        """Let assets keep the definition that stands where today's means the same in other words."""
        for asset in self.graph.assets.values():
            standing = next(iter(overlay.standing(asset.id).values()), None)
            if asset.kind in NOT_BUILT or asset.is_shipped or standing is None or standing.origin is None:
                continue
            if standing.definition != definitions.of(asset) and standing.origin.means == self.means(asset):
                definitions.equate(asset, standing.definition)

    def _roots(self, step: Step, overlay: Overlay) -> tuple[str, ...]:
        """Return names of the versions that all rows read come from; of many, one digest."""
        if step.asset.kind is Kind.SOURCE:
            return _folded(step.inputs)
        if step.asset.is_shipped and step.asset.observed is not None:
            return _folded([f"{step.asset.id}:{step.asset.observed.state}"])
        found: set[str] = set()
        for name in step.asset.inputs:
            above = self.graph.assets[name]
            if above.kind is Kind.EXTERNAL:
                found.add(overlay.version(above))
                continue
            for candidate in overlay.candidates_in(above, step.interval if above.by_interval else None):
                found.update(candidate.origin.roots if candidate.origin else (candidate.name,))
        return _folded(found)


def is_done(step: Step, standing: Candidate | None, origins: Origins, overlay: Overlay) -> bool:
    """Say whether what stands is what a step would give: built by this very step, or of the same origin."""
    if standing is None or standing.definition != step.definition:
        return False
    return standing.inputs == step.inputs or (
        standing.origin is not None and standing.origin == origins.of(step, overlay)
    )


def _without_data(graph: Graph) -> Graph:
    """Return a graph in which assets that a tool ships mean the same, whatever rows they hold."""
    return Graph(
        {
            id_: replace(asset, observed=replace(asset.observed, state=""))
            if asset.is_shipped and asset.observed is not None
            else asset
            for id_, asset in graph.assets.items()
        }
    )


def _folded(names: Iterable[str]) -> tuple[str, ...]:
    ordered = sorted(fingerprint(n) if len(n) != 16 else n for n in set(names))
    return tuple(ordered) if len(ordered) <= _MOST else (fingerprint(*ordered),)

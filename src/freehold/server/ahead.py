"""What lies ahead, as whoever asks may see it: objectives, decisions and the roadmap, for pages and for the API.

An objective is of the whole estate, so it is there for who sees all of it; figures of its metrics are withheld from
whom a policy hides rows, since they were measured over all. Decisions are prose, and may tell of anything: who sees
part of the estate is told of those that concern what they see, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from freehold.insight.objectives import Objective, Standing, objective_named, objectives_of, standings
from freehold.insight.objectives.standing import State
from freehold.insight.roadmap import Roadmap, consumers_of
from freehold.server.items import Items
from freehold.server.rows_seen import why_some_are_hidden
from freehold.work.decisions import Decision, decisions_of

if TYPE_CHECKING:
    from freehold.insight import KpiValue, Period
    from freehold.insight.roadmap import Ranked
    from freehold.server.reckoning import Reckoned
    from freehold.server.web.showing import Asked
    from freehold.work import Item

_PREDICTABILITY = "delivery-predictability"


@dataclass(frozen=True)
class Ahead:
    """Objectives, decisions and the roadmap, as one asker sees them."""

    asked: Asked
    grain: str = "quarter"

    @cached_property
    def items(self) -> Items:
        """The work items that the asker may see."""
        return Items(self.asked)

    @cached_property
    def roadmap(self) -> Roadmap:
        """The roadmap, of which `own` are the items that the asker may see."""
        zone = str(self.asked.snapshot.estate.defaults.get("timezone", "UTC"))
        return Roadmap(self.items.work, self.asked.served.snapshots.ledger, zone, self.grain)

    @cached_property
    def own(self) -> tuple[Item, ...]:
        """The items of the roadmap that the asker may see."""
        return tuple(one for one in self.roadmap.items() if self.items.may_see(one))

    @cached_property
    def objectives(self) -> Mapping[str, Objective]:
        """The objectives there are for the asker."""
        return objectives_of(self.asked.snapshot.estate) if self.asked.snapshot.seen is None else {}

    def objective(self, id: str) -> Objective:
        """Return an objective.

        Raises:
            FreeholdError: FH-W411 there is none, or it is not for the asker.
        """
        return objective_named(self.objectives, id)

    def standings(self) -> Mapping[str, tuple[Standing, ...]]:
        """Return how the key results of objectives stand, without figures that are not for the asker."""
        snapshots = self.asked.served.snapshots
        found = standings(self.objectives.values(), snapshots.ledger, snapshots.clock.now())
        if not self.withheld:
            return found
        kpis = self._reckoned.figures
        return {
            id_: tuple(s if s.key_result.metric in kpis else _without(s) for s in all_) for id_, all_ in found.items()
        }

    @cached_property
    def withheld(self) -> str:
        """Why figures of metrics are not for the asker, as a sentence; empty where they are."""
        snapshot = self.asked.snapshot.whole or self.asked.snapshot
        return why_some_are_hidden(snapshot.estate, self.asked.who.caller("read objectives"))

    @cached_property
    def decisions(self) -> Mapping[str, Decision]:
        """The decisions that the asker may read."""
        estate, sees_all = self.asked.snapshot.estate, self.asked.snapshot.seen is None
        return {id_: one for id_, one in decisions_of(estate).items() if sees_all or _is_about(one, estate.products)}

    def ranking(self) -> tuple[tuple[Ranked, ...], tuple[Item, ...]]:
        """Return the open items in their order, and those that nobody estimated; reach is what was counted last."""
        env, reckoning = self.asked.snapshot.env, self.asked.served.reckoning
        reach = reckoning.detail(self._reckoned, ("reach", env), lambda evidence: consumers_of(evidence, env))
        return self.roadmap.ranking(reach, self.own)

    def predictability(self, period: Period) -> KpiValue:
        """Return how many promises of a period were kept in time, of the whole estate, as it was counted last."""
        from freehold.insight import compute

        reckoned, reckoning = self._reckoned, self.asked.served.reckoning
        kpi = reckoned.figures[_PREDICTABILITY].kpi
        return reckoning.detail(
            reckoned, (_PREDICTABILITY, period), lambda evidence: compute(kpi, evidence, period, asking=reckoned.asking)
        )

    @cached_property
    def _reckoned(self) -> Reckoned:
        return self.asked.served.reckoning.of(self.asked.snapshot)


def _without(one: Standing) -> Standing:
    """Return a standing without its figures."""
    return replace(one, now=None, progress=None, state=State.MISSING)


def _is_about(one: Decision, products: Mapping[str, object]) -> bool:
    """Whether a decision concerns some products, and nothing else."""
    return bool(one.concerns) and all(
        about.startswith("product:") and about.removeprefix("product:") in products for about in one.concerns
    )

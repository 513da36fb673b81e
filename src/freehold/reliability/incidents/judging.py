"""What a trouble comes to: how bad it is, whom it reaches, what may have done it. From the ledger and the files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from freehold.delivery.asset import Kind
from freehold.delivery.plan.past import Past, past_of
from freehold.reliability.incidents.changes import Happened, happened
from freehold.reliability.incidents.grouping import DAY, Trouble
from freehold.reliability.incidents.paths import Paths
from freehold.reliability.incidents.priors import Priors
from freehold.reliability.incidents.reach import Consumer, Live, Share, lasting, shares, sorted_by_share
from freehold.reliability.incidents.severity import BUDGET, Factor, Severity, of_budget, severity
from freehold.reliability.incidents.suspects import ChangeKind, Suspect, Symptom, suspects
from freehold.reliability.signals import SignalKind

if TYPE_CHECKING:
    from freehold.delivery.graph import Graph
    from freehold.delivery.lineage import EstateLineage
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger
    from freehold.reliability.incidents.incident import Incident

NAMED = 5  # suspects that are recorded of an incident
_MOST_CONSUMERS = 200  # that are recorded
_PERSON = "person"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known of a trouble at a moment."""

    trouble: Trouble
    severity: Severity
    tier: int | None
    shares: Mapping[str, Share]
    consumers: tuple[Consumer, ...]
    suspects: tuple[Suspect, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as `incident.judged` has it."""
        by_share = {str(share): [name for name, one in self.shares.items() if one is share] for share in Share}
        return {
            "root": self.trouble.root,
            "sev": self.severity.sev,
            "tier": self.tier,
            "assets": list(self.trouble.assets),
            "began_at": min(one.since for one in self.trouble.alerts).isoformat().replace("+00:00", "Z"),
            "symptom": self.symptom.kind,
            "factors": [one.to_json() for one in self.severity.factors],
            "reach": {**by_share, "consumers": [one.to_json() for one in self.consumers[:_MOST_CONSUMERS]]},
            "suspects": [one.to_json() for one in self.suspects[:NAMED]],
        }

    @property
    def symptom(self) -> Symptom:
        """What is wrong at the root."""
        return symptom_of(self.trouble)


def symptom_of(trouble: Trouble) -> Symptom:
    """Return what is wrong at the root of a trouble: as its first alert there has it, in the columns of all of them."""
    there = trouble.at_root
    first = min(there, key=lambda one: (one.since, one.seq))
    columns = () if any(not one.column for one in there) else tuple(sorted({one.column for one in there}))
    return Symptom(first.asset if first.asset != trouble.root else trouble.root, first.kind, first.since, columns)


@dataclass
class Surroundings:
    """What is asked when a trouble is judged; read when it is first needed, once.

    Attributes:
        lineage: gives the columns of the estate; without it assets alone are walked.
        budgets: the share of its error budget that is left, by product or asset; None where nobody looked.
    """

    estate: Estate
    ledger: Ledger
    env: str
    graph: Graph
    lineage: Callable[[], EstateLineage] | None
    budgets: Mapping[str, float] | None
    now: datetime

    @cached_property
    def _columns(self) -> EstateLineage | None:
        return self.lineage() if self.lineage is not None else None

    @cached_property
    def paths(self) -> Paths:
        """What goes into what."""
        return Paths.of(self.graph, self._columns)

    @cached_property
    def _past(self) -> Past:
        return past_of(self.ledger, self.env)

    @cached_property
    def _periods(self) -> Mapping[str, timedelta]:
        """How often each asset is brought up to date, where its grain says so."""
        of = {"hour": timedelta(hours=1), "day": DAY, "month": timedelta(days=31)}
        return {asset.id: max(of.get(asset.grain, DAY), DAY) for asset in self.graph.assets.values()}

    def period(self, asset: str) -> timedelta:
        """Return how often an asset is brought up to date; what is so more often than daily counts as daily."""
        return self._periods.get(asset, DAY)

    @cached_property
    def priors(self) -> Priors:
        """How often which kind of change did which kind of wrong, as closed incidents tell."""
        return Priors.of(_told_causes(self.ledger))

    def tier(self, asset: str) -> int | None:
        """Return the tier of an asset's product; None where it is of none."""
        found = self.graph.assets.get(asset)
        return found.product.tier if found is not None else None

    def judged(self, trouble: Trouble, before: Incident | None = None) -> Judgement:
        """Return what a trouble comes to now; of what nobody looked at, as its incident was judged before."""
        earlier = before.reach if before is not None else {}
        reached = lasting(shares(trouble, self.paths, self._live(trouble)), earlier, trouble.alerts)
        consumers = sorted_by_share([one for asset, share in reached.items() for one in self._consumers(asset, share)])
        tiers = [tier for name in reached if (tier := self.tier(name)) is not None]
        tier = min(tiers, default=None)
        return Judgement(
            trouble,
            severity(
                [one for one in trouble.alerts if one.is_wrong] or trouble.alerts,
                tier=tier,
                readers=len(consumers),
                due=self._due(trouble),
                budget=self._budget(reached, before),
                now=self.now,
            ),
            tier,
            reached,
            consumers,
            self.suspects(trouble),
        )

    def suspects(self, trouble: Trouble) -> tuple[Suspect, ...]:
        """Return what may have done it, the most likely first."""
        symptom = symptom_of(trouble)
        found = self._happened(trouble, symptom)
        of = (symptom, found.changes, self.paths, self.priors)
        return suspects(*of, observed=found.observed, period=self.period)

    def _happened(self, trouble: Trouble, symptom: Symptom) -> Happened:
        above = {symptom.asset} | self.paths.upstream(symptom.asset)
        sources = {name for name in above if not self.paths.reads.get(name)}
        of = (self.ledger, self.env, above, trouble.alerts, symptom.since, sources)
        return happened(*of, self.period(symptom.asset))

    def _live(self, trouble: Trouble) -> Live:
        reached = {name for one in trouble.assets for name in (one, *self.paths.downstream(one))}
        published: dict[str, datetime] = {}
        for name in sorted(reached):
            last = self.ledger.read(types=("asset.published",), subject=name, env=self.env, newest_first=True, limit=1)
            published.update((name, event.occurred_at) for event in last)
        assets = self.graph.assets
        return Live(published, {name for name in reached if name in assets and assets[name].kind is Kind.VIEW})

    def _consumers(self, asset: str, share: Share) -> Iterator[Consumer]:
        """Yield who reads an asset: dashboards, services and agents by name, people counted and never named."""
        for dashboard in self._columns.consumers.of(asset) if self._columns is not None else ():
            yield Consumer(dashboard.name, "dashboard", asset, share, dashboard.viewers or 0)
        read = self._past.readers(asset)
        people = [one for one in read if one.kind in ("", _PERSON)]
        if people:
            yield Consumer(f"people of {asset}", _PERSON, asset, share, sum(one.reads for one in people))
        for one in read:
            if one not in people:
                yield Consumer(one.name, one.kind, asset, share, one.reads)

    def _due(self, trouble: Trouble) -> datetime | None:
        """Return the next deadline of what a trouble touches: that of the last expectation, or as long after it."""
        found = []
        for name in trouble.assets:
            told = self.ledger.read(types=("run.expected",), subject=name, env=self.env, newest_first=True, limit=1)
            for event in told:
                if event.data.get("deadline_at"):
                    at = datetime.fromisoformat(event.data["deadline_at"])
                    step = self.period(name)
                    found.append(at if at >= self.now else at + step * -((at - self.now) // step))
        return min(found, default=None)

    def _budget(self, assets: Mapping[str, Share], before: Incident | None) -> Factor:
        if self.budgets is None:
            told = (Factor.of(one) for one in (before.factors if before is not None else ()))
            return next((one for one in told if one.name == BUDGET), of_budget(None))
        named = {*assets, *(name.rpartition(".")[0] for name in assets)}
        return of_budget(min((left for name, left in self.budgets.items() if name in named), default=None))


def _told_causes(ledger: Ledger) -> Iterator[tuple[ChangeKind, SignalKind]]:
    """Yield of each incident whose cause somebody told and did not take back: what it was, and what was wrong."""
    found: dict[tuple[str, str], tuple[ChangeKind, SignalKind]] = {}
    for event in ledger.read(types=("incident.cause_linked",)):
        said = event.data
        key = (said["incident"], str(said.get("event")))
        if said.get("basis") != "explicit" or not said.get("change") or not said.get("symptom"):
            continue
        if said.get("ended"):
            found.pop(key, None)
        else:
            found[key] = (ChangeKind(said["change"]), SignalKind(said["symptom"]))
    yield from found.values()

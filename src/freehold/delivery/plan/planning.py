"""The plan: what a change of the estate would do to data and to the people who read it, before anything is done.

`plan` compares two versions of an estate by the meanings of their columns and decides, for every asset, what changed,
what must be built again, and who reads it. It asks no warehouse.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from freehold.delivery.asset import Asset
from freehold.delivery.audit import checks_of, judged_by
from freehold.delivery.consumers import consumers_of
from freehold.delivery.deprecated import DEPRECATED
from freehold.delivery.graph import Graph, default_environment
from freehold.delivery.majors import ends_of
from freehold.delivery.plan.changes import (
    Action,
    ChangeClass,
    Difference,
    action_of,
    difference,
    is_described_otherwise,
    is_rebuilt_otherwise,
)
from freehold.delivery.plan.declared import Declared, declared_otherwise
from freehold.delivery.plan.findings import findings_of, unmade
from freehold.delivery.plan.meanings import KeptMeanings, meaning_of_asset, meanings_of
from freehold.delivery.plan.metrics import metrics_changed
from freehold.delivery.plan.pairs import Pairs, beside_json
from freehold.delivery.plan.past import NO_PAST, Past, Reader
from freehold.delivery.plan.reached import Reached, reached
from freehold.delivery.spelling import folded
from freehold.delivery.template import KeptCompiled
from freehold.estate.model import ADVISED
from freehold.foundation import Exit, FreeholdError, Where
from freehold.quality.compatibility import Finding, compare, version_finding

if TYPE_CHECKING:
    from datetime import date

    from freehold.delivery.plan.versions import Version
    from freehold.estate.dashboards import Dashboard
    from freehold.estate.model import Contract, EarlierVersion, Estate
    from freehold.metrics.comparing import Redefined
    from freehold.sql import Meaning


Join = Callable[[Graph, Graph], tuple[Graph, Graph]]
"""Puts what other tools build into the graphs of now and before."""

_BUILDS = (Action.BUILD, Action.REBUILD, Action.BACKFILL, Action.VERSION)


@dataclass(frozen=True, slots=True)
class AssetChange:
    """What a plan does to one asset.

    Attributes:
        change: what readers of the asset see of it, whichever file it comes from; `own`: what its own files do.
        because: the changed assets it reads, through which the change reaches it.
        seconds: what building it took in the past, for as many `intervals` as it has; None if it is not known.
        contract: what changes in the promises of its contract, judged.
        is_judged_otherwise: its checks change, so that the next run judges what is live by them.
        declared: the id that the files give it.
        version: of its contract, as it would be.
        beside: the version that stays readable while this one, of a new major version, is published beside it; whoever
            is named among `readers` reads that one.
    """

    asset: str
    product: str
    team: str
    tier: int
    is_output: bool
    where: Where
    change: ChangeClass
    own: ChangeClass
    action: Action
    difference: Difference = field(default_factory=Difference)
    because: tuple[str, ...] = ()
    intervals: int = 0
    seconds: float | None = None
    readers: tuple[Reader, ...] = ()
    contract: tuple[Finding, ...] = ()
    is_judged_otherwise: bool = False
    declared: str = ""
    beside: EarlierVersion | None = None
    version: str = ""

    @property
    def broken(self) -> tuple[Finding, ...]:
        """The promises of the contract that the change breaks."""
        return tuple(f for f in self.contract if f.is_breaking)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        found = self.difference
        return {
            "asset": self.asset,
            "product": self.product,
            "team": self.team,
            "tier": self.tier,
            "output": self.is_output,
            "where": str(self.where),
            "change": str(self.change),
            "own": str(self.own),
            "action": str(self.action),
            "rows": found.rows,
            "columns": {
                "added": list(found.added),
                "removed": list(found.removed),
                "changed": list(found.changed),
                "renamed": [{"from": old, "to": new} for old, new in found.renamed],
            },
            "because": list(self.because),
            "intervals": self.intervals,
            "seconds": self.seconds,
            "readers": [reader.to_json() for reader in self.readers],
            "contract": [finding.to_json() for finding in self.contract],
            "judged_otherwise": self.is_judged_otherwise,
            "declared": self.declared,
            "beside": beside_json(self.beside) if self.beside else None,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """What a change would do.

    Attributes:
        id: the same for the same two versions of an estate and environment, wherever it is made.
        against: the version it was compared with, in words; `is_deployed` tells whether that is what runs.
        changes: of every asset that is not as it was, inputs first.
        downstream: how many assets a rebuild of everything below the changed files would build.
        unchanged: how many assets are as they were.
        findings: what is against it; with any of them the plan is blocked.
        dashboards: whom it reaches outside the estate, the worst first.
        unread: exports of dashboards that could not be read; whoever they tell of is not among `dashboards`.
        advice: what would be against it, were its products not only watched or advised.
        metrics: those that are not as they were, certified ones first.
        declared: what else files declare otherwise: channels, policies, teams, and whatever builds no data.
    """

    id: str
    estate: str
    env: str
    against: str
    is_deployed: bool
    changes: tuple[AssetChange, ...]
    downstream: int
    unchanged: int
    findings: tuple[FreeholdError, ...] = ()
    dashboards: tuple[Reached, ...] = ()
    unread: tuple[FreeholdError, ...] = ()
    advice: tuple[FreeholdError, ...] = ()
    metrics: tuple[Redefined, ...] = ()
    declared: tuple[Declared, ...] = ()

    @property
    def is_blocked(self) -> bool:
        """Whether it must not be applied as it is."""
        return bool(self.findings)

    @property
    def exit_code(self) -> Exit:
        """What `freehold plan` ends with."""
        return Exit.FINDING if self.is_blocked else Exit.DONE

    @property
    def built(self) -> tuple[AssetChange, ...]:
        """The changes that build data."""
        return tuple(c for c in self.changes if c.action in _BUILDS)

    @property
    def touched(self) -> tuple[str, ...]:
        """The assets that applying it builds, or whose view it replaces; inputs first."""
        return tuple(c.asset for c in self.changes if c.action in _BUILDS or c.action is Action.REPLACE)

    @property
    def seconds(self) -> float | None:
        """What building took in the past, all together; None if nothing is known of any of it."""
        known = [c.seconds for c in self.built if c.seconds is not None]
        return sum(known) if known else None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "plan": self.id,
            "estate": self.estate,
            "env": self.env,
            "against": self.against,
            "deployed": self.is_deployed,
            "verdict": "blocked" if self.is_blocked else "clean",
            "changes": [change.to_json() for change in self.changes],
            "built": len(self.built),
            "downstream": self.downstream,
            "unchanged": self.unchanged,
            "seconds": self.seconds,
            "findings": [finding.to_json() for finding in self.findings],
            "dashboards": [one.to_json() for one in self.dashboards],
            "dashboards_unread": [error.to_json() for error in self.unread],
            "advice": [finding.to_json() for finding in self.advice],
            "metrics": [one.to_json() for one in self.metrics],
            "declared": [one.to_json() for one in self.declared],
        }


def plan(
    estate: Estate,
    before: Version | None,
    env: str,
    dialect: str,
    *,
    past: Past = NO_PAST,
    kept: KeptMeanings | None = None,
    compiled: KeptCompiled | None = None,
    dashboards: Sequence[Dashboard] = (),
    unread: Sequence[FreeholdError] = (),
    join: Join | None = None,
    today: date | None = None,
) -> Plan:
    """Compare an estate with an earlier version of it.

    Args:
        estate: as it would be.
        before: as it is; None if nothing was ever applied and there is nothing to compare with.
        env: the environment that the change is for.
        dialect: of its engine, as sqlglot names it.
        past: what is known of costs and readers.
        kept: meanings found earlier.
        compiled: models compiled earlier.
        dashboards: who reads the estate from outside.
        unread: what kept others from being told.
        join: puts what other tools build into the graphs of now and before.
        today: by which what is deprecated must be gone; without, nothing is held to its day.

    Raises:
        Problems: a model of either version is wrong.
    """
    now, then = _graphs(estate, before, env, dialect, compiled, join)
    meant, meant_then = (meanings_of(graph, dialect, kept) for graph in (now, then))
    hashes = (estate.hashes, before.estate.hashes if before else {})
    pairs = Pairs.of(estate, before.estate if before else None, now, then)
    made = _Comparison(hashes, now, then, meant, meant_then, kept, past, pairs, today)
    ids = [id_ for id_ in dict.fromkeys((*now.assets, *then.assets)) if pairs.counts(id_)]
    found = [c for c in (made.of(id_, dialect) for id_ in ids) if c is not None]
    touched = {c.asset for c in found if c.own > ChangeClass.METADATA}
    renamed = {(c.asset, old): new for c in found for old, new in c.difference.renamed}
    blocking, advice = _said(estate, now, meant, dialect, renamed)
    assets = {**then.assets, **now.assets}.values()
    metrics = metrics_changed(estate, before.estate if before else None, past, today)
    readers = consumers_of(dashboards, assets, default_environment(estate), dialect)
    return Plan(
        id=_name(env, *hashes, [(c.asset, meant[c.asset].all) for c in found if _is_observed(now, c.asset)]),
        estate=estate.id,
        env=env,
        against=before.label if before else "nothing: this is the first",
        is_deployed=bool(before and before.is_deployed),
        changes=tuple(found),
        downstream=len(now.downstream(touched & now.assets.keys())),
        unchanged=len(ids) - len(found),
        findings=(*blocking, *made.findings, *metrics.findings),
        advice=(*advice, *made.advice, *metrics.advice),
        dashboards=reached(found, readers, dialect, _lacking(now, meant, dialect)),
        unread=tuple(unread),
        metrics=metrics.changes,
        declared=declared_otherwise(*hashes, products={c.product for c in found}, has_metrics=bool(metrics.changes)),
    )


def _graphs(
    estate: Estate, before: Version | None, env: str, dialect: str, compiled: KeptCompiled | None, join: Join | None
) -> tuple[Graph, Graph]:
    """Return the graphs of now and before, with what other tools build in both."""
    now = Graph.of(estate, env, dialect, compiled)
    then = Graph.of(before.estate, env, dialect, compiled) if before else Graph({})
    return join(now, then) if join is not None else (now, then)


def _said(
    estate: Estate, now: Graph, meant: Mapping[str, Meaning], dialect: str, renamed: Mapping[tuple[str, str], str]
) -> tuple[list[FreeholdError], list[FreeholdError]]:
    """Return what is against the models: what blocks, and what is only told since its product watches or advises."""
    said = [
        (one, error) for one in now.assets.values() for error in findings_of(one, estate, now, meant, dialect, renamed)
    ]
    blocking = [error for one, error in said if one.product.mode not in ADVISED]
    return blocking, [error for one, error in said if one.product.mode in ADVISED]


def _lacking(now: Graph, meant: Mapping[str, Meaning], dialect: str) -> dict[str, tuple[str, ...]]:
    """Return the columns that contracts promise of assets, and that these do not give."""
    return {
        a.id: tuple(folded(p.column, dialect) for p in unmade(a, meant[a.id], a.dialect(dialect)))
        for a in now.assets.values()
    }


def _is_observed(graph: Graph, asset: str) -> bool:
    return asset in graph.assets and graph.assets[asset].observed is not None


def _name(env: str, now: Mapping[str, str], then: Mapping[str, str], elsewhere: Sequence[tuple[str, str]]) -> str:
    """Return the name of a change; `elsewhere` is what changes in no file of the estate, and what it means now."""
    said: list[object] = [env, sorted(then.items()), sorted(now.items())]
    if elsewhere:
        said.append(sorted(elsewhere))
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:12]


class _Comparison:
    """Two graphs with their meanings, compared asset by asset."""

    def __init__(
        self,
        hashes: tuple[Mapping[str, str], Mapping[str, str]],
        now: Graph,
        then: Graph,
        meant: Mapping[str, Meaning],
        meant_then: Mapping[str, Meaning],
        kept: KeptMeanings | None,
        past: Past,
        pairs: Pairs,
        today: date | None,
    ) -> None:
        self._pairs, self._today = pairs, today
        self._kept, self._past = kept, past
        self._hashes, self._hashes_then = hashes
        self._now, self._then = now, then
        self._meant, self._meant_then = meant, meant_then
        self._seen: set[str] = set()
        self._judged: dict[str, tuple[Finding, ...]] = {}
        self.findings: list[FreeholdError] = []
        self.advice: list[FreeholdError] = []

    def of(self, id_: str, dialect: str) -> AssetChange | None:
        """Return what happens to one asset, None if nothing does."""
        was = self._pairs.then(id_)
        before, after = self._then.assets.get(was), self._now.assets.get(id_)
        beside = self._pairs.beside.get(id_)
        found = self._difference(id_)
        own = self._own(before, after, dialect)
        change = max(own if own is ChangeClass.METADATA else found.change, found.change)
        if before is None or after is None:
            change = own
        stored_otherwise = bool(before and after and is_rebuilt_otherwise(before, after))
        if change is ChangeClass.NONE and own is ChangeClass.NONE and not stored_otherwise and was == id_:
            return None
        promises = self._promises(before, after, dialect)
        if any(f.is_breaking for f in promises):
            change = ChangeClass.BREAKING
        because = tuple(name for name in (after.inputs if after else ()) if name in self._seen)
        if change > ChangeClass.METADATA:
            self._seen.add(id_)
        one = after or before
        assert one is not None
        action = action_of(before, after, found.change, is_stored_otherwise=stored_otherwise)
        action = Action.VERSION if was != id_ else action
        intervals, seconds = self._past.cost(before or one) if action in _BUILDS else (0, None)
        return AssetChange(
            asset=id_,
            product=one.product.id,
            team=one.product.team or "",
            tier=one.product.tier,
            is_output=one.is_output,
            where=one.where,
            change=change,
            own=own,
            action=action,
            difference=found,
            because=because if change > ChangeClass.METADATA else (),
            intervals=intervals,
            seconds=seconds,
            readers=self._past.readers(was) if beside or (change > ChangeClass.ADDITIVE and before is not None) else (),
            contract=promises,
            is_judged_otherwise=was == id_ and bool(before and after) and self._is_judged_otherwise(id_),
            declared=self._pairs.declared(id_),
            beside=beside,
            version=(after.contract.version or "") if after and after.contract else "",
        )

    def _is_judged_otherwise(self, id_: str) -> bool:
        now, then = self._now.assets[id_], self._then.assets[id_]
        return judged_by(checks_of(self._now, now)) != judged_by(checks_of(self._then, then))

    def _difference(self, id_: str) -> Difference:
        before, after = self._meant_then.get(self._pairs.then(id_)), self._meant.get(id_)
        return difference(before, after) if before and after else Difference()

    def _own(self, before: Asset | None, after: Asset | None, dialect: str) -> ChangeClass:
        """Return what the asset's own files do: its meaning now, were everything it reads as it was."""
        if before is None:
            return ChangeClass.ADDITIVE
        if after is None:
            return ChangeClass.BREAKING if before.is_output else ChangeClass.COLUMN
        read = {name: self._meant_then.get(self._pairs.then(name)) or self._meant[name] for name in after.inputs}
        alone = meaning_of_asset(after, dialect, read, self._kept)
        found = difference(self._meant_then[before.id], alone).change
        described = is_described_otherwise(before, after, self._hashes, self._hashes_then)
        return max(found, ChangeClass.METADATA) if described else found

    def _promises(self, before: Asset | None, after: Asset | None, dialect: str) -> tuple[Finding, ...]:
        """Return what changes in what the contract promises of an asset; each contract is judged once."""
        if before is None or before.contract is None or before.schema is None:
            return ()
        old, new = before.contract, after.contract if after else None
        if old.id not in self._judged:
            name = f"DataContract:{old.id}"
            is_same = new is not None and self._hashes.get(name) == self._hashes_then.get(name)
            self._judged[old.id] = () if is_same else self._judge(old, new, before, dialect)
        objects = {None, before.schema.name, after.schema.name if after and after.schema else None}
        return tuple(f for f in self._judged[old.id] if f.object in objects)

    def _judge(self, old: Contract, new: Contract | None, asset: Asset, dialect: str) -> tuple[Finding, ...]:
        found = compare(old, new, dialect=dialect)
        error = None
        if new is not None:
            error = version_finding(old, new, found)
        elif any(f.is_breaking for f in found) and not self._has_ended(old):
            error = _removed(old, asset, self._past.readers(asset.id))
        if error is not None:
            (self.advice if asset.product.mode in ADVISED else self.findings).append(error)
        return found

    def _has_ended(self, contract: Contract) -> bool:
        """Whether a contract was deprecated in time, and its last day is over."""
        until = ends_of(contract)
        is_over = until is not None and self._today is not None and until < self._today
        return contract.status == DEPRECATED and is_over


def _removed(contract: Contract, asset: Asset, readers: Sequence[Reader]) -> FreeholdError:
    names = (
        ", ".join(f"{r.name.rpartition('/')[2]} ({r.reads:,} reads)" for r in readers) or "nobody in the last 30 days"
    )
    return FreeholdError(
        "FH-P005",
        f"The contract `{contract.id}` goes, and with it `{asset.id}`, which was read by {names}.",
        where=contract.where,
        fix="Deprecate it first, so that its readers have notice: `status: deprecated` with its last day, `endOfLife`. "
        "After that day, take it away.",
    )

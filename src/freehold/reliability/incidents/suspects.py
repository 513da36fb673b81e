"""Suspects: which change did it. Ranked by a product of factors, each of which is shown.

Where no path leads from a change to what is wrong it is never named, however near in time it was. Nothing is read or
recorded here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from freehold.reliability.incidents.grouping import Period, Trouble, daily
from freehold.reliability.incidents.paths import Path, Paths
from freehold.reliability.signals import SignalKind

LOOKS_BACK = timedelta(days=14)  # to changes before what is wrong began
_GROUNDED = {Path.TABLE: 0.75, Path.COLUMN: 1.0}
_FADES_IN = 1.5  # periods
_USUAL_THERE = 0.25  # of what is off, where the asset that changed looks as it always did
_UNSEEN_THERE = 0.6  # where nobody measured it
_NOT_ALONG = 0.3  # where something between is measured, and as usual
_LEAST = 0.1  # of what is off: measures can be wrong


class ChangeKind(StrEnum):
    """What kind of thing happened."""

    CODE = "code"  # a model, or what it is made of, is another one
    SCHEMA = "schema"  # what came had other columns
    RUN = "run"  # a build failed
    LATE = "late"  # what was due did not come
    CONTRACT = "contract"  # other things are promised
    CONFIG = "config"  # a product, a policy, a semantic model or another file is another one
    ACCESS = "access"  # somebody may do more, or less
    BACKFILL = "backfill"  # what stood was built again
    BATCH = "batch"  # what came is not what its past leads one to expect
    ROLLBACK = "rollback"  # what is live went back


_SHARED = (ChangeKind.CODE, ChangeKind.SCHEMA, ChangeKind.RUN, ChangeKind.BACKFILL, ChangeKind.BATCH)


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened, and may have done it.

    Attributes:
        id: of the event that tells of it.
        assets: where it happened; one, but for what concerns a whole product.
        columns: which columns it concerns; empty where that is not known, or all are.
        said: what happened, as half a sentence.
        deploy: the deployment that brought it; empty where none did.
    """

    id: str
    kind: ChangeKind
    assets: tuple[str, ...]
    at: datetime
    said: str
    columns: tuple[str, ...] = ()
    deploy: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Symptom:
    """What is wrong at the root of a trouble: of which kind, in which columns, since when."""

    asset: str
    kind: SignalKind
    since: datetime
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    """What was measured of assets about that time.

    Attributes:
        odd: the assets that are not as usual, with by how many deviations, where that is measured.
        measured: every asset that was measured.
        built: when each asset was built, in order.
    """

    odd: Mapping[str, float | None] = field(default_factory=dict)
    measured: Collection[str] = ()
    built: Mapping[str, Sequence[datetime]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Factors:
    """What makes a change likely: each from 0 to 1, the score being their product."""

    grounded: float
    prior: float
    recency: float
    onset: float
    overlap: float

    @property
    def score(self) -> float:
        """How likely, compared with others."""
        return self.grounded * self.prior * self.recency * self.onset * self.overlap

    def to_json(self) -> dict[str, float]:
        """Return it as JSON can hold it."""
        return {name: round(getattr(self, name), 4) for name in self.__slots__} | {"score": round(self.score, 6)}


@dataclass(frozen=True, slots=True)
class Suspect:
    """A change with what makes it likely, and the asset of it from which a path leads."""

    change: Change
    asset: str
    factors: Factors

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        one = self.change
        return {
            "event": one.id, "kind": one.kind, "asset": self.asset, "at": one.at.isoformat(), "said": one.said,
            "columns": list(one.columns), "deploy_id": one.deploy or None, "actor": one.actor or None,
            "factors": self.factors.to_json(),
        }  # fmt: skip


Prior = Callable[[ChangeKind, SignalKind], float]
"""How often a kind of change does a kind of wrong, from 0 to 1."""


def suspects(
    symptom: Symptom,
    changes: Iterable[Change],
    paths: Paths,
    prior: Prior,
    *,
    observed: Observed | None = None,
    period: Period = daily,
) -> tuple[Suspect, ...]:
    """Return the changes from which a path leads to what is wrong, the most likely first."""
    seen = observed or Observed()
    along = _along(symptom.asset, paths, seen)
    found = [
        one
        for change in changes
        if symptom.since - LOOKS_BACK <= change.at <= symptom.since
        and (one := _suspect(symptom, change, paths, prior, seen, along, period)) is not None
    ]
    return tuple(sorted(found, key=lambda one: (-one.factors.score, symptom.since - one.change.at, one.change.id)))


def shared_causes(
    found: Sequence[Trouble], ranked: Callable[[Trouble], Sequence[Suspect]]
) -> dict[int, tuple[str, str]]:
    """Return what some troubles may have in common, by their place: the first suspect of each, and where it happened.

    Only what happened above a trouble counts, and only what changes data: where nothing there raised an alert itself,
    it shows below it in several places at once.
    """
    causes = {}
    for place, one in enumerate(found) if len(found) > 1 else ():
        first = next(iter(ranked(one)), None)
        if first is not None and first.change.kind in _SHARED and first.asset not in one.assets:
            causes[place] = (first.change.id, first.asset)
    return causes


def _suspect(
    symptom: Symptom, change: Change, paths: Paths, prior: Prior, seen: Observed, along: Collection[str], period: Period
) -> Suspect | None:
    leads = {asset: _path(symptom, change, asset, paths) for asset in change.assets}
    asset = max(leads, key=lambda name: (leads[name], _onset(name, paths, seen, along), name), default="")
    if not asset or leads[asset] is Path.NONE:
        return None
    factors = Factors(
        grounded=_GROUNDED[leads[asset]],
        prior=prior(change.kind, symptom.kind),
        recency=_recency(symptom, change, asset, seen, period),
        onset=_onset(asset, paths, seen, along),
        overlap=_overlap(symptom, change, asset, paths),
    )
    return Suspect(change, asset, factors)


def _path(symptom: Symptom, change: Change, asset: str, paths: Paths) -> Path:
    wanted = symptom.columns or ("",)
    return max(paths.path(asset, change.columns, symptom.asset, column) for column in wanted)


def _overlap(symptom: Symptom, change: Change, asset: str, paths: Paths) -> float:
    """Return the share of the columns that are wrong which the change leads to; where it names none, all of them."""
    if not symptom.columns or not change.columns:
        return 1.0
    led = [c for c in symptom.columns if paths.path(asset, change.columns, symptom.asset, c) is not Path.NONE]
    return len(led) / len(symptom.columns)


def _recency(symptom: Symptom, change: Change, asset: str, seen: Observed, period: Period) -> float:
    """Return how near it is in time: from when it could first show, which for a change is the next build."""
    built = [at for at in seen.built.get(asset, ()) if change.at <= at <= symptom.since]
    shows_at = built[0] if built else change.at
    return math.exp(-((symptom.since - shows_at) / (period(symptom.asset) * _FADES_IN)))


def _onset(asset: str, paths: Paths, seen: Observed, along: Collection[str]) -> float:
    """Return the share of what is off that begins at an asset: what it deviates, less what comes from above it."""
    share = 1.0 if asset in along else _NOT_ALONG
    if asset not in seen.odd:
        return share * (_USUAL_THERE if asset in seen.measured else _UNSEEN_THERE)
    above = [seen.odd[name] for name in paths.upstream(asset) if name in seen.odd]
    if not above:
        return share
    mine, most = abs(seen.odd[asset] or 0.0), max(abs(one or 0.0) for one in above)
    return share * (max(_LEAST, 1 - most / mine) if mine and most else _USUAL_THERE)


def _along(symptom: str, paths: Paths, seen: Observed) -> set[str]:
    """Return what leads to a symptom by a path on which nothing that was measured is as usual, ends apart."""
    reached, waiting = {symptom}, [symptom]
    while waiting:
        for name in paths.reads.get(waiting.pop(), ()):
            if name not in reached:
                reached.add(name)
                if name in seen.odd or name not in seen.measured:
                    waiting.append(name)
    return reached

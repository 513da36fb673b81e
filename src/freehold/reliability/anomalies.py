"""Anomalies: found in what the ledger tells of batches, one after the other, and closed with what they were.

It follows the ledger. Each batch is judged once, by those that came before it; where a process is killed, the next
one goes on where it stood. What was closed as expected, or as wrong, is not learned from.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from freehold.delivery.categories import named
from freehold.foundation import Exit, FreeholdError, near
from freehold.ledger.event import Event
from freehold.reliability.judgements import Judgement, judgements
from freehold.reliability.judging import Grade
from freehold.reliability.measures import Measure
from freehold.reliability.series import Batch, batch_of, by_asset, learned_from

if TYPE_CHECKING:
    from freehold.ledger import Ledger, Recorded

KEPT = "anomalies"  # of the kept state of an environment: up to where the ledger was looked at
VERDICTS = ("fixed", "expected", "false")
_NAMESPACE = uuid.UUID("6f2d1c5e-9d1c-4d0e-8a55-0d4f6f1b7a10")
_FOUND = "anomaly-"  # before the id of an anomaly, it is that of the event by which it was found
_AT_ONCE = 500  # batches in one transaction
_BACK = 1_000  # events of an asset that are read for what came before


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A measure of a batch that is not what was to be expected.

    Attributes:
        value, expected, low, high: of the measure; `low` to `high` would have been usual. None where not forecast.
        deviations: how many it is off; None where too little was known for a forecast.
        verdict: what somebody said of it; empty while it is open.
        categories: digests of those that are new, or lost; `freehold.delivery.categories` knows what they stand for.
    """

    id: str
    asset: str
    product: str
    batch: str
    measure: Measure
    grade: str
    value: float | None
    expected: float | None
    low: float | None
    high: float | None
    deviations: float | None
    judged_by: int
    of: datetime | None
    found_at: datetime
    verdict: str = ""
    categories: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether nobody has said what it was."""
        return not self.verdict

    @property
    def usual(self) -> str:
        """Between what it would have been usual, as it is said."""
        return f"{self.measure.said(self.low)} to {self.measure.said(self.high)}"

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "anomaly": self.id, "asset": self.asset, "product": self.product or None, "batch": self.batch,
            "measure": self.measure.name, "column": self.measure.column or None, "grade": self.grade,
            "value": self.value, "expected": self.expected, "low": self.low, "high": self.high,
            "deviations": self.deviations, "judged_by": self.judged_by, "of": self.of.isoformat() if self.of else None,
            "found_at": self.found_at.isoformat(), "verdict": self.verdict or None,
            "categories": list(self.categories),
        }  # fmt: skip


def look(ledger: Ledger, env: str) -> tuple[Anomaly, ...]:
    """Judge every batch that the ledger has told of since the last look; record and return what is unusual.

    Anomalies of an interval that came again, and is now as expected, are closed as fixed.
    """
    found: list[Anomaly] = []
    for part in _parts(ledger, env):
        found += _Look(ledger, env, part).go()
    return tuple(found)


def anomalies(
    ledger: Ledger, env: str, *, asset: str | None = None, product: str | None = None, closed: bool = False
) -> tuple[Anomaly, ...]:
    """Return the anomalies of an environment, the newest last; those that are closed only where they are asked for."""
    told = ledger.read(types=("anomaly.found", "anomaly.closed"), subject=asset, product=product, env=env)
    found: list[Recorded] = []
    verdicts: dict[str, str] = {}
    for event in told:
        if event.type == "anomaly.found":
            found.append(event)
        else:
            verdicts[event.data["anomaly"]] = str(event.data["verdict"])
    every = (_told(event, verdicts) for event in found)
    return tuple(one for one in every if closed or one.is_open)


def anomaly(ledger: Ledger, env: str, id_: str) -> Anomaly | None:
    """Return one anomaly of an environment, open or closed; None where there is none of that id."""
    event = ledger.get(f"{_FOUND}{id_}")
    if event is None or event.type != "anomaly.found" or event.env != env:
        return None
    closed = ledger.read(types=("anomaly.closed",), subject=event.subject, env=env, after=event.seq)
    return _told(event, {one.data["anomaly"]: str(one.data["verdict"]) for one in closed})


def values_of(ledger: Ledger, one: Anomaly) -> tuple[str, ...]:
    """Return the values that are new or lost, as they stand in the column; what was erased is told by its digest."""
    if not one.categories:
        return ()
    known = named(ledger, one.asset, one.measure.column, one.categories)
    return tuple(known.get(digest, digest) for digest in one.categories)


def close(ledger: Ledger, env: str, id_: str, verdict: str) -> Anomaly:
    """Say what an anomaly was: `fixed`, the data was wrong; `expected`, right but not to be learned from; `false`.

    Raises:
        FreeholdError: FH-E301 there is no such anomaly; FH-E302 it was closed before.
    """
    found = anomaly(ledger, env, id_)
    if found is None:
        fix = near(id_, [one.id for one in anomalies(ledger, env, closed=True)]) or "See: freehold anomalies list"
        raise FreeholdError("FH-E301", f"There is no anomaly `{id_}`.", fix=fix, exit_code=Exit.USAGE)
    if not found.is_open:
        problem = f"The anomaly `{id_}` was closed before, as {found.verdict}."
        raise FreeholdError("FH-E302", problem, fix="Nothing has to be done.", exit_code=Exit.USAGE)
    ledger.append(closing(found, env, verdict))
    return found


def known_of(ledger: Ledger, env: str, asset: str, upto: int | None = None) -> Sequence[Batch]:
    """Return the batches of an asset that may be learned from, up to an event; by default all that are known.

    What was kept from consumers is none of them, nor what a rollback took back from them.
    """
    back = ledger.read(types=("deploy.rolled_back",), env=env)
    taken_back = {one.data["deploy_id"] for one in back if asset in (one.data.get("assets") or ())}
    told = ledger.read(types=("profile.observed",), subject=asset, env=env, upto=upto, newest_first=True, limit=_BACK)
    held = {e.data["candidate"] for e in ledger.read(types=("candidate.quarantined",), subject=asset, env=env)}
    every = anomalies(ledger, env, asset=asset, closed=True)
    odd = {(one.batch, one.measure) for one in every if one.verdict in ("expected", "fixed")}
    stood = (batch_of(event) for event in told if event.correlation_id not in taken_back)
    return learned_from(stood, held, odd)


def closing(one: Anomaly, env: str, verdict: str, batch: str | None = None) -> Event:
    """Return the event that closes an anomaly; `batch` is what came in its place, where that did."""
    said = {"anomaly": one.id, "asset": one.asset, "verdict": verdict, "batch": batch}
    return Event("anomaly.closed", said, env=env, subject=one.asset, product=one.product)


class _Look:
    """Judges some batches, each by what was known before it."""

    def __init__(self, ledger: Ledger, env: str, told: Sequence[Recorded]) -> None:
        self._ledger, self._env, self._upto = ledger, env, told[-1].seq
        self._fresh = [batch_of(event) for event in told]
        self._at = {event.seq: event for event in told}

    def go(self) -> list[Anomaly]:
        told = [one for one in judgements(self._asked()) if one.verdict.grade is not Grade.UNKNOWN]
        odd = self._untold([self._anomaly(one) for one in told if one.verdict.grade is not Grade.USUAL])
        events = [self._finding(one) for one in odd]
        events += self._closed([(one.batch, one.measure) for one in told if one.verdict.grade is Grade.USUAL], odd)
        self._ledger.append(*events, keep={(KEPT, self._env): {"upto": self._upto}})
        return odd

    def _asked(self) -> Iterator[tuple[Batch, Sequence[Batch]]]:
        for asset, batches in by_asset(self._fresh):
            others = known_of(self._ledger, self._env, asset, self._upto)
            yield from ((batch, others) for batch in batches)

    def _untold(self, odd: Sequence[Anomaly]) -> list[Anomaly]:
        """Return those that no other look has told of: one beside this one may know of other verdicts by now.

        One whose batch another had replaced, and which is back, is another anomaly.
        """
        came = {(batch.asset, batch.id): batch.seq for batch in self._fresh}
        told: set[str] = set()
        replaced: dict[str, int] = {}
        for asset in {one.asset for one in odd}:
            for event in self._ledger.read(types=("anomaly.found", "anomaly.closed"), subject=asset, env=self._env):
                told.add(event.data["anomaly"])
                if event.type == "anomaly.closed" and event.data.get("batch"):
                    replaced[event.data["anomaly"]] = event.seq
        every = []
        for one in odd:
            seq = came[one.asset, one.batch]
            is_back = one.id in replaced and replaced[one.id] < seq
            every.append(replace(one, id=_named(one.id, seq)) if is_back else one)
        return [one for one in every if one.id not in told]

    def _anomaly(self, one: Judgement) -> Anomaly:
        batch, measure, verdict = one.batch, one.measure, one.verdict
        name = _named(self._env, batch.asset, batch.id, measure)
        numbers = (one.value, verdict.expected, verdict.low, verdict.high, verdict.z)
        value, expected, low, high, z = (_finite(number) for number in numbers)
        at = self._at[batch.seq].occurred_at
        return Anomaly(name, batch.asset, batch.product, batch.id, measure, str(verdict.grade), value, expected, low,
                       high, z, verdict.count, batch.start if batch.is_interval else None, at,
                       categories=one.categories)  # fmt: skip

    def _finding(self, one: Anomaly) -> Event:
        said = {
            "anomaly": one.id, "asset": one.asset, "batch": one.batch, "measure": one.measure.name,
            "column": one.measure.column or None, "grade": one.grade, "value": one.value, "expected": one.expected,
            "low": one.low, "high": one.high, "deviations": one.deviations, "judged_by": one.judged_by,
            "interval_start": one.of.isoformat().replace("+00:00", "Z") if one.of else None,
            "categories": list(one.categories),
        }  # fmt: skip
        return Event("anomaly.found", said, id=f"{_FOUND}{one.id}", occurred_at=one.found_at, env=self._env,
                     subject=one.asset, product=one.product)  # fmt: skip

    def _closed(self, usual: Iterable[tuple[Batch, Measure]], odd: Iterable[Anomaly]) -> Iterator[Event]:
        """Yield the end of each anomaly, open or found just now, whose interval came again and is as expected."""
        good = {(b.asset, measure, b.start): b for b, measure in usual if b.is_interval}
        known = [
            one for asset in {asset for asset, *_ in good} for one in anomalies(self._ledger, self._env, asset=asset)
        ]
        came = {(batch.asset, batch.id): batch.seq for batch in self._fresh}
        for one in (*known, *odd):
            batch = good.get((one.asset, one.measure, one.of)) if one.of else None
            if batch is not None and batch.seq > came.get((one.asset, one.batch), 0):
                yield closing(one, self._env, "fixed", batch.id)


def _parts(ledger: Ledger, env: str) -> Iterator[list[Recorded]]:
    """Yield what batches looked like that were not judged yet, some at a time."""
    upto = int((ledger.state.get(KEPT, env) or {}).get("upto") or 0)
    told = ledger.read(types=("profile.observed",), env=env, after=upto)
    while part := list(islice(told, _AT_ONCE)):
        yield part


def _told(event: Recorded, verdicts: Mapping[str, str]) -> Anomaly:
    said = event.data
    return Anomaly(
        id=said["anomaly"],
        asset=said["asset"],
        product=event.product,
        batch=said["batch"],
        measure=Measure(said["measure"], said.get("column") or ""),
        grade=said["grade"],
        value=said.get("value"),
        expected=said.get("expected"),
        low=said.get("low"),
        high=said.get("high"),
        deviations=said.get("deviations"),
        judged_by=int(said.get("judged_by") or 0),
        of=datetime.fromisoformat(said["interval_start"]) if said.get("interval_start") else None,
        found_at=event.occurred_at,
        verdict=verdicts.get(said["anomaly"], ""),
        categories=tuple(said.get("categories") or ()),
    )


def _named(*parts: object) -> str:
    """Return the id of what some words name: the same as often as it is told."""
    return uuid.uuid5(_NAMESPACE, " ".join(map(str, parts))).hex[:12]


def _finite(number: float) -> float | None:
    return round(number, 6) if math.isfinite(number) else None

"""Measuring key results: each is asked of the metrics engine, KPIs of the ledger's evidence, others of the warehouse.

A measure is recorded once a day for each key result, and again where it has changed: with fewer, nobody could tell a
metric that stands still from one that nobody looked at; with more, the ledger would tell the same again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from freehold.foundation import FreeholdError
from freehold.insight.kpi import Asking, KpiValue, trend
from freehold.insight.objectives.declared import KeyResult, Objective
from freehold.insight.periods import GRAIN_OF, holding, last_periods
from freehold.insight.registry import Kpi
from freehold.insight.telling import newest
from freehold.ledger import Event, Ledger, Recorded
from freehold.metrics import Answer, Query, asked

if TYPE_CHECKING:
    from freehold.ledger import Evidence

MEASURED = "objective.measured"
BENEFIT = "benefit.measured"
Answers = Callable[[Query], Answer]
_TICK = timedelta(microseconds=1)
_PERIODS = 3  # of a KPI: the one that is not over, and two before it


@dataclass(frozen=True, slots=True)
class Measured:
    """What a key result came to; `now` is None where it could not be told, and `why` says why."""

    objective: Objective
    key_result: KeyResult
    now: float | None
    data_until: datetime | None = None
    why: str = ""
    fix: str = ""

    @property
    def progress(self) -> float | None:
        """How much of the way has been come; None where that is not known."""
        return None if self.now is None else self.key_result.progress(self.now)


@dataclass(frozen=True)
class Measuring:
    """Measures key results.

    Attributes:
        kpis: the KPIs there are.
        evidence: what they are computed from, as of a moment.
        asking: how.
        answers: what answers for metrics of the estate, from the warehouse; it is asked only where one is needed.
    """

    kpis: Mapping[str, Kpi]
    evidence: Evidence
    asking: Asking
    answers: Answers

    def each(self, objective: Objective) -> Iterator[Measured]:
        """Yield what the key results of an objective stand at; what cannot be told says why, and stops no other."""
        for one in objective.key_results:
            try:
                kpi = self.kpis.get(one.metric)
                yield self._of_kpi(objective, one, kpi) if kpi else self._of_metric(objective, one)
            except FreeholdError as error:
                yield Measured(objective, one, None, why=error.problem, fix=error.fix)

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.asking.zone)

    def _until(self, objective: Objective) -> datetime:
        """Return up to when an objective is measured: now, or its end where it is over."""
        return min(self.evidence.instant, objective.period.end)

    def _of_kpi(self, objective: Objective, one: KeyResult, kpi: Kpi) -> Measured:
        today = (self._until(objective) - _TICK).astimezone(self._zone).date()
        periods = last_periods(holding(today, GRAIN_OF[kpi.cadence], self.asking.zone), _PERIODS, self.asking.zone)
        value: KpiValue = newest(trend(kpi, self.evidence, periods, asking=replace(self.asking, where=one.where)))
        until = min(value.period.end, value.known)
        return Measured(objective, one, value.value, until, "" if value.value is not None else value.state, value.fix)

    def _of_metric(self, objective: Objective, one: KeyResult) -> Measured:
        until = self._until(objective).astimezone(self._zone)
        first = until - timedelta(days=one.days) if one.days else objective.period.start.astimezone(self._zone)
        if until <= first:
            return Measured(objective, one, None, why="it has not begun", fix=f"It begins on {first:%Y-%m-%d}.")
        question = asked([one.metric], where=one.where, zone=self.asking.zone)
        answer = self.answers(replace(question, start=first.replace(tzinfo=None), end=until.replace(tzinfo=None)))
        if answer.policies:  # a figure of a part would be recorded under the name of the whole
            why = f"you see a part of it, by {', '.join(answer.policies)}"
            return Measured(objective, one, None, why=why, fix="Let somebody measure it who sees all.")
        (column,) = answer.compiled.columns
        cells = answer.table.column(column).to_pylist()
        if not cells or cells[0] is None:
            return Measured(objective, one, None, why="no rows", fix="Wait for data, or look at `where`.")
        data_until = answer.data_until.replace(tzinfo=UTC) if answer.data_until else None
        return Measured(objective, one, float(f"{float(cells[0]):.12g}"), data_until)


def events_of(found: tuple[Measured, ...], ledger: Ledger, env: str, zone: str) -> tuple[Event, ...]:
    """Return what is to be recorded of measures: what changed, and what was not told yet today."""
    now = ledger.clock.now()
    today = now.astimezone(ZoneInfo(zone)).date()
    last = last_measures(ledger)
    events = []
    for one in found:
        if one.now is None:
            continue
        said = _said(one)
        before = last.get((one.objective.id, one.key_result.id))
        is_of_today = before is not None and before.occurred_at.astimezone(ZoneInfo(zone)).date() == today
        if not (is_of_today and before is not None and all(before.data.get(k) == v for k, v in said.items())):
            until = {"data_until": one.data_until}
            events.append(Event(MEASURED, {**said, **until}, env=env, subject=one.objective.id, occurred_at=now))
            events += [Event(BENEFIT, benefit, env=env, subject=one.objective.id, occurred_at=now)
                       for benefit in _benefit(one, today)]  # fmt: skip
    return tuple(events)


def _benefit(one: Measured, today: date) -> Iterator[dict[str, Any]]:
    """Yield what a measure says of the investment it is the benefit of; nothing of any other, or before it was made."""
    made = one.objective.investment
    if made is not None and made.benefit.id == one.key_result.id and made.made <= today:
        yield {
            "case": one.objective.id, "metric": one.key_result.metric, "baseline": one.key_result.start,
            "promised": one.key_result.target, "now": one.now, "day": (today - made.made).days,
        }  # fmt: skip


def last_measures(ledger: Ledger) -> dict[tuple[str, str], Recorded]:
    """Return the last measure of each key result, by the ids of its objective and its own."""
    return {(e.data["objective"], e.data["key_result"]): e for e in ledger.read(types=(MEASURED,))}


def _said(one: Measured) -> dict[str, Any]:
    return {
        "objective": one.objective.id, "key_result": one.key_result.id, "metric": one.key_result.metric,
        "start": one.key_result.start, "target": one.key_result.target, "now": one.now,
    }  # fmt: skip

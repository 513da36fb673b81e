"""A KPI's value: its metrics asked of the ledger's evidence by the metrics engine, and whether the answer may be said.

Everything is as it was recorded by a moment of knowledge. A period that had not ended by then is judged up to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from freehold.foundation import FreeholdError
from freehold.insight.kept import kept_rows
from freehold.insight.periods import Period, last_periods
from freehold.insight.registry import COMPLETENESS, DRILLED, ROLES, Kpi, builtin_kpis, kpi_named, view_of
from freehold.ledger import Ledger
from freehold.metrics import Query, Scope, asked, compiled
from freehold.metrics.compiling import Compiled
from freehold.metrics.evidence import rows_of
from freehold.metrics.model import Dataset
from freehold.metrics.query import Key, key_of
from freehold.metrics.rows import Rows
from freehold.work.clocks import WorkingTime

if TYPE_CHECKING:
    from freehold.ledger import Evidence

WORKED = timedelta(days=366 * 10)  # how far back evidence is lent working days


class State(StrEnum):
    """Whether a KPI can be believed."""

    OK = "ok"
    NOT_ENOUGH = "not enough evidence"
    NOT_INSTRUMENTED = "not instrumented"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Asking:
    """How KPIs are asked.

    Attributes:
        env: the environment whose deployments, runs and checks count; an event that names none counts in any.
        zone: the time zone in which periods begin.
        where: which rows of the evidence, as a condition over its fields: `tier = 1`.
        working: when people work, for what is measured in business days; default: Monday to Friday, around the clock.
    """

    env: str = "prod"
    zone: str = "UTC"
    where: str | None = None
    working: WorkingTime | None = None


@dataclass(frozen=True, slots=True)
class KpiItem:
    """One thing a KPI counted, with the numbers of the events that tell of it."""

    item: str
    numerator: float
    denominator: float
    n: int
    seqs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KpiValue:
    """A KPI for a period, as of a sealed number.

    `value` is None unless `state` is ok, and `fix` says why. Where its query fails on what was recorded the state is
    failed, for it and for no other. Numerator, denominator and n are shown in any case. `evidence_completeness` is the
    share of whole evidence, times the share of wanted event types that were ever received. `beside` are the other
    metrics of its file. Figures have 12 digits. `seq` (what was recorded), `known` (until when time had passed) and
    `definition` make the value reproducible. `of` says which slice it is of, `is_closed` whether the period was over,
    `before` is the value of the period before, where that was asked for or a target needs it.
    """

    kpi: str
    period: Period
    state: State
    value: float | None
    numerator: float
    denominator: float
    n: int
    evidence_completeness: float | None
    unit: str
    seq: int
    known: datetime
    definition: str
    fix: str = ""
    beside: Mapping[str, float | None] = field(default_factory=dict)
    of: Mapping[str, Any] = field(default_factory=dict)
    before: float | None = None

    @property
    def is_closed(self) -> bool:
        """Whether the period was over at the moment of knowledge."""
        return self.period.is_closed(self.known)


def compute(
    kpi: Kpi | str, ledger: Ledger | Evidence, period: Period, as_of: datetime | int | None = None,
    asking: Asking = Asking(),
) -> KpiValue:  # fmt: skip
    """Compute a KPI for a period from what was recorded as of an instant or a number; default: everything so far.

    Raises:
        FreeholdError: FH-K002 for a KPI that does not ship; FH-N… for a condition over what the evidence has not.
    """
    kpi = _kpi(kpi)
    needs_before = period.grain and any(target.is_trend for target in kpi.targets)
    return trend(kpi, ledger, last_periods(period, 2 if needs_before else 1, asking.zone), as_of, asking)[-1]


def trend(
    kpi: Kpi | str, ledger: Ledger | Evidence, periods: Sequence[Period], as_of: datetime | int | None = None,
    asking: Asking = Asking(),
) -> tuple[KpiValue, ...]:  # fmt: skip
    """Compute a KPI for adjoining periods of one kind, in one pass over the evidence.

    Raises:
        FreeholdError: as for `compute`.
    """
    found = list(_computed(kpi, ledger, periods, as_of, asking, ()))
    return tuple(replace(v, before=found[i - 1].value if i else None) for i, v in enumerate(found))


def sliced(
    kpi: Kpi | str, ledger: Ledger | Evidence, period: Period, by: Sequence[str],
    as_of: datetime | int | None = None, asking: Asking = Asking(),
) -> tuple[KpiValue, ...]:  # fmt: skip
    """Compute a KPI for a period by fields of its evidence, such as `team`; facts are those of the events' time.

    Raises:
        FreeholdError: as for `compute`; FH-N3xx for a field that the evidence has not.
    """
    return tuple(_computed(kpi, ledger, [period], as_of, asking, by))


def items(
    kpi: Kpi | str, ledger: Ledger | Evidence, period: Period, as_of: datetime | int | None = None,
    asking: Asking = Asking(),
) -> tuple[KpiItem, ...]:  # fmt: skip
    """Return what a KPI counted in a period, in the order of their names.

    Raises:
        FreeholdError: as for `compute`.
    """
    kpi = _kpi(kpi)
    with _evidence(ledger, as_of) as evidence:
        if _absent(kpi, evidence):
            return ()
        return tuple(_items(kpi, _Asked(kpi, evidence, (period,), asking)))


def statement(kpi: Kpi | str, period: Period, known: datetime, asking: Asking = Asking()) -> str:
    """Return the SQL that computes a KPI, laid out for reading."""
    kpi = _kpi(kpi)
    return _compiled(kpi, _query(kpi, (period,), known, asking, ())).pretty()


def columns_of(kpi: Kpi, dataset: Dataset, evidence: Evidence) -> dict[str, str]:
    """Return the columns that a query of a KPI gives, with DuckDB's names of their types.

    Raises:
        FreeholdError: FH-L404 it cannot be answered.
    """
    there = _Asked(kpi, evidence, (), Asking())
    found = there.rows(f"DESCRIBE {rows_of(_scope(kpi), dataset).sql('duckdb')}")
    return {str(row["column_name"]): str(row["column_type"]) for row in found}


def attempt(kpi: Kpi, metrics: Sequence[str], period: Period, evidence: Evidence) -> None:
    """Compute metrics of a KPI for a period, and look at the rows behind them, for what may be wrong with that alone.

    Raises:
        FreeholdError: FH-N… they cannot be asked for; FH-L404 they cannot be answered.
    """
    there = _Asked(kpi, evidence, (period,), Asking())
    query = replace(_query(kpi, (period,), period.end, Asking(), ()), metrics=tuple(metrics))
    there.rows(_compiled(kpi, query).sql)


@dataclass(frozen=True)
class _Asked:
    """Evidence in which what a KPI reads beside the views of the ledger has been lent."""

    kpi: Kpi
    evidence: Evidence
    periods: tuple[Period, ...]
    asking: Asking

    def __post_init__(self) -> None:
        known = self.evidence.instant
        if "period" in self.kpi.reads:
            self.evidence.lend("period", _periods(self.periods, known))
        if "working_day" in self.kpi.reads:
            self.evidence.lend("working_day", _working_days(self.asking.working, known))

    def kept(self, sql: str) -> list[dict[str, Any]]:
        """Return what a statement gives, as `rows` does, from what is kept where the periods are over."""
        asking, periods = self.asking, self.periods
        working = asking.working if "working_day" in self.kpi.reads else None
        said = f"{asking.env} {asking.zone} {working}"
        return kept_rows(self.evidence, sql, self.kpi.reads, periods, said, lambda: self.rows(sql))

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Return what a statement gives, as one mapping a row."""
        given = {"as_of": _naive(self.evidence.instant), "env": self.asking.env}
        found = self.evidence.query(sql, {name: value for name, value in given.items() if f"${name}" in sql})
        return [dict(zip(self.evidence.columns, row, strict=True)) for row in found]


def _computed(
    kpi: Kpi | str, ledger: Ledger | Evidence, periods: Sequence[Period], as_of: datetime | int | None,
    asking: Asking, by: Sequence[str],
) -> Iterator[KpiValue]:  # fmt: skip
    kpi = _kpi(kpi)
    with _evidence(ledger, as_of) as evidence:
        if absent := _absent(kpi, evidence):
            fix = " ".join(f"`{name}` was never received: record it first." for name in absent)
            empty = (State.NOT_INSTRUMENTED, None, 0, 0, 0, None, kpi.unit)
            for period in periods:
                yield KpiValue(kpi.id, period, *empty, evidence.seq, evidence.instant, kpi.definition, fix)
            return
        there = _Asked(kpi, evidence, tuple(periods), asking)
        made = _compiled(kpi, _query(kpi, periods, evidence.instant, asking, by))
        try:
            found = there.kept(made.sql)
        except FreeholdError as error:
            if error.code != "FH-L404":
                raise
            failed = (State.FAILED, None, 0, 0, 0, None, kpi.unit, evidence.seq, evidence.instant, kpi.definition)
            why = " ".join(error.problem.splitlines()[0].split())
            yield from (KpiValue(kpi.id, period, *failed, f"{why} Mend its file: {kpi.where}.") for period in periods)
            return
        yield from (
            _by_period(kpi, periods, found, evidence, asking, made)
            if len(periods) > 1
            else (judge(kpi, periods[0], row, evidence, {key: row[key] for key in made.keys}) for row in found)
        )


def _by_period(
    kpi: Kpi, periods: Sequence[Period], found: Sequence[Mapping[str, Any]], evidence: Evidence, asking: Asking,
    made: Compiled,
) -> Iterator[KpiValue]:  # fmt: skip
    """Yield a value for each period, those without a row of evidence among them."""
    (key,) = made.keys
    rows = {row[key]: row for row in found}
    zone = ZoneInfo(asking.zone)
    for period in periods:
        yield judge(kpi, period, rows.get(period.start.astimezone(zone).date(), {}), evidence, {})


def judge(kpi: Kpi, period: Period, row: Mapping[str, Any], evidence: Evidence, of: Mapping[str, Any]) -> KpiValue:
    """Make the value of a KPI from what its metrics gave, by the rules common to all."""
    numerator, denominator, n = (row.get(role) or 0 for role in ROLES[1:])
    unheard = [name for name in kpi.wants if not evidence.has(name)]
    heard = 1 - len(unheard) / len(kpi.wants) if kpi.wants else 1.0
    whole = row.get(COMPLETENESS, 1.0) if row else None
    enough = n >= kpi.minimum and row.get("value") is not None
    hints = [] if enough else [f"{n} of at least {kpi.minimum} observations in the period: widen it, or wait."]
    hints += [kpi.hint] if kpi.hint and not enough else []
    hints += [f"`{name}` was never received: what it would tell is not counted." for name in unheard]
    return KpiValue(
        kpi=kpi.id,
        period=period,
        state=State.OK if enough else State.NOT_ENOUGH,
        value=float(f"{row['value']:.12g}") if enough else None,
        numerator=_number(numerator),
        denominator=_number(denominator),
        n=int(n),
        evidence_completeness=None
        if whole is None or not (n or COMPLETENESS in row)
        else float(f"{heard * whole:.12g}"),
        unit=kpi.unit,
        seq=evidence.seq,
        known=evidence.instant,
        definition=kpi.definition,
        fix=" ".join(hints),
        beside={name: _number(row.get(name)) if enough else None for name in kpi.beside},
        of=of,
    )


def _number(value: Any) -> Any:
    """Return a whole number as one, and any other with 12 digits: below those the order of addition shows."""
    if value is None or isinstance(value, int):
        return value
    return int(value) if value == int(value) else float(f"{value:.12g}")


def _items(kpi: Kpi, there: _Asked) -> Iterator[KpiItem]:
    """Yield the items of a KPI: what its metrics give for each, and the events behind it."""
    known = there.evidence.instant
    roles = ("numerator", "denominator", "n")
    by_item = replace(_query(kpi, there.periods, known, there.asking, ("item",)), metrics=roles)
    counted = {row["item"]: row for row in there.rows(_compiled(kpi, by_item).sql)}
    seqs: dict[Any, set[int]] = {}
    for fact in kpi.facts:
        for row in there.rows(_drill(kpi, fact, by_item)):
            seqs.setdefault(row["item"], set()).update(s for s in row["seqs"] or () if s is not None)
    counted.pop(None, None)  # a period in which nothing was counted
    for item, row in sorted(counted.items(), key=lambda one: str(one[0])):
        numerator, denominator, n = (_number(row[role] or 0) for role in roles)
        yield KpiItem(str(item), numerator, denominator, n, tuple(sorted(seqs.get(item, ()))))


def _drill(kpi: Kpi, fact: Dataset, query: Query) -> str:
    """Return a query for the rows of a fact that a question counts, with the events behind each."""
    from sqlglot import exp

    rows = Rows(_scope(kpi), query, kpi.model, fact.name)
    columns = [exp.alias_(rows.column(rows.place((fact.name, name))), name) for name in DRILLED]
    conditions = [*rows.within(query.start, query.end), *([rows.bound(query.where)] if query.where is not None else ())]
    return rows.select(*columns).where(*conditions, copy=False).sql("duckdb")


def _query(kpi: Kpi, periods: Sequence[Period], known: datetime, asking: Asking, by: Sequence[str]) -> Query:
    """Return the question to the metrics engine: all metrics of a KPI, from the first period up to what is known."""
    zone = ZoneInfo(asking.zone)
    start, end = periods[0].start, min(periods[-1].end, max(known, periods[0].start))
    question = asked(list(kpi.model.metrics), where=asking.where, zone=asking.zone)
    keys = tuple(key_of(name) for name in by)
    if len(periods) > 1:
        keys = (Key(periods[0].grain, grain=periods[0].grain), *keys)
    first, last = (moment.astimezone(zone).replace(tzinfo=None) for moment in (start, end))
    return replace(question, by=keys, start=first, end=last)


def _compiled(kpi: Kpi, query: Query) -> Compiled:
    return compiled(_scope(kpi), query)


def _scope(kpi: Kpi) -> Scope:
    return Scope(kpi.catalogue, view_of)


def _kpi(kpi: Kpi | str) -> Kpi:
    return kpi_named(builtin_kpis(), kpi) if isinstance(kpi, str) else kpi


def _absent(kpi: Kpi, evidence: Evidence) -> list[str]:
    return [name for name in kpi.needs if not evidence.has(name)]


def _evidence(ledger: Ledger | Evidence, as_of: datetime | int | None) -> Any:
    from contextlib import nullcontext

    return ledger.evidence(as_of) if isinstance(ledger, Ledger) else nullcontext(ledger)


def _periods(periods: Sequence[Period], known: datetime) -> Any:
    """Return the periods that had begun as a table, in UTC: `ends` is when one ended, or what was known until then."""
    import pyarrow as pa

    begun = [p for p in periods if p.start < known]
    instants = pa.timestamp("us")
    return pa.table({
        "name": pa.array([p.name for p in begun], pa.string()),
        "starts": pa.array([_naive(p.start) for p in begun], instants),
        "ends": pa.array([_naive(min(p.end, known)) for p in begun], instants),
        "closes": pa.array([_naive(p.end) for p in begun], instants),
    })  # fmt: skip


def _working_days(working: WorkingTime | None, known: datetime) -> Any:
    """Return the working hours of each working day of ten years up to what was known, in UTC."""
    import pyarrow as pa

    from freehold.estate.calendars import days_of

    working = working or WorkingTime(days_of(None), ZoneInfo("UTC"))
    hours = list(working.windows(known - WORKED, known))
    instants = pa.timestamp("us")
    opens, closes = ([_naive(pair[i]) for pair in hours] for i in (0, 1))
    return pa.table({"opens": pa.array(opens, instants), "closes": pa.array(closes, instants)})


def _naive(instant: datetime) -> datetime:
    """Return an instant as evidence has it: UTC without a zone."""
    return instant.astimezone(UTC).replace(tzinfo=None)

"""A KPI is a file: a question, the events it needs, and one query over evidence. This module computes it.

The query gives one row an item (an incident, a check, an asset, a deployment, an expected run):

    item         what the row is about
    numerator    what counts for it; for a mean, its seconds
    denominator  what it is measured against; 0 where there is nothing to judge
    n            how many observations it stands for
    complete     whether its evidence is whole
    seqs         the numbers of the events behind it, for the drill-down

and may add columns that are shown beside the value, each as its sum over the sum of the denominators. It may use
`$start`, `$end` (end of the period, or of knowledge if that is earlier), `$known` (the moment of knowledge), `$env` and
`$tier` (null: all tiers). Common rules are in docs/reference/events.md and never repeated in a KPI's file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from freehold.foundation import Exit, FreeholdError, Where, near
from freehold.ledger import Evidence, Ledger

BUILTIN = Path(__file__).parents[1] / "builtin" / "kpis"
COLUMNS = ("item", "numerator", "denominator", "n", "complete", "seqs")
METHODS = ("ratio", "mean", "mean_of_ratios")
LEAST = 5  # observations below which a KPI says nothing


class State(StrEnum):
    """Whether a KPI can be believed."""

    OK = "ok"
    NOT_ENOUGH = "not enough evidence"
    NOT_INSTRUMENTED = "not instrumented"


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` up to, not including, `end`; both aware."""

    start: datetime
    end: datetime

    @classmethod
    def month(cls, year: int, month: int) -> Period:
        """Return a calendar month in UTC."""
        following = (year, month + 1) if month < 12 else (year + 1, 1)
        return cls(datetime(year, month, 1, tzinfo=UTC), datetime(*following, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Kpi:
    """A KPI as its file declares it.

    `method` says how items make the value: `ratio` is the sum of numerators over the sum of denominators, `mean` the
    same with P50 and P90 over the items, `mean_of_ratios` the mean of each item's own ratio. `needs` are event types
    without which there is no value, `wants` types whose absence lowers the completeness of the evidence.
    """

    id: str
    name: str
    question: str
    sql: str
    method: str
    unit: str
    needs: tuple[str, ...]
    wants: tuple[str, ...] = ()
    minimum: int = LEAST
    direction: str = "up"
    targets: Mapping[str, str] = field(default_factory=dict)
    cadence: str = "monthly"
    owner: str | None = None
    tags: tuple[str, ...] = ()
    where: Where | None = None

    @classmethod
    def from_file(cls, metadata: Mapping[str, Any], spec: Mapping[str, Any], where: Where | None = None) -> Kpi:
        """Return the KPI that a file of kind KPI declares.

        Raises:
            FreeholdError: FH-K001 when a part is missing or unknown.
        """
        _check_spec(metadata, spec, where)
        rest: dict[str, Any] = {name: tuple(spec.get(name, ())) for name in ("needs", "wants")}
        rest |= {name: spec[name] for name in ("minimum", "direction", "targets", "cadence") if name in spec}
        return cls(
            id=metadata["id"],
            name=metadata.get("name", metadata["id"]),
            owner=metadata.get("owner"),
            tags=tuple(metadata.get("tags", ())),
            question=spec["question"],
            sql=spec["sql"],
            method=spec["method"],
            unit=spec["unit"],
            where=where,
            **rest,
        )

    @property
    def query_hash(self) -> str:
        """SHA-256 of the query, to stand beside every number it gave."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


REQUIRED = ("question", "method", "unit", "needs", "sql")
OPTIONAL = ("wants", "minimum", "direction", "targets", "cadence")


def _check_spec(metadata: Mapping[str, Any], spec: Mapping[str, Any], where: Where | None) -> None:
    missing = [name for name in REQUIRED if name not in spec] + [name for name in ("id",) if name not in metadata]
    unknown = [name for name in spec if name not in (*REQUIRED, *OPTIONAL)]
    if missing or unknown:
        problem = "; ".join([f"needs `{name}`" for name in missing] + [f"has no use for `{name}`" for name in unknown])
        fix = " ".join(filter(None, (near(name, (*REQUIRED, *OPTIONAL)) for name in unknown)))
        raise FreeholdError("FH-K001", f"The KPI `{metadata.get('id', '?')}` {problem}.", where=where, fix=fix)
    if spec["method"] not in METHODS:
        fix = near(spec["method"], METHODS) or f"Use one of: {', '.join(METHODS)}."
        raise FreeholdError("FH-K001", f"There is no KPI method `{spec['method']}`.", where=where, fix=fix)


@dataclass(frozen=True, slots=True)
class KpiItem:
    """One thing a KPI counted, with the numbers of the events that tell of it."""

    item: str
    numerator: float
    denominator: float
    n: int
    complete: bool
    seqs: tuple[int, ...]
    beside: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KpiValue:
    """A KPI for a period, as of a sealed number.

    `value` is None unless `state` is ok; numerator, denominator and n are shown in any case. `evidence_completeness` is
    the share of items with whole evidence, times the share of wanted event types that were ever received. `p50` and
    `p90` are given for means. `seq` (what was recorded), `known` (until when time had passed) and `query_hash` make the
    value reproducible.
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
    query_hash: str
    fix: str = ""
    p50: float | None = None
    p90: float | None = None
    beside: Mapping[str, float] = field(default_factory=dict)
    items: tuple[KpiItem, ...] = ()


def builtin_kpis() -> Mapping[str, Kpi]:
    """Return the KPIs that ship with Freehold, by id."""
    found = [load_kpi(path) for path in sorted(BUILTIN.glob("*.yaml"))]
    return {kpi.id: kpi for kpi in found}


def load_kpi(path: Path) -> Kpi:
    """Read one KPI file.

    Raises:
        FreeholdError: FH-K001 when it is not a KPI.
    """
    import yaml

    said = yaml.load(path.read_text("utf-8"), yaml.CSafeLoader)
    where = Where(str(path))
    if not isinstance(said, dict) or said.get("kind") != "KPI":
        raise FreeholdError("FH-K001", "This is not a file of kind KPI.", where=where, fix="Begin with `kind: KPI`.")
    return Kpi.from_file(said.get("metadata") or {}, said.get("spec") or {}, where)


def compute(
    kpi: Kpi | str,
    ledger: Ledger | Evidence,
    period: Period,
    as_of: datetime | int | None = None,
    *,
    tier: int | None = None,
    env: str = "prod",
) -> KpiValue:
    """Compute a KPI from what was recorded as of an instant or a number; default: everything so far.

    Raises:
        FreeholdError: FH-K002 for a KPI that does not ship; FH-K003 for a query that does not give the columns.
    """
    kpi = _named(kpi) if isinstance(kpi, str) else kpi
    if isinstance(ledger, Evidence):
        return _computed(kpi, ledger, period, tier, env)
    with ledger.evidence(as_of) as evidence:
        return _computed(kpi, evidence, period, tier, env)


def _named(name: str) -> Kpi:
    known = builtin_kpis()
    if name not in known:
        fix = near(name, known) or f"There are: {', '.join(known)}."
        raise FreeholdError("FH-K002", f"There is no KPI `{name}`.", fix=fix, exit_code=Exit.USAGE)
    return known[name]


def _computed(kpi: Kpi, evidence: Evidence, period: Period, tier: int | None, env: str) -> KpiValue:
    absent = [name for name in kpi.needs if not evidence.has(name)]
    if absent:
        fix = " ".join(f"`{name}` was never received: record it first." for name in absent)
        empty = (State.NOT_INSTRUMENTED, None, 0.0, 0.0, 0, None)
        return KpiValue(kpi.id, period, *empty, kpi.unit, evidence.seq, evidence.instant, kpi.query_hash, fix)
    return judge(kpi, period, _items(kpi, evidence, period, tier, env), evidence)


def _items(kpi: Kpi, evidence: Evidence, period: Period, tier: int | None, env: str) -> tuple[KpiItem, ...]:
    known = evidence.instant
    values = {
        "start": _naive(period.start),
        "end": _naive(min(period.end, known)),
        "known": _naive(known),
        "env": env,
        "tier": tier,
    }
    used = set(re.findall(r"\$(\w+)", kpi.sql))
    rows = evidence.query(kpi.sql, {name: value for name, value in values.items() if name in used})
    if missing := [name for name in COLUMNS if name not in evidence.columns]:
        problem = f"The query of `{kpi.id}` gives no column `{missing[0]}`."
        raise FreeholdError("FH-K003", problem, where=kpi.where, fix=f"Select {', '.join(COLUMNS)}.")
    return tuple(_item(dict(zip(evidence.columns, row, strict=True))) for row in rows)


def _naive(instant: datetime) -> datetime:
    """Return an instant as evidence has it: UTC without a zone."""
    return instant.astimezone(UTC).replace(tzinfo=None)


def _item(row: dict[str, Any]) -> KpiItem:
    beside = {name: float(value or 0) for name, value in row.items() if name not in COLUMNS}
    seqs = tuple(sorted({seq for seq in row["seqs"] or () if seq is not None}))
    numerator, denominator = float(row["numerator"] or 0), float(row["denominator"] or 0)
    return KpiItem(str(row["item"]), numerator, denominator, int(row["n"]), bool(row["complete"]), seqs, beside)


def judge(kpi: Kpi, period: Period, items: Sequence[KpiItem], evidence: Evidence) -> KpiValue:
    """Make the value of a KPI from its items, by the rules common to all."""
    numerator, denominator = sum(i.numerator for i in items), sum(i.denominator for i in items)
    n = sum(i.n for i in items)
    unheard = [name for name in kpi.wants if not evidence.has(name)]
    heard = 1 - len(unheard) / len(kpi.wants) if kpi.wants else 1.0
    completeness = heard * sum(i.complete for i in items) / len(items) if items else None
    enough = n >= kpi.minimum and denominator > 0
    hints = [] if enough else [f"{n} of at least {kpi.minimum} observations in the period: widen it, or wait."]
    hints += [f"`{name}` was never received: what it would tell is not counted." for name in unheard]
    judged = [item for item in items if item.denominator > 0]
    means = kpi.method == "mean" and enough
    return KpiValue(
        kpi=kpi.id,
        period=period,
        state=State.OK if enough else State.NOT_ENOUGH,
        value=_value(kpi.method, judged) if enough else None,
        numerator=numerator,
        denominator=denominator,
        n=n,
        evidence_completeness=completeness,
        unit=kpi.unit,
        seq=evidence.seq,
        known=evidence.instant,
        query_hash=kpi.query_hash,
        fix=" ".join(hints),
        p50=_quantile(judged, 0.5) if means else None,
        p90=_quantile(judged, 0.9) if means else None,
        beside=_beside(items, denominator),
        items=tuple(items),
    )


def _value(method: str, judged: Sequence[KpiItem]) -> float:
    if method == "mean_of_ratios":
        return sum(item.numerator / item.denominator for item in judged) / len(judged)
    return sum(item.numerator for item in judged) / sum(item.denominator for item in judged)


def _beside(items: Sequence[KpiItem], denominator: float) -> dict[str, float]:
    names = items[0].beside if items and denominator > 0 else ()
    return {name: sum(item.beside[name] for item in items) / denominator for name in names}


def _quantile(judged: Sequence[KpiItem], share: float) -> float:
    """Return a quantile of the items' values, linear between ranks (the definition R-7 of Hyndman and Fan)."""
    values = sorted(item.numerator / item.denominator for item in judged)
    place = (len(values) - 1) * share
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)

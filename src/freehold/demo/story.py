"""The story of what was caught: facts, each computed from the ledger and the warehouse, none known beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from freehold.demo.blamed import Blamed, Read, blamed
from freehold.demo.consumers import CONSUMERS
from freehold.demo.figure import Figure
from freehold.engines import Session, quoted

if TYPE_CHECKING:
    from freehold.delivery import Delivery, StepOutcome
    from freehold.ledger import Evidence

# The money in a candidate's rows, by the asset that holds it: what daily_revenue adds up.
_MONEY = {"sales.orders.lines": "sum(amount)", "sales.orders.daily_revenue": "sum(revenue)"}
_RIGHT = "SELECT revenue FROM {relation} WHERE day = ?"
_RIGHT_ASSET = "sales.orders.daily_revenue"
_PENNY = Decimal("0.01")
_WORDS = {
    "mustBe": "must be {0}",
    "mustNotBe": "must not be {0}",
    "mustBeGreaterThan": "must be above {0}",
    "mustBeGreaterOrEqualTo": "must be at least {0}",
    "mustBeLessThan": "must be below {0}",
    "mustBeLessOrEqualTo": "must be at most {0}",
    "mustBeBetween": "must be between {0} and {1}",
    "mustNotBeBetween": "must not be between {0} and {1}",
}


@dataclass(frozen=True, slots=True)
class Broken:
    """One check that failed: its claim in words, what was measured, what it had to be, how many rows it is about."""

    check: str
    claim: str
    measured: str
    bound: str
    rows: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """The last good version of a port when the candidate was stopped, and the last day it holds."""

    port: str
    deployment: str
    published_at: datetime
    through: date | None


@dataclass(frozen=True, slots=True)
class Protected:
    """A simulated consumer that read while the candidate was kept away, and what it read instead."""

    consumer: str
    name: str
    reads: int
    kept: tuple[Kept, ...]


@dataclass(frozen=True, slots=True)
class Caught:
    """One day's candidate that was kept from consumers."""

    day: date
    asset: str
    candidate: str
    caught_at: datetime
    recovered_at: datetime | None
    broken: tuple[Broken, ...]
    reason: str
    figure: Figure | None
    protected: tuple[Protected, ...]
    look: str


@dataclass(frozen=True, slots=True)
class Late:
    """A day whose file was not there on its morning."""

    day: date
    asset: str
    arrived_at: datetime
    days_late: int


@dataclass(frozen=True, slots=True)
class Note:
    """What a candidate said while it was kept: why it was stopped, and the money in its rows where they hold any.

    Candidates that a right version has replaced are collected some day; what they said must be asked before.
    """

    reason: str
    money: Decimal | None


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that went wrong, in the order of time: what did no harm, and what a change did until it was found."""

    caught: tuple[Caught, ...]
    late: tuple[Late, ...]
    blamed: tuple[Blamed, ...] = ()

    @property
    def told(self) -> tuple[Caught, ...]:
        """The three to tell at length: those whose wrong figure is known come first."""
        ranked = sorted(self.caught, key=lambda c: (c.figure is None, c.caught_at))[:3]
        return tuple(sorted(ranked, key=lambda c: c.caught_at))


def note(delivery: Delivery, outcome: StepOutcome) -> Note:
    """Ask a candidate in quarantine what it would have said."""
    candidate = delivery.candidate(outcome.candidate)
    money = _MONEY.get(outcome.asset)
    if money is None or not candidate.physical:
        return Note(outcome.reason, None)
    session = delivery.session("story")
    try:
        table = f"freehold_data.{quoted(candidate.physical)}"
        found = session.rows(f"SELECT {money} FROM {table} WHERE _batch = ?", (candidate.id,))
    finally:
        session.close()
    return Note(outcome.reason, None if found[0][0] is None else Decimal(found[0][0]).quantize(_PENNY))


def tell(
    delivery: Delivery, folder: str, notes: Mapping[str, Note], read: Mapping[str, Read] = MappingProxyType({})
) -> Story:
    """Compute the story from ledger and warehouse.

    Args:
        delivery: of what the ledger tells.
        folder: as it is named in the commands.
        notes: what quarantined candidates said, by their id.
        read: what a change made readers read, by the id of its incident.
    """
    evidence = delivery.ledger.evidence()
    session = delivery.session("story")
    try:
        caught = tuple(_caught(delivery, evidence, session, row, notes, folder) for row in _quarantines(evidence))
        late = _late(delivery, evidence, {c.day for c in caught})
        return Story(caught, late, tuple(blamed(delivery, folder, read)))
    finally:
        session.close()


def _quarantines(evidence: Evidence) -> Sequence[Mapping[str, Any]]:
    """Return the first quarantine of each asset and interval, with the moment its right version was published."""
    return _rows(
        evidence,
        """
        WITH first AS (
          SELECT seq, occurred_at, asset, candidate, interval_start, physical, correlation_id
          FROM candidate_quarantined WHERE interval_start IS NOT NULL
          QUALIFY row_number() OVER (PARTITION BY asset, interval_start ORDER BY seq) = 1
        )
        SELECT first.*, (
          SELECT min(r.occurred_at) FROM run_completed AS r
          WHERE r.asset = first.asset AND r.interval_start = first.interval_start
            AND r.status = 'success' AND r.seq > first.seq
        ) AS recovered_at
        FROM first ORDER BY seq
        """,
    )


def _caught(
    delivery: Delivery,
    evidence: Evidence,
    session: Session,
    row: Mapping[str, Any],
    notes: Mapping[str, Note],
    folder: str,
) -> Caught:
    day = row["interval_start"].date()
    said = notes.get(row["candidate"], Note("", None))
    return Caught(
        day=day,
        asset=row["asset"],
        candidate=row["candidate"],
        caught_at=row["occurred_at"],
        recovered_at=row["recovered_at"],
        broken=tuple(_broken(delivery, evidence, row)),
        reason=said.reason,
        figure=_figure(delivery, session, said.money, day) if row["recovered_at"] else None,
        protected=tuple(_protected(delivery, evidence, row)),
        look=f"freehold -C {folder} {_look(session, row)}",
    )


def _look(session: Session, row: Mapping[str, Any]) -> str:
    """Return the command that shows a candidate, or its event once the candidate was collected."""
    there = session.rows("SELECT 1 FROM freehold.candidate WHERE candidate = ?", (int(row["candidate"]),))
    return f"quarantine show {row['candidate']}" if there else f"ledger show {row['seq']}"


def _broken(delivery: Delivery, evidence: Evidence, row: Mapping[str, Any]) -> Iterable[Broken]:
    asset = delivery.graph.assets[row["asset"]]
    claims = {check.id: check for check in delivery.auditor.checks(asset)}
    failed = _rows(
        evidence,
        "SELECT check_id, value, failing, total FROM check_completed "
        "WHERE correlation_id = ? AND asset = ? AND interval_start = ? "
        "AND blocking AND status IN ('fail', 'error') ORDER BY seq",
        (row["correlation_id"], row["asset"], row["interval_start"]),
    )
    for found in failed:
        check = claims.get(found["check_id"])
        if check is None:  # the contract was edited since
            yield Broken(found["check_id"], found["check_id"], str(found["value"]), "")
            continue
        limits = check.threshold if isinstance(check.threshold, list | tuple) else (check.threshold,)
        mark = " %" if check.unit == "percent" else ""
        bound = _WORDS.get(check.operator, check.operator).format(*(f"{one}{mark}" for one in limits))
        counts_rows = found["failing"] is not None and found["total"] and check.threshold == 0
        rows = f"{found['failing']:,} of {found['total']:,} rows" if counts_rows else ""
        yield Broken(check.id, check.claim, _measured(found["value"], check.unit), bound, rows)


def _measured(value: Any, unit: str) -> str:
    text = str(value).strip('"')
    try:
        number = Decimal(text)
    except ArithmeticError:
        return text
    shown = f"{number:,.2f}".rstrip("0").rstrip(".") if number % 1 else f"{number:,.0f}"
    return f"{shown} %" if unit == "percent" else shown


def _figure(delivery: Delivery, session: Session, wrong: Decimal | None, day: date) -> Figure | None:
    """Return what the candidate would have shown beside what is live for the day now."""
    if wrong is None:
        return None
    relation = delivery.graph.assets[_RIGHT_ASSET].relation.sql
    right = session.rows(_RIGHT.format(relation=relation), (day,))
    return Figure(wrong, Decimal(right[0][0])) if right else None


def _protected(delivery: Delivery, evidence: Evidence, row: Mapping[str, Any]) -> Iterable[Protected]:
    """Yield who read something that the candidate would have changed, before the right version was there."""
    if not evidence.has("usage.query"):
        return
    affected = [row["asset"], *delivery.graph.downstream({row["asset"]})]
    names = {c.principal: c.name for c in CONSUMERS}
    reads = _rows(
        evidence,
        "SELECT consumer, resource, count(*) AS reads FROM usage_query WHERE consumer_type = 'simulated' "
        "AND status = 'ok' AND list_contains(?, resource) AND occurred_at >= ? AND (? IS NULL OR occurred_at < ?) "
        "GROUP BY ALL ORDER BY consumer, resource",
        (affected, row["occurred_at"], row["recovered_at"], row["recovered_at"]),
    )
    for consumer in dict.fromkeys(r["consumer"] for r in reads):
        mine = [r for r in reads if r["consumer"] == consumer]
        kept = tuple(k for r in mine if (k := _kept(evidence, r["resource"], row["seq"])))
        yield Protected(consumer, names.get(consumer, consumer), sum(r["reads"] for r in mine), kept)


def _kept(evidence: Evidence, port: str, seq: int) -> Kept | None:
    published = _rows(
        evidence,
        "SELECT deployment, occurred_at FROM asset_published WHERE asset = ? AND seq < ? ORDER BY seq DESC LIMIT 1",
        (port, seq),
    )
    if not published:
        return None
    fresh = _rows(
        evidence,
        "SELECT data_time FROM freshness_observed WHERE asset = ? AND seq < ? ORDER BY seq DESC LIMIT 1",
        (port, seq),
    )
    through = (fresh[0]["data_time"] - timedelta(microseconds=1)).date() if fresh else None
    return Kept(port, published[0]["deployment"], published[0]["occurred_at"], through)


def _late(delivery: Delivery, evidence: Evidence, caught: set[date]) -> tuple[Late, ...]:
    """Return the days of sources whose first file was not there on the morning after."""
    sources = [a.id for a in delivery.graph.assets.values() if a.files and a.files.by_day]
    first = _rows(
        evidence,
        "SELECT asset, interval_start, interval_end, min(occurred_at) AS seen_at FROM run_completed "
        "WHERE list_contains(?, asset) AND interval_start IS NOT NULL GROUP BY ALL ORDER BY interval_start",
        (sources,),
    )
    late = [
        Late(r["interval_start"].date(), r["asset"], r["seen_at"], (r["seen_at"] - r["interval_end"]).days)
        for r in first
    ]
    return tuple(found for found in late if found.days_late > 0 and found.day not in caught)


def _rows(evidence: Evidence, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
    found = evidence.query(sql, parameters)
    return [dict(zip(evidence.columns, row, strict=True)) for row in found]

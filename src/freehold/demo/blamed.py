"""What a change did that was reviewed and passed every check, as the ledger tells it and the warehouse held it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from freehold.demo.figure import Figure

if TYPE_CHECKING:
    from freehold.delivery import Delivery
    from freehold.ledger import Evidence
    from freehold.reliability.incidents import Incident

_DAYS = "sales.orders.daily_revenue"


@dataclass(frozen=True, slots=True)
class Read:
    """Revenue of the last day in pounds, as it stood where consumers read it when somebody said what did it.

    Attributes:
        suspects: of the incident, as they were ranked then.
    """

    day: date
    revenue: Decimal
    suspects: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Blamed:
    """A change that did an incident.

    Attributes:
        said: what was changed, and by which commit.
        live_at: when it went live; `found_at` when the incident was detected.
        sign: what told of it first.
        place: of the change among the suspects, 1 for the first, of how many.
        readers: how many read what it made wrong before it was taken back.
        told: for whom an update was drafted from evidence, and approved.
        learned_at: when its postmortem was signed; None where it was not.
    """

    incident: str
    said: str
    live_at: datetime
    sign: str
    found_at: datetime
    place: tuple[int, int]
    day: date
    figure: Figure
    readers: int
    taken_back_at: datetime | None
    told: tuple[str, ...]
    over_at: datetime | None
    learned_at: datetime | None
    look: str


def read_now(delivery: Delivery, one: Incident) -> Read:
    """Return what is live of the last day."""
    relation = delivery.graph.assets[_DAYS].relation.sql
    session = delivery.session("story")
    try:
        rows = session.rows(f"SELECT day, revenue FROM {relation} ORDER BY day DESC LIMIT 1")
    finally:
        session.close()
    return Read(rows[0][0], Decimal(rows[0][1]), one.suspects)


def blamed(delivery: Delivery, folder: str, read: Mapping[str, Read]) -> Iterator[Blamed]:
    """Yield the changes that somebody said did an incident; `read` is what they made readers read, by incident."""
    from freehold.insight.documents import Library
    from freehold.reliability.incidents import alerts_of, incidents
    from freehold.reliability.learning import DOCUMENT

    ledger = delivery.ledger
    library = Library(delivery.estate, ledger, delivery.env)
    signed = {one.parameters.get("item"): one.signed_at for one in library.signatures(DOCUMENT)}
    evidence = ledger.evidence()
    for one in incidents(ledger).values():
        then = read.get(one.id)
        ranked = then.suspects if then is not None else ()
        place = next((n for n, suspect in enumerate(ranked, 1) if suspect["event"] in one.causes), 0)
        if then is None or not place:
            continue
        suspect = ranked[place - 1]
        worst = max(alerts_of(ledger, one), key=lambda alert: abs(alert.deviations or 0.0))
        yield Blamed(
            incident=one.id,
            said=str(suspect["said"]),
            live_at=datetime.fromisoformat(suspect["at"]),
            sign=f"{worst.asset}: {worst.reason}",
            found_at=one.detected_at,
            place=(place, len(ranked)),
            day=then.day,
            figure=Figure(then.revenue, _right(delivery, then.day)),
            readers=_readers(evidence, one, datetime.fromisoformat(suspect["at"])),
            taken_back_at=one.mitigated_at,
            told=tuple(update.audience for update in one.updates),
            over_at=one.resolved_at,
            learned_at=signed.get(one.id),
            look=f"freehold -C {folder} incidents show {one.id.rpartition('/')[2]}",
        )


def _right(delivery: Delivery, day: date) -> Decimal:
    relation = delivery.graph.assets[_DAYS].relation.sql
    session = delivery.session("story")
    try:
        return Decimal(session.rows(f"SELECT revenue FROM {relation} WHERE day = ?", (day,))[0][0])
    finally:
        session.close()


def _readers(evidence: Evidence, one: Incident, since: datetime) -> int:
    """Return how many consumers read what an incident made wrong before it was taken back."""
    if not evidence.has("usage.query"):
        return 0
    wrong = [*one.reach.get("wrong", ()), *one.reach.get("silent", ())]
    rows = evidence.query(
        "SELECT count(DISTINCT consumer) FROM usage_query WHERE status = 'ok' AND list_contains(?, resource) "
        "AND occurred_at >= ? AND (? IS NULL OR occurred_at < ?)",
        (wrong, since, one.mitigated_at, one.mitigated_at),
    )
    return int(rows[0][0])

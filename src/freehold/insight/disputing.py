"""Disputes of a metric: what the sides read comes to, and who is to be told of what was decided.

A figure in a dossier has to be the same when the dossier is written again, and the warehouse moves on. So what was
measured is an event; it can be measured again, and both stay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from freehold.foundation import Exit, FreeholdError
from freehold.ledger import Event
from freehold.metrics import Answer, Catalogue, Query, asked
from freehold.metrics.fingerprint import definition_hash

if TYPE_CHECKING:
    from freehold.ledger import Evidence
    from freehold.work import Item

MEASURED = "dispute.measured"
TOLD = "notice.sent"
DISPUTE = "metric_dispute"
_SIDES = ("metric", "instead")  # fields of a dispute: what is disputed, and what somebody holds to be right
_READ_WITHIN = 90  # days
_DAYS = 28  # up to today, where a dispute names no days


def sides_measured(
    item: Item, catalogue: Catalogue, answers: Callable[[Query], Answer], *, env: str, zone: str, now: datetime
) -> tuple[Event, ...]:
    """Return the events of what each metric of a dispute came to, from the first to the last of its days.

    Raises:
        FreeholdError: FH-L706 the item is no dispute; FH-L707 its days are none; FH-L708 who asks sees a part of the
            rows, and a figure of a part would be recorded as one of the whole; FH-N107 there is no such metric; what
            the metrics engine raises.
    """
    _expect_dispute(item)
    first, last = _days(item, zone, now)
    said = dict.fromkeys(str(item.fields[side]) for side in _SIDES if item.fields.get(side))
    return tuple(
        Event(MEASURED, {"item": item.id, **_measured(name, catalogue, answers, first, last, zone)}, env=env,
              subject=item.id, product=item.product, occurred_at=now)
        for name in said
    )  # fmt: skip


def readers_of(item: Item, evidence: Evidence) -> tuple[str, ...]:
    """Return who asked for the metric of a dispute in the last 90 days, as the ledger names them."""
    if not evidence.has("usage.query"):
        return ()
    since = evidence.instant - timedelta(days=_READ_WITHIN)
    sql = "SELECT DISTINCT consumer FROM usage_query WHERE LIST_CONTAINS(metrics, $metric) AND occurred_at >= $since"
    rows = evidence.query(f"{sql} ORDER BY consumer", {"metric": item.fields["metric"], "since": since})
    return tuple(str(row[0]) for row in rows)


def notice_of(item: Item, evidence: Evidence, env: str) -> Event:
    """Return the event that those who read the metric of a dispute were told what was decided.

    Raises:
        FreeholdError: FH-L706 the item is no dispute; FH-L710 nothing was decided yet.
    """
    _expect_dispute(item)
    if not any(passage.state == "decided" for passage in item.stood):
        problem, fix = f"Nothing was decided in `{item.id}` yet.", f"`freehold items move {item.id} decide` does."
        raise FreeholdError("FH-L710", problem, fix=fix)
    named = f"{item.id}|{item.history[-1].since.isoformat()}"
    said = {
        "notice": f"n-{hashlib.sha256(named.encode()).hexdigest()[:10]}", "topic": item.fields["metric"],
        "audience": list(readers_of(item, evidence)), "product": item.product or None,
    }  # fmt: skip
    return Event(TOLD, said, env=env, subject=item.id, product=item.product, occurred_at=evidence.instant)


def _expect_dispute(item: Item) -> None:
    if item.type != DISPUTE:
        fix = f"Name a `{DISPUTE}`: `freehold items list --type {DISPUTE}` has them."
        raise FreeholdError("FH-L706", f"`{item.id}` is no dispute.", fix=fix, exit_code=Exit.USAGE)


def _measured(
    name: str, catalogue: Catalogue, answers: Callable[[Query], Answer], first: date, last: date, zone: str
) -> dict[str, object]:
    metric = catalogue.metric(name)
    ends = datetime.combine(last + timedelta(days=1), time.min)
    question = asked([metric.id], start=datetime.combine(first, time.min), end=ends, zone=zone)
    answer = answers(question)
    if answer.policies:
        raise FreeholdError(
            "FH-L708", f"You see a part of the rows of `{name}`, by {', '.join(answer.policies)}.",
            fix="Let somebody measure it who sees all.",
        )  # fmt: skip
    cells = answer.table.column(0).to_pylist()
    figure = float(f"{float(cells[0]):.12g}") if cells and cells[0] is not None else None
    until = answer.data_until.replace(tzinfo=UTC) if answer.data_until else None
    return {"metric": metric.id, "definition": definition_hash(catalogue, metric), "since": str(first),
            "until": str(last), "figure": figure, "data_until": until}  # fmt: skip


def _days(item: Item, zone: str, now: datetime) -> tuple[date, date]:
    """Return the first and the last day over which a dispute is measured."""
    today = now.astimezone(ZoneInfo(zone)).date()
    last = date.fromisoformat(item.fields["until"]) if "until" in item.fields else today
    first = date.fromisoformat(item.fields["since"]) if "since" in item.fields else last - timedelta(days=_DAYS - 1)
    if first > last:
        problem = f"`{item.id}` is to be measured from {first} to {last}, which is no time."
        raise FreeholdError("FH-L707", problem, fix="Measure it from an earlier day, or to a later one.")
    return first, last

"""Whether the rows of an interval lie in it, by the column that the model calls its `event_time`.

A file of one day may hold rows of another. They are kept with the interval they came in, and whatever reads by interval
takes them for it; so it is said, and nobody is stopped.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

from freehold.delivery.asset import Asset, Kind
from freehold.delivery.interval import Interval
from freehold.engines import Session, quoted
from freehold.quality import Check, Result, TableState, Verdict


def interval_check(asset: Asset) -> Check | None:
    """Return the check that rows lie in their interval, of a model that names the column to tell by."""
    column = asset.config.get("event_time")
    if asset.kind is not Kind.INTERVAL or not column or asset.schema is None:
        return None
    return Check(
        id=f"{asset.id}.{column}:interval",
        asset=asset.id,
        kind="interval",
        claim=f"`{column}` lies in the interval it is built for",
        where=asset.where,
        columns=(str(column),),
        scope="interval",
        blocking=False,
        severity="warning",
        dimension="timeliness",
    )


def in_interval(check: Check, interval: Interval, state: TableState, session: Session, rows: str) -> Result:
    """Judge the rows of one interval; their first and last instant are mostly known from other checks."""
    (column,) = check.columns
    known = state.columns.get(column)
    first, last = (known.minimum, known.maximum) if known is not None else (None, None)
    if first is None:
        ((first, last),) = session.rows(f"SELECT min({quoted(column)}), max({quoted(column)}) FROM {rows} AS t")
    start, end = _instant(first), _instant(last)
    if first is None:
        return Result(check, Verdict.PASS, decided_by="bounds")
    if start is None or end is None:
        return Result(check, Verdict.SKIPPED, decided_by="bounds", reason=f"`{column}` holds no dates or instants")
    if interval.start <= start and end < interval.end:
        return Result(check, Verdict.PASS, decided_by="bounds")
    reason = f"they reach from {start} to {end}; what reads by interval takes all of them for {interval}"
    return Result(check, Verdict.WARN, decided_by="bounds", reason=reason)


def _instant(value: Any) -> datetime | None:
    """Return a bound as an instant in UTC without a zone, as intervals are."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    return datetime.combine(value, time()) if isinstance(value, date) else None

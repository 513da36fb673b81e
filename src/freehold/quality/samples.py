"""Failing rows, fetched only when somebody wants to see them."""

from __future__ import annotations

from typing import Any

from freehold.engines import Session
from freehold.quality.model import Result


def failing_samples(session: Session, result: Result, limit: int = 5) -> list[dict[str, Any]]:
    """Return up to `limit` rows that fail a check, key columns first; none where the check has no failing rows.

    The rows are read from the relations the result was measured on: they must still be there. What comes back is data
    of persons perhaps: it belongs in the erasable side store, never in the ledger.
    """
    if result.sample_sql is None:
        return []
    query = f"SELECT * FROM ({result.sample_sql}) AS failing LIMIT {int(limit)}"
    names = [column.name for column in session.columns_of(query)]
    return [dict(zip(names, row, strict=True)) for row in session.rows(query)]

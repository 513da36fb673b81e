"""Events that tests append."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from freehold.ledger import Event

START = datetime(2011, 3, 1, 6, tzinfo=UTC)


def check(number: int = 0, *, id: str | None = None, **more: Any) -> Event:
    """Return a check that passed; `more` goes into the payload."""
    payload = {"check_id": f"sales.orders.lines:{number}", "asset": "sales.orders.lines", "status": "pass", **more}
    return Event("check.completed", payload, id=id, subject="sales.orders.lines", product="sales.orders")

"""A few of the rows that made a check fail, kept where they can be erased."""

from __future__ import annotations

from freehold.delivery.evidence import plain
from freehold.engines import Session
from freehold.ledger import Ledger
from freehold.quality import Result, failing_samples

MOST_SAMPLES = 5


def keep_sample(ledger: Ledger, session: Session, result: Result) -> str | None:
    """Put a few failing rows aside and return their id; None where the check did not block or has no rows to show."""
    if not result.blocks or not result.sample_sql:
        return None
    found = failing_samples(session, result, MOST_SAMPLES)
    rows = [{name: plain(value) for name, value in row.items()} for row in found]
    return ledger.side.put("sample", {"check": result.check.id, "rows": rows}, subject=result.check.asset)

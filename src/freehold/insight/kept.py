"""What was computed over periods that are over, kept until something is recorded that it could depend on.

An answer is kept under the statement, the periods and the last event of any type that the statement reads: a correction
that comes late is such an event, so what is kept is never out of date. Losing it costs time and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freehold import __version__
from freehold.metrics import KeptAnswers

if TYPE_CHECKING:
    from freehold.insight.periods import Period
    from freehold.ledger import Evidence

_PLACE = Path("cache") / "kpis"
_MOST_BYTES = 16_000_000
_OF_TIME = ("$as_of", "working_day")  # by these a statement tells more as time passes, though nothing is recorded

Rows = list[dict[str, Any]]


def kept_rows(
    evidence: Evidence,
    sql: str,
    views: Iterable[str],
    periods: Sequence[Period],
    said: str,
    compute: Callable[[], Rows],
) -> Rows:
    """Return the rows of a statement: those that are kept, where all its periods are over, else computed ones.

    Args:
        evidence: what it is asked of.
        sql: the statement, its parameters still named.
        views: the views that it reads.
        periods: those asked for.
        said: whatever else decides the answer, such as the environment.
        compute: asks the evidence.
    """
    version = evidence.version(views)
    if not version or evidence.withheld or not all(period.is_closed(evidence.instant) for period in periods):
        return compute()
    moment = evidence.instant.isoformat() if any(word in sql for word in _OF_TIME) else ""
    spans = [f"{period.start.isoformat()}/{period.end.isoformat()}/{period}" for period in periods]
    key = hashlib.sha256("\n".join((__version__, sql, said, moment, version, *spans)).encode()).hexdigest()
    answers = KeptAnswers(evidence.folder, _MOST_BYTES, _PLACE)
    if (found := answers.get(key)) is not None:
        return list(found.to_pylist())
    rows = compute()
    _keep(answers, key, rows)
    return rows


def _keep(answers: KeptAnswers, key: str, rows: Rows) -> None:
    """Keep rows; those with a number that is too large for a table of numbers are computed each time."""
    import pyarrow as pa

    with suppress(pa.ArrowException, OverflowError):
        answers.put(key, pa.Table.from_pylist(rows))

"""What can be said against checks before any data is seen: SQL that cannot be read, columns that nobody declares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from freehold.engines import Column
from freehold.foundation import FreeholdError
from freehold.quality.measures import Settled, Table
from freehold.quality.model import Check, Verdict
from freehold.quality.translating import measure_of

_PAIRS = (("minimum", "maximum"), ("exclusiveMinimum", "exclusiveMaximum"))


def check_findings(checks: Iterable[Check], columns: tuple[Column, ...], dialect: str) -> Iterator[FreeholdError]:
    """Return an error for every check that could never be asked of a table with these columns, at its place."""
    table = Table(columns, dialect)
    for check in checks:
        if check.kind in ("schema", "type"):
            continue
        reason = _crossed(check)
        if not reason:
            found = measure_of(check, table)
            reason = found.reason if isinstance(found, Settled) and found.verdict is Verdict.ERROR else ""
        if reason:
            yield FreeholdError(
                "FH-Q003",
                f"The check `{check.id}` can never be settled: {reason.rstrip('.')}.",
                where=check.where,
                fix="Mend it; a check that cannot be asked keeps every candidate from being published.",
            )


def _crossed(check: Check) -> str:
    """Return why no value can meet a check whose bounds are the wrong way round."""
    for low, high in _PAIRS:
        least, most = _number(check.arguments.get(low)), _number(check.arguments.get(high))
        if least is not None and most is not None and least > most:
            return f"its {low} {least:g} is more than its {high} {most:g}"
    bounds = check.threshold
    if check.operator and "Between" in check.operator and isinstance(bounds, list | tuple) and len(bounds) == 2:
        first, second = _number(bounds[0]), _number(bounds[1])
        if first is not None and second is not None and first > second:
            return f"{check.operator} names {first:g} before {second:g}"
    return ""


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

"""The words of quality: a check, the verdict on it, and the evidence behind the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from freehold.foundation import Where

# Kinds that judge every row by itself: over several intervals they say what they say over each.
ROW_KINDS = {
    "not_null", "in_set", "range", "multiple", "length", "items", "pattern", "format", "nulls", "missing", "invalid",
    "expression",
}  # fmt: skip


class Verdict(StrEnum):
    """What a check says. An error is neither a pass nor a failure: nothing is known."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """One claim about an asset, drawn from its contract.

    Attributes:
        id: `<asset>:<kind>` or `<asset>.<column>:<kind>`, with a number where a contract says it twice; a rule that has
            an `id` of its own uses that in place of the kind. Stable while the contract keeps its order, because
            evidence of years is joined by it.
        kind: schema, type, not_null, unique, in_set, range, multiple, length, items, pattern, format, row_count, nulls,
            missing, invalid, duplicates, reference, sql, expression, aggregate, freshness, interval, text, custom.
        claim: the check in words a consumer understands.
        scope: `table` judges what would be live after publishing, `interval` only the new rows.
        blocking: whether a failure keeps a candidate from being published; else a failure is a warning.
        operator, threshold, unit: how the measured value is judged, in ODCS words; unit is rows or percent.
        arguments: what the kind needs (`values`, `pattern`, `minimum`, `columns`, `query` …).
    """

    id: str
    asset: str
    kind: str
    claim: str
    where: Where
    columns: tuple[str, ...] = ()
    scope: str = "table"
    blocking: bool = True
    severity: str = "error"
    dimension: str | None = None
    operator: str = "mustBe"
    threshold: Any = 0
    unit: str = "rows"
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_of_one_interval(self) -> bool:
        """Whether it judges the rows of an interval together, so that over several it would say something else."""
        return self.scope == "interval" and self.kind not in ROW_KINDS


@dataclass(frozen=True, slots=True)
class Result:
    """The verdict on one check, with what was measured and how.

    `failing` and `total` count rows; `share` is failing / total, None where nothing was counted. `decided_by` names the
    planner rule that settled it, `sql` the statement (or None where no statement was needed), `cost_s` its part of the
    seconds spent in the engine. `sample_sql` selects failing rows and is run only when somebody wants to see them.
    """

    check: Check
    verdict: Verdict
    value: Any = None
    failing: int | None = None
    total: int | None = None
    decided_by: str = ""
    reason: str = ""
    sql: str | None = None
    sample_sql: str | None = None
    cost_s: float = 0.0

    @property
    def share(self) -> float | None:
        """Failing rows as a share of the rows looked at."""
        return self.failing / self.total if self.failing is not None and self.total else None

    @property
    def blocks(self) -> bool:
        """Whether this result keeps a candidate from being published. An error blocks like a failure."""
        return self.check.blocking and self.verdict in (Verdict.FAIL, Verdict.ERROR)

    @property
    def told(self) -> str:
        """The claim, and what was found instead: rows, a value, or why it could not be asked."""
        claim = self.check.claim.removesuffix(".")
        if self.verdict is Verdict.ERROR:
            return f"{claim}: {self.reason or 'it could not be asked'}"
        if self.reason:
            return f"{claim}: {self.reason}"
        if self.failing is not None and self.total:
            return f"{claim}: not so for {self.failing:,} of {self.total:,} rows"
        mark = " %" if self.check.unit == "percent" else ""
        return f"{claim}: it was {_spelt(self.value)}{mark}" if self.value is not None else claim


def _spelt(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"

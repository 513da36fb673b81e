"""Estimates as they are said and read back, and the reach that usage shows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from freehold.foundation import Exit, FreeholdError, Problems, near
from freehold.insight.roadmap.ranking import Estimate, Range

if TYPE_CHECKING:
    from freehold.insight.roadmap.promises import Planned
    from freehold.ledger import Evidence

PARTS = ("reach", "impact", "confidence", "effort")
REACH = "reach"
LOOKED_BACK = timedelta(days=90)  # for who uses a product


def estimate_of(plan: Planned | None, consumers: int | None) -> Estimate | None:
    """Return the estimate of an item; None where it has none, or none knows whom it reaches.

    Args:
        plan: what was said of it.
        consumers: how many use its product, which is its reach where nobody gave one.
    """
    said = plan.estimate if plan else None
    if said is None or (said.get(REACH) is None and not consumers):
        return None
    is_used = said.get(REACH) is None
    reach = Range(float(consumers or 0), float(consumers or 0)) if is_used else _range(said[REACH])
    impact, confidence, effort = (_range(said[part]) for part in PARTS[1:])
    return Estimate(reach, impact, confidence, effort, is_used)


def expect_ranges(ranges: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Return the parts of an estimate as its event holds them.

    Raises:
        Problems: FH-W426 a part is missing, unknown, or no range of what it takes; all of them at once.
    """
    errors = [
        _wrong(name, near(name, PARTS) or f"The parts: {', '.join(PARTS)}.") for name in ranges if name not in PARTS
    ]
    for part in PARTS:
        said = ranges.get(part)
        if said is None and part != REACH:
            errors.append(_wrong(part, f"Give it as LOW-HIGH: {_EXAMPLES[part]}.", "is missing"))
        elif said is not None and not _fits(part, said):
            errors.append(_wrong(part, f"Give a low and a high, {_TAKES[part]}: {_EXAMPLES[part]}.", _misfit(said)))
    if errors:
        raise Problems(errors)
    return {part: [*map(float, ranges[part])] if part in ranges else None for part in PARTS}


def consumers_of(evidence: Evidence, env: str) -> dict[str, int]:
    """Return how many used each product in the last 90 days, of whom recorded usage tells; a refusal is no use."""
    found = evidence.query(
        """SELECT product, COUNT(DISTINCT consumer) FROM uses
        WHERE product IS NOT NULL AND COALESCE(status, 'ok') = 'ok' AND COALESCE(NULLIF(env, ''), $env) = $env
          AND occurred_at >= $since
        GROUP BY product ORDER BY product""",
        {"env": env, "since": (evidence.instant - LOOKED_BACK).replace(tzinfo=None)},
    )
    return {str(product): int(count) for product, count in found}


_TAKES = {
    "reach": "none below 0", "impact": "none below 0", "confidence": "from 0 to 1", "effort": "both above 0",
}  # fmt: skip
_EXAMPLES = {"reach": "10-40", "impact": "0.5-2", "confidence": "0.5-0.8", "effort": "2-5"}


def _fits(part: str, said: Sequence[float]) -> bool:
    if len(said) != 2 or not all(math.isfinite(one) and one >= 0 for one in said) or said[0] > said[1]:
        return False
    return said[1] <= 1 if part == "confidence" else said[0] > 0 if part == "effort" else True


def _misfit(said: Sequence[float]) -> str:
    if len(said) != 2:
        return f"has {len(said)} ends"
    low, high = said
    return f"goes down, from {low:g} to {high:g}" if low > high else f"cannot be {low:g} to {high:g}"


def _wrong(part: str, fix: str, what: str = "is no part of an estimate") -> FreeholdError:
    return FreeholdError("FH-W426", f"`{part}` {what}.", fix=fix, exit_code=Exit.USAGE)


def _range(said: Sequence[float]) -> Range:
    return Range(float(said[0]), float(said[1]))

"""What let a deployment pass although it did not simply hold: told once, with the day and what was found."""

from __future__ import annotations

from typing import Any

import pytest

from freehold.delivery.runs import CheckTold
from freehold.server.web.pages.deployment import said_once


def check(day: str = "2026-11-21", **found: Any) -> CheckTold:
    """Return a verdict that warns."""
    said: dict[str, Any] = {
        "id": "c", "asset": "shop.orders.orders", "candidate": "1", "interval": day, "status": "warn",
        "blocking": False, "value": None, "threshold": 0,
        "operator": "mustBe", "unit": "rows", "failing": 1, "total": 6,
        "decided_by": "plan", "seconds": 0.0, "reason": "", "sample": "", "deployment": "d",
    }  # fmt: skip
    return CheckTold(**(said | found))


EXTRA = "columns that the contract does not name: extra"
CASES = {
    "what it says itself, not columns as rows": ([check(reason=EXTRA)], f"shop.orders.orders 2026-11-21: {EXTRA}"),
    "the newest day, and how many before": (
        [check("2026-11-20", reason="another"), check(reason=EXTRA), check("2026-11-19", reason="another")],
        f"shop.orders.orders 2026-11-21 (and in 2 intervals before): {EXTRA}",
    ),
    "rows, where none may be so": ([check()], "shop.orders.orders 2026-11-21: found 1 of 6 rows; none may be"),
    "a share and its bound, both in percent": (
        [check(value=8.0968, threshold=5, operator="mustBeLessThan", unit="percent", failing=None)],
        "shop.orders.orders 2026-11-21: found 8.0968 %; passes where it is less than 5 %",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_check_is_told_once(case: str) -> None:
    """Seven days of one warning are one line."""
    same, expected = CASES[case]

    assert said_once(same) == expected

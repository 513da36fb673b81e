"""What a verdict says: the claim, and what was found, in the unit that the rule has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from freehold.foundation import Where
from freehold.quality.model import Check, Result, Verdict

QUERY = Check("t:sql", "t", "sql", "Few are without a price", Where("c.yaml"), operator="mustBeLessThan", threshold=5)


@pytest.mark.parametrize(
    ("unit", "told"),
    [("percent", "Few are without a price: it was 8.0968 %"), ("rows", "Few are without a price: it was 8.0968")],
)
def test_a_share_is_told_with_its_mark(unit: str, told: str) -> None:
    """Whatever measured it."""
    assert Result(replace(QUERY, unit=unit), Verdict.FAIL, value=8.0968).told == told

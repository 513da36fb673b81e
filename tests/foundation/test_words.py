"""Values as a person reads them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from freehold.foundation.words import percent


@pytest.mark.parametrize(
    ("share", "places", "told"),
    [
        (0.967, 2, "96.70 %"),
        (1, 2, "100.00 %"),
        (0, 0, "0 %"),
        (-0.12, 0, "−12 %"),
        (0.994, 0, "99 %"),
        (0.995, 0, "99.5 %"),
        (0.9997, 1, "99.97 %"),
        (Decimal("0.99999999"), 2, "99.999999 %"),
        (0.1 * 3 + 0.7 - 1e-16, 1, "100.0 %"),
        (1.004, 0, "100 %"),
        (12.5, 0, "1,250 %"),
    ],
)
def test_a_share_is_said_as_it_is_read(share: float | Decimal, places: int, told: str) -> None:
    """What is not all is not said to be, but for what floats miss it by."""
    assert percent(share, places) == told


def test_a_change_says_its_sign() -> None:
    """A change of a little less than all is as much as any."""
    assert [percent(one, signed=True) for one in (0.03, -0.5, 0.999)] == ["+3 %", "−50 %", "+100 %"]

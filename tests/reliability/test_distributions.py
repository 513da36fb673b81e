"""How numbers are spread: another way is found though the mean is the same, and what chance does is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.quality.layout import QUANTILES
from freehold.reliability.distributions import RECENT, before, quantiles_of, spread
from freehold.reliability.judging import Grade, Verdict

Numbers = np.ndarray


def quantiles(numbers: Numbers) -> list[float]:
    """Return what a batch of numbers tells."""
    return [float(q) for q in np.quantile(numbers, QUANTILES, method="inverted_cdf")]


def batches(number: int, rows: int = 1000) -> list[list[float]]:
    """Return what ordinary batches tell: prices, most of them small."""
    chance = np.random.default_rng(7)
    return [quantiles(np.round(chance.lognormal(1, 0.8, rows), 2)) for _ in range(number)]


def verdict(history: list[list[float] | None], newest: list[float], rows: int = 1000) -> tuple[float, Verdict]:
    """Return how far a batch is from those before it, and what is said of that."""
    (found,) = spread(before(quantiles_of(history), (7,))[None], quantiles_of([newest]), np.array([rows]))
    return found


ORDINARY = np.round(np.random.default_rng(8).lognormal(1, 0.8, 1000), 2)
HALF_ITS_MEAN = np.where(np.arange(1000) % 2 == 0, ORDINARY.mean(), ORDINARY)
TWO_PRICES = np.where(np.arange(1000) % 2 == 0, 0.2 * ORDINARY, 1.8 * ORDINARY)


@pytest.mark.parametrize(
    ("numbers", "grade"),
    [
        (ORDINARY, Grade.USUAL),
        (ORDINARY * 1.03, Grade.USUAL),
        (HALF_ITS_MEAN, Grade.SEVERE),
        (TWO_PRICES, Grade.SEVERE),
        (np.full(1000, ORDINARY.mean()), Grade.SEVERE),
        (ORDINARY * 100, Grade.SEVERE),
        (-ORDINARY, Grade.SEVERE),
    ],
    ids=["as ever", "hardly dearer", "half of it its mean", "two groups", "all alike", "in pence", "below nothing"],
)
def test_another_distribution_is_found(numbers: Numbers, grade: Grade) -> None:
    """Though the mean is the same, and only where it is far from what is usual."""
    distance, found = verdict([*batches(40)], quantiles(numbers))

    assert found.grade is grade
    assert (distance > found.high) is (grade is not Grade.USUAL)


def test_fewer_rows_are_further_off_by_chance() -> None:
    """Of five rows the same difference says nothing that it says of a thousand."""
    assert verdict([*batches(40)], quantiles(HALF_ITS_MEAN), rows=5)[1].grade is Grade.USUAL


def test_of_few_batches_nothing_is_said() -> None:
    """How far they are off anyway is not known of thirteen; those that tell nothing do not count."""
    assert verdict([*batches(13)], quantiles(TWO_PRICES))[1].grade is Grade.UNKNOWN
    assert verdict([*[None] * 60, *batches(13)], quantiles(TWO_PRICES))[1].grade is Grade.UNKNOWN
    assert verdict([*batches(14)], quantiles(TWO_PRICES))[1].grade is Grade.SEVERE


def test_a_batch_is_compared_with_its_phase_once_that_is_known() -> None:
    """Where each seventh batch is spread otherwise, that is usual for it, and would be odd for the others."""
    week = [quantiles(TWO_PRICES if day % 7 == 0 else ORDINARY * (1 + day % 3 / 100)) for day in range(7 * 14)]

    assert verdict([*week], quantiles(TWO_PRICES))[1].grade is Grade.USUAL
    assert verdict([*week[:-6]], quantiles(TWO_PRICES))[1].grade is not Grade.USUAL


@given(
    numbers=st.lists(st.lists(st.floats(-1e6, 1e6), min_size=20, max_size=20), min_size=14, max_size=RECENT),
    newest=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20),
)
def test_a_distance_is_between_0_and_1(numbers: list[list[float]], newest: list[float]) -> None:
    """Whatever the numbers: ties, constants, and a batch that is as all before it, which is at none."""
    history = [quantiles(np.array(one)) for one in numbers]

    assert 0 <= verdict([*history], quantiles(np.array(newest)))[0] <= 1
    assert verdict([history[0]] * 14, history[0])[0] == 0

"""Forecasts of many series at once: what they expect, what moves them, and what does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.reliability.smoothing import LEAST, forecast

NAN = float("nan")


def weekly(length: int, *, noise: float = 0.0, seed: int = 1) -> np.ndarray:
    """Return a series that is 3 lower on every seventh step."""
    random = np.random.default_rng(seed)
    return 10 - 3.0 * (np.arange(length) % 7 == 6) + noise * random.standard_normal(length)


def one(values: object, seasons: tuple[int, ...] = (7,), least: float = 0.01) -> tuple[float, float, int]:
    """Return the forecast of one series."""
    found = forecast(np.array([values], dtype=float), seasons, least)
    return float(found.centre[0]), float(found.scale[0]), int(found.season[0])


def test_a_steady_series_goes_on() -> None:
    """What never changed is expected again, without a season and nearly without a deviation."""
    centre, scale, season = one([5.0] * 30)
    assert (centre, season) == (5.0, 0)
    assert scale == 0.01


@pytest.mark.parametrize("length", [28, 34, 35, 60, 83])
def test_a_week_comes_again(length: int) -> None:
    """The next step is that of its day of the week, whatever day that is."""
    whole = weekly(length + 1, noise=0.05)
    centre, scale, season = one(whole[:length])
    assert season == 7
    assert abs(centre - whole[length]) < 0.5
    assert scale < 0.5


def test_few_values_give_no_forecast() -> None:
    """Below eight values nothing is said; gaps are no values."""
    for values in ([1.0] * (LEAST - 1), [NAN] * 40 + [1.0] * (LEAST - 1), [NAN] * 40, []):
        centre, _, _ = one(values)
        assert np.isnan(centre)
    assert not np.isnan(one([1.0] * LEAST)[0])


def test_an_incident_does_not_become_what_is_expected() -> None:
    """After a day of nothing the next is expected as before; the mean of a fortnight is drawn down by it."""
    quiet = list(weekly(59, noise=0.05))
    before, after = one(quiet), one([*quiet[:-1], 0.0])
    assert abs(before[0] - after[0]) < 0.5


def test_a_new_level_is_learned() -> None:
    """What stays where it went is normal after a while."""
    centre, _, _ = one([10.0] * 30 + [12.0] * 30)
    assert abs(centre - 12.0) < 0.3


def test_closed_days_are_no_gaps_in_the_week() -> None:
    """A shop closed on Saturdays has a season all the same, and Saturdays say nothing."""
    values = weekly(84, noise=0.05)
    values[np.arange(84) % 7 == 5] = NAN
    centre, scale, season = one(values)
    assert season == 7
    assert abs(centre - 10) < 0.5
    assert scale < 0.5


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.floats(-5, 5), st.just(NAN)), min_size=1, max_size=45),
    st.lists(st.floats(-5, 5), min_size=45, max_size=45),
    st.integers(0, 30),
)
def test_each_series_is_forecast_as_if_it_were_alone(values: list[float], other: list[float], missing: int) -> None:
    """Beside others, and with nothing before it, a series has the forecast that it has by itself."""
    alone = one(values)
    together = np.full((3, len(other) + missing), NAN)
    together[0, -len(values) :], together[1, -len(other) :] = values, other
    found = forecast(together, (7,))
    told = float(found.centre[0]), float(found.scale[0]), int(found.season[0])
    if np.isnan(alone[0]):
        assert np.isnan(told[0])
    else:
        assert told == pytest.approx(alone)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=10, max_size=60), st.floats(-3, 3), st.floats(0.5, 4))
def test_moved_and_stretched_series_have_moved_and_stretched_forecasts(
    values: list[float], by: float, times: float
) -> None:
    """Nothing depends on where nought is or on the unit."""
    centre, scale, season = one(values)
    moved = one([value * times + by for value in values], least=0.01 * times)
    if season == moved[2]:  # two that err alike may be told apart by the last digit
        assert moved[0] == pytest.approx(centre * times + by, abs=1e-4)
        assert moved[1] == pytest.approx(scale * times, abs=1e-4)

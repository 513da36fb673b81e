"""Robust exponential smoothing: what the next value of a series should be, and how far it may be off.

Level and season move with each value, but never by more than 2.5 deviations, so that an incident does not become what
is expected after it. Several speeds and seasons are fitted to each series, and the one is taken that erred least on
what it had not seen. The value that is judged is no part of what it is judged by. All series are computed at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST = 8  # values; of fewer nothing is forecast
FAST, SLOW, SEASONAL = 0.4, 0.1, 0.15  # shares of a surprise that level and season take over
_CLIP = 2.5  # deviations by which one value moves level and season at most
_CYCLES, _SURE = 2, 3  # whole seasons there must be to fit one, and to trust it as a plain level
_UNSURE = 1.5  # times the error of a season seen less often than that
_NORMAL = 1.4826  # of a normal distribution: deviation / median of the distances
_Q95 = 1.96


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected next of n series.

    Attributes:
        centre: (n,) the value; NaN where there are fewer than `LEAST` values.
        scale: (n,) one deviation, in the unit of the values.
        season: (n,) the length of the season that was taken, 0 for none.
        count: (n,) how many values it stands on.
    """

    centre: Floats
    scale: Floats
    season: NDArray[np.int64]
    count: NDArray[np.int64]


def forecast(history: Floats, seasons: Sequence[int] = (7,), least: float = 0.01) -> Forecast:
    """Return what comes after each series.

    Args:
        history: (n, t) values in equal steps, the newest last, NaN where there is none: gaps, and what is not to be
            learned from. Beginnings may differ.
        seasons: lengths in steps that are tried, beside none.
        least: the deviation that even a steady series is believed to have; it learns a new level by that.

    Source: robust Holt-Winters smoothing after Gelper, Fried and Croux (2010), with the parameters chosen by clipped
    error within the sample.
    """
    number, length = history.shape
    filled = ~np.isnan(history)
    found = Forecast(
        np.full(number, np.nan), np.full(number, np.nan), np.zeros(number, np.int64), filled.sum(1).astype(np.int64)
    )
    begins = np.where(filled.any(1), filled.argmax(1), length) if length else np.zeros(number)
    for begin in np.unique(begins[found.count >= LEAST]):
        rows = np.flatnonzero((begins == begin) & (found.count >= LEAST))
        centre, scale, season = _fitted(history[rows, begin:], seasons, least)
        found.centre[rows], found.scale[rows], found.season[rows] = centre, scale, season
    return found


def _fitted(values: Floats, seasons: Sequence[int], least: float) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return centre, scale and season of series that begin together."""
    number, length = values.shape
    loss = np.full(number, np.inf)
    centre, scale, chosen = np.empty(number), np.empty(number), np.zeros(number, np.int64)
    for season in (0, *(s for s in seasons if length >= _CYCLES * s)):
        start, doubt = _burn_in(length, season)
        level, phases = _beginning(values, season)
        for speed in (FAST, SLOW):
            errors, expected = _smoothed(values, level.copy(), phases.copy(), speed, least)
            worth, spread = _judged(errors[:, start:])
            better = worth * doubt < loss
            loss = np.where(better, worth * doubt, loss)
            centre, scale = np.where(better, expected, centre), np.where(better, spread * doubt, scale)
            chosen[better] = season
    return centre, np.maximum(scale, least), chosen


def _burn_in(length: int, season: int) -> tuple[int, float]:
    """Return from which step on errors count, and by how much they are enlarged where a season was hardly seen."""
    if not season:
        return min(7, length // 2), 1.0
    return (_CYCLES * season, 1.02) if length >= (_SURE + 1) * season else (season, _UNSURE)


def _beginning(values: Floats, season: int) -> tuple[Floats, Floats]:
    """Return the level of each series in the beginning, and how far each phase is off it: (n,), (n, season or 1)."""
    number, length = values.shape
    if not season:
        return medians(values[:, : min(7, length // 2)]), np.zeros((number, 1))
    cycles = min(max(_CYCLES, length // season // 2), 4)
    first = values[:, : cycles * season].reshape(number, cycles, season)
    level = medians(first.reshape(number, -1))
    return level, np.nan_to_num(medians(first - medians(first, axis=2)[..., None], axis=1))


def _smoothed(values: Floats, level: Floats, phases: Floats, speed: float, least: float) -> tuple[Floats, Floats]:
    """Return the error at each step before it was learned from, NaN at gaps, and what is expected after the last."""
    number, length = values.shape
    size = phases.shape[1]
    errors = np.empty((number, length))
    near = values[:, : max(2 * size, 8)]
    deviation = np.maximum(np.nan_to_num(_NORMAL * medians(np.abs(near - level[:, None]))), least)
    for step in range(length):
        phase = step % size
        error = values[:, step] - level - phases[:, phase]
        errors[:, step] = error
        known = np.nan_to_num(error)  # a gap teaches nothing
        moved = np.clip(known, -_CLIP * deviation, _CLIP * deviation)
        level += speed * moved
        if size > 1:
            phases[:, phase] += SEASONAL * (1 - speed) * moved
        spread = 0.93 * deviation + 0.07 * 1.25 * np.minimum(np.abs(known), 3 * deviation)
        deviation = np.where(np.isnan(error), deviation, np.maximum(spread, least))
    return errors, level + phases[:, length % size]


def _judged(errors: Floats) -> tuple[Floats, Floats]:
    """Return how much errors weigh, single large ones cut, and the deviation that they show."""
    distances = np.sort(np.abs(errors), axis=1)  # gaps stand last
    seen = (~np.isnan(distances)).sum(1)
    middle = _at(distances, seen, 0.5)
    cut = np.nan_to_num(np.minimum(distances, 6 * middle[:, None] + 1e-9))
    weight = np.where(seen > 0, cut.sum(1) / np.maximum(seen, 1), np.inf)
    spread = np.maximum(_NORMAL * middle, _at(distances, seen, 0.95) / _Q95)
    return weight, spread * (1 + 2 / np.maximum(seen, 1))


def medians(values: Floats, axis: int = 1) -> Floats:
    """Return the medians of what is there, NaN where nothing is."""
    ordered = np.sort(np.moveaxis(values, axis, -1), axis=-1)
    return _at(ordered, (~np.isnan(ordered)).sum(-1), 0.5)


def _at(ordered: Floats, seen: NDArray[np.int64], share: float) -> Floats:
    """Return the quantile of what is seen of ordered values with gaps last, between its neighbours in proportion."""
    place = share * np.maximum(seen - 1, 0)
    below = place.astype(np.int64)
    above = np.minimum(below + 1, np.maximum(seen - 1, 0))
    low, high = (np.take_along_axis(ordered, at[..., None], -1)[..., 0] for at in (below, above))
    return np.asarray(low + (high - low) * (place - below))

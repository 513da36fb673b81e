"""Whether the numbers of a batch are spread as they usually are.

A batch tells quantiles of each column of numbers. What is usual is the median of those before it, quantile by
quantile, of the same phase where enough are known. The distance is that of Jensen and Shannon, between 0 and 1, over
the bins that the usual quantiles make. How far batches are off that anyway is known from those before: only what is
further is told.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from freehold.quality.layout import QUANTILES
from freehold.reliability.judging import Grade, Verdict
from freehold.reliability.smoothing import Floats, medians

RECENT = 28  # batches before, of which the usual is taken
_ENOUGH = 14  # of which it is known how far they are off anyway
_UNUSUAL, _SEVERE = 4.0, 8.0  # deviations of the distances of others
_FAR, _VERY_FAR = 0.2, 0.35  # distances
_BY_CHANCE = 2.5  # times the distance that so few rows have by chance
_LEAST_SCALE = 0.02
_NORMAL = 1.4826  # of a normal distribution: deviation / median of the distances
_SHARES = np.array(QUANTILES)
_AT_ONCE = 500  # series; of more the arrays would not stay small


def spread(history: Floats, quantiles: Floats, rows: Floats) -> list[tuple[float, Verdict]]:
    """Return how far the numbers of the newest batch of each series are from the usual, and a verdict on that.

    Args:
        history: (n, RECENT, q) quantiles of batches before, NaN where there is none.
        quantiles: (n, q) of the newest.
        rows: (n,) how many rows those are of.
    """
    parts = range(0, len(quantiles), _AT_ONCE)
    return [one for n in parts for one in _judged(*(side[n : n + _AT_ONCE] for side in (history, quantiles, rows)))]


def quantiles_of(told: Sequence[Sequence[float] | None]) -> Floats:
    """Return quantiles of batches as an array, (t, q): NaN where a batch tells none, or not as many."""
    found = np.full((len(told), len(_SHARES)), np.nan)
    for at, one in enumerate(told):
        if one is not None and len(one) == len(_SHARES):
            found[at] = one
    return found


def before(history: Floats, seasons: Sequence[int]) -> Floats:
    """Return what the newest batch is compared with, (RECENT, q): the newest, of its phase where these are enough.

    Args:
        history: (t, q) quantiles in equal steps, the newest last, NaN where there is none.
        seasons: after how many steps it may repeat.
    """
    known = ~np.isnan(history[:, 0])
    steps = np.arange(len(history), 0, -1)
    phases = (known & (steps % season == 0) for season in sorted(seasons, reverse=True))
    alike = next((phase for phase in phases if phase.sum() >= _ENOUGH), known)
    chosen = history[alike][-RECENT:]
    found = np.full((RECENT, history.shape[1]), np.nan)
    found[RECENT - len(chosen) :] = chosen
    return found


def _judged(history: Floats, quantiles: Floats, rows: Floats) -> list[tuple[float, Verdict]]:
    there = ~np.isnan(history[:, :, 0])
    count = there.sum(1)
    with np.errstate(all="ignore"):
        usual = medians(history)
        others = np.where(there, _distance(history, usual[:, None, :]), np.nan)
        expected = medians(others)
        scale = np.maximum(_NORMAL * medians(np.abs(others - expected[:, None])), _LEAST_SCALE)
        distance = _distance(quantiles[:, None, :], usual[:, None, :])[:, 0]
        chance = _BY_CHANCE * np.sqrt(len(_SHARES) / (8 * np.log(2) * np.maximum(rows, 1)))
        bounds = [
            np.maximum(np.maximum(expected + most * scale, far), chance)
            for most, far in ((_UNUSUAL, _FAR), (_SEVERE, _VERY_FAR))
        ]
        z = (distance - expected) / scale
    grades = np.select([count < _ENOUGH, distance > bounds[1], distance > bounds[0]],
                       [Grade.UNKNOWN, Grade.SEVERE, Grade.UNUSUAL], Grade.USUAL)  # fmt: skip
    low = np.where(count < _ENOUGH, np.nan, 0.0)
    told = zip(grades, expected + low, low, bounds[0] + low, z + low, count, strict=True)
    verdicts = [
        Verdict(Grade(grade), float(centre), float(least), float(most), float(off), int(seen))
        for grade, centre, least, most, off, seen in told
    ]
    return list(zip(distance.tolist(), verdicts, strict=True))


def _distance(quantiles: Floats, usual: Floats) -> Floats:
    """Return the distance of Jensen and Shannon of (n, t, q) from (n, 1, q), over the bins between the latter."""
    ours, theirs = (_in_bins(_below(one, usual)) for one in (quantiles, usual))
    middle = (ours + theirs) / 2
    apart = [
        np.where(p > 0, p * np.log2(np.maximum(p, 1e-12) / np.maximum(middle, 1e-12)), 0.0) for p in (ours, theirs)
    ]
    return np.asarray(np.sqrt(np.maximum((apart[0] + apart[1]).sum(-1) / 2, 0)))


def _below(quantiles: Floats, edges: Floats) -> Floats:
    """Return the share of values up to each edge, (n, t, q): between two quantiles in proportion.

    Of equal quantiles it is that of the last; beyond the outermost it is half of what lies there.
    """
    number = (quantiles[:, :, None, :] <= edges[:, :, :, None]).sum(-1)
    least, most = np.maximum(number - 1, 0), np.minimum(number, len(_SHARES) - 1)
    low, high = (np.take_along_axis(quantiles, at, -1) for at in (least, most))
    part = np.where(high > low, (edges - low) / np.where(high > low, high - low, 1.0), 0.0)
    inside = _SHARES[least] + (_SHARES[most] - _SHARES[least]) * part
    beyond = (1 + _SHARES[-1]) / 2
    is_at_last = edges <= quantiles[:, :, -1:]
    return np.asarray(
        np.select(
            [number == 0, (number == len(_SHARES)) & ~is_at_last],
            [np.full(1, _SHARES[0] / 2), np.full(1, beyond)],
            inside,
        )
    )


def _in_bins(below: Floats) -> Floats:
    """Return the shares of values in the bins between edges, and beyond both ends."""
    ends = np.zeros((*below.shape[:-1], 1))
    return np.diff(np.concatenate([ends, below, ends + 1], axis=-1), axis=-1)

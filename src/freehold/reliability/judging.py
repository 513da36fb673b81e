"""Whether a value is what its series leads one to expect.

A value is unusual where it is both unlikely and far off: deviations alone cry wolf on steady series, percents alone on
restless ones. It is judged by what came before it, never by itself. Of fewer than eight values nothing is forecast:
then only what no series explains is told, an empty batch and a change of ten times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from freehold.reliability.measures import LEAST_SCALE, Kind, by_chance, natural, scaled, usual
from freehold.reliability.smoothing import LEAST, Floats, forecast

_UNUSUAL, _SEVERE = 3.5, 6.0  # deviations
_OF_MEANS = 5.0  # means have heavy tails: one large order moves a day
_FAR, _VERY_FAR = 0.2, 0.25  # of what is expected
_TENFOLD, _FEW = 10.0, 3  # a change that needs no forecast, and the values it takes to tell


class Grade(StrEnum):
    """How far a value is off."""

    USUAL = "usual"
    UNUSUAL = "unusual"
    SEVERE = "severe"
    UNKNOWN = "unknown"  # too little is known to say


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one value.

    Attributes:
        expected, low, high: what was expected, and between what it would be usual; NaN where nothing was forecast.
        z: deviations it is off; NaN where nothing was forecast.
        count: how many values it was judged by.
    """

    grade: Grade
    expected: float
    low: float
    high: float
    z: float
    count: int


def judged(
    kind: Kind, history: Floats, before: Floats, values: Floats, rows: Floats, seasons: Sequence[int] = (7,)
) -> list[Verdict]:
    """Return a verdict on the newest value of each series of one kind.

    Args:
        kind: of all of them.
        history: (n, t) values before, in equal steps, the newest last, NaN where there is none.
        before: (n, t) the rows each of them is of.
        values: (n,) the newest.
        rows: (n,) the rows it is of.
        seasons: lengths in steps that may repeat.
    """
    unit = usual(history)
    found = forecast(scaled(kind, history, before, unit), seasons, LEAST_SCALE[kind])
    seen = scaled(kind, values[:, None], rows[:, None], unit)[:, 0]
    expected = natural(kind, found.centre, unit[:, 0])
    spread = np.sqrt(found.scale**2 + by_chance(kind, expected, rows))
    z = (seen - found.centre) / spread
    bound = _OF_MEANS if kind is Kind.MEAN else _UNUSUAL
    low, high = (natural(kind, found.centre + side * bound * spread, unit[:, 0]) for side in (-1, 1))
    off = np.abs(seen - found.centre)
    far = z if kind is Kind.TIME else np.abs(z)  # nobody is told of work that took less long
    grades = np.select(
        [found.count < LEAST, (far >= _SEVERE) & (off >= np.log1p(_VERY_FAR)),
         (far >= bound) & (off >= np.log1p(_FAR))],
        [Grade.UNKNOWN, Grade.SEVERE, Grade.UNUSUAL],
        Grade.USUAL,
    )  # fmt: skip
    verdicts = zip(grades.tolist(), expected.tolist(), low.tolist(), high.tolist(), z.tolist(), strict=True)
    return [
        _plainly(kind, history[n], float(values[n]), int(found.count[n]))
        if grade == Grade.UNKNOWN
        else Verdict(Grade(grade), centre, least, most, off_by, int(found.count[n]))
        for n, (grade, centre, least, most, off_by) in enumerate(verdicts)
    ]


def _plainly(kind: Kind, history: Floats, value: float, count: int) -> Verdict:
    """Return what few values can tell: nothing came where something always did, or ten times as much or as little."""
    known = history[~np.isnan(history)]
    middle = float(np.median(known)) if count >= _FEW else 0.0
    is_told = kind in (Kind.COUNT, Kind.RATIO) and count >= _FEW and bool((known > 0).all())
    is_off = is_told and not middle / _TENFOLD < value < middle * _TENFOLD
    grade = Grade.SEVERE if is_off else Grade.USUAL if is_told else Grade.UNKNOWN
    nan = float("nan")
    return Verdict(grade, middle if is_told else nan, middle / _TENFOLD if is_told else nan,
                   middle * _TENFOLD if is_told else nan, nan, count)  # fmt: skip

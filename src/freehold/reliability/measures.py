"""What is measured of a batch, each on a scale on which an ordinary change has one size.

Counts grow by factors, shares lie between nothing and all, means may be below nothing. Each measure has the deviation
that chance alone gives it, so that few rows do not raise alarms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from freehold.foundation.words import percent
from freehold.reliability.smoothing import Floats

ROWS, DISTRIBUTION, NEW, LOST, SECONDS = "rows", "distribution", "new", "lost", "seconds"


class Kind(StrEnum):
    """On which scale a measure is compared."""

    COUNT = "count"  # of rows: its logarithm
    SHARE = "share"  # of rows with something, 0 to 1: its log-odds
    RATIO = "ratio"  # of two counts, 1 or more: its logarithm
    MEAN = "mean"  # of numbers of any sign: its inverse hyperbolic sine, in hundredths of what is usual
    TIME = "time"  # that work took, in seconds: the logarithm of minutes, so that short work never counts as long


_KINDS = {
    ROWS: Kind.COUNT, "nulls": Kind.SHARE, "repeats": Kind.RATIO, "mean": Kind.MEAN, DISTRIBUTION: Kind.SHARE,
    NEW: Kind.SHARE, LOST: Kind.SHARE, SECONDS: Kind.TIME,
}  # fmt: skip
_WORDS = {NEW: "new values", LOST: "lost values"}
_MANY = 50  # different values from which on how often one is repeated tells more than the number of rows does
_MINUTE_S = 60.0

LEAST_SCALE = {Kind.COUNT: 0.01, Kind.SHARE: 0.05, Kind.RATIO: 0.02, Kind.MEAN: 0.01, Kind.TIME: 0.2}
"""The least deviation that is believed in, on the scale of the kind."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that is measured of a batch: `rows`, or something of a column: see `_KINDS`."""

    name: str
    column: str = ""

    @property
    def kind(self) -> Kind:
        """On which scale it is compared; `distribution`, `new` and `lost` have ways of their own."""
        return _KINDS[self.name]

    @property
    def is_share(self) -> bool:
        """Whether its value is a share of rows."""
        return self.kind is Kind.SHARE and self.name != DISTRIBUTION

    def said(self, value: float | None) -> str:
        """Return a value of it as it is said."""
        if value is None:
            return "?"
        if self.is_share:
            return percent(value, 1)
        return f"{value:,.0f}" if abs(value) >= 1_000 or value == int(value) else f"{value:,.3g}"

    def __str__(self) -> str:
        name = _WORDS.get(self.name, self.name)
        return f"{name} of {self.column}" if self.column else name


def measured(profile: Mapping[str, Any]) -> Iterator[tuple[Measure, float]]:
    """Yield the measures of a batch and their values, of a `profile.observed`; what was not measured is left out.

    Of no rows only their number is told: nothing else of them means anything.
    """
    rows = profile.get("rows")
    if rows is None:
        return
    yield Measure(ROWS), float(rows)
    if rows and profile.get("seconds") is not None:
        yield Measure(SECONDS), float(profile["seconds"])
    for column, said in profile["columns"].items() if rows else ():
        filled = rows - said["nulls"] if said.get("nulls") is not None else None
        if filled is not None:
            yield Measure("nulls", column), said["nulls"] / rows
        if filled and (said.get("distinct") or 0) >= _MANY:
            yield Measure("repeats", column), max(1.0, filled / said["distinct"])
        if filled and said.get("mean") is not None:
            yield Measure("mean", column), float(said["mean"])


def scaled(kind: Kind, values: Floats, rows: Floats, unit: Floats) -> Floats:
    """Return values on the scale of their kind.

    Args:
        kind: of the values.
        values: (n, t).
        rows: (n, t) how many rows each is of.
        unit: (n, 1) what is usual of each series; see `usual`.
    """
    with np.errstate(all="ignore"):
        match kind:
            case Kind.COUNT:
                return np.asarray(np.log1p(values))
            case Kind.SHARE:
                return np.asarray(np.log((values * rows + 0.5) / ((1 - values) * rows + 0.5)))
            case Kind.RATIO:
                return np.asarray(np.log(values))
            case Kind.MEAN:
                return np.asarray(np.arcsinh(values / unit))
            case Kind.TIME:
                return np.asarray(np.log1p(values / _MINUTE_S))


def natural(kind: Kind, scaled: Floats, unit: Floats) -> Floats:
    """Return what values on the scale of a kind stand for: `scaled` undone, for any number of rows."""
    with np.errstate(over="ignore"):
        match kind:
            case Kind.COUNT:
                return np.asarray(np.maximum(np.expm1(scaled), 0))
            case Kind.SHARE:
                return np.asarray(1 / (1 + np.exp(-scaled)))
            case Kind.RATIO:
                return np.asarray(np.exp(scaled))
            case Kind.MEAN:
                return np.asarray(np.sinh(scaled) * unit)
            case Kind.TIME:
                return np.asarray(np.maximum(np.expm1(scaled), 0) * _MINUTE_S)


def usual(values: Floats) -> Floats:
    """Return a hundredth of what is usual of each series, (n, 1): the unit of means."""
    sizes = np.abs(values)
    with np.errstate(all="ignore"):
        middle = np.array([np.median(row[~np.isnan(row)]) if (~np.isnan(row)).any() else 1.0 for row in sizes])
    return np.asarray(np.maximum(middle * 0.01, 1e-9)[:, None])


def by_chance(kind: Kind, expected: Floats, rows: Floats) -> Floats:
    """Return the variance that chance alone gives, on the scale of a kind, (n,): few rows vary more.

    Args:
        kind: of the values.
        expected: what is expected, as `natural` tells it.
        rows: how many rows the value is of.
    """
    match kind:
        case Kind.COUNT:
            return np.asarray(1 / (expected + 1))
        case Kind.SHARE:
            hit = expected * rows
            return np.asarray(1 / (hit + 0.5) + 1 / (rows - hit + 0.5))
        case Kind.TIME:
            return np.zeros_like(expected)
        case _:
            return np.asarray(1 / np.maximum(rows, 1))

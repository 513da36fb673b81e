"""Verdicts on values: what is unusual, what is only restless, and what cannot be said."""

from __future__ import annotations

import numpy as np
import pytest

from freehold.reliability.judging import Grade, Verdict, judged
from freehold.reliability.measures import Kind, Measure, measured

NAN = float("nan")
STEADY = [1000.0 + 10 * (n % 5) for n in range(40)]
RESTLESS = [1000.0 * (1 + 0.6 * ((n * 7919) % 11 - 5) / 5) for n in range(60)]
SHARES = [0.20 + 0.01 * (n % 4) for n in range(40)]


def verdict(kind: Kind, history: list[float], value: float, rows: float = 1000.0) -> Verdict:
    """Return the verdict on one value after a history of batches of as many rows."""
    before = np.where(np.isnan([history]), NAN, rows)
    (found,) = judged(kind, np.array([history]), before, np.array([value]), np.array([rows]), (7,))
    return found


@pytest.mark.parametrize(
    ("kind", "history", "value", "grade"),
    [
        (Kind.COUNT, STEADY, 1020.0, Grade.USUAL),
        (Kind.COUNT, STEADY, 0.0, Grade.SEVERE),
        (Kind.COUNT, STEADY, 500.0, Grade.SEVERE),
        (Kind.COUNT, STEADY, 2000.0, Grade.SEVERE),
        (Kind.COUNT, STEADY, 1150.0, Grade.USUAL),  # far off by deviations, and too little to speak of
        (Kind.COUNT, RESTLESS, 500.0, Grade.USUAL),
        (Kind.COUNT, RESTLESS, 0.0, Grade.SEVERE),
        (Kind.COUNT, [3.0, 5.0, 4.0, 2.0, 6.0] * 8, 1.0, Grade.USUAL),  # few rows vary by chance
        (Kind.COUNT, [3.0, 5.0, 4.0, 2.0, 6.0] * 8, 300.0, Grade.SEVERE),
        (Kind.SHARE, SHARES, 0.21, Grade.USUAL),
        (Kind.SHARE, SHARES, 0.6, Grade.SEVERE),
        (Kind.SHARE, [0.0] * 40, 0.0, Grade.USUAL),
        (Kind.SHARE, [0.0] * 40, 0.3, Grade.SEVERE),
        (Kind.RATIO, [20.0 + n % 3 for n in range(40)], 42.0, Grade.SEVERE),
        (Kind.TIME, [600.0 + 20 * (n % 3) for n in range(8)], 700.0, Grade.USUAL),
        (Kind.TIME, [600.0 + 20 * (n % 3) for n in range(8)], 1500.0, Grade.UNUSUAL),
        (Kind.TIME, [600.0 + 20 * (n % 3) for n in range(8)], 6000.0, Grade.SEVERE),
        (Kind.TIME, [600.0 + 20 * (n % 3) for n in range(8)], 10.0, Grade.USUAL),  # less long is no trouble
        (Kind.TIME, [600.0] * 7, 60_000.0, Grade.UNKNOWN),
        (Kind.TIME, [0.05] * 40, 20.0, Grade.USUAL),  # hundreds of times as long, and still short
        (Kind.MEAN, [4.0 + 0.2 * (n % 3) for n in range(40)], 400.0, Grade.SEVERE),
        (Kind.MEAN, [4.0 + 0.2 * (n % 3) for n in range(40)], -4.0, Grade.SEVERE),
        (Kind.MEAN, [-4.0 - 0.2 * (n % 3) for n in range(40)], -4.2, Grade.USUAL),
        (Kind.MEAN, [0.0] * 40, 0.0, Grade.USUAL),
        # few values: only what needs no forecast
        (Kind.COUNT, [1000.0] * 7, 1500.0, Grade.USUAL),
        (Kind.COUNT, [1000.0] * 7, 0.0, Grade.SEVERE),
        (Kind.COUNT, [1000.0] * 3, 10_000.0, Grade.SEVERE),
        (Kind.COUNT, [1000.0] * 3, 100.0, Grade.SEVERE),
        (Kind.COUNT, [1000.0, 0.0, 1000.0], 0.0, Grade.UNKNOWN),
        (Kind.COUNT, [1000.0] * 2, 0.0, Grade.UNKNOWN),
        (Kind.COUNT, [NAN] * 30, 5.0, Grade.UNKNOWN),
        (Kind.MEAN, [4.0] * 7, 4000.0, Grade.UNKNOWN),
        (Kind.SHARE, [0.1] * 7, 0.9, Grade.UNKNOWN),
    ],
)
def test_a_value_is_judged_by_what_came_before(kind: Kind, history: list[float], value: float, grade: Grade) -> None:
    """Unlikely and far off is unusual; either alone is not; too little to know is neither."""
    assert verdict(kind, history, value).grade is grade


def test_what_would_have_been_usual_is_told_in_the_unit_of_the_value() -> None:
    """The verdict holds what was expected and between what it would be usual, and a value at its edges is."""
    for kind, history in ((Kind.COUNT, STEADY), (Kind.SHARE, SHARES), (Kind.MEAN, [4.0 + n % 3 for n in range(40)])):
        found = verdict(kind, history, history[-1])
        assert found.low < found.expected < found.high
        assert min(history) * 0.7 < found.expected < max(history) * 1.3
        assert verdict(kind, history, found.high * 0.99).grade is Grade.USUAL
        assert verdict(kind, history, found.low * 1.01).grade is Grade.USUAL


def test_the_value_under_test_trains_nothing() -> None:
    """What is expected does not depend on what came."""
    told = [verdict(Kind.COUNT, STEADY, value).expected for value in (0.0, 1000.0, 1e9)]
    assert len(set(told)) == 1


def test_fewer_rows_make_a_share_less_certain() -> None:
    """Of ten rows three without a value are chance where of ten thousand they are none."""
    assert verdict(Kind.SHARE, SHARES, 0.4, rows=10).grade is Grade.USUAL
    assert verdict(Kind.SHARE, SHARES, 0.4, rows=10_000).grade is not Grade.USUAL


def test_measures_of_a_profile() -> None:
    """Of a batch come its rows, the missing, the repeated and the mean of each column; of an empty one its rows."""
    columns = {
        "id": {"nulls": 0, "distinct": 900, "mean": None},
        "country": {"nulls": 20, "distinct": 12, "mean": None},
        "price": {"nulls": 1000, "distinct": None, "mean": 4.5},
        "older": {"nulls": 0, "minimum": 1, "maximum": 2},
    }
    found = dict(measured({"rows": 1000, "columns": columns}))
    assert found == {
        Measure("rows"): 1000.0, Measure("nulls", "id"): 0.0, Measure("repeats", "id"): 1000 / 900,
        Measure("nulls", "country"): 0.02, Measure("nulls", "price"): 1.0, Measure("nulls", "older"): 0.0,
    }  # fmt: skip
    assert dict(measured({"rows": 5, "columns": {}, "seconds": 7})) == {Measure("rows"): 5.0, Measure("seconds"): 7.0}
    assert dict(measured({"rows": 0, "columns": columns, "seconds": 7})) == {Measure("rows"): 0.0}
    assert dict(measured({"rows": None, "columns": columns})) == {}
    assert [str(one) for one in found][:2] == ["rows", "nulls of id"]

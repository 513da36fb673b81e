"""The generated days: the same for the same seed, shaped as the real ones, and dirty in the same way."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import date, timedelta
from statistics import mean, median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.demo.generator import HEADER, TradingDay, to_csv, trades_on, trading_days

END = date(2026, 6, 30)


@pytest.fixture(scope="module")
def days() -> list[TradingDay]:
    """Return six weeks of generated days."""
    return list(trading_days(11, END - timedelta(days=41), END))


def test_same_arguments_give_the_same_bytes(days: list[TradingDay]) -> None:
    """A seed and a span always give the same files, so that a demo can be told again."""
    again = list(trading_days(11, END - timedelta(days=41), END))

    assert [to_csv(d.lines) for d in days] == [to_csv(d.lines) for d in again]


def test_another_seed_gives_another_shop() -> None:
    """The seed decides what is sold, not only in which order."""
    one, other = (next(trading_days(seed, END, END)) for seed in (1, 2))

    assert {line.description for line in one.lines} != {line.description for line in other.lines}


@given(st.dates(date(2010, 1, 1), date(2030, 12, 31)))
@settings(max_examples=60, deadline=None)
def test_never_on_saturdays(day: date) -> None:
    """The shop does not trade on Saturdays, in no year."""
    assert not (day.weekday() == 5 and trades_on(day))


@pytest.mark.parametrize(
    ("share", "low", "high"),
    [
        pytest.param(
            lambda line: line.customer is None, 0.12, 0.38, id="about a quarter of the lines have no customer"
        ),
        pytest.param(lambda line: line.invoice.startswith("C"), 0.005, 0.04, id="one or two lines in a hundred cancel"),
        pytest.param(lambda line: line.price <= 0, 0.001, 0.015, id="a few lines have no price"),
        pytest.param(lambda line: not line.description, 0.0005, 0.01, id="a few lines have no description"),
        pytest.param(lambda line: line.country == "United Kingdom", 0.85, 0.97, id="nine lines in ten are British"),
    ],
)
def test_dirt(days: list[TradingDay], share: object, low: float, high: float) -> None:
    """The dirt of the real files is there in about the real amount."""
    assert callable(share)
    lines = [line for d in days for line in d.lines]

    assert low <= mean(bool(share(line)) for line in lines) <= high


def test_shape(days: list[TradingDay]) -> None:
    """A day has about as many lines, a line costs about as much and sells about as many as in the real files."""
    lines = [line for d in days for line in d.lines]

    assert 900 <= median(len(d.lines) for d in days) <= 2600
    assert 1.2 <= median(line.price for line in lines) <= 3.0
    assert 1 <= median(line.quantity for line in lines) <= 8
    assert all(line.quantity < 0 for line in lines if line.invoice.startswith("C"))
    sizes = Counter(line.invoice for line in lines)
    assert max(sizes.values()) > 8 * median(sizes.values())


def test_exact_duplicates(days: list[TradingDay]) -> None:
    """About one line in a hundred stands twice, exactly."""
    lines = [line for d in days for line in d.lines]
    repeated = len(lines) - len(set(lines))

    assert 0.003 <= repeated / len(lines) <= 0.03


def test_files_read_as_written(days: list[TradingDay]) -> None:
    """A file has the real header, and every line comes back from its commas and quotes."""
    rows = list(csv.reader(io.StringIO(to_csv(days[0].lines).decode())))

    assert tuple(rows[0]) == HEADER
    assert len(rows) - 1 == len(days[0].lines)
    assert {len(row) for row in rows} == {len(HEADER)}
    assert [row[2] for row in rows[1:]] == [line.description for line in days[0].lines]
    assert any('"' in row[2] or "," in row[2] for row in rows[1:])

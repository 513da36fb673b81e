"""Time as spans: what some hold, what both hold, and how much of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from freehold.reliability.slo.spans import Lengths, Span, common, union

START = datetime(2011, 3, 1, tzinfo=UTC)
MINUTES = 60


def at(minute: int) -> datetime:
    """Return the instant of a minute."""
    return START + timedelta(minutes=minute)


def minutes(spans: list[Span]) -> set[int]:
    """Return the minutes that spans hold."""
    return {m for m in range(MINUTES) if any(start <= at(m) < end for start, end in spans)}


ONE = st.tuples(st.integers(0, MINUTES), st.integers(0, MINUTES)).map(lambda pair: (at(pair[0]), at(pair[1])))
SPANS = st.lists(ONE, max_size=8)


@given(SPANS, SPANS)
def test_spans_are_sets_of_minutes(one: list[Span], other: list[Span]) -> None:
    """Each operation holds the minutes that it holds of sets, in order, and leaves no two spans that touch."""
    a, b = union(one), union(other)

    assert minutes(a) == minutes(one)
    assert minutes(common(a, b)) == minutes(a) & minutes(b)
    assert all(before[1] < after[0] for before, after in pairwise(a))


@given(SPANS, ONE)
def test_lengths_are_counted_as_minutes_are(spans: list[Span], within: Span) -> None:
    """How much spans hold between two instants is how many of those minutes they hold."""
    start, end = within
    held = {m for m in minutes(union(spans)) if start <= at(m) < end}

    assert Lengths(union(spans)).between(start, end) == timedelta(minutes=len(held))


@given(SPANS, st.integers(1, MINUTES))
def test_what_has_begun_and_not_ended_before_holds(spans: list[Span], minute: int) -> None:
    """A span holds an instant when the minute before it is held."""
    assert Lengths(union(spans)).holds(at(minute)) == (minute - 1 in minutes(spans))

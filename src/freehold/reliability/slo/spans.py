"""Time as spans: from an instant up to, not including, another. Lists of spans are in order and do not touch."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import accumulate

Span = tuple[datetime, datetime]
_NOTHING = timedelta()


def union(spans: Iterable[Span]) -> list[Span]:
    """Return the time that some of the spans hold; empty ones, and those that end before they begin, hold none."""
    whole: list[Span] = []
    for start, end in sorted(one for one in spans if one[0] < one[1]):
        if whole and start <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(end, whole[-1][1]))
        else:
            whole.append((start, end))
    return whole


def common(one: Sequence[Span], other: Sequence[Span]) -> list[Span]:
    """Return the time that both hold."""
    found: list[Span] = []
    i = j = 0
    while i < len(one) and j < len(other):
        start, end = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if start < end:
            found.append((start, end))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return found


class Lengths:
    """How much time spans hold between two instants, each answer in the time of a search."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self.spans = spans
        self._before = list(accumulate((end - start for start, end in spans), initial=_NOTHING))

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Return how much of the time from `start` to `end` they hold."""
        return max(self._until(end) - self._until(start), _NOTHING)

    def holds(self, instant: datetime) -> bool:
        """Whether one of them has begun at, or before, an instant and ends at or after it."""
        at = bisect_left(self.spans, instant, key=lambda span: span[1])
        return at < len(self.spans) and self.spans[at][0] < instant

    def _until(self, instant: datetime) -> timedelta:
        at = bisect_right(self.spans, instant, key=lambda span: span[0])
        if at == 0:
            return _NOTHING
        start, end = self.spans[at - 1]
        return self._before[at - 1] + min(end, instant) - start

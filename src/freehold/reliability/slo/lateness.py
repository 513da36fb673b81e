"""What is late of many data sets: a heap of the next deadlines, so that time passes without work until one is reached.

Nothing here reads a clock or a file. How data came is told by `arrived`; what became late by an instant is asked for
with `pass_to`; when to ask again is `wake_at`. What is known of a data set follows from its rhythm and its newest
arrival alone, so that whoever starts anew with those knows the same.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Protocol

from freehold.delivery.arrival import Expected

_BACK = (timedelta(days=2), timedelta(days=40))  # how far before an arrival what was due before it is looked for
MOST = 400  # deliveries of one data set that are missing at once, and told one by one


class Rhythm(Protocol):
    """When data of one data set is due, again and again."""

    @property
    def asset(self) -> str:
        """Whose data it is."""

    def after(self, instant: datetime) -> Iterator[Expected]:
        """Yield the deliveries that are due after an instant, in order."""


@dataclass(slots=True)
class _Line:
    """What is known of one data set: the next delivery, those after it, and those that are missing."""

    due: Iterator[Expected]
    before: datetime | None
    next: Expected | None
    missing: list[Expected] = field(default_factory=list)

    def step(self) -> None:
        self.before = self.next.due_at if self.next else self.before
        self.next = next(self.due, None)

    def settle(self, at: datetime) -> None:
        """Go on to the first delivery that data of an instant is not."""
        while self.next is not None and self.next.due_at <= at:
            self.step()
        if self.next is not None and self.before is not None and at - self.before > self.next.due_at - at:
            self.step()


def _since(rhythm: Rhythm, came: datetime) -> _Line:
    """Return what is known of a data set that came last at an instant."""
    for back in _BACK:
        line = _Line(rhythm.after(came - back), None, None)
        line.step()
        line.settle(came)
        if line.before is not None:
            break
    return line


def _waiting(rhythm: Rhythm, since: datetime) -> _Line:
    """Return what is known of a data set that never came, and is waited for since an instant."""
    line = _Line(rhythm.after(since - _BACK[0]), None, None)
    line.step()
    while line.next is not None and line.next.late_at <= since:
        line.step()
    return line


class Lateness:
    """The data sets that are waited for."""

    def __init__(
        self,
        rhythms: Iterable[Rhythm],
        came: Mapping[str, datetime],
        now: datetime,
        waited: Mapping[str, datetime] = MappingProxyType({}),
    ) -> None:
        """Begin to wait.

        Args:
            rhythms: of each data set.
            came: by asset, when data came last.
            now: this instant.
            waited: by asset of which nothing ever came, since when it is waited for; default: now. What was due by then
                and not late yet is waited for, too.
        """
        self._lines: dict[str, _Line] = {}
        self._heap: list[tuple[datetime, str, datetime]] = []
        for rhythm in rhythms:
            at = came.get(rhythm.asset)
            line = _waiting(rhythm, waited.get(rhythm.asset, now)) if at is None else _since(rhythm, at)
            self._lines[rhythm.asset] = line
            self._push(rhythm.asset, line)

    @property
    def wake_at(self) -> datetime | None:
        """The next instant at which something may become late; None where nothing is waited for."""
        self._drop_settled()
        return self._heap[0][0] if self._heap else None

    @property
    def missing(self) -> dict[str, tuple[Expected, ...]]:
        """The deliveries that are late now, by asset, the oldest first."""
        return {asset: tuple(line.missing) for asset, line in self._lines.items() if line.missing}

    def arrived(self, asset: str, at: datetime) -> None:
        """Take it that data came. It is what was due by then, and the next delivery too, if it is nearer to that."""
        line = self._lines.get(asset)
        if line is None:
            return
        line.missing = [one for one in line.missing if one.due_at > at]
        before = line.next
        line.settle(at)
        if line.next is not before:
            self._push(asset, line)

    def pass_to(self, now: datetime) -> tuple[Expected, ...]:
        """Return what became late since it was last asked, up to `now`, in the order of the deadlines."""
        found = []
        while (at := self.wake_at) is not None and at <= now:
            _, asset, _ = heapq.heappop(self._heap)
            line = self._lines[asset]
            assert line.next is not None, "what is settled was dropped"
            found.append(line.next)
            line.missing = [*line.missing[1 - MOST :], line.next]
            line.step()
            self._push(asset, line)
        return tuple(found)

    def _push(self, asset: str, line: _Line) -> None:
        if line.next is not None:
            heapq.heappush(self._heap, (line.next.late_at, asset, line.next.due_at))

    def _drop_settled(self) -> None:
        while self._heap:
            _, asset, due_at = self._heap[0]
            line = self._lines[asset]
            if line.next is not None and line.next.due_at == due_at:
                return
            heapq.heappop(self._heap)

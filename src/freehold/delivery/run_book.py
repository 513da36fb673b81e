"""Lists of runs: what each came to, of as much of it as somebody sees, kept as long as nothing is added to it.

A run that has ended never changes, so its events are read once and summed up by product. What a reader sees of it is
put together from the sums of what they see. Sums of the newest runs are kept; of earlier ones the ledger is read.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain, groupby, islice
from typing import TYPE_CHECKING

from freehold.delivery.runs import OUTCOMES, SETTLED_WITHIN, TROUBLES, Outcome, StepTold, is_step, step_told
from freehold.delivery.unfinished import unfinished

if TYPE_CHECKING:
    from freehold.ledger import Ledger, Recorded

_STEP, _SETTLED = "run.completed", "deploy.completed"
_MOST_EVENTS = 20_000  # that one look reads where few runs are of what is asked for
_MOST_PARTS = 100_000  # sums that are kept of one environment, of about 400 bytes each
_FURTHER = 50  # runs that are read into the book at a time
_FEW = 8  # parts that are put together anew each time, and readers for whom more than those are kept


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in a list: what its steps, or those of some products, came to.

    Attributes:
        first, last: the numbers of the first and the last event of those steps.
        products: those it touched, in the order it did.
        counts: how many steps ended in each of `OUTCOMES`.
        rows: that were written.
        seconds: what the steps took in the warehouse, all together.
        earliest, latest: the intervals it built; empty where it built none.
        trouble: the first step that failed or was kept back.
        deployments: the settlements of it that published something.
        changes: the changes of the estate that it put in force; none for new data.
        trigger: what made it run: command, schedule and the like.
        jobs: the jobs of other tools that it is, where such a tool told of it and it built nothing of ours.
        went_on: the run that went on, where this one broke off.
        is_open: whether it has no end yet: it is at work, or broke off and no other has gone on.
    """

    id: str
    at: datetime
    actor: str
    trigger: str
    first: int
    last: int
    products: tuple[str, ...]
    counts: tuple[int, ...]
    rows: int
    seconds: float
    earliest: str = ""
    latest: str = ""
    trouble: StepTold | None = None
    deployments: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    went_on: str = ""
    is_open: bool = False

    @property
    def outcome(self) -> Outcome:
        """The worst that became of any of its steps, a cause before what waits for it."""
        return max(zip(OUTCOMES, self.counts, strict=True), key=lambda one: (one[1] > 0, OUTCOMES.index(one[0])))[0]

    @property
    def steps(self) -> int:
        """How many steps it had."""
        return sum(self.counts)

    def count(self, *outcomes: Outcome) -> int:
        """Return how many of its steps ended so."""
        return sum(self.counts[OUTCOMES.index(outcome)] for outcome in outcomes)


@dataclass(frozen=True, slots=True)
class _Settled:
    """A settlement that published something of some products."""

    deployment: str
    products: frozenset[str]
    changes: tuple[str, ...]


@dataclass(slots=True)
class _Run:
    """A run by its products, and what was put together of it for readers, by what those see."""

    id: str
    parts: dict[str, RunLine] = field(default_factory=dict)
    settled: list[_Settled] = field(default_factory=list)
    lines: dict[frozenset[str] | None, RunLine | None] = field(default_factory=dict)

    @property
    def first(self) -> int:
        """The number of its first event."""
        return min(part.first for part in self.parts.values())

    @property
    def last(self) -> int:
        """The number of its last one."""
        return max(part.last for part in self.parts.values())

    def add(self, events: Iterable[Recorded]) -> None:
        """Add the events of more of its steps, the oldest first."""
        of_product: dict[str, list[Recorded]] = defaultdict(list)
        for event in events:
            of_product[event.product].append(event)
        for product, told in of_product.items():
            known = [self.parts[product]] if product in self.parts else []
            self.parts[product] = _together([*known, _part(product, told)])
        self.lines.clear()

    def settle(self, settled: _Settled) -> None:
        """Add a settlement of it."""
        self.settled.append(settled)
        self.lines.clear()

    def line(self, seen: frozenset[str] | None) -> RunLine | None:
        """Return what it came to of the products that somebody sees; None where those had no part in it."""
        if len(self.parts) <= _FEW:
            return self._line(seen)
        if seen not in self.lines:
            if len(self.lines) >= _FEW:
                self.lines.clear()
            self.lines[seen] = self._line(seen)
        return self.lines[seen]

    def _line(self, seen: frozenset[str] | None) -> RunLine | None:
        parts = [part for product, part in self.parts.items() if seen is None or product in seen]
        if not parts:
            return None
        mine = [one for one in self.settled if seen is None or not one.products or not one.products.isdisjoint(seen)]
        changes = dict.fromkeys(chain.from_iterable(one.changes for one in mine))
        return replace(_together(parts), deployments=tuple(one.deployment for one in mine), changes=tuple(changes))


@dataclass(slots=True)
class _Shelf:
    """The newest runs of one environment, the newest first: each step from event `since` to event `upto` is theirs."""

    upto: int
    since: int
    runs: deque[_Run] = field(default_factory=deque)
    parts: int = 0
    is_whole: bool = False  # nothing came before them

    @property
    def has_room(self) -> bool:
        """Whether earlier runs may be put behind those there are."""
        return not self.is_whole and self.parts < _MOST_PARTS

    def further(self, runs: Collection[_Run], since: int, *, is_whole: bool) -> None:
        """Put earlier runs behind those there are."""
        self.runs.extend(runs)
        self.parts += sum(len(run.parts) for run in runs)
        self.since, self.is_whole = since, is_whole

    def follow(self, told: Iterable[Recorded]) -> None:
        """Add what was told since, and let go of the earliest where there is no room for it."""
        by_id = {run.id: run for run in reversed(self.runs)}
        for (type_, id_), events in groupby(told, key=lambda event: (event.type, event.run_id)):
            added = list(events)
            self.upto = added[-1].seq
            if type_ == _SETTLED:
                for event in filter(_has_published, added):
                    if id_ in by_id:
                        by_id[id_].settle(_settled(event))
            elif steps := list(filter(is_step, added)):
                if not self.runs or self.runs[0].id != id_:
                    self.runs.appendleft(_Run(id_))
                newest = by_id[id_] = self.runs[0]
                before = len(newest.parts)
                newest.add(steps)
                self.parts += len(newest.parts) - before
        while self.parts > _MOST_PARTS and len(self.runs) > 1:
            self.parts -= len(self.runs.pop().parts)
            self.since, self.is_whole = self.runs[-1].first, False


@dataclass(slots=True)
class _Page:
    """A page while it is filled: those of an outcome, and below which event there are more."""

    outcome: str
    limit: int
    found: list[RunLine] = field(default_factory=list)
    lowest: int = 0
    is_full: bool = False

    def take(self, line: RunLine) -> bool:
        """Add a run, where it is of those asked for; return False where there is no room for it."""
        if not self.outcome or line.outcome == self.outcome:
            if len(self.found) == self.limit:
                self.is_full = True
                return False
            self.found.append(line)
        self.lowest = line.first
        return True


class RunBook:
    """The runs of one ledger in lists. Safe to ask from many threads."""

    def __init__(self, ledger: Ledger) -> None:
        """Take the ledger; nothing is read of it before somebody asks."""
        self._ledger = ledger
        self._turn = threading.Lock()
        self._shelves: dict[str, _Shelf] = {}

    def lines(
        self,
        env: str,
        *,
        before: int = 0,
        product: str = "",
        outcome: str = "",
        seen: Collection[str] | None = None,
        limit: int = 50,
    ) -> tuple[tuple[RunLine, ...], int]:
        """Return runs of an environment, the newest first, and where to go on: `before` of the next page, 0 at the end.

        Where few runs are of what is asked for, a page may hold fewer, and still there is more.

        Args:
            env: the environment.
            before: the number of an event; only runs that began before it.
            product: only runs that touched it, and of these only its steps.
            outcome: only runs that ended so; see `OUTCOMES`.
            seen: products whose steps are told; runs without any are not there. None for all.
            limit: at most so many.
        """
        wanted = None if seen is None else frozenset(seen)
        if product:
            wanted = frozenset({product}) if wanted is None else wanted & {product}
        page = _Page(outcome, limit)
        with self._turn:
            shelf = self._followed(env)
            left = self._from_shelf(shelf, env, page, before, wanted)
            since = 0 if shelf.is_whole else shelf.since
        if since and not page.is_full:
            since = self._from_ledger(env, page, min(since, before or since), wanted, product, left)
        ends = unfinished(self._ledger, env)
        found = (replace(one, went_on=ends.went_on.get(one.id, ""), is_open=one.id == ends.begun) for one in page.found)
        return tuple(found), page.lowest if page.is_full else since

    def _followed(self, env: str) -> _Shelf:
        """Return the runs at hand of an environment, with what was told of them by now."""
        shelf = self._shelves.get(env)
        if shelf is None:
            newest = next(self._ledger.read(newest_first=True, limit=1), None)
            upto = newest.seq if newest is not None else 0
            shelf = self._shelves[env] = _Shelf(upto, upto + 1)
        shelf.follow(self._ledger.read(types=(_STEP, _SETTLED), env=env, after=shelf.upto))
        return shelf

    def _from_shelf(self, shelf: _Shelf, env: str, page: _Page, before: int, seen: frozenset[str] | None) -> int:
        """Fill a page from the runs at hand, and from earlier ones while there is room for them among these.

        Return how many events may still be read for it.
        """
        at, left = 0, _MOST_EVENTS
        while True:
            for run in islice(shelf.runs, at, None):
                line = run.line(seen)
                if line is not None and (not before or line.first < before) and not page.take(line):
                    return left
            at = len(shelf.runs)
            if left <= 0 or not shelf.has_room or 0 < before <= shelf.since:
                return left
            runs, since, read = self._read(env, shelf.since - 1, shelf.upto, left, _FURTHER)
            shelf.further(runs, since, is_whole=not since)
            left -= read

    def _from_ledger(
        self, env: str, page: _Page, since: int, seen: frozenset[str] | None, product: str, left: int
    ) -> int:
        """Fill a page from what came before an event; return before which there is more, 0 at the end."""
        while since and left > 0:
            runs, since, read = self._read(env, since - 1, None, left, page.limit + 1, product)
            left -= read
            for run in runs:
                line = run.line(seen)
                if line is not None and not page.take(line):
                    return since
        return since

    def _read(
        self, env: str, upto: int, settled_upto: int | None, left: int, most: int, product: str = ""
    ) -> tuple[list[_Run], int, int]:
        """Read runs up to an event; return them, from which event on they are whole (0: nothing is before), the number.

        Runs of one environment follow each other: one is whole with the first event of the one before.
        """
        told = self._ledger.read(types=(_STEP,), env=env, product=product or None, upto=upto, newest_first=True)
        runs: list[_Run] = []
        since = read = 0
        for id_, events in groupby(filter(is_step, told), key=lambda event: event.run_id):
            if len(runs) == most or read >= left:
                since = runs[-1].first
                break
            steps = list(events)
            read += len(steps)
            runs.append(_Run(id_))
            runs[-1].add(reversed(steps))
        if runs:
            self._settle(env, runs, settled_upto)
        return runs, since, read

    def _settle(self, env: str, runs: Sequence[_Run], upto: int | None) -> None:
        """Give runs what they published, as far as it is told up to an event."""
        by_id = {run.id: run for run in runs}
        last = max(run.last for run in runs) + SETTLED_WITHIN
        last = last if upto is None else min(last, upto)
        first = min(run.first for run in runs)
        for event in self._ledger.read(types=(_SETTLED,), env=env, after=first - 1, upto=last):
            if event.run_id in by_id and _has_published(event):
                by_id[event.run_id].settle(_settled(event))


def _has_published(event: Recorded) -> bool:
    return bool(event.data["status"] == "success")


def _settled(event: Recorded) -> _Settled:
    said = event.data
    products = frozenset(str(asset).rpartition(".")[0] for asset in said.get("assets") or ())
    return _Settled(str(said["deploy_id"]), products, tuple(str(name) for name in said.get("change_ids") or ()))


def _part(product: str, events: Sequence[Recorded]) -> RunLine:
    """Sum up steps of one product in one run, the oldest first."""
    steps = [step_told(event) for event in events]
    counts = Counter(step.outcome for step in steps)
    intervals = [step.interval for step in steps if step.interval]
    first = events[0]
    return RunLine(
        id=first.run_id,
        at=first.occurred_at,
        actor=first.actor,
        trigger=str(first.data.get("trigger") or ""),
        first=first.seq,
        last=events[-1].seq,
        products=(product,),
        counts=tuple(counts[outcome] for outcome in OUTCOMES),
        rows=sum(step.rows or 0 for step in steps),
        seconds=sum(step.seconds for step in steps),
        earliest=min(intervals, default=""),
        latest=max(intervals, default=""),
        trouble=next((step for step in steps if step.outcome in TROUBLES), None),
        jobs=() if product else tuple(dict.fromkeys(step.asset for step in steps)),
    )


def _together(parts: Iterable[RunLine]) -> RunLine:
    """Sum up parts of one run."""
    each = sorted(parts, key=lambda part: part.first)
    troubles = [part.trouble for part in each if part.trouble is not None]
    return replace(
        each[0],
        last=max(part.last for part in each),
        products=tuple(dict.fromkeys(chain.from_iterable(part.products for part in each))),
        counts=tuple(map(sum, zip(*(part.counts for part in each), strict=True))),
        rows=sum(part.rows for part in each),
        seconds=sum(part.seconds for part in each),
        earliest=min((part.earliest for part in each if part.earliest), default=""),
        latest=max(part.latest for part in each),
        trouble=min(troubles, key=lambda step: step.seq, default=None),
        jobs=tuple(dict.fromkeys(chain.from_iterable(part.jobs for part in each if all(one.jobs for one in each)))),
    )

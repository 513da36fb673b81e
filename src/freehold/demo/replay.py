"""Replay the days: each morning the clock moves, files arrive, the estate runs once, consumers read, people work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from freehold.demo.ahead import Plans
from freehold.demo.blamed import Read
from freehold.demo.consumers import ask_all, read_all
from freehold.demo.deliveries import Arrival, by_morning, land
from freehold.demo.story import Note, note
from freehold.engines import Engine, open_engine
from freehold.foundation import LOCAL, Caller, Exit, SeededIds, SimulatedClock
from freehold.ledger import Event, Ledger

if TYPE_CHECKING:
    from freehold.catalog import Catalog
    from freehold.delivery import Delivery, RunOutcome
    from freehold.demo.repository import Repository
    from freehold.insight.documents import Library

RUN_AT = time_of_day(5, 45)  # by the clock of the shop, as its contracts promise: not by that of UTC
READ_AFTER = timedelta(minutes=75)
_ASKED_ON = 0  # Monday: when consumers ask for metrics
_EVALUATED_ON = 0  # Monday, and when trouble comes or goes: every morning would take half of the replay
_TOLD_ON = 0  # Monday: when the ledger is told who read what in the week before, as a warehouse's history is brought in

Progress = Callable[[date, int, int], None]
"""Called after each morning with its date, how many are done, and how many there are."""


@dataclass(slots=True)
class Summary:
    """What a replay came to, counted from what each run returned."""

    mornings: int = 0
    files: int = 0
    runs_with_nothing_to_do: int = 0
    published: int = 0
    quarantined: int = 0
    held: int = 0
    failed: int = 0
    deployments: int = 0
    checks: int = 0
    reads: int = 0
    seconds: float = 0.0
    unexpected: list[str] = field(default_factory=list)
    notes: dict[str, Note] = field(default_factory=dict)
    read: dict[str, Read] = field(default_factory=dict)

    def add(self, outcome: RunOutcome) -> None:
        """Count one run; what earlier runs already said is not counted again."""
        from freehold.delivery import Status

        self.mornings += 1
        self.runs_with_nothing_to_do += outcome.nothing_to_do
        self.deployments += len(outcome.deployments)
        fresh = [s for s in outcome.steps if not s.repeated]
        self.checks += sum(len(s.results) for s in fresh)
        self.published += sum(s.status is Status.PUBLISHED for s in fresh)
        self.quarantined += sum(s.status is Status.QUARANTINED for s in fresh)
        self.held += sum(s.status is Status.HELD for s in fresh)
        failed = [s for s in fresh if s.status is Status.FAILED]
        self.failed += len(failed)
        self.unexpected += [f"{s.asset} {s.interval}: {s.reason}" for s in failed]


class Stage:
    """The demo's estate, opened: its warehouse, its ledger and its delivery, under one clock."""

    def __init__(self, folder: Path, start: datetime, seed: int = 0, caller: Caller = LOCAL) -> None:
        from freehold.estate import load_estate

        self.folder = folder
        self.estate = load_estate(folder)
        self.clock = SimulatedClock(start)
        self.ids = ids = SeededIds(seed, start)
        connection = self.estate.connections[self.estate.environments["prod"].connection]
        self.ledger = Ledger.open(self.estate.state_url, root=folder, clock=self.clock, ids=ids, caller=caller)
        try:
            self.engine: Engine = open_engine(connection.url, root=str(folder), **connection.settings)
        except BaseException:
            self.ledger.close()
            raise
        self._caller = caller
        self.delivery = self._delivery(caller)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the shop, in which mornings begin."""
        return ZoneInfo(str(self.estate.defaults.get("timezone", "UTC")))

    def close(self) -> None:
        """Give warehouse and ledger back."""
        self.delivery.close()
        self.engine.close()
        self.ledger.close()

    def take_in(self) -> None:
        """Go on with the files as they are now: what is run from here on is run by them, once they are in force."""
        from freehold.estate import load_estate

        self.estate, before = load_estate(self.folder), self.delivery
        self.delivery = self._delivery(self._caller)
        before.close()

    @contextmanager
    def acting(self, caller: Caller) -> Iterator[Delivery]:
        """Give out the delivery as somebody else has it."""
        made = self._delivery(caller)
        try:
            yield made
        finally:
            made.close()

    def library(self, caller: Caller) -> Library:
        """Return the documents of the estate as somebody has them."""
        from freehold.insight.documents import Library

        return Library(self.estate, self.ledger.acting(caller), self.delivery.env)

    def watch(self) -> None:
        """Take a turn of watching."""
        from freehold.reliability import watch

        delivery = self.delivery
        watch(self.estate, self.ledger, delivery.env, lambda: delivery.graph, self.clock)

    def _delivery(self, caller: Caller) -> Delivery:
        from freehold.delivery import Delivery

        ledger = self.ledger.acting(caller)
        return Delivery(self.estate, self.engine, ledger, clock=self.clock, ids=self.ids, caller=caller)

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.ledger.sign_off()
        finally:
            self.close()


def first_instant(arrivals: Sequence[Arrival]) -> datetime:
    """Return when the clock of a replay starts: the midnight before the first file arrives."""
    return datetime.combine(min(a.morning for a in arrivals), time_of_day(), UTC)


def replay(
    stage: Stage,
    arrivals: Sequence[Arrival],
    progress: Progress | None = None,
    *,
    consumers: bool = True,
    not_after: datetime | None = None,
    catalog: Callable[[], Catalog] | None = None,
    repository: Repository | None = None,
) -> Summary:
    """Live through every morning of the arrivals; return what it came to.

    Nothing is dated after `not_after`, so that a replay that ends today leaves no events in the future. With
    `consumers` there are simulated people, too: they read, ask, and see to work items. Their reads go to the ledger
    a week at a time. `catalog` brings the catalog up to date, and gives it to who asks who reads something;
    without one nothing is deprecated. In `repository` files are committed as people change them; without one nobody
    changes any.
    """
    began = time.perf_counter()
    days = by_morning(arrivals)
    replayed = _Replay(stage, [morning for morning, _ in days], not_after, catalog, repository, has_people=consumers)
    for number, (morning, coming) in enumerate(days):
        replayed.live(number, morning, coming)
        if progress:
            progress(morning, number + 1, len(days))
    replayed.summary.seconds = time.perf_counter() - began
    return replayed.summary


class _Replay:
    """Mornings that are lived through one after the other, with those who work in them."""

    def __init__(
        self,
        stage: Stage,
        mornings: Sequence[date],
        not_after: datetime | None,
        catalog: Callable[[], Catalog] | None,
        repository: Repository | None,
        *,
        has_people: bool,
    ) -> None:
        from freehold.demo.changes import Changes
        from freehold.demo.office import Office
        from freehold.demo.oncall import OnCall

        self.summary = Summary()
        self._stage, self._mornings, self._not_after, self._has_people = stage, mornings, not_after, has_people
        self._catalog = catalog
        self._office = Office(stage, self._wait, self._looked_up if catalog is not None else None)
        self._changes = Changes(stage, repository, self._wait) if has_people and repository is not None else None
        self._on_call = OnCall(stage, self._office.items, self._wait, self._changes)
        self._plans = Plans(stage, mornings, repository)
        self._relations = {a.id: a.relation.sql for a in stage.delivery.graph.assets.values()}
        self._reads: list[Event] = []
        self._is_bad = False

    def live(self, number: int, morning: date, coming: Sequence[Arrival]) -> None:
        """Live through a morning, of which there were `number` before: files come, the estate runs, people work."""
        is_last = number + 1 == len(self._mornings)
        self._wait(datetime.combine(morning, RUN_AT, self._stage.zone))
        for arrival in coming:
            land(self._stage.folder, arrival)
        self.summary.files += len(coming)
        self._run(morning, is_last=is_last)
        if self._has_people:
            self._work(morning, number)
        if is_last or morning.weekday() == _TOLD_ON:
            self._flush()

    def _run(self, morning: date, *, is_last: bool) -> None:
        """Run the estate, and look at what came of it."""
        from freehold.delivery.evaluating import evaluate_after

        delivery = self._stage.delivery
        outcome = delivery.run()
        self.summary.add(outcome)
        self._is_bad, was_bad = outcome.exit_code is not Exit.DONE, self._is_bad
        if self._is_bad or was_bad or is_last or morning.weekday() == _EVALUATED_ON:
            evaluate_after(delivery, outcome.touched)
            self._stage.watch()
        self.summary.notes |= notes_of(delivery, outcome)

    def _work(self, morning: date, number: int) -> None:
        """Let people do what they do on a morning: mend, plan, read, ask, and see to what waits for them."""
        self._on_call.see()
        if self._changes is not None:
            self._changes.morning(morning)
        self._plans.morning(morning)
        self._wait(datetime.combine(morning, RUN_AT, self._stage.zone) + READ_AFTER)
        self._stage.watch()
        self._reads += read_all(self._stage.engine, self._relations, self._stage.clock.now())
        self._reads += ask_all(self._stage.delivery) if morning.weekday() == _ASKED_ON else []
        self._on_call.see()
        self.summary.read = self._on_call.read
        self._office.work(morning, number)
        if self._changes is not None:
            self._changes.evening(morning, number)

    def _flush(self) -> None:
        """Bring what was read into the ledger."""
        if self._reads:
            self._stage.ledger.raw.append("usage.query", self._reads)
            self.summary.reads += len(self._reads)
            self._reads.clear()

    def _looked_up(self) -> Catalog:
        """Return the catalog with all that was read until now."""
        assert self._catalog is not None, "without a catalog nobody is asked who reads"
        self._flush()
        return self._catalog()

    def _wait(self, at: datetime) -> None:
        """Move the clock on to an instant, if it may."""
        bounded = min(at, self._not_after) if self._not_after else at
        self._stage.clock.move_to(max(bounded, self._stage.clock.now()))


def notes_of(delivery: Delivery, outcome: RunOutcome) -> dict[str, Note]:
    """Ask every candidate that a run has put into quarantine what it would have said, by the candidate's id."""
    from freehold.delivery import Status

    fresh = (s for s in outcome.of(Status.QUARANTINED) if s.candidate and not s.repeated)
    return {str(s.candidate): note(delivery, s) for s in fresh}

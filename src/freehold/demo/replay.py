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
_FLUSH_READS = 2_000  # usage events in one raw segment

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
    some thousands at a time. `catalog` brings the catalog up to date, and gives it to who asks who reads something;
    without one nothing is deprecated. In `repository` files are committed as people change them; without one nobody
    changes any.
    """
    from freehold.delivery.evaluating import evaluate_after
    from freehold.demo.changes import Changes
    from freehold.demo.office import Office
    from freehold.demo.oncall import OnCall

    summary = Summary()
    began = time.perf_counter()
    reads: list[Event] = []

    def flush() -> None:
        """Bring what was read into the ledger."""
        if reads:
            stage.ledger.raw.append("usage.query", reads)
            summary.reads += len(reads)
            reads.clear()

    def looked_up() -> Catalog:
        """Return the catalog with all that was read until now."""
        assert catalog is not None, "without a catalog nobody is asked who reads"
        flush()
        return catalog()

    def wait(at: datetime) -> None:
        """Move the clock on, if it may."""
        _move(stage.clock, at, not_after)

    office = Office(stage, wait, looked_up if catalog is not None else None)
    changes = Changes(stage, repository, wait) if consumers and repository is not None else None
    on_call = OnCall(stage, office.items, wait, changes)
    relations = {a.id: a.relation.sql for a in stage.delivery.graph.assets.values()}
    mornings = by_morning(arrivals)
    plans = Plans(stage, [morning for morning, _ in mornings], repository)
    is_bad = False
    for number, (morning, coming) in enumerate(mornings):
        at = datetime.combine(morning, RUN_AT, stage.zone)
        _move(stage.clock, at, not_after)
        for arrival in coming:
            land(stage.folder, arrival)
        summary.files += len(coming)
        outcome = stage.delivery.run()
        summary.add(outcome)
        is_bad, was_bad = outcome.exit_code is not Exit.DONE, is_bad
        if is_bad or was_bad or morning.weekday() == _EVALUATED_ON or number + 1 == len(mornings):
            evaluate_after(stage.delivery, outcome.touched)
            stage.watch()
        summary.notes |= notes_of(stage.delivery, outcome)
        if consumers:
            on_call.see()
            if changes is not None:
                changes.morning(morning)
            plans.morning(morning)
            _move(stage.clock, at + READ_AFTER, not_after)
            stage.watch()
            reads += read_all(stage.engine, relations, stage.clock.now())
            reads += ask_all(stage.delivery) if morning.weekday() == _ASKED_ON else []
            on_call.see()
            office.work(morning, number)
            if changes is not None:
                changes.evening(morning, number)
        if len(reads) >= _FLUSH_READS or number + 1 == len(mornings):
            flush()
        if progress:
            progress(morning, number + 1, len(mornings))
    summary.read = on_call.read
    summary.seconds = time.perf_counter() - began
    return summary


def notes_of(delivery: Delivery, outcome: RunOutcome) -> dict[str, Note]:
    """Ask every candidate that a run has put into quarantine what it would have said, by the candidate's id."""
    from freehold.delivery import Status

    fresh = (s for s in outcome.of(Status.QUARANTINED) if s.candidate and not s.repeated)
    return {str(s.candidate): note(delivery, s) for s in fresh}


def _move(clock: SimulatedClock, instant: datetime, not_after: datetime | None) -> None:
    bounded = min(instant, not_after) if not_after else instant
    clock.move_to(max(bounded, clock.now()))

"""A worker: it sleeps until something is due, runs that, and remembers both; any number of them may share one state.

Each look tells what fell due under a lease of that schedule, and runs it under the same lease: the epoch is a fencing
token in every transaction that writes, so a worker that was stopped and wakes after another took over writes nothing.
What its run would publish is refused by the warehouse, which fences by a token of its own.
"""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from freehold.delivery.evaluating import evaluate_after
from freehold.delivery.files import Landing
from freehold.delivery.graph import Graph
from freehold.delivery.scheduling import telling
from freehold.delivery.scheduling.board import Scheduled, board_of
from freehold.delivery.scheduling.noticing import (
    Noticed,
    Signals,
    answered,
    ended,
    is_last,
    is_ready,
    notice,
    put_off,
    wake_at,
)
from freehold.delivery.scheduling.state import NAMESPACE, Open, State, from_json, key_of, to_json
from freehold.delivery.scheduling.triggers import Triggers
from freehold.delivery.service import Delivery
from freehold.delivery.watching import take_back
from freehold.estate.model import Estate
from freehold.foundation import Caller, Clock, Exit, FreeholdError, SystemClock, Transient
from freehold.foundation.owning import is_dead
from freehold.ledger import Event, Ledger

if TYPE_CHECKING:
    from freehold.delivery.step import StepOutcome
    from freehold.ledger import Lease

LEASE_S = 60.0
POLL = timedelta(seconds=2)  # how often publications and files are looked for, where a schedule waits for some
BUSY = timedelta(seconds=5)  # how long to wait where somebody else has the warehouse or the environment
RELOAD = timedelta(seconds=10)  # how often the files of the estate are looked at
LONGEST = timedelta(seconds=60)  # a worker looks at least so often: schedules may have changed
AHEAD = timedelta(days=2)  # no file is dated later than tomorrow, wherever its clock stands

Tell = Callable[[str, Mapping[str, Any]], None]
"""Called with what happened (due, started, finished, waiting, retried, stopped) and about what."""


class Stopped(Exception):
    """Somebody asked the worker to stop; raised between two steps of a run, which another worker takes up."""


class Source(Protocol):
    """Where a worker takes its estate and warehouse from."""

    def estate(self) -> Estate:
        """Return the estate in force now."""
        ...

    def delivery(self, estate: Estate) -> AbstractContextManager[Delivery]:
        """Open the delivery of an estate, for one run."""
        ...


@dataclass(slots=True)
class _Board:
    """The schedules of one version of the estate."""

    estate: Estate
    graph: Graph
    scheduled: tuple[Scheduled, ...]
    landing: Landing


class Worker:
    """Sees to the schedules of one environment. `step` does everything that is due now; `work` goes on until stopped.

    Args:
        source: the estate and its warehouse.
        ledger: of the state that all workers share.
        env: the environment.
        dialect: of its SQL.
        holder: what this worker is called in leases; give each one its own.
        clock: the present; leases go by real time.
        tell: called with what happens.
        lease_s: how long others wait for a worker that was stopped.
        share: gives a number from 0 to 1, for pauses that are not all alike.
    """

    def __init__(
        self,
        source: Source,
        ledger: Ledger,
        env: str,
        dialect: str,
        *,
        holder: str = "",
        clock: Clock | None = None,
        tell: Tell = lambda *_: None,
        lease_s: float = LEASE_S,
        share: Callable[[], float] = random.random,
    ) -> None:
        self._source = source
        self._ledger = ledger
        self._env = env
        self._dialect = dialect
        self._holder = holder or holder_named(ledger.caller)
        self._clock: Clock = clock or SystemClock()
        self._tell = tell
        self._lease_s = lease_s
        self._share = share
        self._is_stopping = False
        self._board: _Board | None = None
        self._loaded_at = self._clock.now()
        self._triggers = Triggers(ledger, env)
        self._busy_until: datetime | None = None
        self.ran = 0

    def stop(self) -> None:
        """Ask it to end: after the step at hand, without starting another. May be called from a signal handler."""
        self._is_stopping = True

    @property
    def is_stopping(self) -> bool:
        """Whether somebody asked it to end."""
        return self._is_stopping

    def work(self, wait: Callable[[float], object], until: datetime | None = None) -> None:
        """Do what is due, sleep until the next deadline, and so on, until stopped or until an instant.

        Args:
            wait: sleeps for so many seconds; it may return earlier, as when somebody asks to stop.
            until: when to end without being asked.
        """
        while not self.is_stopping:
            wake = self._stepped()
            now = self._clock.now()
            if until is not None:
                wake = min(wake, until)
            if until is not None and now >= until:
                return
            wait(0.0 if self._is_stopping else max(0.0, (wake - now).total_seconds()))

    def _stepped(self) -> datetime:
        """Do what is due; where the state cannot be reached for a while, come back."""
        try:
            return self.step()
        except FreeholdError as error:
            if self._board is None or error.exit_code is not Exit.ENVIRONMENT:
                raise
            self._tell("unreached", {"error": error})
            return self._clock.now() + BUSY

    def step(self) -> datetime:
        """Do everything that is due now; return when to look again.

        Raises:
            FreeholdError: the state or the files of the estate cannot be read, at the first look. What is wrong with a
                run is told and recorded.
        """
        while True:
            states = self.look()
            if self.is_stopping:
                break
            if self._busy_until is not None and self._clock.now() < self._busy_until:
                break
            if not self._run_one(states):
                break
        return self._next_look()

    # -- looking

    def _reload(self) -> None:
        """Take the estate that is in force now, now and then; where it is in error, go on with the one at hand.

        Raises:
            FreeholdError: it is in error, and there is none at hand.
        """
        now = self._clock.now()
        if self._board is not None and now - self._loaded_at < RELOAD:
            return
        try:
            estate = self._source.estate()
            if self._board is None or self._board.estate.hashes != estate.hashes:
                graph = Graph.of(estate, self._env, self._dialect)
                self._board = _Board(estate, graph, board_of(estate, graph), Landing(estate.root.resolve()))
        except FreeholdError as error:
            if self._board is None:
                raise
            self._tell("unread", {"error": error})
        self._loaded_at = now

    @property
    def board(self) -> _Board:
        """The schedules as they were last read."""
        assert self._board is not None
        return self._board

    def look(self) -> dict[str, State]:
        """Tell what fell due of every schedule, once, whoever notices; return how each stands now.

        Of a schedule that another worker has in hand, it is returned how it will stand when that one has looked.
        """
        self._reload()
        states, now = kept_states(self._ledger, self._env), self._clock.now()
        signals = self._signals(self.board.scheduled, states)
        stand: dict[str, State] = {}
        for one in self.board.scheduled:
            stand[one.subject] = notice(one, states.get(one.subject), now, signals[one.subject]).state
            if stand[one.subject] == states.get(one.subject):
                continue
            with self._lease(one.subject) as lease, _unless_taken_over():
                if lease is not None:
                    stand[one.subject] = self._told(one, now, lease)
        return stand

    def _signals(self, some: Sequence[Scheduled], states: Mapping[str, State]) -> dict[str, Signals]:
        return self._triggers.signals(some, states, self.board.graph, self.board.landing)

    def _told(self, one: Scheduled, now: datetime, lease: Lease) -> State:
        """Record what fell due, under a lease, from the state as it is now that nobody else writes it."""
        while True:
            states = kept_states(self._ledger, self._env)
            found = notice(one, states.get(one.subject), now, self._signals([one], states)[one.subject])
            if found.state != states.get(one.subject):
                self._record(one, found, lease)
            if not found.is_more:
                return found.state

    def _record(self, one: Scheduled, found: Noticed, lease: Lease) -> None:
        events = [
            telling.expected(self._env, one, due, lease.epoch if due.cause != "cron" else 0, missed=missed)
            for due, missed in found.due
        ]
        self._keep(one, found.state, events, lease)
        for due, missed in found.due:
            self._tell(
                "missed" if missed else "due", {"schedule": one.subject, "due_at": due.due_at, "cause": due.cause}
            )

    def _keep(self, one: Scheduled, state: State, events: Sequence[Event], lease: Lease) -> None:
        """Record events and the state that follows from them, both or neither, and only while the lease holds."""
        self._ledger.append(*events, fence=lease, keep={(NAMESPACE, key_of(self._env, one.subject)): to_json(state)})

    @contextmanager
    def _lease(self, subject: str) -> Iterator[Lease | None]:
        """Hold a schedule while the block runs; None where another worker does."""
        try:
            name = f"{NAMESPACE}:{key_of(self._env, subject)}"
            lease = self._ledger.lease(name, self._holder, self._lease_s, is_gone=is_dead)
        except FreeholdError as error:
            if error.code != "FH-L201":
                raise
            yield None
            return
        with lease.kept_alive(), lease:
            yield lease

    def _next_look(self) -> datetime:
        now = self._clock.now()
        states = kept_states(self._ledger, self._env)
        times = [now + LONGEST]
        for one in self.board.scheduled:
            state = states.get(one.subject)
            if one.schedule.after_upstream or one.schedule.on_file:
                times.append(now + POLL)
            if state is None:
                continue
            wake = wake_at(one, state, now)
            # what is open and may start is in other hands, or waits for what it reads: there is nothing to do but look
            times += [max(wake, now + (POLL if state.open else timedelta()))] if wake else []
        if self._busy_until is not None and self._busy_until > now:
            times.append(self._busy_until)
        return min(times)

    # -- running

    def _run_one(self, states: dict[str, State]) -> bool:
        """Run the first schedule that is ready and free; say whether one was run to its end."""
        now = self._clock.now()
        for one in self.board.scheduled:
            if one.subject not in states or not is_ready(one, states, now):
                continue
            with self._lease(one.subject) as lease:
                if lease is None:
                    continue
                state = kept_states(self._ledger, self._env).get(one.subject)  # as it is now that nobody else writes it
                if state is None or not is_ready(one, states | {one.subject: state}, now):
                    continue
                return self._attempted(one, state, lease)
        return False

    def _attempted(self, one: Scheduled, state: State, lease: Lease) -> bool:
        try:
            return self._attempt(one, state, lease)
        except FreeholdError as error:
            if error.code != "FH-L202":
                raise
            self._tell("lost", {"schedule": one.subject, "error": error})  # another took over, and answers for it
            return True

    def _attempt(self, one: Scheduled, state: State, lease: Lease) -> bool:
        """Run a schedule and remember how it ended; False where somebody else has what it needs."""
        attempt = _Attempt(one, state, answered(one, state), self._clock.now(), lease)
        self._tell("started", attempt.told)
        try:
            with self._source.delivery(self.board.estate) as delivery:
                until = attempt.started + AHEAD
                outcome = delivery.run(one.assets, None, self._between_steps, until=until, trigger="schedule")
                taken = take_back(delivery, outcome.judged)
                evaluate_after(delivery, outcome.touched)
        except Stopped:
            self._tell("stopped", attempt.told)
            return False
        except FreeholdError as error:
            return self._failed(attempt, error)
        self.ran += 1
        status = telling.status_of(outcome)
        self._close(attempt, status, outcome.run_id, telling.code_of(outcome))
        self._tell("finished", {**attempt.told, "status": status, "outcome": outcome, "taken": taken})
        return True

    def _between_steps(self, step: StepOutcome | None, done: int, total: int) -> None:  # noqa: ARG002
        if self.is_stopping:
            raise Stopped

    def _failed(self, attempt: _Attempt, error: FreeholdError) -> bool:
        """Say what an error means: somebody else has what the run needs, it may pass, or it is the end."""
        now = self._clock.now()
        if telling.will_pass(error):  # no fault of this run, so no attempt at it
            attempt.lease.renew()  # who was stopped for long may have lost the schedule, too
            self._busy_until = now + BUSY
            self._tell("waiting", {**attempt.told, "error": error})
            return False
        if isinstance(error, Transient) and not is_last(attempt.answers):
            after = put_off(attempt.state, attempt.answers, now, self._share())
            self._remember(attempt, after, "failed", "", error.code, final=False)
            again_at = min(o.not_before for o in after.open if o.not_before)
            self._tell("retried", {**attempt.told, "error": error, "again_at": again_at})
            return True
        self._close(attempt, "failed", "", error.code)
        self._tell("finished", {**attempt.told, "status": "failed", "error": error})
        return True

    def _close(self, attempt: _Attempt, status: str, run_id: str, code: str) -> None:
        after = ended(attempt.state, attempt.answers, self._clock.now(), status)
        self._remember(attempt, after, status, run_id, code, final=True)

    def _remember(self, attempt: _Attempt, after: State, status: str, run_id: str, code: str, *, final: bool) -> None:
        """Record how an attempt ended, and what follows from it."""
        one, epoch, now = attempt.one, attempt.lease.epoch, self._clock.now()
        run_id = run_id or f"{key_of(self._env, one.subject)} {epoch}"
        events = [
            telling.ended(
                *(self._env, one, o.due, o.attempts + 1, status),
                run_id=run_id,
                started=attempt.started,
                now=now,
                epoch=epoch,
                code=code,
                final=final,
            )
            for o in attempt.answers
        ]
        self._keep(one, after, events, attempt.lease)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One attempt at what is open of a schedule, under the lease of it."""

    one: Scheduled
    state: State
    answers: tuple[Open, ...]
    started: datetime
    lease: Lease

    @property
    def told(self) -> dict[str, Any]:
        """What is said of it."""
        tries = max(o.attempts for o in self.answers) + 1
        return {"schedule": self.one.subject, "due_at": [o.due.due_at for o in self.answers], "attempt": tries}


@contextmanager
def _unless_taken_over() -> Iterator[None]:
    """Leave what another worker took over while this one was stopped: that one tells it."""
    try:
        yield
    except FreeholdError as error:
        if error.code != "FH-L202":
            raise


def kept_states(ledger: Ledger, env: str) -> dict[str, State]:
    """Return what is kept of every schedule of an environment, by subject, as the last worker that looked left it."""
    prefix = key_of(env, "")
    kept = ledger.state.many(NAMESPACE, prefix)
    return {key.removeprefix(prefix): from_json(value) for key, value in kept.items()}


def holder_named(caller: Caller) -> str:
    """Return what this process is called in leases, so that its death can be seen on this machine."""
    return f"{caller.principal}@{socket.gethostname()}:{os.getpid()}"

"""Has jobs done, the one that has waited longest first, one at a time in all servers of a state.

Whoever works holds the lease `jobs`; its epoch is written into the job that it begins, and every later word about that
job is refused once another has taken over. A job whose server or process was killed is begun again: what it does is
recoverable and, asked for again by the same job, done once.
"""

from __future__ import annotations

import secrets
import threading
import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog

from freehold.foundation import Exit, FreeholdError, SystemClock, Transient
from freehold.foundation.owning import holder, is_dead
from freehold.server.jobs.child import Child, proof_of

if TYPE_CHECKING:
    from pathlib import Path

    from freehold.ledger import Job, Lease, Ledger
    from freehold.ledger.jobs import State
    from freehold.server.jobs.bell import Bell, Hearers

LEASE = "jobs"
LEASE_S = 30.0  # how long others wait for a server that was stopped
GRACE_S = 8.0  # how long a job at hand may go on once the server is told to end
KILLED_AFTER_S = 15.0  # what was asked to stop and does not
MOST_ATTEMPTS = 3  # of a job that ends its process each time
KEPT = timedelta(days=30)
_POLL_S = 2.0
_HEARD_EVERY_S = 0.15
_WISHES_EVERY_S = 1.0
_FORGOT_EVERY_S = 3600.0
_BY_ITSELF = (Exit.DONE, Exit.FINDING, Exit.USAGE, Exit.APPROVAL)  # not how what was interrupted ends


class Runner:
    """Works in a thread of its own until it is told to finish."""

    def __init__(self, root: Path, ledger: Ledger, bell: Bell, hearers: Hearers) -> None:
        """Take where jobs stand, whom to ring for each, and who is told of each that ended."""
        self._hearers = hearers
        self._root = root
        self._ledger = ledger
        self._jobs = ledger.jobs
        self._bell = bell
        self._woken = threading.Event()
        self._is_over_at: float | None = None
        self._hindrance: FreeholdError | None = None
        self._forgot_at = -_FORGOT_EVERY_S
        self._holder = holder("server")
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)
        self._log = structlog.get_logger()

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def wake(self) -> None:
        """Say that there is something to do, or to stop."""
        self._woken.set()

    def finish(self) -> None:
        """Begin no other job; the one at hand may go on for a while."""
        if self._is_over_at is None:
            self._is_over_at = time.monotonic() + GRACE_S
        self._woken.set()

    def join(self) -> None:
        """Wait until nothing runs."""
        self._thread.join()

    @property
    def hindrance(self) -> FreeholdError | None:
        """What keeps the state from taking how jobs stand, such as a full disk; None while it takes it."""
        return self._hindrance

    # -- the queue

    def _work(self) -> None:
        while self._is_over_at is None:
            self._woken.clear()
            try:
                if self._jobs.are_open:
                    self._drain()
                self._forget()
            except FreeholdError as error:
                if error.code != "FH-L201":  # another server works: what waits is in its hands
                    self._is_hindered(error)
            except Exception:  # the thread must go on: nobody else does what is asked for
                self._log.exception("jobs")
            self._woken.wait(_POLL_S)

    def _drain(self) -> None:
        """Do everything that waits, under the lease.

        Raises:
            FreeholdError: FH-L201 another server works; FH-L202 another took over; the state cannot be reached.
        """
        lease = self._ledger.lease(LEASE, self._holder, LEASE_S, is_gone=is_dead)
        with lease.kept_alive(), lease:
            for job in self._jobs.recover(lease, MOST_ATTEMPTS):
                self._note("left", job)
            while self._is_over_at is None and self._do_next(lease):
                pass

    def _do_next(self, lease: Lease) -> bool:
        secret = secrets.token_urlsafe(32)
        job = self._jobs.claim(lease, proof_of(secret))
        self._goes_on()
        if job is None:
            return False
        self._note("begun", job)
        child = Child(job, self._root, secret)
        try:
            holds = self._see_through(job, child)
        finally:
            code = child.close()
        self._hearers.changed()  # before anybody is told that the job has ended: whoever hears of it sees what it did
        if holds and (ended := self._end(job, child, code)):
            self._note(f"ended {code}", ended)
        return True

    def _forget(self) -> None:
        if time.monotonic() - self._forgot_at >= _FORGOT_EVERY_S:
            self._forgot_at = time.monotonic()
            while self._jobs.forget(SystemClock().now() - KEPT):
                pass

    def _note(self, what: str, job: Job) -> None:
        self._log.info("job", what=what, id=job.id, kind=job.kind, state=job.state, by=job.caller.principal)
        self._bell.ring(job.id)
        if job.is_over:
            self._hearers.ended(job)

    def _is_hindered(self, error: FreeholdError) -> None:
        """Say what keeps the work from going on, once: it is tried again every few seconds."""
        if self._hindrance is None or (self._hindrance.code, self._hindrance.problem) != (error.code, error.problem):
            self._hindrance = error
            self._log.warning("jobs", code=error.code, problem=error.problem)
            self._bell.ring_all()

    def _goes_on(self) -> None:
        if self._hindrance is not None:
            self._log.info("jobs go on", after=self._hindrance.code)
            self._hindrance = None
            self._bell.ring_all()

    # -- the job at hand

    def _see_through(self, job: Job, child: Child) -> bool:
        """Keep what a process says until it ends; False where another server took the job."""
        heard_at = looked_at = time.monotonic()
        while child.listen(_HEARD_EVERY_S):
            now = time.monotonic()
            if now - heard_at >= _HEARD_EVERY_S:
                heard_at = now
                if not self._hear(job, child):
                    return False
            if self._woken.is_set() or now - looked_at >= _WISHES_EVERY_S:
                looked_at = now
                self._woken.clear()
                self._heed_wishes(job, child)
            if child.interrupted_for() > KILLED_AFTER_S:
                child.kill()
        return self._hear(job, child)

    def _hear(self, job: Job, child: Child) -> bool:
        """Keep what a process said since the last time; where the state takes nothing for a while, later."""
        try:
            return self._keep(job, child)
        except Transient:
            return True
        except FreeholdError as error:  # no reason to end what is at work: there may be room soon
            self._is_hindered(error)
            return True

    def _keep(self, job: Job, child: Child) -> bool:
        if not child.pieces and child.progress is None:
            return True
        holds = self._jobs.heard(job, child.pieces, child.progress)
        child.pieces, child.progress = [], None
        self._goes_on()
        self._bell.ring(job.id)
        return holds

    def _heed_wishes(self, job: Job, child: Child) -> None:
        """Interrupt a process whose job somebody cancelled, or that is still at it when the server's time is over."""
        is_over = self._is_over_at is not None and time.monotonic() > self._is_over_at
        if is_over or self._is_unwanted(job):
            child.interrupt()

    def _is_unwanted(self, job: Job) -> bool:
        with suppress(FreeholdError):  # the state does not answer for a while
            now = self._jobs.get(job.id)
            return now is None or now.is_unwanted
        return False

    def _end(self, job: Job, child: Child, code: int) -> Job | None:
        """Keep what is left of what a process said, and how its job ended; None where another server took the job.

        While the state takes nothing this waits, for a job whose end is not known would be done again.

        Raises:
            FreeholdError: the server was told to end, and the state still takes nothing.
        """
        while True:
            try:
                ended = self._ended(job, child, code) if self._keep(job, child) else None
            except FreeholdError as error:
                if self._is_over_at is not None:
                    raise
                self._is_hindered(error)
            else:
                self._goes_on()
                return ended
            self._woken.clear()
            if self._is_over_at is None:
                self._woken.wait(_POLL_S)

    def _ended(self, job: Job, child: Child, code: int) -> Job:
        """Say how a job ended, or queue it again: handed back in good order, or its process was killed."""
        is_unwanted = self._is_unwanted(job)
        was_ended = code < 0 or (child.was_interrupted and code not in _BY_ITSELF)
        if was_ended and not is_unwanted:
            self._jobs.put_back(job, MOST_ATTEMPTS, counts=not child.was_interrupted)
        else:
            now = self._jobs.get(job.id) or job
            state: State = "cancelled" if was_ended else "done" if code == Exit.DONE else "failed"
            result: dict[str, Any] = {**child.result, **now.result}
            self._jobs.end(job, state, None if code < 0 else code, result)
        return self._jobs.get(job.id) or job

"""The desk: where jobs are asked for, looked up, cancelled and watched. Pages, the API and the command line use it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from starlette.concurrency import run_in_threadpool

from freehold.foundation import Exit, FreeholdError
from freehold.ledger.jobs import STATES, Job, Said
from freehold.server.identity import STARTS
from freehold.server.jobs.bell import NOBODY, Bell, Hearers
from freehold.server.jobs.kinds import Kind, kind_of

if TYPE_CHECKING:
    from pathlib import Path

    from freehold.ledger import Ledger
    from freehold.server.identity import Who
    from freehold.server.jobs.runner import Runner

MOST_WAITING = 200
_PIECES = 500
_SHARED_LOOK_S = 1.0  # how often a watcher looks itself, where another server may have the job
_HEARTBEAT_S = 15.0
_KEY = 120


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that a watcher is told: a piece of output, the state and progress, the end, or nothing for a while."""

    what: Literal["output", "state", "end", "silence"]
    job: Job
    said: Said | None = None


class Desk:
    """Takes jobs and answers for them. Safe to use from many threads."""

    def __init__(self, root: Path, ledger: Ledger, env: str | None = None, hearers: Hearers = NOBODY) -> None:
        """Take where jobs stand, and who is told of those that end here."""
        self.root = root
        self._hearers = hearers
        self.bell = Bell()
        self._jobs = ledger.jobs
        self._ledger = ledger
        self._env = env
        self._runner: Runner | None = None

    # -- asking

    def start(
        self,
        kind: str,
        arguments: Mapping[str, Any],
        who: Who,
        *,
        key: str = "",
        terminal: Mapping[str, Any] | None = None,
    ) -> Job:
        """Queue a job in somebody's name and return it; it is begun when those before it have ended.

        Args:
            kind: one of `kinds.KINDS`.
            arguments: by the names that the kind gives them. Where a person names no environment, the one that is shown
                here is meant.
            who: in whose name it is done, with the assurance of their signing in.
            key: a name of the asker's choosing: asked for again by the same one, it is the same job.
            terminal: what its output is shown on: `columns`, `color`.

        Raises:
            FreeholdError: FH-A102 a token may not; FH-A151 there is no such kind; FH-A152 an argument is wrong;
                FH-A153 too many wait already; FH-A156 the key is that of another job.
        """
        wanted, said = self.expect(kind, arguments, who)
        _expect_key(key)
        if len(self._jobs.all(states=("queued",), limit=MOST_WAITING)) >= MOST_WAITING:
            raise _crowded()
        env = str(said.get(wanted.env_in, ""))
        job = self._jobs.ask(kind, said, who.caller("operate"), env=env, key=key, terminal=terminal)
        if (job.kind, dict(job.arguments)) != (kind, said):
            raise _another(key, job)
        if self._runner is not None:
            self._runner.wake()
        return job

    def expect(self, kind: str, arguments: Mapping[str, Any], who: Who) -> tuple[Kind, dict[str, Any]]:
        """Return the kind of a job, and its arguments as they will be kept; whether the asker may is not asked here.

        Raises:
            FreeholdError: FH-A102, FH-A151 and FH-A152 as `start`.
        """
        expect_may_start(who)
        wanted = kind_of(kind)
        if who.via == "session" and self._env and any(a.name == "env" for a in wanted.arguments):
            arguments = {"env": self._env, **{k: v for k, v in arguments.items() if v is not None}}
        return wanted, wanted.checked(arguments)

    def cancel(self, id: str, who: Who) -> Job:
        """Take back a job that waits, or stop one that runs; return how it stands then.

        One that runs is interrupted as Ctrl-C does: what it has published stays.

        Raises:
            FreeholdError: FH-A102 a token may not; FH-A154 there is no such job.
        """
        expect_may_start(who)
        before = self.get(id)
        job = self._jobs.cancel(id, who.principal)
        assert job is not None
        if job.is_over and not before.is_over:
            self._hearers.ended(job)
        if self._runner is not None:
            self._runner.wake()
        self.bell.ring(id)
        return job

    # -- looking

    def get(self, id: str) -> Job:
        """Return a job.

        Raises:
            FreeholdError: FH-A154 there is none of that id.
        """
        job = self._jobs.get(id)
        if job is None:
            raise unknown_job(id)
        return self._told(job)

    def list(self, *, before: str = "", states: Sequence[str] = (), limit: int = 100, by: str = "") -> tuple[Job, ...]:
        """Return jobs, the newest first, `before` an id; `by` one who asked for them.

        Raises:
            FreeholdError: FH-A112 there is no such state.
        """
        unknown = [state for state in states if state not in STATES]
        if unknown:
            raise FreeholdError(
                "FH-A112", f"No job is `{unknown[0][:40]}`.", fix=f"Use one of: {', '.join(STATES)}.",
                exit_code=Exit.USAGE,
            )  # fmt: skip
        return tuple(map(self._told, self._jobs.all(before=before, states=states, limit=limit, by=by)))

    def output(self, id: str, after: int = 0, limit: int = _PIECES) -> tuple[Said, ...]:
        """Return pieces of what a job said, after one."""
        return self._jobs.said(id, after, limit)

    def open_jobs(self) -> dict[str, int]:
        """Return how many jobs wait and run."""
        found = self._jobs.all(states=("queued", "running"), limit=2 * MOST_WAITING)
        return {state: sum(job.state == state for job in found) for state in ("queued", "running")}

    def ahead_of(self, job: Job) -> int:
        """Return how many jobs are to end before a queued one begins."""
        return self._jobs.ahead_of(job) if job.state == "queued" else 0

    def tail(self, id: str, limit: int) -> tuple[Said, ...]:
        """Return the last pieces of what a job said, in their order."""
        return self._jobs.tail(id, limit)

    async def watch(self, id: str, after: int = 0) -> AsyncIterator[Told]:
        """Tell what a job says, from the piece after one, and how it stands, until it has ended.

        Raises:
            FreeholdError: FH-A154 there is no such job.
        """
        wait_s = _SHARED_LOOK_S if self._jobs.is_shared else _HEARTBEAT_S
        silent_s, known = 0.0, None
        with self.bell.heard(id) as rung:
            while True:
                rung.clear()
                job = await run_in_threadpool(self.get, id)  # before its output: what comes after the end is nothing
                if (seen := (job.state, job.progress, job.is_unwanted, job.hindered)) != known:
                    known = seen
                    yield Told("state", job)
                while pieces := await run_in_threadpool(self.output, id, after):
                    after, silent_s = pieces[-1].seq, 0.0
                    for piece in pieces:
                        yield Told("output", job, piece)
                if job.is_over:
                    yield Told("end", job)
                    return
                if self.bell.is_over:
                    return
                with suppress(TimeoutError):
                    await asyncio.wait_for(rung.wait(), wait_s)
                silent_s += 0.0 if rung.is_set() else wait_s
                if silent_s >= _HEARTBEAT_S:
                    silent_s = 0.0
                    yield Told("silence", job)

    def _told(self, job: Job) -> Job:
        """Return a job with what keeps it from going on, which the state itself may be unable to hold."""
        hindrance = self._runner.hindrance if self._runner is not None else None
        return job if hindrance is None or job.is_over else replace(job, hindered=hindrance.problem)

    # -- working

    def open(self) -> None:
        """Begin to work on what is asked for, and on what was left."""
        from freehold.server.jobs.runner import Runner

        self._runner = Runner(self.root, self._ledger, self.bell, self._hearers)
        self._runner.start()

    def hush(self) -> None:
        """Begin no other job and let watchers go; may be called from a signal handler's thread."""
        if self._runner is not None:
            self._runner.finish()
        self.bell.end()

    def close(self) -> None:
        """Let the job at hand finish for a while, else hand it back; nothing runs when this returns."""
        self.hush()
        if self._runner is not None:
            self._runner.join()
            self._runner = None


def expect_may_start(who: Who) -> None:
    """Make sure that somebody may ask for jobs: a person who is signed in, or a program with the scope for it.

    Raises:
        FreeholdError: FH-A102 a token without that scope.
    """
    if who.via == "token" and STARTS not in who.scopes:
        raise FreeholdError(
            "FH-A102",
            "This token may not ask for jobs.",
            fix=f"Make one with the scope `{STARTS}`: `freehold token create`.",
        )


def expect_may_read(who: Who, job: Job) -> None:
    """Make sure that somebody may read what a job said: a person may, a program what was asked for in its owner's name.

    Whoever sits at the shell may: the state is theirs to read.

    Raises:
        FreeholdError: FH-A102 a token of somebody else.
    """
    if who.via == "token" and who.assurance != "local" and who.principal != job.caller.principal:
        raise FreeholdError(
            "FH-A102",
            "This token may see that job, and not what it said: somebody else asked for it.",
            fix="Sign in.",
        )


def unknown_job(id: str) -> FreeholdError:
    """Return the refusal of a job that is not there, or not for who asks."""
    return FreeholdError("FH-A154", f"There is no job `{id[:80]}`.", fix="See `/jobs`.", exit_code=Exit.USAGE)


def _expect_key(key: str) -> None:
    """Make sure that a key can be one.

    Raises:
        FreeholdError: FH-A152 it is too long, or has a character that nobody can see.
    """
    if len(key) > _KEY:
        problem, fix = f"A key has at most {_KEY} characters.", "Shorten it."
    elif not key.isprintable():
        problem, fix = f"The key {key!a} has a character that cannot be printed.", "Leave it out."
    else:
        return
    raise FreeholdError("FH-A152", problem, fix=fix, exit_code=Exit.USAGE)


def _another(key: str, job: Job) -> FreeholdError:
    said = f"`{job.kind}` with {json.dumps(dict(job.arguments))}" if job.arguments else f"`{job.kind}`"
    return FreeholdError(
        "FH-A156",
        f"The key `{key}` is that of job {job.id}, which is {said[:200]}: nothing was begun.",
        fix="Take another key for another job.",
        exit_code=Exit.USAGE,
    )


def _crowded() -> FreeholdError:
    return FreeholdError(
        "FH-A153",
        f"{MOST_WAITING} jobs wait already.",
        fix="Wait for some to end, or cancel some: see `/jobs`.",
        exit_code=Exit.ENVIRONMENT,
    )

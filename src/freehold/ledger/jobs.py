"""What was asked to be done in the background, how far it is, and what it said. Rules belong to the server.

A job is claimed under a lease and every later word about it carries the epoch of that claim: whoever lost the lease
changes nothing any more. A job's life is no event, since what it does is told by events of its own, in the name of
whoever asked for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

from sqlalchemy import delete, func, insert, select, update

from freehold.foundation import Caller, Clock, IdSource
from freehold.ledger import tables
from freehold.ledger.event import from_micros, micros

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from freehold.foundation.caller import Assurance
    from freehold.ledger.kept import Lease
    from freehold.ledger.store import Store

State = Literal["queued", "running", "done", "failed", "cancelled", "lost"]
STATES: tuple[State, ...] = get_args(State)
OVER: tuple[State, ...] = ("done", "failed", "cancelled", "lost")
_NO_EXIT = -1_000  # in the column, where there is no exit code yet


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: so many of so many, and at what; nothing is known while `total` is 0."""

    done: int = 0
    total: int = 0
    what: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """A piece of what a job said on `stdout` or `stderr`; `seq` counts from 1."""

    seq: int
    stream: str
    text: str


@dataclass(frozen=True, slots=True)
class Job:
    """Something that was asked for, as a value.

    Attributes:
        id: a UUIDv7; in the order of asking.
        kind: what is to be done, with these `arguments`; `env` is the environment it names, empty where it names none.
        caller: who asked, as surely as was known then; it acts in their name.
        key: the asker's own name for it; empty if they gave none.
        terminal: what is known of the terminal it is shown on: its `columns`, and whether it shows `color`.
        state: `lost` is what failed its process too often to be tried again.
        attempt: how often it was begun.
        epoch: of the lease it runs under.
        claim: the SHA-256, in hex, of what its process proves itself by.
        is_unwanted: whether somebody asked for it to be cancelled.
        exit_code: of the command, once it has ended.
        result: what came of it in a few words: `said`, the last line; `error`, as data; `cancelled_by`.
        hindered: what keeps it from going on, as the server that does it knows; empty for nothing. It is not kept.
    """

    id: str
    kind: str
    arguments: Mapping[str, Any]
    caller: Caller
    asked_at: datetime
    env: str = ""
    key: str = ""
    terminal: Mapping[str, Any] = field(default_factory=dict)
    state: State = "queued"
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exit_code: int | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    attempt: int = 0
    progress: Progress = Progress()
    epoch: int = 0
    claim: str = ""
    is_unwanted: bool = False
    hindered: str = ""

    @property
    def is_over(self) -> bool:
        """Whether it has ended, however that was."""
        return self.state in OVER

    @property
    def ended_first(self) -> bool:
        """Whether it was too late to cancel it: somebody asked, and it ended by itself."""
        return self.is_unwanted and self.state in ("done", "failed")


class Jobs:
    """The jobs of a workspace."""

    def __init__(self, store: Store, clock: Clock, ids: IdSource) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids

    @property
    def is_shared(self) -> bool:
        """Whether other servers may work on the same jobs."""
        return self._store.dialect.engine.dialect.name != "sqlite"

    # -- asking

    def ask(
        self,
        kind: str,
        arguments: Mapping[str, Any],
        caller: Caller,
        *,
        env: str = "",
        key: str = "",
        terminal: Mapping[str, Any] | None = None,
    ) -> Job:
        """Queue a job and return it; asked for again by the same key, return the one that there is."""
        id_ = self._ids.new()
        job = Job(
            id_, kind, dict(arguments), replace(caller, job=id_), self._clock.now(), env, key, dict(terminal or {})
        )
        own = f"{caller.principal} {key}" if key else id_
        with self._store.write() as connection:
            same = tables.job.c.asker_key == own
            there = connection.execute(select(tables.job).where(self._mine, same)).first()
            if there is not None:
                return _job(there)
            connection.execute(insert(tables.job), {"workspace": self._store.workspace, **_row(job, own)})
        return job

    def cancel(self, id: str, by: str) -> Job | None:
        """Take back a job that waits, or ask for one that runs to be stopped; return how it stands then."""
        waits, runs = tables.job.c.state == "queued", tables.job.c.state == "running"
        told = json.dumps({"cancelled_by": by})
        ended = {"state": "cancelled", "ended_at": micros(self._clock.now()), "result": told, "wish": "cancel"}
        with self._store.write() as connection:
            connection.execute(update(tables.job).where(self._is(id), waits).values(ended))
            connection.execute(update(tables.job).where(self._is(id), runs).values(wish="cancel", result=told))
        return self.get(id)

    # -- looking

    def get(self, id: str) -> Job | None:
        """Return the job of an id."""
        with self._store.read() as connection:
            row = connection.execute(select(tables.job).where(self._is(id))).first()
        return None if row is None else _job(row)

    def all(self, *, before: str = "", states: Sequence[str] = (), limit: int = 100, by: str = "") -> tuple[Job, ...]:
        """Return jobs, the newest first; `before` is the id to go on after, `by` the principal who asked for them."""
        query = select(tables.job).where(self._mine).order_by(tables.job.c.id.desc()).limit(limit)
        if before:
            query = query.where(tables.job.c.id < before)
        if states:
            query = query.where(tables.job.c.state.in_(states))
        if by:
            query = query.where(tables.job.c.principal == by)
        with self._store.read() as connection:
            return tuple(_job(row) for row in connection.execute(query))

    def ahead_of(self, job: Job) -> int:
        """Return how many jobs are to end before a queued one begins."""
        open_ = tables.job.c.state.in_(("queued", "running"))
        query = select(func.count()).select_from(tables.job).where(self._mine, open_, tables.job.c.id < job.id)
        with self._store.read() as connection:
            return int(connection.execute(query).scalar_one())

    def said(self, id: str, after: int = 0, limit: int = 500) -> tuple[Said, ...]:
        """Return what a job said after a piece, in its order."""
        query = select(tables.job_output).where(self._of(id), tables.job_output.c.seq > after)
        with self._store.read() as connection:
            found = connection.execute(query.order_by(tables.job_output.c.seq).limit(limit))
            return tuple(Said(row.seq, row.stream, row.text) for row in found)

    def tail(self, id: str, limit: int) -> tuple[Said, ...]:
        """Return the last pieces of what a job said, in their order."""
        query = select(tables.job_output).where(self._of(id)).order_by(tables.job_output.c.seq.desc()).limit(limit)
        with self._store.read() as connection:
            found = [Said(row.seq, row.stream, row.text) for row in connection.execute(query)]
        return tuple(reversed(found))

    @property
    def are_open(self) -> bool:
        """Whether any job waits or runs."""
        query = select(tables.job.c.id).where(self._mine, tables.job.c.state.in_(("queued", "running"))).limit(1)
        with self._store.read() as connection:
            return connection.execute(query).first() is not None

    # -- working, under a lease

    def recover(self, lease: Lease, most_attempts: int) -> tuple[Job, ...]:
        """Queue again what ran under an earlier lease, whose holder is gone; return it.

        What was begun `most_attempts` times is lost: it ends its process each time. What somebody had asked to be
        cancelled is.
        """
        with self._store.write() as connection:
            lease.check_within(connection)
            left = (tables.job.c.state == "running") & (tables.job.c.epoch != lease.epoch)
            found = [_job(row) for row in connection.execute(select(tables.job).where(self._mine, left))]
            for job in found:
                self._put_back(connection, job, most_attempts)
        return tuple(now for job in found if (now := self.get(job.id)) is not None)

    def claim(self, lease: Lease, proof: str) -> Job | None:
        """Begin the job that has waited longest, under a lease; None where none waits.

        Args:
            lease: that lets this process work.
            proof: the SHA-256, in hex, of what the job's process will show.

        Raises:
            FreeholdError: FH-L202 the lease is lost.
        """
        with self._store.write() as connection:
            lease.check_within(connection)
            waits = select(tables.job).where(self._mine, tables.job.c.state == "queued")
            row = connection.execute(waits.order_by(tables.job.c.id).limit(1)).first()
            if row is None:
                return None
            begun = {
                "state": "running",
                "started_at": micros(self._clock.now()),
                "attempt": row.attempt + 1,
                "epoch": lease.epoch,
                "claim": proof,
                **{"done": 0, "total": 0, "what": ""},
            }
            connection.execute(update(tables.job).where(self._is(row.id)).values(begun))
        return self.get(row.id)

    def heard(self, job: Job, pieces: Sequence[tuple[str, str]], progress: Progress | None = None) -> bool:
        """Keep what a running job said (stream and text) and how far it is; say whether this claim still holds."""
        with self._store.write() as connection:
            values = {"state": "running"}
            values |= {"done": progress.done, "total": progress.total, "what": progress.what} if progress else {}  # type: ignore[dict-item]
            if connection.execute(update(tables.job).where(self._runs(job)).values(values)).rowcount != 1:
                return False
            if pieces:
                self._append(connection, job.id, pieces)
        return True

    def end(self, job: Job, state: State, exit_code: int | None, result: Mapping[str, Any]) -> bool:
        """Say how a running job ended; say whether this claim still held."""
        ended = {
            "state": state,
            "exit_code": _NO_EXIT if exit_code is None else exit_code,
            "ended_at": micros(self._clock.now()),
            "result": json.dumps(result),
            "claim": "",
        }
        with self._store.write() as connection:
            return connection.execute(update(tables.job).where(self._runs(job)).values(ended)).rowcount == 1

    def put_back(self, job: Job, most_attempts: int, *, counts: bool = True) -> Job | None:
        """Queue a running job again, or give it up where it was begun too often.

        `counts` tells whether this attempt is one of them: being stopped in good order is not its fault.
        """
        with self._store.write() as connection:
            if connection.execute(select(tables.job.c.id).where(self._runs(job))).first() is not None:
                again = job if counts else replace(job, attempt=job.attempt - 1)
                self._put_back(connection, again, most_attempts)
        return self.get(job.id)

    def forget(self, before: datetime) -> int:
        """Drop jobs that ended before an instant, with what they said; return how many there were."""
        old = self._mine & tables.job.c.state.in_(OVER) & (tables.job.c.ended_at < micros(before))
        with self._store.write() as connection:
            ids = [row.id for row in connection.execute(select(tables.job.c.id).where(old).limit(500))]
            said = tables.job_output.c.job.in_(ids)
            connection.execute(delete(tables.job_output).where(self._said_here, said))
            connection.execute(delete(tables.job).where(self._mine, tables.job.c.id.in_(ids)))
        return len(ids)

    def _put_back(self, connection: Connection, job: Job, most_attempts: int) -> None:
        state = "cancelled" if job.is_unwanted else "lost" if job.attempt >= most_attempts else "queued"
        values: dict[str, Any] = {"state": state, "attempt": job.attempt, "claim": ""}
        values |= {"started_at": 0} if state == "queued" else {"ended_at": micros(self._clock.now())}
        connection.execute(update(tables.job).where(self._is(job.id)).values(values))

    def _append(self, connection: Connection, id: str, pieces: Sequence[tuple[str, str]]) -> None:
        last = connection.execute(select(func.max(tables.job_output.c.seq)).where(self._of(id))).scalar() or 0
        at = {"workspace": self._store.workspace, "job": id}
        rows = [
            {**at, "seq": last + i, "stream": stream, "text": text.replace("\0", "\N{SYMBOL FOR NULL}")}
            for i, (stream, text) in enumerate(pieces, 1)
        ]
        connection.execute(insert(tables.job_output), rows)

    @property
    def _mine(self) -> Any:
        return tables.job.c.workspace == self._store.workspace

    @property
    def _said_here(self) -> Any:
        return tables.job_output.c.workspace == self._store.workspace

    def _of(self, id: str) -> Any:
        return self._said_here & (tables.job_output.c.job == id)

    def _is(self, id: str) -> Any:
        return self._mine & (tables.job.c.id == id)

    def _runs(self, job: Job) -> Any:
        """Whether a job still runs under the claim that somebody holds of it."""
        return self._is(job.id) & (tables.job.c.state == "running") & (tables.job.c.claim == job.claim)


def _row(job: Job, own: str) -> dict[str, Any]:
    return {
        **{name: getattr(job, name) for name in ("id", "kind", "env", "state", "attempt", "epoch", "claim")},
        "arguments": json.dumps(job.arguments),
        "principal": job.caller.principal,
        "groups": json.dumps(job.caller.groups),
        "assurance": job.caller.assurance,
        "asker_key": own,
        "terminal": json.dumps(job.terminal),
        "asked_at": micros(job.asked_at),
        "exit_code": _NO_EXIT,
        "result": "{}",
        **{"wish": "", "what": "", "started_at": 0, "ended_at": 0, "done": 0, "total": 0},
    }


def _job(row: Row[Any]) -> Job:
    assurance: Assurance = row.assurance
    caller = Caller(row.principal, tuple(json.loads(row.groups)), assurance=assurance, job=row.id)
    key = row.asker_key.removeprefix(f"{row.principal} ")
    return Job(
        **{name: getattr(row, name) for name in ("id", "kind", "env", "state", "attempt", "epoch", "claim")},
        arguments=json.loads(row.arguments),
        caller=caller,
        asked_at=from_micros(row.asked_at),
        key="" if key == row.id else key,
        terminal=json.loads(row.terminal),
        started_at=from_micros(row.started_at) if row.started_at else None,
        ended_at=from_micros(row.ended_at) if row.ended_at else None,
        exit_code=None if row.exit_code == _NO_EXIT else row.exit_code,
        result=json.loads(row.result),
        progress=Progress(row.done, row.total, row.what),
        is_unwanted=row.wish == "cancel",
    )

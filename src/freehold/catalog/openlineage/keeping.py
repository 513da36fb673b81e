"""The tables of what other tools told: followed segment by segment, read by whoever draws it or asks for it.

A batch of events is merged in memory and written once, so that what a run says in five events costs one row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from freehold.catalog.openlineage import reading
from freehold.catalog.openlineage.merging import DECLARED, Edges, Job, Run, Set, edges_of
from freehold.catalog.openlineage.reading import DataSet, Heard, Into, Name, NoEvent, heard
from freehold.catalog.openlineage.spelling import job_of, job_text, run_of, run_text, set_of, set_text
from freehold.ledger.event import micros

RAW = "lineage.received"
READ = ("body", "occurred_at")  # columns of a segment
_OF_A_SET = "set"  # in place of a job's kind: lineage that a data set declares of itself


@dataclass(slots=True)
class Touched:
    """What a batch of events told of; `moved` are data sets that may have other names now."""

    jobs: set[str] = field(default_factory=set)
    sets: set[Name] = field(default_factory=set)
    moved: set[Name] = field(default_factory=set)

    def add(self, other: Touched) -> None:
        """Take in what another batch told of."""
        self.jobs |= other.jobs
        self.sets |= other.sets
        self.moved |= other.moved


@dataclass(slots=True)
class _Producer:
    """Whoever sends events: how many, how many with warnings, and the newest of each."""

    events: int = 0
    warned: int = 0
    last_at: int = 0
    warning: str = ""
    warned_at: int = 0


class Keeping:
    """One batch of events on its way into the tables."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._jobs: dict[str, Job] = {}
        self._runs: dict[tuple[str, str], Run] = {}
        self._sets: dict[Name, Set] = {}
        self._forgotten: set[tuple[str, str]] = set()
        self._producers: dict[str, _Producer] = {}
        self._columns: dict[Name, tuple[object, tuple[Into, ...]]] = {}
        self.touched = Touched()

    def take(self, rows: Iterable[Mapping[str, Any]], sealed_at: datetime) -> None:
        """Merge the events of a segment, by its columns `READ`; all of them had come when it was sealed."""
        latest = micros(sealed_at)
        for row in rows:
            try:
                received = min(latest, micros(row["occurred_at"].replace(tzinfo=UTC)))  # segments hold UTC
                event = heard(row["body"], received)
            except NoEvent:  # one that an earlier version took for an event
                continue
            self._count(event)
            self._merge(event)

    def write(self) -> None:
        """Write everything that was merged."""
        write = self._connection.executemany
        write("INSERT OR REPLACE INTO heard_job VALUES (?, ?, ?, ?, ?)", [
            (id_, *job.name, job_text(job), job.at) for id_, job in self._jobs.items()
        ])  # fmt: skip
        write("INSERT OR REPLACE INTO heard_run VALUES (?, ?, ?, ?)", [
            (job, run.id, run_text(run), run.stamp[0]) for (job, _), run in self._runs.items()
            if (job, run.id) not in self._forgotten
        ])  # fmt: skip
        write("DELETE FROM heard_run WHERE job = ? AND run = ?", list(self._forgotten))
        write("INSERT OR REPLACE INTO heard_set VALUES (?, ?, ?, ?, ?)", [
            (str(name), *name, set_text(one), one.at) for name, one in self._sets.items()
        ])  # fmt: skip
        moved = sorted(self.touched.moved)
        for name in moved:  # what went by the same name before may go by none of it now
            self.touched.moved |= same_as(self._connection, name)
        for name in moved:
            self._connection.execute("DELETE FROM heard_link WHERE name = ?", (str(name),))
            links = reading.symlinks(self._sets[name].facets.facets())
            write("INSERT INTO heard_link VALUES (?, ?)", [(str(name), str(other)) for other in links])
        self._write_uses()
        self._write_producers()

    def _merge(self, event: Heard) -> None:
        for one in (*event.inputs, *event.outputs, *event.datasets):
            if self._set(one.name).note(one, event.stamp):
                self.touched.moved.add(one.name)
            self.touched.sets.add(one.name)
        if event.kind == "dataset":
            self._declared_by_set(event)
        elif event.job is not None:
            self._of_job(f"job {event.job}", event.job, event)

    def _declared_by_set(self, event: Heard) -> None:
        one = event.datasets[0]
        if {"lineage", "columnLineage"} & one.facets.keys():
            declares = replace(event, outputs=(one,))
            self._of_job(f"{_OF_A_SET} {one.name}", one.name, declares)

    def _of_job(self, id_: str, name: Name, event: Heard) -> None:
        job, run = self._job(id_, name), self._run(id_, event.run)
        run.merge(event, self._into) if event.kind == "run" else run.declare(event, self._into)
        forget = {(id_, gone) for gone in job.note(event, run)}
        self._forgotten |= forget
        self._forgotten -= {(id_, kept) for kept in (*job.recent, job.closed) if kept is not None}
        for gone in forget:
            self._runs.pop(gone, None)
        for named in run.names():
            self._set(named)
            self.touched.sets.add(named)
        self.touched.jobs.add(id_)

    def _into(self, one: DataSet) -> tuple[Into, ...]:
        """Return what goes into the columns of a data set; runs of one job say the same again and again."""
        said = (one.facets.get("columnLineage"), one.facets.get("lineage"))
        known = self._columns.get(one.name)
        if known is None or known[0] != said:
            known = self._columns[one.name] = (said, reading.into_columns(one.facets))
        return known[1]

    def _job(self, id_: str, name: Name) -> Job:
        if id_ not in self._jobs:
            self._jobs[id_] = job_kept(self._connection, id_) or Job(name)
        return self._jobs[id_]

    def _run(self, job: str, id_: str) -> Run:
        at = (job, id_)
        if at not in self._runs:
            kept = None if at in self._forgotten else run_kept(self._connection, job, id_)
            self._runs[at] = kept or Run(id_)
        return self._runs[at]

    def _set(self, name: Name) -> Set:
        if name not in self._sets:
            self._sets[name] = set_kept(self._connection, name) or Set(name)
        return self._sets[name]

    def _write_uses(self) -> None:
        """Note which data sets the edges of each job name, as far as jobs were touched."""
        for id_ in self.touched.jobs:
            named = edges_kept(self._connection, self._jobs[id_], id_).names
            self._connection.execute("DELETE FROM heard_use WHERE job = ?", (id_,))
            self._connection.executemany("INSERT INTO heard_use VALUES (?, ?)", [(id_, str(name)) for name in named])

    def _count(self, event: Heard) -> None:
        one = self._producers.setdefault(event.producer, _Producer())
        one.events += 1
        one.last_at = max(one.last_at, event.at)
        warnings = event.warnings
        if warnings:
            one.warned += 1
            if event.at >= one.warned_at:
                one.warning, one.warned_at = warnings[0], event.at

    def _write_producers(self) -> None:
        rows = [(name, p.events, p.warned, p.last_at, p.warning, p.warned_at) for name, p in self._producers.items()]
        self._connection.executemany(
            "INSERT INTO heard_producer VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (producer) DO UPDATE SET "
            "events = events + excluded.events, warned = warned + excluded.warned, "
            "last_at = max(last_at, excluded.last_at), "
            "warning = CASE WHEN excluded.warned_at >= warned_at AND excluded.warned > 0 THEN excluded.warning "
            "ELSE warning END, warned_at = max(warned_at, excluded.warned_at)",
            rows,
        )


def job_kept(connection: sqlite3.Connection, id_: str) -> Job | None:
    """Return a job by its id in the tables."""
    found = connection.execute("SELECT namespace, name, said FROM heard_job WHERE id = ?", (id_,)).fetchone()
    return job_of(Name(found[0], found[1]), found[2]) if found else None


def set_kept(connection: sqlite3.Connection, name: Name) -> Set | None:
    """Return a data set."""
    found = connection.execute("SELECT said FROM heard_set WHERE id = ?", (str(name),)).fetchone()
    return set_of(name, found[0]) if found else None


def is_known(connection: sqlite3.Connection, name: Name) -> bool:
    """Whether any tool told of a data set by a name, be it as another name of one."""
    sql = "SELECT EXISTS (SELECT 1 FROM heard_set WHERE id = ?1) OR EXISTS (SELECT 1 FROM heard_link WHERE other = ?1)"
    return bool(connection.execute(sql, (str(name),)).fetchone()[0])


def run_kept(connection: sqlite3.Connection, job: str, id_: str) -> Run | None:
    """Return a run of a job, by their ids in the tables."""
    found = connection.execute("SELECT said FROM heard_run WHERE job = ? AND run = ?", (job, id_)).fetchone()
    return run_of(id_, found[0]) if found else None


def runs_kept(connection: sqlite3.Connection, job: str) -> dict[str, Run]:
    """Return the runs of a job that are kept, the newest first."""
    rows = connection.execute("SELECT run, said FROM heard_run WHERE job = ? ORDER BY happened DESC, run", (job,))
    return {id_: run_of(id_, said) for id_, said in rows if id_ != DECLARED}


def edges_kept(connection: sqlite3.Connection, job: Job, id_: str) -> Edges:
    """Return the edges that a job has now."""
    found = ((one, run_kept(connection, id_, one)) for one in job.of_now)
    return edges_of(job.standing({one: run for one, run in found if run is not None}))


def jobs_that_use(connection: sqlite3.Connection, names: Iterable[Name]) -> Iterator[str]:
    """Yield the ids of the jobs whose edges name any of some data sets."""
    for name in names:
        for (id_,) in connection.execute("SELECT job FROM heard_use WHERE name = ?", (str(name),)).fetchall():
            yield str(id_)


def same_as(connection: sqlite3.Connection, name: Name) -> frozenset[Name]:
    """Return every name that a data set goes by, by what tools say of their own: at most some hundred."""
    found, latest = {name}, [name]
    sql = "SELECT other FROM heard_link WHERE name = ?1 UNION SELECT name FROM heard_link WHERE other = ?1"
    while latest and len(found) < 200:
        at = latest.pop()
        for (text,) in connection.execute(sql, (str(at),)).fetchall():
            other = Name.of(text)
            if other not in found:
                found.add(other)
                latest.append(other)
    return frozenset(found)

"""What other tools told, as they told it: namespaces, jobs, runs and data sets, and how those hang together."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from freehold.catalog.openlineage import keeping, reading
from freehold.catalog.openlineage.drawing import key_of
from freehold.catalog.openlineage.merging import DECLARED, Edges, Job, Run, Set
from freehold.catalog.openlineage.reading import Name


class Producer(NamedTuple):
    """Who sends events, how many of them were not as they should be, and what was wrong with the newest such."""

    name: str
    events: int
    warned: int
    last_at: int
    warning: str
    warned_at: int


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace: when anything of it was heard of first and last."""

    name: str
    first: int
    last: int


class Book:
    """The tables of what was heard, within one view of them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def producers(self) -> tuple[Producer, ...]:
        """Return who sends, the newest first."""
        rows = self._connection.execute("SELECT * FROM heard_producer ORDER BY last_at DESC, producer")
        return tuple(Producer(*row) for row in rows)

    def namespaces(self) -> tuple[Namespace, ...]:
        """Return every namespace of a job or a data set, by name."""
        rows = self._connection.execute(
            "SELECT namespace, min(happened), max(happened) FROM (SELECT namespace, happened FROM heard_job "
            "WHERE id LIKE 'job %' UNION ALL SELECT namespace, happened FROM heard_set) GROUP BY 1 ORDER BY 1"
        )
        return tuple(Namespace(*row) for row in rows)

    def datasets(self, namespace: str, limit: int = 100, offset: int = 0) -> tuple[int, tuple[Set, ...]]:
        """Return how many data sets a namespace has, and some of them by name."""
        where = "FROM heard_set WHERE namespace = ?"
        total = self._connection.execute(f"SELECT count(*) {where}", (namespace,)).fetchone()[0]
        rows = self._connection.execute(
            f"SELECT name {where} ORDER BY name LIMIT ? OFFSET ?", (namespace, limit, offset)
        ).fetchall()
        found = (self.dataset(Name(namespace, name)) for (name,) in rows)
        return total, tuple(one for one in found if one)

    def dataset(self, name: Name) -> Set | None:
        """Return a data set."""
        return keeping.set_kept(self._connection, name)

    def jobs(self, namespace: str, limit: int = 100, offset: int = 0) -> tuple[int, tuple[Job, ...]]:
        """Return how many jobs a namespace has, and some of them by name."""
        where = "FROM heard_job WHERE namespace = ? AND id LIKE 'job %'"
        total = self._connection.execute(f"SELECT count(*) {where}", (namespace,)).fetchone()[0]
        rows = self._connection.execute(
            f"SELECT name {where} ORDER BY name LIMIT ? OFFSET ?", (namespace, limit, offset)
        ).fetchall()
        found = (self.job(Name(namespace, name)) for (name,) in rows)
        return total, tuple(one for one in found if one)

    def job(self, name: Name) -> Job | None:
        """Return a job."""
        return keeping.job_kept(self._connection, f"job {name}")

    def runs(self, job: Job) -> tuple[Run, ...]:
        """Return the runs of a job that are kept, the newest first."""
        return tuple(keeping.runs_kept(self._connection, f"job {job.name}").values())

    def run(self, id_: str) -> tuple[Name, Run] | None:
        """Return a run and the job it is of."""
        if id_ == DECLARED:
            return None
        found = self._connection.execute(
            "SELECT j.namespace, j.name, r.job FROM heard_run r JOIN heard_job j ON j.id = r.job WHERE r.run = ? "
            "ORDER BY r.happened DESC, r.job LIMIT 1",
            (id_,),
        ).fetchone()
        if found is None:
            return None
        run = keeping.run_kept(self._connection, found[2], id_)
        return (Name(found[0], found[1]), run) if run else None

    def edges(self, job: Job) -> Edges:
        """Return the edges that a job has now."""
        return keeping.edges_kept(self._connection, job, f"job {job.name}")

    def users(self, name: Name) -> tuple[tuple[Job, Edges], ...]:
        """Return the jobs whose edges name a data set, under any of its names."""
        group = keeping.same_as(self._connection, name)
        ids = sorted(set(keeping.jobs_that_use(self._connection, group)))
        found = ((id_, keeping.job_kept(self._connection, id_)) for id_ in ids if id_.startswith("job "))
        return tuple((job, keeping.edges_kept(self._connection, job, id_)) for id_, job in found if job)

    def ours(self, name: Name) -> str:
        """Return the asset of ours that a data set is; empty where it is none."""
        key = key_of(self._connection, name)
        return key.id if key.kind == "asset" else ""

    def found(self, pattern: str, kinds: tuple[str, ...], limit: int) -> Iterator[tuple[str, Name, int]]:
        """Yield kind, name and last time of jobs and data sets whose names hold a word, whatever its case, by name.

        `%` stands for any letters and `_` for one, as SQL has it.
        """
        tables = {"dataset": "heard_set WHERE", "job": "heard_job WHERE id LIKE 'job %' AND"}
        parts = [f"SELECT '{k}' AS kind, namespace, name, happened FROM {tables[k]} name LIKE ?1" for k in kinds]
        sql = f"{' UNION ALL '.join(parts)} ORDER BY name, kind, namespace LIMIT ?2"
        for kind, namespace, name, at in self._connection.execute(sql, (f"%{pattern}%", limit)):
            yield kind, Name(namespace, name), at

    def counts(self) -> tuple[int, int, int]:
        """Return how many jobs, data sets and events there are."""
        jobs = self._connection.execute("SELECT count(*) FROM heard_job WHERE id LIKE 'job %'").fetchone()[0]
        sets = self._connection.execute("SELECT count(*) FROM heard_set").fetchone()[0]
        events = self._connection.execute("SELECT coalesce(sum(events), 0) FROM heard_producer").fetchone()[0]
        return jobs, sets, events

    def columns(self, one: Set) -> tuple[tuple[str, str, str], ...]:
        """Return name, type and description of each column of a data set."""
        return reading.columns(one.facets.facets())

"""What events of a run, a job and a data set come to together, in whatever order and however often they arrive.

Of each facet the last writer counts, by the time of the event and, where two are of one time, by digest. The edges of a
job are those of the run that completed last; runs that came after it and have not completed add theirs and take none
away. So a run that fails, or is cut off, never removes an edge, and neither does one that names no data set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from freehold.catalog.openlineage import reading
from freehold.catalog.openlineage.reading import DataSet, Facets, Heard, Into, Name

Stamp = tuple[int, str]
ReadColumns = Callable[[DataSet], tuple[Into, ...]]
NEVER: Stamp = (-(2**62), "")
DECLARED = ""  # in place of a run's id: what a job event declares, without a run
KEPT_RUNS = 20  # of a job, the newest; and the one whose edges stand
_ENDS = {"COMPLETE": "COMPLETED", "FAIL": "FAILED", "ABORT": "ABORTED"}


@dataclass(slots=True)
class Kept:
    """Facets, each with the stamp of who wrote it last."""

    said: dict[str, tuple[int, str, Any]] = field(default_factory=dict)

    def merge(self, facets: Facets, stamp: Stamp) -> None:
        """Take the facets of one event."""
        for name, facet in facets.items():
            before = self.said.get(name)
            if before is None or (before[0], before[1]) <= stamp:
                self.said[name] = (*stamp, facet)

    def facets(self) -> dict[str, Any]:
        """Return them as they stand; one that was deleted is not there."""
        return {name: facet for name, (*_, facet) in sorted(self.said.items()) if facet.get("_deleted") is not True}


@dataclass(slots=True)
class Output:
    """A data set that a run writes: what it is made of, where that is said, and what goes into its columns."""

    stamp: Stamp = NEVER
    reads: tuple[Name, ...] | None = None
    columns: tuple[Into, ...] = ()
    own: Kept = field(default_factory=Kept)

    def merge(self, reads: tuple[Name, ...] | None, columns: Iterable[Into], stamp: Stamp) -> None:
        """Take what one event says of its lineage, if it says anything and is not older than what is known."""
        told = tuple(columns)
        if (reads is not None or told) and stamp >= self.stamp:
            self.stamp, self.reads, self.columns = stamp, reads, told


@dataclass(slots=True)
class Run:
    """A run of a job, as far as it was told."""

    id: str
    stamp: Stamp = NEVER
    started: int | None = None
    end: Stamp = NEVER
    state: str = "NEW"
    completed: Stamp = NEVER
    facets: Kept = field(default_factory=Kept)
    inputs: set[Name] = field(default_factory=set)
    outputs: dict[Name, Output] = field(default_factory=dict)

    @property
    def names_any(self) -> bool:
        """Whether it says anything of data sets."""
        return bool(self.inputs or self.outputs)

    def names(self) -> set[Name]:
        """Return every data set that it names."""
        found = self.inputs | self.outputs.keys()
        for one in self.outputs.values():
            found.update(one.reads or ())
            found.update(source.name for _, source in one.columns)
        return found

    def merge(self, event: Heard, into: ReadColumns) -> None:
        """Take one event of it; `into` reads what goes into columns from the facets of a data set."""
        self.stamp = max(self.stamp, event.stamp)
        if event.type == "START":
            self.started = event.at if self.started is None else min(self.started, event.at)
        if event.type in _ENDS and event.stamp >= self.end:
            self.end, self.state = event.stamp, _ENDS[event.type]
        elif self.end == NEVER and event.type in ("START", "RUNNING"):
            self.state = "RUNNING"
        if event.type == "COMPLETE":
            self.completed = max(self.completed, event.stamp)
        self.facets.merge(event.run_facets, event.stamp)
        self.take_edges(event, into)

    def declare(self, event: Heard, into: ReadColumns) -> None:
        """Take what a job event declares in place of what was declared before."""
        if event.stamp >= self.stamp and (event.inputs or event.outputs or "lineage" in event.job_facets):
            self.inputs, self.outputs = set(), {}
            self.stamp = self.completed = event.stamp
            self.take_edges(event, into)

    def take_edges(self, event: Heard, into: ReadColumns) -> None:
        """Take the data sets that an event names, and what it says of how one goes into another."""
        self.inputs.update(one.name for one in event.inputs)
        for one in event.outputs:
            written = self.outputs.setdefault(one.name, Output())
            written.own.merge(one.own, event.stamp)
            written.merge(reads_of(one), into(one), event.stamp)
        for target, reads, columns in reading.declared(event.job_facets):
            if target is None:
                self.inputs.update(reads)
            else:
                self.outputs.setdefault(target, Output()).merge(reads, columns, event.stamp)


@dataclass(slots=True)
class Job:
    """A job, the runs of it that are kept, and which of them its edges are of.

    `recent` has the newest runs by their stamps; `closed` is the run that completed last and named data sets.
    """

    name: Name
    at: int = 0
    producer: tuple[int, str, str] = (*NEVER, "")
    facets: Kept = field(default_factory=Kept)
    recent: dict[str, Stamp] = field(default_factory=dict)
    closed: str | None = None
    closed_at: Stamp = NEVER

    def note(self, event: Heard, run: Run) -> tuple[str, ...]:
        """Take one event and the run it is of, with the event merged; return the ids of runs to forget."""
        self.at = max(self.at, event.at)
        self.producer = max(self.producer, (*event.stamp, event.producer))
        self.facets.merge(event.job_facets, event.stamp)
        before = {*self.recent, self.closed}
        self.recent[run.id] = run.stamp
        if len(self.recent) > KEPT_RUNS:
            del self.recent[min(self.recent, key=lambda one: self.recent[one])]
        if run.completed != NEVER and run.names_any and run.completed >= self.closed_at:
            self.closed, self.closed_at = run.id, run.completed
        left = {*self.recent, self.closed}
        return tuple(one for one in before | {run.id} if one is not None and one not in left)

    @property
    def of_now(self) -> frozenset[str]:
        """The ids of the runs that `standing` looks at."""
        added = {id_ for id_, stamp in self.recent.items() if stamp > self.closed_at}
        return frozenset(added if self.closed is None else {self.closed, *added})

    def standing(self, runs: Mapping[str, Run]) -> tuple[Run, ...]:
        """Return the runs whose edges are its own now."""
        added = [
            runs[id_] for id_, stamp in self.recent.items()
            if id_ != self.closed and stamp > self.closed_at and runs[id_].completed == NEVER
        ]  # fmt: skip
        closed = [runs[self.closed]] if self.closed is not None else []
        return (*closed, *sorted(added, key=lambda one: one.stamp))


@dataclass(slots=True)
class Set:
    """A data set, as far as it was told."""

    name: Name
    at: int = 0
    first: int = 2**62
    facets: Kept = field(default_factory=Kept)

    def note(self, one: DataSet, stamp: Stamp) -> bool:
        """Take what one event says of it; return whether it may be another data set's other name now."""
        links = reading.symlinks(self.facets.facets())
        self.at, self.first = max(self.at, stamp[0]), min(self.first, stamp[0])
        self.facets.merge(one.facets, stamp)
        return reading.symlinks(self.facets.facets()) != links


def reads_of(one: DataSet) -> tuple[Name, ...] | None:
    """Return the data sets that one is made of, where its facet `lineage` says so; none at all is an answer too."""
    said = one.facets.get("lineage")
    if not isinstance(said, dict) or not isinstance(said.get("inputs"), list | None):
        return None
    return reading.read_by(said) if said.get("inputs") is not None or said.get("fields") else None


@dataclass(frozen=True, slots=True)
class Edges:
    """The edges of a job: what it reads, and what each data set that it writes is made of."""

    inputs: tuple[Name, ...] = ()
    outputs: tuple[tuple[Name, tuple[Name, ...], tuple[Into, ...]], ...] = ()

    @property
    def names(self) -> frozenset[Name]:
        """Every data set that they name."""
        found = {*self.inputs}
        for target, reads, columns in self.outputs:
            found |= {target, *reads, *(source.name for _, source in columns)}
        return frozenset(found)


def edges_of(runs: Iterable[Run]) -> Edges:
    """Return the edges of several runs together, in the order of names."""
    inputs: set[Name] = set()
    reads: dict[Name, set[Name]] = {}
    columns: dict[Name, set[Into]] = {}
    for run in runs:
        inputs |= run.inputs
        for name, output in run.outputs.items():
            said = run.inputs if output.reads is None else set(output.reads)
            named = {source.name for _, source in output.columns}
            reads.setdefault(name, set()).update(said | named)
            columns.setdefault(name, set()).update(output.columns)
    every = inputs.union(*reads.values())
    outputs = ((name, tuple(sorted(reads[name])), tuple(sorted(columns[name]))) for name in sorted(reads))
    return Edges(tuple(sorted(every)), tuple(outputs))

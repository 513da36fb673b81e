"""What other tools told, as entries and jobs of the catalog, under the names that the estate has for the same things.

A data set that goes by a name of one of our assets is that asset; others are entries of their own, one for all the
names that tools say are the same. A job is an entry too: who reads a table and writes none is hit when it goes. What
one job draws is replaced together.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from freehold.catalog.entry import OPENLINEAGE, SOME, WHOLE, Alias, Column, End, Entry, Flow, Job, Key
from freehold.catalog.openlineage import keeping, reading
from freehold.catalog.openlineage.merging import Edges
from freehold.catalog.openlineage.merging import Job as HeardJob
from freehold.catalog.openlineage.reading import Name
from freehold.foundation import Where

_HERE = Where("OpenLineage")


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is to stand in the catalog in place of what was drawn of the same things before.

    `gone` are entries that stand no more; `jobs` are by the id of the job that was told of.
    """

    entries: tuple[Entry, ...] = ()
    gone: tuple[Key, ...] = ()
    jobs: tuple[tuple[str, tuple[Job, ...]], ...] = ()


def everything(connection: sqlite3.Connection) -> keeping.Touched:
    """Return all that was ever told of, to be drawn anew."""
    jobs = {str(id_) for (id_,) in connection.execute("SELECT id FROM heard_job")}
    sets = {Name(*row) for row in connection.execute("SELECT namespace, name FROM heard_set")}
    return keeping.Touched(jobs, sets, set())


def our_names(connection: sqlite3.Connection) -> frozenset[tuple[str, str]]:
    """Return the names by which other tools know our assets, each with the id of one."""
    found = connection.execute(
        "SELECT l.name, a.id FROM alias l JOIN asset a ON a.key = l.asset "
        "WHERE l.reason = ? AND a.is_gone = 0 AND a.origin = ''",
        (OPENLINEAGE,),
    )
    return frozenset(found.fetchall())


def renamed(connection: sqlite3.Connection, differ: Iterable[tuple[str, str]]) -> keeping.Touched:
    """Return what is to be drawn anew where names of our assets came or went: what was told of under any of them."""
    names = {Name.of(name) for name, _ in differ}
    heard = {name for name in names if keeping.is_known(connection, name)}
    return keeping.Touched(set(), set(), heard)


def drawn(connection: sqlite3.Connection, touched: keeping.Touched) -> Drawn:
    """Return what is to stand for what was told of."""
    drawing = _Drawing(connection)
    entries: dict[Key, Entry] = {}
    gone: set[Key] = set()
    jobs = set(touched.jobs)
    for group in {drawing.group(name) for name in touched.sets | touched.moved}:
        key = drawing.key(min(group))
        if key.kind == "dataset":
            entries[key] = drawing.set_entry(key, group)
        gone |= {Key("dataset", str(name)) for name in group} - {key}
        if group & touched.moved:
            jobs.update(keeping.jobs_that_use(connection, group))
    found = []
    for id_ in sorted(jobs):
        entry, made = drawing.job(id_)
        if entry is not None:
            entries[entry.key] = entry
        found.append((id_, made))
    return Drawn(tuple(entries.values()), tuple(sorted(gone)), tuple(found))


def key_of(connection: sqlite3.Connection, name: Name) -> Key:
    """Return the entry that a data set of other tools means."""
    return _Drawing(connection).key(name)


class _Drawing:
    """Names looked up once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._groups: dict[Name, frozenset[Name]] = {}
        self._keys: dict[Name, Key] = {}

    def group(self, name: Name) -> frozenset[Name]:
        """Return all names of what goes by a name."""
        if name not in self._groups:
            found = keeping.same_as(self._connection, name)
            self._groups.update(dict.fromkeys(found, found))
        return self._groups[name]

    def key(self, name: Name) -> Key:
        """Return the entry that a name means: our asset that goes by it, else the first of all its names."""
        if name not in self._keys:
            group = self.group(name)
            ours = self._ours(name) or next((one for other in sorted(group) if (one := self._ours(other))), None)
            self._keys[name] = ours or Key("dataset", str(min(group)))
        return self._keys[name]

    def _ours(self, name: Name) -> Key | None:
        found = self._connection.execute(
            "SELECT a.kind, a.id FROM alias l JOIN asset a ON a.key = l.asset WHERE l.name = ? AND l.reason = ? "
            "AND a.is_gone = 0 AND a.origin = '' ORDER BY a.id",
            (str(name), OPENLINEAGE),
        ).fetchone()
        return Key(*found) if found else None

    def set_entry(self, key: Key, group: Iterable[Name]) -> Entry:
        """Return the entry of a data set that is not ours, by all that is told under any of its names."""
        kept = [one for name in sorted(group) if (one := keeping.set_kept(self._connection, name))]
        facets = {name: facet for one in reversed(kept) for name, facet in one.facets.facets().items()}
        name = Name.of(key.id)
        return Entry(
            key=key,
            title=name.name,
            where=_HERE,
            owner=", ".join(reading.owners(facets)),
            description=reading.description(facets),
            form=name.namespace,
            tags=(name.namespace,),
            aliases=tuple(Alias(str(other), "symlink") for other in sorted(group) if other != name),
            columns=tuple(Column(*one) for one in reading.columns(facets)),
        )

    def job(self, id_: str) -> tuple[Entry | None, tuple[Job, ...]]:
        """Return the entry of a job, and the jobs of the catalog that make its edges."""
        job = keeping.job_kept(self._connection, id_)
        if job is None:
            return None, ()
        edges = keeping.edges_kept(self._connection, job, id_)
        if not id_.startswith("job "):  # what a data set says of itself: there is no job to be shown
            return None, tuple(self._outputs(id_, None, edges))
        key = Key("job", str(job.name))
        entry = self._job_entry(key, job, edges)
        return entry, (*self._reading(id_, key, edges), *self._outputs(id_, key, edges))

    def _job_entry(self, key: Key, job: HeardJob, edges: Edges) -> Entry:
        facets = job.facets.facets()
        _, by, what = reading.job_type(facets)
        ours = sorted({k.id.rpartition(".")[0] for name in edges.names if (k := self.key(name)).kind == "asset"})
        return Entry(
            key=key,
            title=job.name.name,
            where=_HERE,
            scope=tuple(ours),
            owner=", ".join(reading.owners(facets)),
            description=reading.description(facets),
            form=" ".join(word.lower() for word in (by, what) if word),
            tags=(job.name.namespace, *((by.lower(),) if by else ())),
        )

    def _reading(self, id_: str, key: Key, edges: Edges) -> Iterator[Job]:
        """Yield the job by which a job's entry is after what it reads."""
        reads = self._others(edges.inputs, key)
        if not reads:
            return
        used = [source for *_, columns in edges.outputs for _, source in columns]
        if edges.outputs and all(columns for *_, columns in edges.outputs):
            ends = {End(self.key(source.name), source.field or WHOLE) for source in used}
            ends |= {End(one) for one in reads if one not in {end.entry for end in ends}}
        else:
            ends = {End(one) for one in reads}
        flows = tuple(Flow(end, End(key), "reads", where=_HERE) for end in sorted(ends))
        yield Job(f"openlineage {id_}", OPENLINEAGE, key, _HERE, reads, flows)

    def _outputs(self, id_: str, key: Key | None, edges: Edges) -> Iterator[Job]:
        """Yield a job for each data set that is written."""
        of_target: dict[Key, tuple[list[Key], list[Flow]]] = {}
        for name, reads, columns in edges.outputs:
            target = self.key(name)
            before, flows = of_target.setdefault(target, ([], []))
            before += [*([key] if key else []), *self._others(reads, target)]
            flows += self._flows(target, columns)
            if key and not columns:
                flows.append(Flow(End(key), End(target, SOME), "writes", where=_HERE))
        for target, (before, flows) in sorted(of_target.items()):
            told = tuple(sorted(set(flows), key=lambda one: (one.source, one.target, one.how, one.is_direct)))
            yield Job(
                f"openlineage {id_} into {target}", OPENLINEAGE, target, _HERE, tuple(dict.fromkeys(before)), told
            )

    def _flows(self, target: Key, columns: Iterable[tuple[str, reading.Source]]) -> Iterator[Flow]:
        for column, source in columns:
            before = End(self.key(source.name), source.field or WHOLE)
            if before.entry != target:
                yield Flow(before, End(target, column or SOME), source.how, source.is_direct and bool(column), _HERE)

    def _others(self, names: Iterable[Name], target: Key) -> tuple[Key, ...]:
        return tuple(one for one in dict.fromkeys(map(self.key, names)) if one != target)

"""What files say, brought into the tables: only what differs is written, and the rest is as a rebuild would make it.

Each job's edges are replaced in the transaction that brings the rest: those it says no more are closed with the moment,
new ones begin, the others stand as they are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from freehold.catalog.entry import OPENLINEAGE, SOME, WHOLE, Column, Description, Entry, Flow, Job, Key
from freehold.catalog.openlineage.drawing import Drawn
from freehold.catalog.store import stamp, stamped

_PART = "part"  # how a column and the whole of its entry hang together; no step of its own
_ENTRY = (
    "kind, id, title, product, scope, domain, owner, description, form, status, version, tier, replaced_by, sunset, "
    "certified_by, is_certified, viewers, tags, path, line, digest, signal, changed, is_gone, origin"
)
_UPSERT = (
    f"INSERT INTO asset ({_ENTRY}) VALUES ({', '.join('?' * 25)}) ON CONFLICT (kind, id) DO UPDATE SET "
    + ", ".join(f"{c} = excluded.{c}" for c in _ENTRY.split(", ")[2:] if c != "signal")
    + " RETURNING key"
)


@dataclass(frozen=True, slots=True)
class Written:
    """How much an update wrote."""

    entries: int = 0
    gone: int = 0
    jobs: int = 0
    edges: int = 0
    closed: int = 0
    events: int = 0

    def __add__(self, other: Written) -> Written:
        """Return what two steps wrote together."""
        return Written(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    @property
    def is_nothing(self) -> bool:
        """Whether everything was as it should be."""
        return self == Written()


# Whether an edge of a job starts or ends at a column now.
_IN_USE = " OR ".join(
    f"EXISTS (SELECT 1 FROM edge e WHERE e.{end} = f.key AND e.step = 1 AND e.valid_to IS NULL)"
    for end in ("source", "target")
)


def project(connection: sqlite3.Connection, said: Description, change: int, instant: int) -> Written:
    """Bring what files say into the tables, within the transaction that is open.

    Args:
        connection: in a transaction.
        said: all of it; what is not in it is gone.
        change: the number of this change, for entries that differ.
        instant: microseconds since 1970, from which new edges hold and at which others end.
    """
    mine = "SELECT {} FROM asset WHERE origin = ''"
    keys = {Key(kind, id_): key for kind, id_, key in connection.execute(mine.format("kind, id, key"))}
    standing = dict(connection.execute(mine.format("key, digest") + " AND is_gone = 0"))
    entries = 0
    for entry in said.entries:
        key = keys.get(entry.key)
        if key is None or standing.get(key) != entry.digest:
            keys[entry.key] = _write_entry(connection, entry, change)
            entries += 1
    there = {entry.key: keys[entry.key] for entry in said.entries}
    gone = _take_away(connection, standing, set(there.values()), change)
    edges_of = _Edges(connection, there, instant)
    jobs = edges_of.replace(_within(job, there) for job in said.jobs)
    if entries or gone or jobs:
        edges_of.join_parts()
    edges_of.note_moved()
    _note_documents(connection, dict(said.read_from))
    return Written(entries, gone, jobs, edges_of.begun, edges_of.closed)


def project_drawn(connection: sqlite3.Connection, drawn: Drawn, change: int, instant: int) -> Written:
    """Bring what other tools told into the tables, within the transaction that is open; the rest stands as it is.

    The arguments are those of `project`, but what is not in `drawn` is not gone.
    """
    written = {
        _write_entry(connection, entry, change, OPENLINEAGE)
        for entry in drawn.entries
        if _standing(connection, entry.key) != entry.digest
    }
    ends = {end for _, jobs in drawn.jobs for job in jobs for end in (job.target, *job.reads, *_ends_of(job))}
    edges_of = _Edges(connection, _numbers(connection, ends), instant)
    jobs = sum(edges_of.replace(made, origin) for origin, made in drawn.jobs)
    found = _numbers(connection, drawn.gone).values()
    gone = _take_away(connection, dict.fromkeys(found, ""), set(), change)
    if written or gone or jobs:
        edges_of.join_parts(edges_of.touched() | written)
    edges_of.note_moved()
    return Written(len(written), gone, jobs, edges_of.begun, edges_of.closed)


def drop_drawn(connection: sqlite3.Connection, change: int, instant: int) -> Written:
    """Take away everything that other tools told, to be drawn anew."""
    found = connection.execute("SELECT key, '' FROM asset WHERE origin <> '' AND is_gone = 0").fetchall()
    origins = connection.execute("SELECT DISTINCT origin FROM job WHERE origin <> ''").fetchall()
    edges_of = _Edges(connection, {}, instant)
    jobs = sum(edges_of.replace((), origin) for (origin,) in origins)
    gone = _take_away(connection, dict(found), set(), change)
    edges_of.join_parts(edges_of.touched())
    edges_of.note_moved()
    return Written(0, gone, jobs, 0, edges_of.closed)


def _standing(connection: sqlite3.Connection, key: Key) -> str | None:
    found = connection.execute("SELECT digest FROM asset WHERE kind = ? AND id = ? AND is_gone = 0", key).fetchone()
    return str(found[0]) if found else None


def _numbers(connection: sqlite3.Connection, keys: Iterable[Key]) -> dict[Key, int]:
    sql = "SELECT key FROM asset WHERE kind = ? AND id = ? AND is_gone = 0"
    found = ((key, connection.execute(sql, key).fetchone()) for key in keys)
    return {key: int(row[0]) for key, row in found if row}


def _ends_of(job: Job) -> Iterator[Key]:
    for flow in job.flows:
        yield flow.source.entry
        yield flow.target.entry


def _within(job: Job, there: Mapping[Key, int]) -> Job:
    """Return a job without what leads to entries that are not listed: should they come, it is another job."""
    flows = tuple(f for f in job.flows if f.source.entry in there and f.target.entry in there)
    reads = tuple(one for one in job.reads if one in there)
    return (
        job if (len(flows), len(reads)) == (len(job.flows), len(job.reads)) else replace(job, flows=flows, reads=reads)
    )


def _write_entry(connection: sqlite3.Connection, entry: Entry, change: int, origin: str = "") -> int:
    key = int(connection.execute(_UPSERT, (*_row(entry, change), origin)).fetchone()[0])
    connection.execute("DELETE FROM alias WHERE asset = ?", (key,))
    aliases = {one.name: one.reason for one in entry.aliases}
    connection.executemany("INSERT INTO alias VALUES (?, ?, ?)", [(name, key, why) for name, why in aliases.items()])
    _write_columns(connection, key, entry.columns)
    return key


def _row(entry: Entry, change: int) -> tuple[object, ...]:
    return (
        entry.key.kind, entry.key.id, entry.title, entry.product, scope_text(entry.scope), entry.domain, entry.owner,
        entry.description, entry.form, entry.status, entry.version, entry.tier,
        str(entry.replaced_by) if entry.replaced_by else "", entry.sunset, "", 0,
        entry.viewers, "\n".join(entry.tags), entry.where.path, entry.where.line, entry.digest, 0, change, 0,
    )  # fmt: skip


def scope_text(products: Iterable[str]) -> str:
    """Return the products that a caller must all be allowed to see, as one text; empty for what everybody may see."""
    return "\n".join(sorted({one for one in products if one}))


def _write_columns(connection: sqlite3.Connection, asset: int, columns: Iterable[Column]) -> None:
    rows = [
        (asset, c.name, n, c.type, c.description, c.classification, int(c.is_key), 0) for n, c in enumerate(columns)
    ]
    connection.execute("UPDATE field SET is_gone = 1 WHERE asset = ?", (asset,))
    connection.executemany(
        "INSERT INTO field (asset, name, position, type, description, classification, is_key, is_gone) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (asset, name) DO UPDATE SET position = excluded.position, "
        "type = excluded.type, description = excluded.description, classification = excluded.classification, "
        "is_key = excluded.is_key, is_gone = 0",
        rows,
    )


def _take_away(connection: sqlite3.Connection, standing: Mapping[int, str], there: set[int], change: int) -> int:
    gone = [key for key in standing if key not in there]
    for key in gone:
        connection.execute("UPDATE asset SET is_gone = 1, changed = ? WHERE key = ?", (change, key))
        connection.execute("UPDATE field SET is_gone = 1 WHERE asset = ?", (key,))
        connection.execute("DELETE FROM alias WHERE asset = ?", (key,))
    return len(gone)


def _note_documents(connection: sqlite3.Connection, read: Mapping[str, str]) -> None:
    known = dict(connection.execute("SELECT id, digest FROM document"))
    changed = [(id_, digest) for id_, digest in read.items() if known.get(id_) != digest]
    connection.executemany(
        "INSERT INTO document VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET digest = excluded.digest", changed
    )
    connection.executemany("DELETE FROM document WHERE id = ?", [(id_,) for id_ in known if id_ not in read])


def _place(flow: Flow) -> tuple[str, int]:
    return (flow.where.path, flow.where.line) if flow.where else ("", 0)


class _Edges:
    """The edges of jobs: which stand, and what has to be closed or begun."""

    def __init__(self, connection: sqlite3.Connection, keys: Mapping[Key, int], instant: int) -> None:
        self._connection = connection
        self._keys = keys
        self._instant = instant
        self._fields: set[int] = set()  # at which an edge began or ended, or may have
        self._entries: set[int] = set()  # the same of edges between entries
        self._columns: dict[int, dict[str, int]] = {}  # the numbers of columns, of entries that edges were asked of
        self.begun = self.closed = 0

    def replace(self, jobs: Iterable[Job], origin: str = "") -> int:
        """Bring the edges of all jobs of one origin; return how many jobs are not as they were."""
        found = self._connection.execute("SELECT id, key, digest FROM job WHERE origin = ?", (origin,))
        known = {id_: (key, digest) for id_, key, digest in found}
        changed = 0
        for job in jobs:
            key, digest = known.pop(job.id, (None, ""))
            if digest != job.digest:
                self._one(job, self._written(job, origin))
                changed += 1
        for key, _ in known.values():
            self._close(key)
            self._connection.execute("DELETE FROM job WHERE key = ?", (key,))
        return changed + len(known)

    def _written(self, job: Job, origin: str) -> int:
        row = (job.id, job.kind, self._keys[job.target], job.where.path, job.where.line, job.digest, origin)
        found = self._connection.execute(
            "INSERT INTO job (id, kind, target, path, line, digest, origin) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO "
            "UPDATE SET kind = excluded.kind, target = excluded.target, path = excluded.path, line = excluded.line, "
            "digest = excluded.digest RETURNING key",
            row,
        )
        return int(found.fetchone()[0])

    def _one(self, job: Job, key: int) -> None:
        wanted = {self._ends(flow): flow for flow in job.flows}
        standing = {
            tuple(row[1:]): row[0]
            for row in self._connection.execute(
                "SELECT rowid, source, target, how, is_direct FROM edge WHERE job = ? AND valid_to IS NULL", (key,)
            )
        }
        self._fields.update(end for row in (*wanted, *standing) for end in row[:2])
        self._end("edge", [rowid for row, rowid in standing.items() if row not in wanted])
        self._place([(*_place(wanted[row]), rowid) for row, rowid in standing.items() if row in wanted])
        self._begin(
            [(*row[:2], key, *row[2:], 1, *_place(flow)) for row, flow in wanted.items() if row not in standing]
        )
        self._of_entries(job, key)

    def _of_entries(self, job: Job, key: int) -> None:
        target = self._keys[job.target]
        wanted = {(self._keys[one], target) for one in job.reads}
        found = "SELECT rowid, source, target FROM asset_edge WHERE job = ? AND valid_to IS NULL"
        standing = {(source, to): rowid for rowid, source, to in self._connection.execute(found, (key,))}
        self._entries.update(end for row in wanted ^ standing.keys() for end in row)
        self._end("asset_edge", [rowid for row, rowid in standing.items() if row not in wanted])
        self._connection.executemany(
            "INSERT INTO asset_edge VALUES (?, ?, ?, ?, NULL)",
            [(*row, key, self._instant) for row in sorted(wanted) if row not in standing],
        )

    def _ends(self, flow: Flow) -> tuple[int, int, str, int]:
        return self._field(*flow.source), self._field(*flow.target), flow.how, int(flow.is_direct)

    def _field(self, entry: Key, column: str) -> int:
        """Return the number of a column; one that an edge names and nobody lists is added, and marked as not listed."""
        asset = self._keys[entry]
        if asset not in self._columns:
            listed = self._connection.execute("SELECT name, key FROM field WHERE asset = ?", (asset,))
            self._columns[asset] = dict(listed.fetchall())
        known = self._columns[asset]
        if column not in known:
            made = self._connection.execute(
                "INSERT INTO field (asset, name, position, type, description, classification, is_key, is_gone) "
                "VALUES (?, ?, -1, '', '', '', 0, 1) RETURNING key",
                (asset, column),
            )
            known[column] = int(made.fetchone()[0])
        return known[column]

    def _place(self, rows: Sequence[tuple[object, ...]]) -> None:
        """Note where edges that stand are said, `(path, line, rowid)`; a line that moved ends no edge."""
        said = "UPDATE edge SET path = ?1, line = ?2 WHERE rowid = ?3 AND (path <> ?1 OR line <> ?2)"
        self._connection.executemany(said, rows)

    def _begin(self, rows: Sequence[tuple[object, ...]]) -> None:
        """Begin edges: source, target, job, how, whether direct, step, path, line."""
        said = f"INSERT INTO edge VALUES (?, ?, ?, ?, ?, ?, ?, ?, {self._instant}, NULL)"
        self._connection.executemany(said, rows)
        self.begun += len(rows)

    def touched(self) -> set[int]:
        """Return the entries that edges of the jobs that were replaced start or end at."""
        sql = "SELECT asset FROM field WHERE key = ?"
        return {int(self._connection.execute(sql, (field,)).fetchone()[0]) for field in self._fields}

    def note_moved(self) -> None:
        """Note the entries whose edges may not be as they were before this update."""
        if not (self._entries or self._fields):
            return
        update = int(stamped(self._connection, "moves", "0")) + 1
        stamp(self._connection, "moves", str(update))
        if update > 1:  # who kept what was before the first has no edge, and begins anew
            rows = [(entry, update) for entry in sorted(self._entries | self.touched())]
            said = "INSERT INTO moved VALUES (?, ?) ON CONFLICT (entry) DO UPDATE SET at = excluded.at"
            self._connection.executemany(said, rows)

    def _close(self, job: int) -> None:
        ended = self._connection.execute("SELECT source, target FROM edge WHERE job = ? AND valid_to IS NULL", (job,))
        self._fields.update(end for row in ended.fetchall() for end in row)
        between = "SELECT source, target FROM asset_edge WHERE job = ? AND valid_to IS NULL"
        self._entries.update(end for row in self._connection.execute(between, (job,)).fetchall() for end in row)
        for table in ("edge", "asset_edge"):
            found = self._connection.execute(f"SELECT rowid FROM {table} WHERE job = ? AND valid_to IS NULL", (job,))
            self._end(table, [rowid for (rowid,) in found.fetchall()])

    def _end(self, table: str, rows: Iterable[int]) -> None:
        ended = [(self._instant, rowid) for rowid in rows]
        self._connection.executemany(f"UPDATE {table} SET valid_to = ? WHERE rowid = ?", ended)
        self.closed += len(ended) if table == "edge" else 0

    def join_parts(self, entries: Collection[int] | None = None) -> None:
        """Join columns with what stands for all of them, where an edge is of the whole; of some entries, or of all.

        Every column goes into the whole that is read (`*`); columns nobody could tell apart (`?`) go into every column.
        """
        standing: dict[tuple[int, int], int] = {}
        wanted: set[tuple[int, int]] = set()
        for only in [""] if entries is None else [str(entry) for entry in sorted(entries)]:
            of = f" AND source IN (SELECT key FROM field WHERE asset = {only})" if only else ""
            found = self._connection.execute(f"SELECT rowid, source, target FROM edge WHERE step = 0{of}")
            standing |= {(source, target): rowid for rowid, source, target in found}
            wanted |= set(self._wanted_parts(only))
        self._fields.update(end for pair in wanted ^ standing.keys() for end in pair)
        gone = [(rowid,) for pair, rowid in standing.items() if pair not in wanted]
        self._connection.executemany("DELETE FROM edge WHERE rowid = ?", gone)
        self._connection.executemany(
            "INSERT INTO edge VALUES (?, ?, 0, ?, 1, 0, '', 0, ?, NULL)",
            [(*pair, _PART, self._instant) for pair in sorted(wanted) if pair not in standing],
        )

    def _wanted_parts(self, only: str) -> Iterator[tuple[int, int]]:
        of = f"f.asset = {only} AND " if only else ""
        found = f"SELECT f.key, f.asset, f.name FROM field f WHERE {of}f.name IN ('{WHOLE}', '{SOME}') AND ({_IN_USE})"
        for whole, asset, name in self._connection.execute(found).fetchall():
            columns = f"SELECT f.key FROM field f WHERE f.asset = ? AND f.key <> ? AND (f.is_gone = 0 OR {_IN_USE})"
            for (column,) in self._connection.execute(columns, (asset, whole)).fetchall():
                yield (whole, column) if name == SOME else (column, whole)

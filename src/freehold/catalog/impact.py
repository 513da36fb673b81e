"""What a column or an entry goes into, and comes from: a walk along the edges in SQL, answered in counts first.

A node with ten thousand neighbours is answered like any other: how many, of which products, and those that matter most.
What a caller may not see ends the walk: it is neither shown, nor counted, nor passed through.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import chain
from typing import TYPE_CHECKING, Any

from freehold.catalog.entry import SOME, TABLES, WHOLE, Key
from freehold.catalog.happening import PERSON, since
from freehold.catalog.naming import Start
from freehold.catalog.store import one_view, stamped
from freehold.catalog.told import Facts, Told
from freehold.catalog.walking import (
    AMONG,
    DEEPEST,
    MOST,
    Level,
    Walk,
    joined,
    limit_to,
    listed,
    numbers_of,
    those_in,
    walk,
)

if TYPE_CHECKING:
    from freehold.catalog.arrays import Arrays

USUAL_DEPTH = 5
SHOWN = 25  # nodes of each hop that are named
MOST_NAMED = 100  # metrics, dashboards and jobs that are named when something goes


@dataclass(frozen=True, slots=True)
class Node:
    """An entry, or one column of it, at a distance."""

    key: Key
    column: str
    hop: int
    product: str = ""
    owner: str = ""
    status: str = ""

    def __str__(self) -> str:
        return f"{self.key.id}.{self.column}" if self.column else self.key.id

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "kind": self.key.kind,
            "id": self.key.id,
            "column": self.column or None,
            "hop": self.hop,
            "product": self.product or None,
            "owner": self.owner or None,
            "status": self.status or None,
        }


@dataclass(frozen=True, slots=True)
class Hop:
    """Everything at one distance: how many, how many of each product, and those that matter most by name."""

    hop: int
    count: int
    products: Mapping[str, int]
    nodes: tuple[Node, ...]

    @property
    def more(self) -> int:
        """How many are not named."""
        return self.count - len(self.nodes)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        nodes = [node.to_json() for node in self.nodes]
        return {"hop": self.hop, "count": self.count, "products": dict(self.products), "nodes": nodes}


@dataclass(frozen=True, slots=True)
class Reach:
    """What is downstream or upstream of a start, hop by hop; `is_cut` where there is more than was walked."""

    start: Start
    down: bool
    hops: tuple[Hop, ...] = ()
    is_cut: bool = False

    @property
    def count(self) -> int:
        """How many nodes there are, at all distances."""
        return sum(hop.count for hop in self.hops)

    @property
    def products(self) -> dict[str, int]:
        """How many of each product, the most first."""
        counts: dict[str, int] = {}
        for hop in self.hops:
            for product, count in hop.products.items():
                counts[product] = counts.get(product, 0) + count
        return _most_first(counts)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "of": str(self.start),
            "direction": "down" if self.down else "up",
            "count": self.count,
            "products": self.products,
            "hops": [hop.to_json() for hop in self.hops],
            "is_cut": self.is_cut,
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """A service or agent that read assets in 30 days: how often, and how many of them."""

    name: str
    kind: str
    reads: int
    assets: int


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """Who is hit when a start changes: what is built from it, what people look at, who reads, and whom to tell.

    `kinds` says how many there are of each kind; of metrics, dashboards and jobs those that matter most are named.
    `persons` are the distinct people who read any of it in 30 days; they are counted and never named.
    """

    start: Start
    reach: Reach
    kinds: Mapping[str, int] = field(default_factory=dict)
    metrics: tuple[Node, ...] = ()
    dashboards: tuple[Node, ...] = ()
    jobs: tuple[Node, ...] = ()
    owners: Mapping[str, int] = field(default_factory=dict)
    persons: int = 0
    services: tuple[Reading, ...] = ()

    @property
    def assets(self) -> int:
        """How many tables and views are built from it."""
        return sum(self.kinds.get(kind, 0) for kind in TABLES)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            **self.reach.to_json(),
            "assets": self.assets,
            "kinds": dict(self.kinds),
            "metrics": [node.to_json() for node in self.metrics],
            "dashboards": [node.to_json() for node in self.dashboards],
            "jobs": [node.to_json() for node in self.jobs],
            "owners": dict(self.owners),
            "readers": {
                "people": self.persons,
                "services": [
                    {"name": one.name, "kind": one.kind, "reads": one.reads, "assets": one.assets}
                    for one in self.services
                ],
            },
        }


def reach(
    connection: sqlite3.Connection,
    start: Start,
    *,
    down: bool = True,
    depth: int = USUAL_DEPTH,
    indirect: bool = False,
    shown: int = SHOWN,
    scopes: Collection[str] | None = None,
    arrays: Arrays | None = None,
) -> Reach:
    """Return what a column goes into, or comes from, by columns; of an entry by entries.

    Args:
        connection: to the catalog.
        start: see `naming.resolved`.
        down: what it goes into; else what it comes from.
        depth: steps to follow, 1 to 30.
        indirect: also where a column only decides: filters, joins, windows, conditions. Of entries every edge counts.
        shown: nodes of each hop that are named.
        scopes: those the caller may see (`searching.scopes_seen`); None for every one.
        arrays: what tells the same quicker than the tables do, where it is kept (`memory.Memory.at`).
    """
    with one_view(connection):
        levels = walk(connection, _walk_of(start, down, depth, indirect), scopes, arrays)
        return _told(connection, start, levels, down, shown, arrays)


def blast_radius(
    connection: sqlite3.Connection,
    start: Start,
    *,
    depth: int = DEEPEST,
    indirect: bool = False,
    shown: int = SHOWN,
    scopes: Collection[str] | None = None,
    arrays: Arrays | None = None,
) -> BlastRadius:
    """Return who is hit when a start changes; the arguments are those of `reach`."""
    with one_view(connection):
        levels = walk(connection, _walk_of(start, True, depth, indirect), scopes, arrays)
        entries = _entries_of(connection, levels, arrays) if start.column else levels
        parts = _parts(connection, entries[1:], arrays)
        owners, kinds, of_kind = Counter[str](), Counter[str](), defaultdict[str, list[Level]](list)
        for one, found in parts.items():
            owners[one.owner] += len(found)
            kinds[one.kind] += len(found)
            of_kind[one.kind].append(found)
        persons, services = _readers(connection, entries)

        chosen = {kind: _chosen(connection, of_kind[kind], arrays) for kind in ("metric", "dashboard", "job")}
        hops = _hops_of(chain.from_iterable(chosen.values()), entries)

        def named(kind: str) -> tuple[Node, ...]:
            return nodes_of(connection, chosen[kind], hops, by_columns=False)

        return BlastRadius(
            start,
            _told(connection, start, levels, True, shown, arrays),
            kinds=_most_first(kinds),
            metrics=named("metric"),
            dashboards=named("dashboard"),
            jobs=named("job"),
            owners=_most_first({owner: count for owner, count in owners.items() if owner}),
            persons=persons,
            services=services,
        )


def _parts(connection: sqlite3.Connection, levels: Sequence[Level], arrays: Arrays | None) -> Mapping[Facts, Level]:
    """Return some entries by their product, kind, owner and scope."""
    if arrays is not None:
        return arrays.kinds(levels)
    found: dict[Facts, list[int]] = defaultdict(list)
    sql = f"SELECT key, product, kind, owner, scope FROM asset WHERE key {AMONG}"
    for key, *said in connection.execute(sql, (listed(chain.from_iterable(map(numbers_of, levels))),)):
        found[Facts(*said)].append(key)
    return found


def _chosen(connection: sqlite3.Connection, parts: Sequence[Level], arrays: Arrays | None) -> list[int]:
    """Return those of some entries that are to be named: the ones that matter most."""
    every = joined(*parts)
    if len(every) <= MOST_NAMED:
        return numbers_of(every)
    return _counted(connection, every, MOST_NAMED, arrays, by_columns=False).named


def _hops_of(nodes: Iterable[int], levels: Sequence[Level]) -> dict[int, int]:
    """Return the distances of some nodes."""
    wanted = set(nodes)
    return {node: hop for hop, level in enumerate(levels) for node in those_in(level, wanted)}


def _walk_of(start: Start, down: bool, depth: int, indirect: bool) -> Walk:
    node = start.field if start.column else start.entry
    return Walk((node,), bool(start.column), down, min(depth, DEEPEST), indirect)


def _entries_of(connection: sqlite3.Connection, levels: Sequence[Level], arrays: Arrays | None) -> list[Level]:
    """Return the entries that columns are of, each at the least distance of any."""
    if arrays is not None:
        return arrays.with_entries(levels)
    sql, reached, found = f"SELECT DISTINCT asset FROM field WHERE key {AMONG}", set[int](), list[Level]()
    for level in levels:
        entries = [key for (key,) in connection.execute(sql, (listed(numbers_of(level)),)) if key not in reached]
        reached.update(entries)
        found.append(entries)
    return found


def _readers(connection: sqlite3.Connection, levels: Sequence[Level]) -> tuple[int, tuple[Reading, ...]]:
    """Return how many people read any of some entries in 30 days, and which services did."""
    start = since(stamped(connection, "usage_until"))
    persons: set[str] = set()
    services: dict[tuple[str, str], list[int]] = defaultdict(list)
    # From the shorter side: of what is reached most was never read, or of what was read most is not reached.
    used = connection.execute("SELECT coalesce(max(rowid), 0) FROM usage_day").fetchone()[0]
    ways = _USE_FIRST if used < _DEARER * sum(map(len, levels)) else _ENTRIES_FIRST
    said = f"SELECT a.key, u.reader, u.actor_kind, sum(u.reads) FROM {ways} AND u.day >= ?1 GROUP BY 1, 2, 3"
    among = (start,) if ways is _USE_FIRST else (start, listed(chain.from_iterable(map(numbers_of, levels))))
    rows = connection.execute(said, among).fetchall()
    entries = _hops_of({key for key, *_ in rows}, levels) if rows else {}
    for key, reader, kind, reads in rows:
        if key not in entries:
            continue
        if kind == PERSON:
            persons.add(reader)
        else:
            services[reader, kind].append(reads)
    found = (Reading(reader, kind, sum(reads), len(reads)) for (reader, kind), reads in services.items())
    return len(persons), tuple(sorted(found, key=lambda one: (-one.reads, one.name)))


_ENTRIES_FIRST = (
    f"asset a CROSS JOIN usage_day u ON u.entry = a.kind || ':' || a.id WHERE a.key {AMONG.replace('?', '?2')}"
)
_USE_FIRST = (
    "usage_day u CROSS JOIN asset a ON a.kind = substr(u.entry, 1, instr(u.entry, ':') - 1) "
    "AND a.id = substr(u.entry, instr(u.entry, ':') + 1) WHERE true"
)
_DEARER = 4  # to look an entry up among what was read, compared with the other way round

# A column that stands for a whole asset is not told, unless the asset has no other.
_TOLD_COLUMNS = (
    f"AND (a.kind NOT IN {TABLES} OR f.name NOT IN ('{WHOLE}', '{SOME}') OR (f.name = '{SOME}' AND NOT EXISTS "
    "(SELECT 1 FROM field o WHERE o.asset = a.key AND o.is_gone = 0)))"
)


def _told(
    connection: sqlite3.Connection,
    start: Start,
    levels: Sequence[Level],
    down: bool,
    shown: int,
    arrays: Arrays | None = None,
) -> Reach:
    """Return what was reached hop by hop: counts of all, and by name those that matter most."""
    by_columns = bool(start.column)
    found = []
    for hop, level in enumerate(levels[1:], 1):
        told = _counted(connection, level, shown, arrays, by_columns=by_columns)
        if told.count:
            nodes = nodes_of(connection, told.named, dict.fromkeys(told.named, hop), by_columns=by_columns)
            found.append(Hop(hop, told.count, _most_first(told.products), nodes))
    return Reach(start, down, tuple(found), sum(map(len, levels)) >= MOST)


def _counted(
    connection: sqlite3.Connection, nodes: Level, shown: int, arrays: Arrays | None, *, by_columns: bool
) -> Told:
    """Return what there is to tell of one hop; of equals those listed first are named."""
    if arrays is None:
        return _read(connection, numbers_of(nodes), shown, by_columns=by_columns)
    if not by_columns:
        return arrays.told(nodes, shown, by_columns=False)
    plain, whole = arrays.split(nodes)
    told = arrays.told(plain, shown, by_columns=True)
    return told.with_(_read(connection, whole, shown, by_columns=True), shown) if whole else told


def _read(connection: sqlite3.Connection, nodes: Sequence[int], shown: int, *, by_columns: bool) -> Told:
    """Return the same from the tables. To compare all names would take longer than the walk."""
    sql = (
        f"SELECT -a.signal, f.key, a.product FROM field f JOIN asset a ON a.key = f.asset WHERE f.key {AMONG} "
        + _TOLD_COLUMNS
        if by_columns
        else f"SELECT -a.signal, a.key, a.product FROM asset a WHERE a.key {AMONG}"
    )
    rows = connection.execute(sql, (listed(nodes),)).fetchall()
    ranked = nsmallest(shown, ((before, node) for before, node, _ in rows))
    return Told(len(rows), Counter(product for *_, product in rows), tuple(ranked))


def _most_first(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def nodes_of(
    connection: sqlite3.Connection, nodes: Sequence[int], hops: Mapping[int, int], *, by_columns: bool
) -> tuple[Node, ...]:
    """Return what is told of some nodes, the nearest first, then those that matter most, then by name."""
    found = numbered(connection, nodes, hops, by_columns=by_columns).values()
    return tuple(one for _, one in sorted(found, key=lambda pair: (pair[1].hop, -pair[0], *_name(pair[1]))))


def numbered(
    connection: sqlite3.Connection, nodes: Sequence[int], hops: Mapping[int, int], *, by_columns: bool
) -> dict[int, tuple[int, Node]]:
    """Return how much some nodes matter, and what is told of them, by their numbers."""
    sql = (
        "SELECT f.key, a.signal, a.kind, a.id, f.name, a.product, a.owner, a.status FROM field f "
        f"JOIN asset a ON a.key = f.asset WHERE f.key {AMONG}"
        if by_columns
        else f"SELECT a.key, a.signal, a.kind, a.id, '', a.product, a.owner, a.status FROM asset a WHERE a.key {AMONG}"
    )
    return {
        key: (signal, Node(Key(kind, id_), name if kind in TABLES else "", hops[key], *facts))
        for key, signal, kind, id_, name, *facts in connection.execute(sql, (listed(nodes),))
    }


def _name(node: Node) -> tuple[str, str]:
    return node.key.id, node.column


# -- from one to another ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """One edge of a path: from, to, how, and the line that says so."""

    source: Node
    target: Node
    how: str
    where: str


def path(
    connection: sqlite3.Connection,
    source: Start,
    target: Start,
    *,
    indirect: bool = False,
    scopes: Collection[str] | None = None,
) -> tuple[Step, ...]:
    """Return a shortest way from one to another, by columns where both are columns; empty where there is none."""
    by_columns = bool(source.column and target.column)
    begin, end = (source.field, target.field) if by_columns else (source.entry, target.entry)
    with one_view(connection):
        seen = limit_to(connection, scopes)
        came: dict[int, tuple[int, str, str]] = {begin: (0, "", "")}
        level: list[int] = [begin]
        while level and end not in came and len(came) < MOST:
            following: list[int] = []
            for at, to, how, where in _edges(connection, level, by_columns=by_columns, indirect=indirect, seen=seen):
                if to not in came:
                    came[to] = (at, how, where)
                    following.append(to)
            level = following
        return tuple(_steps(connection, came, begin, end, by_columns=by_columns)) if end in came else ()


def _edges(
    connection: sqlite3.Connection, level: Sequence[int], *, by_columns: bool, indirect: bool, seen: bool
) -> Iterable[tuple[int, int, str, str]]:
    table = "edge" if by_columns else "asset_edge"
    how = "e.how, e.path, e.line" if by_columns else "'', j.path, j.line"
    only = " AND e.is_direct = 1" if by_columns and not indirect else ""
    entry = "(SELECT asset FROM field WHERE key = e.target)" if by_columns else "e.target"
    only += f" AND (SELECT scope FROM asset WHERE key = {entry}) IN (SELECT scope FROM seen)" if seen else ""
    rows = connection.execute(
        f"SELECT e.source, e.target, {how} FROM {table} e LEFT JOIN job j ON j.key = e.job "
        f"WHERE e.valid_to IS NULL AND e.source {AMONG}{only} ORDER BY e.source, e.target",
        (listed(level),),
    )
    for source, target, said, place, line in rows.fetchall():
        yield source, target, said, f"{place}:{line}" if line else place


def _steps(
    connection: sqlite3.Connection, came: Mapping[int, tuple[int, str, str]], begin: int, end: int, *, by_columns: bool
) -> list[Step]:
    found: list[Step] = []
    at = end
    while at != begin:
        before, how, where = came[at]
        source, target = (nodes_of(connection, [one], {one: 0}, by_columns=by_columns)[0] for one in (before, at))
        found.append(Step(source, target, how, where))
        at = before
    return [step for step in reversed(found) if step.how != "part"]

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
from typing import Any

from freehold.catalog.entry import SOME, TABLES, WHOLE, Key
from freehold.catalog.happening import PERSON, since
from freehold.catalog.naming import Start
from freehold.catalog.store import one_view, stamped
from freehold.catalog.tally import Facts, Tallies, Tally, Told
from freehold.catalog.walking import AMONG, DEEPEST, MOST, Walk, limit_to, listed, walk

USUAL_DEPTH = 5
SHOWN = 25  # nodes of each hop that are named


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

    `persons` are the distinct people who read any of it in 30 days; they are counted and never named.
    """

    start: Start
    reach: Reach
    assets: int = 0
    metrics: tuple[Node, ...] = ()
    dashboards: tuple[Node, ...] = ()
    jobs: tuple[Node, ...] = ()
    owners: Mapping[str, int] = field(default_factory=dict)
    persons: int = 0
    services: tuple[Reading, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            **self.reach.to_json(),
            "assets": self.assets,
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
    tallies: Tallies | None = None,
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
        tallies: what tells counts quicker than the tables do, where it is kept; the answer is the same.
    """
    with one_view(connection):
        hops = walk(connection, _walk_of(start, down, depth, indirect), scopes)
        return _told(connection, start, hops, down, shown, tallies)


def blast_radius(
    connection: sqlite3.Connection,
    start: Start,
    *,
    depth: int = DEEPEST,
    indirect: bool = False,
    shown: int = SHOWN,
    scopes: Collection[str] | None = None,
    tallies: Tallies | None = None,
) -> BlastRadius:
    """Return who is hit when a start changes; the arguments are those of `reach`."""
    with one_view(connection):
        hops = walk(connection, _walk_of(start, True, depth, indirect), scopes)
        entries = _entries_of(connection, hops) if start.column else hops
        tally = tallies.of(connection, len(entries)) if tallies is not None else None
        counts, named = _kinds(connection, [entry for entry, hop in entries.items() if hop], tally)
        nodes = nodes_of(connection, named, entries, by_columns=False)
        owners = Counter[str]()
        for one, count in counts.items():
            owners[one.owner] += count
        persons, services = _readers(connection, entries)
        return BlastRadius(
            start,
            _told(connection, start, hops, True, shown, tallies),
            assets=sum(count for one, count in counts.items() if one.kind in TABLES),
            metrics=tuple(node for node in nodes if node.key.kind == "metric"),
            dashboards=tuple(node for node in nodes if node.key.kind == "dashboard"),
            jobs=tuple(node for node in nodes if node.key.kind == "job"),
            owners=_most_first({owner: count for owner, count in owners.items() if owner}),
            persons=persons,
            services=services,
        )


_NAMED = ("metric", "dashboard", "job")  # kinds of what is hit that are named one by one


def _kinds(
    connection: sqlite3.Connection, entries: Sequence[int], tally: Tally | None
) -> tuple[Counter[Facts], list[int]]:
    """Return how many of some entries have which product, kind and owner, and those that are named one by one."""
    if tally is not None:
        return tally.kinds(entries, _NAMED)
    sql = f"SELECT key, product, kind, owner FROM asset WHERE key {AMONG}"
    rows = [(key, Facts(*said)) for key, *said in connection.execute(sql, (listed(entries),))]
    return Counter(one for _, one in rows), [key for key, one in rows if one.kind in _NAMED]


def _walk_of(start: Start, down: bool, depth: int, indirect: bool) -> Walk:
    node = start.field if start.column else start.entry
    return Walk((node,), bool(start.column), down, min(depth, DEEPEST), indirect)


def _entries_of(connection: sqlite3.Connection, hops: Mapping[int, int]) -> dict[int, int]:
    """Return the entries that columns are of, each at the least distance of any."""
    found: dict[int, int] = {}
    for node, entry in connection.execute(f"SELECT key, asset FROM field WHERE key {AMONG}", (listed(hops),)):
        found[entry] = min(hops[node], found.get(entry, hops[node]))
    return found


def _readers(connection: sqlite3.Connection, entries: Mapping[int, int]) -> tuple[int, tuple[Reading, ...]]:
    """Return how many people read any of some entries in 30 days, and which services did."""
    start = since(stamped(connection, "usage_until"))
    persons: set[str] = set()
    services: list[Reading] = []
    rows = connection.execute(
        "SELECT u.reader, u.actor_kind, sum(u.reads), count(DISTINCT u.entry) FROM asset a JOIN usage_day u "
        f"ON u.entry = a.kind || ':' || a.id WHERE a.key {AMONG} AND u.day >= ? GROUP BY 1, 2",
        (listed(entries), start),
    )
    for reader, kind, reads, read in rows:
        if kind == PERSON:
            persons.add(reader)
        else:
            services.append(Reading(reader, kind, reads, read))
    return len(persons), tuple(sorted(services, key=lambda one: (-one.reads, one.name)))


# A column that stands for a whole asset is not told, unless the asset has no other.
_TOLD_COLUMNS = (
    f"AND (a.kind NOT IN {TABLES} OR f.name NOT IN ('{WHOLE}', '{SOME}') OR (f.name = '{SOME}' AND NOT EXISTS "
    "(SELECT 1 FROM field o WHERE o.asset = a.key AND o.is_gone = 0)))"
)


def _told(
    connection: sqlite3.Connection,
    start: Start,
    hops: Mapping[int, int],
    down: bool,
    shown: int,
    tallies: Tallies | None = None,
) -> Reach:
    """Return what was reached hop by hop: counts of all, and by name those that matter most."""
    by_columns = bool(start.column)
    tally = tallies.of(connection, len(hops)) if tallies is not None else None
    levels: dict[int, list[int]] = defaultdict(list)
    for node, hop in hops.items():
        levels[hop].append(node)
    found = []
    for hop in sorted(levels.keys() - {0}):
        told = _counted(connection, levels[hop], shown, tally, by_columns=by_columns)
        if told.count:
            nodes = nodes_of(connection, told.named, hops, by_columns=by_columns)
            found.append(Hop(hop, told.count, _most_first(told.products), nodes))
    return Reach(start, down, tuple(found), len(hops) >= MOST)


def _counted(
    connection: sqlite3.Connection, nodes: Sequence[int], shown: int, tally: Tally | None, *, by_columns: bool
) -> Told:
    """Return what there is to tell of one hop; of equals those listed first are named."""
    if tally is None:
        return _read(connection, nodes, shown, by_columns=by_columns)
    whole = [node for node in nodes if node in tally.wholes] if by_columns and tally.wholes else []
    if not whole:
        return tally.told(nodes, shown, by_columns=by_columns)
    plain = tally.told(set(nodes) - set(whole), shown, by_columns=True)
    return plain.with_(_read(connection, whole, shown, by_columns=True), shown)


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

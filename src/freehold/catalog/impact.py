"""What a column or an entry goes into, and comes from: recursive SQL over the edges, answered in counts first.

A node with ten thousand neighbours is answered like any other: how many, of which products, and those that matter most.
What a caller may not see ends the walk: it is neither shown, nor counted, nor passed through.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from freehold.catalog.entry import SOME, WHOLE, Key
from freehold.catalog.happening import PERSON, since
from freehold.catalog.naming import Start
from freehold.catalog.store import one_view, stamped

USUAL_DEPTH, DEEPEST = 5, 30
SHOWN = 25  # nodes of each hop that are named
MOST = 200_000  # nodes that one walk reaches before it says that there are more


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
        return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))

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
    scopes: Sequence[str] | None = None,
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
    """
    with one_view(connection):
        _walk(connection, start, down=down, depth=min(depth, DEEPEST), indirect=indirect, scopes=scopes)
        is_cut = connection.execute("SELECT count(*) FROM temp.reached").fetchone()[0] >= MOST
        return Reach(start, down, _hops(connection, start, shown), is_cut)


def blast_radius(
    connection: sqlite3.Connection,
    start: Start,
    *,
    depth: int = DEEPEST,
    indirect: bool = False,
    shown: int = SHOWN,
    scopes: Sequence[str] | None = None,
) -> BlastRadius:
    """Return who is hit when a start changes; the arguments are those of `reach`."""
    with one_view(connection):
        reached = reach(connection, start, depth=depth, indirect=indirect, shown=shown, scopes=scopes)
        services = connection.execute(_SERVICES.format(of=_ENTRIES), _window(connection)).fetchall()
        persons = connection.execute(_PERSONS.format(of=_ENTRIES), _window(connection)).fetchone()[0]
        kinds = dict(connection.execute(f"SELECT a.kind, count(*) FROM {_ENTRIES} GROUP BY a.kind").fetchall())
        owners = f"SELECT a.owner, count(*) FROM {_ENTRIES} AND a.owner <> '' GROUP BY a.owner ORDER BY 2 DESC, 1"
        return BlastRadius(
            start,
            reached,
            assets=int(kinds.get("asset", 0)),
            metrics=_of_kind(connection, "metric"),
            dashboards=_of_kind(connection, "dashboard"),
            owners={str(owner): int(count) for owner, count in connection.execute(owners)},
            persons=int(persons),
            services=tuple(Reading(*row) for row in services),
        )


# Entries reached, the start's own with them where it is asked who reads: each once, at its least distance.
_ENTRIES = (
    "(SELECT entry, min(hop) AS hop FROM temp.reached GROUP BY entry) r JOIN asset a ON a.key = r.entry AND r.hop > 0"
)
_READ = (
    "usage_day u WHERE u.day >= ? AND u.actor_kind {which} ? AND u.entry IN "
    "(SELECT a.kind || ':' || a.id FROM temp.reached r JOIN asset a ON a.key = r.entry)"
)
_PERSONS = "SELECT count(DISTINCT u.reader) FROM " + _READ.replace("{which}", "=")
_SERVICES = (
    "SELECT u.reader, min(u.actor_kind), sum(u.reads), count(DISTINCT u.entry) FROM "
    + _READ.replace("{which}", "<>")
    + " GROUP BY u.reader ORDER BY sum(u.reads) DESC, u.reader"
)


def _window(connection: sqlite3.Connection) -> tuple[str, str]:
    return since(stamped(connection, "usage_until")), PERSON


def _of_kind(connection: sqlite3.Connection, kind: str) -> tuple[Node, ...]:
    rows = connection.execute(
        f"SELECT a.kind, a.id, r.hop, a.product, a.owner, a.status FROM {_ENTRIES} WHERE a.kind = ? "
        "ORDER BY coalesce(a.viewers, -1) DESC, a.signal DESC, a.id LIMIT ?",
        (kind, MOST),
    )
    return tuple(Node(Key(k, id_), "", hop, product, owner, status) for k, id_, hop, product, owner, status in rows)


def _walk(
    connection: sqlite3.Connection,
    start: Start,
    *,
    down: bool,
    depth: int,
    indirect: bool,
    scopes: Sequence[str] | None,
) -> None:
    """Fill `temp.reached` with every node at its least distance: columns, or entries where the start is one."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS reached (node INTEGER PRIMARY KEY, entry INTEGER, hop INTEGER)")
    connection.execute("DELETE FROM temp.reached")
    seen = _limit_to(connection, scopes)
    near, far = ("source", "target") if down else ("target", "source")
    if start.column:
        edges, step = "edge", "e.step"
        only = "" if indirect else " AND e.is_direct = 1"
        entry = "(SELECT asset FROM field WHERE key = {node})"
    else:
        edges, step, only, entry = "asset_edge", "1", "", "{node}"
    visible = f" AND (SELECT scope FROM asset WHERE key = {entry.format(node=f'e.{far}')}) IN (SELECT scope FROM seen)"
    connection.execute(
        f"WITH RECURSIVE walk(node, hop) AS (SELECT ?, 0 UNION "
        f"SELECT e.{far}, w.hop + {step} FROM walk w JOIN {edges} e ON e.{near} = w.node AND e.valid_to IS NULL{only} "
        f"WHERE w.hop + {step} <= ?{visible if seen else ''} LIMIT ?) "
        f"INSERT INTO temp.reached SELECT node, {entry.format(node='node')}, min(hop) FROM walk GROUP BY node",
        (start.field if start.column else start.entry, depth, MOST),
    )


def _limit_to(connection: sqlite3.Connection, scopes: Sequence[str] | None) -> bool:
    if scopes is None:
        return False
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS seen (scope TEXT PRIMARY KEY)")
    connection.execute("DELETE FROM temp.seen")
    connection.executemany("INSERT INTO temp.seen VALUES (?)", [(scope,) for scope in scopes])
    return True


# Nodes that are told: a column that stands for a whole asset is none, unless the asset has no other.
_TOLD = (
    f"FROM temp.reached r JOIN field f ON f.key = r.node JOIN asset a ON a.key = f.asset WHERE r.hop > 0 AND "
    f"(a.kind <> 'asset' OR f.name NOT IN ('{WHOLE}', '{SOME}') OR (f.name = '{SOME}' AND NOT EXISTS "
    f"(SELECT 1 FROM field o WHERE o.asset = a.key AND o.is_gone = 0)))"
)
_TOLD_ENTRIES = "FROM temp.reached r JOIN asset a ON a.key = r.entry WHERE r.hop > 0"


def _hops(connection: sqlite3.Connection, start: Start, shown: int) -> tuple[Hop, ...]:
    told, column = (_TOLD, "f.name") if start.column else (_TOLD_ENTRIES, "''")
    products: dict[int, dict[str, int]] = {}
    counted = f"SELECT r.hop, a.product, count(*) {told} GROUP BY r.hop, a.product ORDER BY r.hop, count(*) DESC, 2"
    for hop, product, count in connection.execute(counted):
        products.setdefault(hop, {})[product] = count
    nodes: dict[int, list[Node]] = {}
    named = (
        f"SELECT * FROM (SELECT a.kind, a.id, CASE WHEN a.kind = 'asset' THEN {column} ELSE '' END AS name, r.hop, "
        f"a.product, a.owner, a.status, row_number() OVER (PARTITION BY r.hop ORDER BY a.signal DESC, a.id, {column}) "
        f"AS place {told}) AS t WHERE place <= ? ORDER BY hop, place"
    )
    for kind, id_, name, hop, *facts, _ in connection.execute(named, (shown,)):
        nodes.setdefault(hop, []).append(Node(Key(kind, id_), name, hop, *facts))
    return tuple(Hop(hop, sum(of.values()), of, tuple(nodes.get(hop, ()))) for hop, of in products.items())


# -- from one to another ----------------------------------------------------------------------------------------------

_BATCH = 500  # nodes asked for at a time


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
    scopes: Sequence[str] | None = None,
) -> tuple[Step, ...]:
    """Return a shortest way from one to another, by columns where both are columns; empty where there is none."""
    by_columns = bool(source.column and target.column)
    begin, end = (source.field, target.field) if by_columns else (source.entry, target.entry)
    with one_view(connection):
        seen = _limit_to(connection, scopes)
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
    for first in range(0, len(level), _BATCH):
        some = level[first : first + _BATCH]
        rows = connection.execute(
            f"SELECT e.source, e.target, {how} FROM {table} e LEFT JOIN job j ON j.key = e.job "
            f"WHERE e.valid_to IS NULL AND e.source IN ({', '.join('?' * len(some))}){only} "
            "ORDER BY e.source, e.target",
            some,
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
        source, target = (_node(connection, one, by_columns=by_columns) for one in (before, at))
        found.append(Step(source, target, how, where))
        at = before
    return [step for step in reversed(found) if step.how != "part"]


def _node(connection: sqlite3.Connection, key: int, *, by_columns: bool) -> Node:
    if by_columns:
        sql = (
            "SELECT a.kind, a.id, f.name, 0, a.product, a.owner, a.status FROM field f JOIN asset a ON a.key = f.asset "
            "WHERE f.key = ?"
        )
    else:
        sql = "SELECT a.kind, a.id, '', 0, a.product, a.owner, a.status FROM asset a WHERE a.key = ?"
    kind, id_, column, *facts = connection.execute(sql, (key,)).fetchone()
    return Node(Key(kind, id_), column if kind == "asset" else "", *facts)

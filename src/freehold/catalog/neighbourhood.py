"""What stands around a start, to be drawn: some steps each way, in groups, the nearest by name and the rest as counts.

Groups are products where entries are walked, and entries where columns are. A group names a few of its nodes; the rest
is one count, until somebody opens it. So a node with ten thousand neighbours makes a drawing of a dozen groups.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import NamedTuple

from freehold.catalog.entry import KINDS, SOME, TABLES, WHOLE, Key
from freehold.catalog.impact import Node, numbered
from freehold.catalog.naming import Start
from freehold.catalog.walking import AMONG, Walk, Ways, limit_to, listed, walk

NAMED, NAMED_OPEN = 8, 60  # nodes of a group that are named: closed, and opened
_GROUPS = 10  # groups of one distance; what is left is one more
_WIDEST = 2_000  # nodes of a distance beyond which a drawing does not go on
_MOST_GROWN = 20
_REST = -1  # the place of a group that stands for the nodes it does not name


@dataclass(frozen=True, slots=True)
class View:
    """What is to be drawn around a start.

    Attributes:
        up, down: steps each way.
        by_columns: columns in their entries, else entries in their products.
        opened: names of groups (`Group.name`) that are to name more of their nodes.
        grown: nodes, as `kind:id` or `kind:id.column`, from which to go one step further.
    """

    up: int = 2
    down: int = 2
    by_columns: bool = False
    opened: frozenset[str] = frozenset()
    grown: tuple[str, ...] = ()


USUAL = View()


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes at one distance that belong together; `hop` is below zero for what stands before the start.

    Attributes:
        name: what opens it: its distance and what it is of.
        title: the product or the entry; empty for what is left of a distance, or is of no product.
        key: the entry, where columns are walked.
        count: its nodes; `nodes` are those that are named, and `beyond` how many more each of them leads to.
        others: how many groups were put together, where this is what is left of a distance.
    """

    name: str
    title: str
    hop: int
    count: int
    nodes: tuple[Node, ...]
    beyond: tuple[int, ...]
    key: Key | None = None
    others: int = 0

    @property
    def more(self) -> int:
        """How many are not named."""
        return self.count - len(self.nodes)


class Spot(NamedTuple):
    """An end of a tie: a group by its place, and a node of it by its place; -1 for those that are not named."""

    group: int
    node: int


class Tie(NamedTuple):
    """What goes into what."""

    source: Spot
    target: Spot


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """A start with what is around it. `is_cut` where a distance was too wide to go on from."""

    start: Start
    groups: tuple[Group, ...]
    ties: tuple[Tie, ...]
    is_cut: bool = False
    before: int = 0  # nodes that it comes from, and goes into, within the steps of the view
    after: int = 0


class _Row(NamedTuple):
    """A node that was reached: what it is grouped by, and how much it matters."""

    node: int
    group: str
    title: str
    key: Key | None
    signal: int
    place: int


@dataclass(slots=True)
class _Reached:
    """Every node of a drawing with its distance, below zero before the start."""

    hops: dict[int, int]
    is_cut: bool = False


def around(
    connection: sqlite3.Connection, start: Start, view: View, scopes: Collection[str] | None = None
) -> Neighbourhood:
    """Return what is around a start.

    Args:
        connection: to the catalog, in one view of it.
        start: see `naming.resolved`.
        view: how far to go, and what to open.
        scopes: those the caller may see (`searching.scopes_seen`); None for every one.
    """
    by_columns = view.by_columns or bool(start.column)
    starts = _starts(connection, start, by_columns=by_columns)
    reached = _reached(connection, starts, view, by_columns, scopes)
    _grow(connection, reached, view, by_columns, scopes)
    rows = _rows(connection, list(reached.hops), by_columns=by_columns)
    drawn = _grouped(connection, rows, reached, view, by_columns=by_columns)
    spots = dict(_spots(drawn))
    ways = _ways(connection, by_columns, scopes)
    beyond = _beyond(ways, drawn, reached, view)
    groups = tuple(
        Group(
            one.name, one.title, one.hop, len(one.rows), one.nodes, tuple(beyond[node] for node in one.named), one.key,
            one.others,
        )
        for one in drawn
    )  # fmt: skip
    sides = [sum(group.count for group in groups if group.hop * sign > 0) for sign in (-1, 1)]
    return Neighbourhood(start, groups, _ties(ways, reached, spots), reached.is_cut, *sides)


def _starts(connection: sqlite3.Connection, start: Start, *, by_columns: bool) -> tuple[int, ...]:
    if not by_columns:
        return (start.entry,)
    if start.column:
        return (start.field,)
    rows = connection.execute("SELECT key FROM field WHERE asset = ? AND is_gone = 0", (start.entry,))
    return tuple(key for (key,) in rows)


def _reached(
    connection: sqlite3.Connection,
    starts: tuple[int, ...],
    view: View,
    by_columns: bool,
    scopes: Collection[str] | None,
) -> _Reached:
    found = _Reached(dict.fromkeys(starts, 0))
    for sign, depth in ((-1, view.up), (1, view.down)):
        hops = walk(connection, Walk(starts, by_columns, sign > 0, depth, widest=_WIDEST), scopes)
        last = max(hops.values(), default=0)
        widths: dict[int, int] = defaultdict(int)
        for node, hop in hops.items():
            widths[hop] += 1
            if node not in found.hops:
                found.hops[node] = sign * hop
        found.is_cut |= last < depth and widths[last] > _WIDEST
    return found


def _grow(
    connection: sqlite3.Connection, reached: _Reached, view: View, by_columns: bool, scopes: Collection[str] | None
) -> None:
    """Go one step further from nodes that somebody opened, the nearest first, since one may lead to the next."""
    waiting = {number: name for name in view.grown[:_MOST_GROWN] if (number := _number(connection, name, by_columns))}
    while known := [node for node in waiting if node in reached.hops]:
        node = min(known, key=lambda one: abs(reached.hops[one]))
        del waiting[node]
        hop = reached.hops[node]
        for sign in (-1, 1):
            if hop * sign >= 0:
                for one in walk(connection, Walk((node,), by_columns, sign > 0, 1), scopes):
                    reached.hops.setdefault(one, hop + sign)


def _number(connection: sqlite3.Connection, name: str, by_columns: bool) -> int:
    """Return the number of a node that a drawing named; 0 where there is none."""
    kind, _, id_ = name.partition(":")
    column = ""
    if by_columns:
        id_, _, column = id_.rpartition(".")
    sql = (
        "SELECT f.key FROM asset a JOIN field f ON f.asset = a.key WHERE a.kind = ? AND a.id = ? AND f.name = ?"
        if by_columns
        else "SELECT key FROM asset WHERE kind = ? AND id = ?"
    )
    row = connection.execute(sql, (kind, id_, column) if by_columns else (kind, id_)).fetchone()
    return int(row[0]) if row else 0


def _rows(connection: sqlite3.Connection, nodes: Sequence[int], *, by_columns: bool) -> dict[int, _Row]:
    sql = (
        "SELECT f.key, a.kind, a.id, a.product, a.signal, f.position, f.name FROM field f "
        f"JOIN asset a ON a.key = f.asset WHERE f.key {AMONG}"
        if by_columns
        else f"SELECT key, kind, id, product, signal, 0, '' FROM asset WHERE key {AMONG}"
    )
    found = {}
    for node, kind, id_, product, signal, position, column in connection.execute(sql, (listed(nodes),)):
        if by_columns and kind in TABLES:
            place = -1 if column in (WHOLE, SOME) else position
            found[node] = _Row(node, f"{kind}:{id_}", id_, Key(kind, id_), signal, place)
        else:  # what has no columns stands with others of its product
            found[node] = _Row(node, product or f"{kind}:", product, None, signal, 0)
    return found


@dataclass(slots=True)
class _Drawn:
    """A group while it is made."""

    name: str
    title: str
    hop: int
    key: Key | None
    rows: list[_Row]
    others: int = 0
    members: Sequence[int] = ()
    named: tuple[int, ...] = ()
    nodes: tuple[Node, ...] = ()


def _grouped(
    connection: sqlite3.Connection, rows: Mapping[int, _Row], reached: _Reached, view: View, *, by_columns: bool
) -> list[_Drawn]:
    found: dict[tuple[int, str], _Drawn] = {}
    nearest = _nearest(rows, reached) if by_columns else {}
    for node, row in rows.items():
        hop = nearest.get(row.group, reached.hops[node])  # columns of an entry stand where the nearest of them does
        made = found.get((hop, row.group))
        if made is None:
            made = found[hop, row.group] = _Drawn(f"{hop}:{row.group}", row.title, hop, row.key, [])
        made.rows.append(row)
    every = _fewer(list(found.values()), view)
    for one in every:
        one.members = [row.node for row in one.rows]
        # What stands for the whole of an entry is its heading.
        one.rows = [row for row in one.rows if row.place >= 0]
        one.named = _chosen(one, view)
    known = numbered(connection, [n for one in every for n in one.named], reached.hops, by_columns=by_columns)
    for one in every:
        if not by_columns:
            one.named = tuple(sorted(one.named, key=lambda node: _in_order(known[node][1])))
        one.nodes = tuple(known[node][1] for node in one.named)
    return every


def _chosen(one: _Drawn, view: View) -> tuple[int, ...]:
    """Return the nodes of a group that are named: those that matter most, in the order of their table."""
    if one.others:
        return ()
    most = NAMED_OPEN if one.name in view.opened or one.hop == 0 else NAMED
    if len(one.rows) <= NAMED + 2:  # to leave out two saves no room
        most = NAMED + 2
    best = nsmallest(most, one.rows, key=lambda row: (-row.signal, row.place, row.node))
    return tuple(row.node for row in sorted(best, key=lambda row: (row.place, row.node)))


def _in_order(node: Node) -> tuple[int, str]:
    return (KINDS.index(node.key.kind) if node.key.kind in KINDS else len(KINDS), str(node))


def _nearest(rows: Mapping[int, _Row], reached: _Reached) -> dict[str, int]:
    found: dict[str, int] = {}
    for node, hop in reached.hops.items():
        if node in rows:
            group = rows[node].group
            if group not in found or abs(hop) < abs(found[group]):
                found[group] = hop
    return found


def _fewer(groups: list[_Drawn], view: View) -> list[_Drawn]:
    """Return the groups of each distance, the small ones put together where there are too many."""
    by_hop: dict[int, list[_Drawn]] = defaultdict(list)
    for one in groups:
        by_hop[one.hop].append(one)
    found: list[_Drawn] = []
    for hop in sorted(by_hop):
        name = f"{hop}:*"
        most = _GROUPS * 4 if name in view.opened else _GROUPS
        ranked = sorted(by_hop[hop], key=lambda one: (-max(row.signal for row in one.rows), -len(one.rows), one.name))
        rest = ranked[most:] if len(ranked) > most + 1 else []
        found += ranked[: len(ranked) - len(rest)]
        if rest:
            found.append(_Drawn(name, "", hop, None, [row for one in rest for row in one.rows], len(rest)))
    return found


def _spots(drawn: Sequence[_Drawn]) -> Iterable[tuple[int, Spot]]:
    """Yield where each node stands in a drawing."""
    for place, one in enumerate(drawn):
        named = {node: Spot(place, at) for at, node in enumerate(one.named)}
        rest = Spot(place, _REST)
        for node in one.members:
            yield node, named.get(node, rest)


class _Both:
    """The edges of a drawing, each way."""

    def __init__(self, connection: sqlite3.Connection, by_columns: bool, seen: bool) -> None:
        self.down, self.up = (Ways(connection, Walk((), by_columns, down), seen=seen) for down in (True, False))


def _ways(connection: sqlite3.Connection, by_columns: bool, scopes: Collection[str] | None) -> _Both:
    return _Both(connection, by_columns, limit_to(connection, scopes))


def _beyond(ways: _Both, drawn: Sequence[_Drawn], reached: _Reached, view: View) -> dict[int, int]:
    """Return how many nodes each named one leads to, away from the start, that are not in the drawing."""
    found: dict[int, int] = defaultdict(int)
    for way, sign, depth in ((ways.up, -1, view.up), (ways.down, 1, view.down)):
        # What the start leads to is in the drawing, however much it is, where one step was taken.
        outer = [
            node for one in drawn for node in one.named
            if one.hop * sign > 0 or (one.hop == 0 and (not depth or reached.hops[node]))
        ]  # fmt: skip
        for near, far in way.pairs(outer):
            found[near] += far not in reached.hops
    return found


def _ties(ways: _Both, reached: _Reached, spots: Mapping[int, Spot]) -> tuple[Tie, ...]:
    """Return what goes into what among the nodes of a drawing, once for each pair of places."""
    named = [node for node, spot in spots.items() if spot.node != _REST]
    rest = [node for node, spot in spots.items() if spot.node == _REST][:_WIDEST]
    pairs = {*ways.down.pairs(named + rest), *((source, target) for target, source in ways.up.pairs(named))}
    ends = {(spots[a], spots[b]) for a, b in pairs if a in spots and b in spots and a in reached.hops}
    return tuple(Tie(*tie) for tie in sorted(tie for tie in ends if tie[0] != tie[1]))

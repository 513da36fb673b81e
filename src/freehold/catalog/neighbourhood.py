"""What stands around a start, to be drawn: some steps each way, in groups, the nearest by name and the rest as counts.

Groups are products where entries are walked, and entries where columns are. A group names a few of its nodes; the rest
is one count, until somebody opens it. So a node with ten thousand neighbours makes a drawing of a dozen groups.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from freehold.catalog.entry import KINDS, SOME, WHOLE, Key
from freehold.catalog.impact import Node, numbered
from freehold.catalog.naming import Start
from freehold.catalog.walking import AMONG, Walk, Ways, listed, numbers_of, walk

if TYPE_CHECKING:
    from freehold.catalog.arrays import Arrays
    from freehold.catalog.grouping import Gathered, Gists, Numbers

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

    def groups(self, hop: int) -> int:
        """Return how many groups a distance has; what is left is one more."""
        return _GROUPS * 4 if _rest_of(hop) in self.opened else _GROUPS


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


@dataclass(slots=True)
class _Reached:
    """Every node of a drawing with its distance, below zero before the start."""

    hops: dict[int, int]
    is_cut: bool = False


def around(
    connection: sqlite3.Connection,
    start: Start,
    view: View,
    scopes: Collection[str] | None = None,
    arrays: Arrays | None = None,
) -> Neighbourhood:
    """Return what is around a start.

    Args:
        connection: to the catalog, in one view of it.
        start: see `naming.resolved`.
        view: how far to go, and what to open.
        scopes: those the caller may see (`searching.scopes_seen`); None for every one.
        arrays: what tells the same quicker than the tables do, where it is kept (`memory.Memory.at`).
    """
    by_columns = view.by_columns or bool(start.column)
    starts = _starts(connection, start, by_columns=by_columns)
    sight = _Sight(connection, by_columns, scopes, arrays)
    reached = _reached(sight, starts, view)
    _grow(sight, reached, view)
    drawn = _grouped(sight, reached, view)
    ways = _Both(*(sight.ways(down=down) for down in (True, False)))
    beyond = _beyond(ways, drawn, reached, view)
    groups = tuple(
        Group(
            one.name, one.title, one.group.hop, one.group.count, one.nodes,
            tuple(beyond[node] for node in one.named), one.key, one.group.others,
        )
        for one in drawn
    )  # fmt: skip
    sides = [sum(group.count for group in groups if group.hop * sign > 0) for sign in (-1, 1)]
    return Neighbourhood(start, groups, _ties(ways, drawn), reached.is_cut, *sides)


@dataclass(frozen=True, slots=True)
class _Sight:
    """What one caller sees of the catalog, by columns or by entries."""

    connection: sqlite3.Connection
    by_columns: bool
    scopes: Collection[str] | None
    arrays: Arrays | None

    def walk(self, starts: tuple[int, ...], *, down: bool, depth: int, widest: int = 0) -> list[list[int]]:
        """Return what is reached from some nodes, at each distance."""
        way = Walk(starts, self.by_columns, down, depth, widest=widest)
        return [numbers_of(level) for level in walk(self.connection, way, self.scopes, self.arrays)]

    def ways(self, *, down: bool) -> Ways:
        """Return the edges one way."""
        return Ways(self.connection, Walk((), self.by_columns, down), self.scopes, self.arrays)

    def gists(self, hops: Mapping[int, int]) -> tuple[Gists, Numbers]:
        """Return nodes with what groups them, and the distance of each; what has no columns stands with its product."""
        import numpy as np

        from freehold.catalog.grouping import Gists

        if self.arrays is not None:
            return self.arrays.gists(hops, by_columns=self.by_columns), np.fromiter(hops.values(), np.int64, len(hops))
        sql = (
            f"SELECT f.key, a.key, a.product, a.kind, a.signal, f.name IN ('{WHOLE}', '{SOME}') FROM field f "
            f"JOIN asset a ON a.key = f.asset WHERE f.key {AMONG}"
            if self.by_columns
            else f"SELECT key, key, product, kind, signal, 0 FROM asset WHERE key {AMONG}"
        )
        found = Gists.read(self.connection.execute(sql, (listed(hops),)), by_columns=self.by_columns)
        return found, np.array([hops[node] for node in found.nodes.tolist()], np.int64)


def _starts(connection: sqlite3.Connection, start: Start, *, by_columns: bool) -> tuple[int, ...]:
    if not by_columns:
        return (start.entry,)
    if start.column:
        return (start.field,)
    rows = connection.execute("SELECT key FROM field WHERE asset = ? AND is_gone = 0", (start.entry,))
    return tuple(key for (key,) in rows)


def _reached(sight: _Sight, starts: tuple[int, ...], view: View) -> _Reached:
    found = _Reached(dict.fromkeys(starts, 0))
    for sign, depth in ((-1, view.up), (1, view.down)):
        levels = sight.walk(starts, down=sign > 0, depth=depth, widest=_WIDEST)
        for hop, level in enumerate(levels):
            for node in level:
                found.hops.setdefault(node, sign * hop)
        found.is_cut |= len(levels) <= depth and len(levels[-1]) > _WIDEST
    return found


def _grow(sight: _Sight, reached: _Reached, view: View) -> None:
    """Go one step further from nodes that somebody opened, the nearest first, since one may lead to the next."""
    numbers = ((_number(sight.connection, name, sight.by_columns), name) for name in view.grown[:_MOST_GROWN])
    waiting = {number: name for number, name in numbers if number}
    while known := [node for node in waiting if node in reached.hops]:
        node = min(known, key=lambda one: abs(reached.hops[one]))
        del waiting[node]
        hop = reached.hops[node]
        for sign in (-1, 1):
            if hop * sign >= 0:
                for one in chain.from_iterable(sight.walk((node,), down=sign > 0, depth=1)):
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


@dataclass(slots=True)
class _Drawn:
    """A group while it is given its names; `named` are the numbers of `nodes`."""

    group: Gathered
    name: str = ""
    title: str = ""
    key: Key | None = None
    named: tuple[int, ...] = ()
    nodes: tuple[Node, ...] = ()


def _grouped(sight: _Sight, reached: _Reached, view: View) -> list[_Drawn]:
    from freehold.catalog.grouping import gathered

    gists, hops = sight.gists(reached.hops)
    if not len(gists.nodes):
        return []
    every = [_Drawn(one) for one in gathered(gists, hops, view.groups, by_columns=sight.by_columns)]
    _entitle(sight, every)
    places = _places(sight, every)
    for one in every:
        one.named = _chosen(one, view, places)
    chosen = [n for one in every for n in one.named]
    known = numbered(sight.connection, chosen, reached.hops, by_columns=sight.by_columns)
    for one in every:
        if not sight.by_columns:
            one.named = tuple(sorted(one.named, key=lambda node: _in_order(known[node][1])))
        one.nodes = tuple(known[node][1] for node in one.named)
    return every


def _entitle(sight: _Sight, every: Sequence[_Drawn]) -> None:
    """Give groups their names and titles."""
    entries = [one.group.of for one in every if isinstance(one.group.of, int)]
    sql = f"SELECT key, kind, id FROM asset WHERE key {AMONG}"
    keys = {key: Key(kind, id_) for key, kind, id_ in sight.connection.execute(sql, (listed(entries),))}
    for one in every:
        hop, of = one.group.hop, one.group.of
        if isinstance(of, int):
            one.key = keys[of]
            one.name, one.title = f"{hop}:{one.key}", one.key.id
        elif one.group.others:
            one.name = _rest_of(hop)
        else:
            one.name, one.title = f"{hop}:{of}", "" if of.endswith(":") else of


def _rest_of(hop: int) -> str:
    """Return the name of what is left of a distance."""
    return f"{hop}:*"


def _places(sight: _Sight, every: Sequence[_Drawn]) -> dict[int, int]:
    """Return where columns stand in their entries, of the groups that name any."""
    if not sight.by_columns:
        return {}
    nodes = [node for one in every if one.key is not None for node in one.group.rows.tolist()]
    return dict(sight.connection.execute(f"SELECT key, position FROM field WHERE key {AMONG}", (listed(nodes),)))


def _chosen(one: _Drawn, view: View, places: Mapping[int, int]) -> tuple[int, ...]:
    """Return the nodes of a group that are named: those that matter most, in the order of their table."""
    most = NAMED_OPEN if one.name in view.opened or one.group.hop == 0 else NAMED
    if one.group.count <= NAMED + 2:  # to leave out two saves no room
        most = NAMED + 2
    return one.group.chosen(most, places if one.key is not None else {})


def _in_order(node: Node) -> tuple[int, str]:
    return (KINDS.index(node.key.kind) if node.key.kind in KINDS else len(KINDS), str(node))


class _Both(NamedTuple):
    """The edges of a drawing, each way."""

    down: Ways
    up: Ways


def _beyond(ways: _Both, drawn: Sequence[_Drawn], reached: _Reached, view: View) -> dict[int, int]:
    """Return how many nodes each named one leads to, away from the start, that are not in the drawing."""
    found: dict[int, int] = defaultdict(int)
    for way, sign, depth in ((ways.up, -1, view.up), (ways.down, 1, view.down)):
        # What the start leads to is in the drawing, however much it is, where one step was taken.
        outer = [
            node for one in drawn for node in one.named
            if one.group.hop * sign > 0 or (one.group.hop == 0 and (not depth or reached.hops[node]))
        ]  # fmt: skip
        for near, far in way.pairs(outer):
            found[near] += far not in reached.hops
    return found


def _ties(ways: _Both, drawn: Sequence[_Drawn]) -> tuple[Tie, ...]:
    """Return what goes into what among the nodes of a drawing, once for each pair of places."""
    from freehold.catalog.grouping import placed

    nodes, codes = placed([one.group for one in drawn], [one.named for one in drawn])
    places = [Spot(group, _REST) for group in range(len(drawn))]
    places += [Spot(group, at) for group, one in enumerate(drawn) for at in range(len(one.named))]
    named = [node for one in drawn for node in one.named]
    rest = nodes[codes < len(drawn)][:_WIDEST].tolist()
    ends = ways.down.between(named + rest, nodes, codes) | {(a, b) for b, a in ways.up.between(named, nodes, codes)}
    return tuple(Tie(*tie) for tie in sorted((places[a], places[b]) for a, b in ends if a != b))

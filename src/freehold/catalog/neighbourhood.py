"""What stands around a start, to be drawn: some steps each way, in groups, the nearest by name and the rest as counts.

Groups are products where entries are walked, and entries where columns are. A group names a few of its nodes; the rest
is one count, until somebody opens it. So a node with ten thousand neighbours makes a drawing of a dozen groups.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from freehold.catalog.entry import KINDS, SOME, TABLES, WHOLE, Key
from freehold.catalog.impact import Node, numbered
from freehold.catalog.naming import Start
from freehold.catalog.walking import AMONG, Walk, Ways, listed, walk

if TYPE_CHECKING:
    from freehold.catalog.arrays import Arrays

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


# A node that was reached, what it is grouped by (an entry by its number, else a name), how much it matters, and whether
# it stands for its entry, whose heading it is. Plain, since there may be a hundred thousand.
_Gist = tuple[int, int | str, int, bool]


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
    spots = dict(_spots(drawn))
    ways = _Both(*(sight.ways(down=down) for down in (True, False)))
    beyond = _beyond(ways, drawn, reached, view)
    groups = tuple(
        Group(
            one.name, one.title, one.hop, len(one.rows), one.nodes, tuple(beyond[node] for node in one.named), one.key,
            one.others,
        )
        for one in drawn
    )  # fmt: skip
    sides = [sum(group.count for group in groups if group.hop * sign > 0) for sign in (-1, 1)]
    return Neighbourhood(start, groups, _ties(ways, spots), reached.is_cut, *sides)


@dataclass(frozen=True, slots=True)
class _Sight:
    """What one caller sees of the catalog, by columns or by entries."""

    connection: sqlite3.Connection
    by_columns: bool
    scopes: Collection[str] | None
    arrays: Arrays | None

    def walk(self, starts: tuple[int, ...], *, down: bool, depth: int, widest: int = 0) -> dict[int, int]:
        """Return what is reached from some nodes, with its distance."""
        way = Walk(starts, self.by_columns, down, depth, widest=widest)
        return walk(self.connection, way, self.scopes, self.arrays)

    def ways(self, *, down: bool) -> Ways:
        """Return the edges one way."""
        return Ways(self.connection, Walk((), self.by_columns, down), self.scopes, self.arrays)

    def gists(self, nodes: Collection[int]) -> list[_Gist]:
        """Return what groups nodes; what has no columns stands with others of its product."""
        if self.arrays is not None:
            rows = self.arrays.gists(nodes, by_columns=self.by_columns)
        else:
            sql = (
                f"SELECT f.key, a.key, a.product, a.kind, a.signal, f.name IN ('{WHOLE}', '{SOME}') FROM field f "
                f"JOIN asset a ON a.key = f.asset WHERE f.key {AMONG}"
                if self.by_columns
                else f"SELECT key, key, product, kind, signal, 0 FROM asset WHERE key {AMONG}"
            )
            rows = self.connection.execute(sql, (listed(nodes),))
        if not self.by_columns:
            return [(node, product or f"{kind}:", signal, False) for node, _, product, kind, signal, _ in rows]
        return [
            (node, entry, signal, is_whole) if kind in TABLES else (node, product or f"{kind}:", signal, False)
            for node, entry, product, kind, signal, is_whole in rows
        ]


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
        hops = sight.walk(starts, down=sign > 0, depth=depth, widest=_WIDEST)
        last = max(hops.values(), default=0)
        widths: dict[int, int] = defaultdict(int)
        for node, hop in hops.items():
            widths[hop] += 1
            if node not in found.hops:
                found.hops[node] = sign * hop
        found.is_cut |= last < depth and widths[last] > _WIDEST
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
                for one in sight.walk((node,), down=sign > 0, depth=1):
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
    """A group while it is made.

    Attributes:
        of: the number of the entry, or the name of the product or kind.
        members: its nodes.
        rows: the same without what is its heading, each after how much it matters, below zero.
        signal: how much what matters most of it does.
    """

    hop: int
    of: int | str
    name: str = ""
    title: str = ""
    key: Key | None = None
    members: list[int] = field(default_factory=list)
    rows: list[tuple[int, int]] = field(default_factory=list)
    signal: int = 0
    others: int = 0
    named: tuple[int, ...] = ()
    nodes: tuple[Node, ...] = ()


def _grouped(sight: _Sight, reached: _Reached, view: View) -> list[_Drawn]:
    gists = sight.gists(reached.hops)
    nearest = _nearest(gists, reached) if sight.by_columns else {}
    found: dict[tuple[int, int | str], _Drawn] = {}
    for node, of, signal, is_whole in gists:
        hop = nearest.get(of, reached.hops[node])  # columns of an entry stand where the nearest of them does
        made = found.get((hop, of))
        if made is None:
            made = found[hop, of] = _Drawn(hop, of)
        made.members.append(node)
        made.signal = max(made.signal, signal)
        if not is_whole:
            made.rows.append((-signal, node))
    every = _fewer(list(found.values()), view)
    _entitle(sight, every)
    places = _places(sight, every)
    for one in every:
        one.named = _chosen(one, view, places)
    connection, chosen = sight.connection, [n for one in every for n in one.named]
    known = numbered(connection, chosen, reached.hops, by_columns=sight.by_columns)
    for one in every:
        if not sight.by_columns:
            one.named = tuple(sorted(one.named, key=lambda node: _in_order(known[node][1])))
        one.nodes = tuple(known[node][1] for node in one.named)
    return every


def _entitle(sight: _Sight, every: Sequence[_Drawn]) -> None:
    """Give groups their names and titles."""
    entries = [one.of for one in every if isinstance(one.of, int)]
    sql = f"SELECT key, kind, id FROM asset WHERE key {AMONG}"
    keys = {key: Key(kind, id_) for key, kind, id_ in sight.connection.execute(sql, (listed(entries),))}
    for one in every:
        if isinstance(one.of, int):
            one.key = keys[one.of]
            one.name, one.title = f"{one.hop}:{one.key}", one.key.id
        elif not one.others:
            one.name, one.title = f"{one.hop}:{one.of}", "" if one.of.endswith(":") else one.of


def _places(sight: _Sight, every: Sequence[_Drawn]) -> dict[int, int]:
    """Return where columns stand in their entries, of the groups that name any."""
    if not sight.by_columns:
        return {}
    nodes = [node for one in every if one.key is not None for _, node in one.rows]
    return dict(sight.connection.execute(f"SELECT key, position FROM field WHERE key {AMONG}", (listed(nodes),)))


def _chosen(one: _Drawn, view: View, places: Mapping[int, int]) -> tuple[int, ...]:
    """Return the nodes of a group that are named: those that matter most, in the order of their table."""
    if one.others:
        return ()
    most = NAMED_OPEN if one.name in view.opened or one.hop == 0 else NAMED
    if len(one.rows) <= NAMED + 2:  # to leave out two saves no room
        most = NAMED + 2
    best = nsmallest(most, ((before, places.get(node, 0), node) for before, node in one.rows))
    return tuple(node for _, _, node in sorted(best, key=lambda row: row[1:]))


def _in_order(node: Node) -> tuple[int, str]:
    return (KINDS.index(node.key.kind) if node.key.kind in KINDS else len(KINDS), str(node))


def _nearest(gists: Iterable[_Gist], reached: _Reached) -> dict[int | str, int]:
    found: dict[int | str, int] = {}
    for node, of, _, _ in gists:
        hop = reached.hops[node]
        if of not in found or (abs(hop), hop) < (abs(found[of]), found[of]):
            found[of] = hop
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
        ranked = sorted(by_hop[hop], key=lambda one: (-one.signal, -len(one.members), isinstance(one.of, str), one.of))
        rest = ranked[most:] if len(ranked) > most + 1 else []
        found += ranked[: len(ranked) - len(rest)]
        if rest:
            members = list(chain.from_iterable(one.members for one in rest))
            rows = list(chain.from_iterable(one.rows for one in rest))
            found.append(_Drawn(hop, "", name, members=members, rows=rows, others=len(rest)))
    return found


def _spots(drawn: Sequence[_Drawn]) -> Iterable[tuple[int, Spot]]:
    """Yield where each node stands in a drawing."""
    for place, one in enumerate(drawn):
        named = {node: Spot(place, at) for at, node in enumerate(one.named)}
        rest = Spot(place, _REST)
        for node in one.members:
            yield node, named.get(node, rest)


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
            if one.hop * sign > 0 or (one.hop == 0 and (not depth or reached.hops[node]))
        ]  # fmt: skip
        for near, far in way.pairs(outer):
            found[near] += far not in reached.hops
    return found


def _ties(ways: _Both, spots: Mapping[int, Spot]) -> tuple[Tie, ...]:
    """Return what goes into what among the nodes of a drawing, once for each pair of places."""
    named = [node for node, spot in spots.items() if spot.node != _REST]
    rest = [node for node, spot in spots.items() if spot.node == _REST][:_WIDEST]
    places = list(dict.fromkeys(spots.values()))
    codes = dict(zip(places, range(len(places)), strict=True))
    at = {node: codes[spot] for node, spot in spots.items()}
    ends = ways.down.between(named + rest, at) | {(a, b) for b, a in ways.up.between(named, at)}
    return tuple(Tie(*tie) for tie in sorted((places[a], places[b]) for a, b in ends if a != b))

"""What walks need, in arrays: what goes where, which entry a column is of, of which product that is, who may see it.

A walk that reaches tens of thousands of nodes is answered from here in milliseconds; only what is named is read from
the tables. Arrays hold nothing that the tables do not tell: without them the same is told, slower.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from freehold.catalog.entry import SOME, WHOLE
from freehold.catalog.grouping import Gists, Marks, Numbers
from freehold.catalog.told import Facts, Told
from freehold.catalog.walking import Level

_T = TypeVar("_T", bound=np.generic)
_BITS = 8  # of a signal, which is 200 at most
_SIGNAL = (1 << _BITS) - 1
_FAR, _NEAR = 2, 33  # where the ends of an edge begin in its one number; the bits before say what it is
_DIRECT, _STEP = 2, 1
_SPARSE = 50  # nodes of which one is reached, so that sorting those few is less than a pass over all


class Side(NamedTuple):
    """Edges one way: those of node `n` lead to `others[offsets[n]:offsets[n + 1]]`; `kinds` says what each is."""

    offsets: Numbers
    others: npt.NDArray[np.int32]
    kinds: npt.NDArray[np.uint8]

    def of(self, nodes: Numbers) -> tuple[Numbers, Numbers]:
        """Return the places of all edges of some nodes, and how many each has; nodes it does not know have none."""
        known = np.minimum(nodes, len(self.offsets) - 2)
        first = self.offsets[known]
        counts = np.where(nodes == known, self.offsets[known + 1] - first, 0)
        before = np.cumsum(counts) - counts
        return np.arange(int(counts.sum())) + np.repeat(first - before, counts), counts


@dataclass(frozen=True, slots=True)
class Edges:
    """The edges of a catalog between columns, or between entries, both ways."""

    down: Side
    up: Side

    @classmethod
    def read(cls, connection: sqlite3.Connection, *, by_columns: bool) -> Edges:
        """Read those that hold now; what several jobs say is there once."""
        table, said = ("edge", "is_direct * 2 + step") if by_columns else ("asset_edge", "3")
        sql = f"SELECT (source << {_NEAR}) + (target << {_FAR}) + {said} FROM {table} WHERE valid_to IS NULL"
        packed = np.unique(np.fromiter(chain.from_iterable(connection.execute(sql)), np.int64))
        near, far = packed >> _NEAR, packed >> _FAR & ((1 << (_NEAR - _FAR)) - 1)
        kinds = (packed & (_DIRECT | _STEP)).astype(np.uint8)
        back = np.argsort(far, kind="stable")
        return cls(_side(near, far, kinds), _side(far[back], near[back], kinds[back]))


def _side(near: Numbers, far: Numbers, kinds: npt.NDArray[np.uint8]) -> Side:
    """Return edges one way; `near` is in order."""
    counts = np.bincount(near, minlength=1)
    return Side(np.concatenate(([0], np.cumsum(counts))), far.astype(np.int32), kinds)


@dataclass(frozen=True, slots=True)
class Arrays:
    """A catalog as of one change, by the numbers of its entries and columns.

    Attributes:
        life, change, moves: the state of the tables that it tells.
        facts: product, kind, owner and scope, as some entries have them, each by its place.
        entries: of each entry, the place of its facts and how much it matters, as one number.
        columns: of each column, the entry.
        wholes: which columns stand for many.
        fields, flows: the edges between columns and between entries, as of an earlier state.
        moved: of each entry, whether its edges are not as they were then: of those the tables are asked.
    """

    life: str
    change: int
    moves: int
    facts: tuple[Facts, ...]
    entries: Numbers
    columns: Numbers
    wholes: Marks
    fields: Edges
    flows: Edges
    moved: Marks

    def told(self, nodes: Level, shown: int, *, by_columns: bool) -> Told:
        """Return what there is to tell of some nodes."""
        chosen = _array(nodes)
        each = self.entries[self.columns[chosen] if by_columns else chosen]
        products = Counter[str]()
        for place, count in zip(*np.unique(each >> _BITS, return_counts=True), strict=True):
            products[self.facts[place].product] += int(count)
        signals = each & _SIGNAL
        kept = len(each) > shown
        least = int(np.partition(signals, -shown)[-shown]) if kept else -1
        above = sorted(zip((-signals[signals > least]).tolist(), chosen[signals > least].tolist(), strict=True))
        level = np.sort(chosen[signals == least])[: shown - len(above)].tolist() if kept else []
        return Told(len(each), products, (*above, *((-least, node) for node in level)))

    def split(self, nodes: Level) -> tuple[Numbers, list[int]]:
        """Return columns apart from those that stand for many, which may not be told: of them the tables are asked."""
        chosen = _array(nodes)
        whole = self.wholes[chosen]
        return chosen[~whole], chosen[whole].tolist()

    def kinds(self, levels: Sequence[Level]) -> dict[Facts, Numbers]:
        """Return entries by what they have in common."""
        if not levels:
            return {}
        chosen = np.concatenate([_array(level) for level in levels])
        places = self.entries[chosen] >> _BITS
        order = np.argsort(places, kind="stable")
        each, first = np.unique(places[order], return_index=True)
        parts = np.split(chosen[order], first[1:])
        return {self.facts[place]: part for place, part in zip(each.tolist(), parts, strict=True)}

    def with_entries(self, levels: Sequence[Level]) -> list[Level]:
        """Return the entries that columns are of, at each distance those that are at no lesser one."""
        reached = np.zeros(len(self.entries), np.bool_)
        found: list[Level] = []
        for level in levels:
            entries = np.unique(self.columns[_array(level)])
            entries = entries[~reached[entries]]
            reached[entries] = True
            found.append(entries)
        return found

    def gists(self, nodes: Collection[int], *, by_columns: bool) -> Gists:
        """Return nodes with what groups them in a drawing."""
        chosen = np.fromiter(nodes, np.int64, len(nodes))
        entries = self.of_entries(chosen, by_columns=by_columns)
        each = self.entries[entries]
        wholes = self.wholes[chosen] if by_columns else np.zeros(len(chosen), np.bool_)
        places, at = np.unique(each >> _BITS, return_inverse=True)
        facts = [(self.facts[place].product, self.facts[place].kind) for place in places.tolist()]
        return Gists.made(chosen, entries, facts, at, each & _SIGNAL, wholes, by_columns=by_columns)

    def seen(self, scopes: Collection[str]) -> Marks:
        """Return, by the place of facts, what a caller may see who may see some scopes."""
        return np.fromiter((one.scope in scopes for one in self.facts), np.bool_, len(self.facts))

    def of_entries(self, nodes: Numbers, *, by_columns: bool) -> Numbers:
        """Return the entries of nodes."""
        return self.columns[nodes] if by_columns else nodes

    def steps(self, *, by_columns: bool, down: bool, indirect: bool, seen: Marks | None) -> Steps:
        """Return the edges to follow one way, of columns or of entries; `seen` as of `seen`, None for all."""
        return Steps(self, by_columns=by_columns, down=down, indirect=indirect, seen=seen)

    def grown(self, connection: sqlite3.Connection, change: int, moves: int) -> Arrays:
        """Return this with what changed since; columns stay with their entries, so that those are only added."""
        facts = {one: place for place, one in enumerate(self.facts)}
        sql = "SELECT key, signal, product, kind, owner, scope FROM asset WHERE changed > ? ORDER BY key"
        entries = [
            (key, facts.setdefault(Facts(*said), len(facts)) << _BITS | signal)
            for key, signal, *said in connection.execute(sql, (self.change,))
        ]
        last = len(self.columns) - 1
        columns = connection.execute("SELECT key, asset FROM field WHERE key > ? ORDER BY key", (last,)).fetchall()
        sql = f"SELECT key, 1 FROM field WHERE name IN ('{WHOLE}', '{SOME}') AND key > ?"
        wholes = connection.execute(sql, (last,)).fetchall()
        sql = "SELECT entry, 1 FROM moved WHERE at > ?"
        moved = connection.execute(sql, (self.moves,)).fetchall() if moves > self.moves else []
        all_columns = _with(self.columns, columns)
        return Arrays(
            self.life, change, moves, tuple(facts), _with(self.entries, entries), all_columns,
            _with(_as_long(self.wholes, len(all_columns)), wholes), self.fields, self.flows, _with(self.moved, moved),
        )  # fmt: skip


def made(connection: sqlite3.Connection, life: str, change: int, moves: int) -> Arrays:
    """Read the arrays of the state that a connection sees: half a second for a million columns, five for five million
    edges.
    """
    nothing, none = np.zeros(0, np.int64), np.zeros(0, np.bool_)
    fields, flows = (Edges.read(connection, by_columns=by_columns) for by_columns in (True, False))
    empty = Arrays(life, -1, moves, (), nothing, nothing, none, fields, flows, none)
    return empty.grown(connection, change, moves)


def _array(nodes: Level | Collection[int]) -> Numbers:
    return nodes if isinstance(nodes, np.ndarray) else np.fromiter(nodes, np.int64, len(nodes))


def _with(known: npt.NDArray[_T], rows: Sequence[tuple[int, int]]) -> npt.NDArray[_T]:
    """Return an array with some places set, long enough for them; the one it was stays as it is."""
    if not rows:
        return known
    places, values = np.array(rows, np.int64).T
    found = _as_long(known, int(places.max()) + 1).copy()
    found[places] = values
    return found


def _as_long(known: npt.NDArray[_T], length: int) -> npt.NDArray[_T]:
    more = length - len(known)
    return np.concatenate((known, np.zeros(more, known.dtype))) if more > 0 else known


class Steps:
    """The edges that one walk follows, in arrays."""

    def __init__(self, arrays: Arrays, *, by_columns: bool, down: bool, indirect: bool, seen: Marks | None) -> None:
        self._arrays = arrays
        self._by_columns = by_columns
        self._seen = seen
        edges = arrays.fields if by_columns else arrays.flows
        self._side = edges.down if down else edges.up
        self._is_direct = by_columns and not indirect
        self._reached = np.zeros(len(arrays.columns if by_columns else arrays.entries), np.bool_)

    def note(self, nodes: Collection[int]) -> None:
        """Note nodes as reached; those that are newer than the arrays are found in the tables alone."""
        chosen = np.fromiter(nodes, np.int64, len(nodes))
        self._reached[chosen[chosen < len(self._reached)]] = True

    def beyond(self, nodes: Level, step: int) -> tuple[Numbers, list[int]]:
        """Return what is a step on from nodes and was not reached, now it is; and of which nodes to ask the tables.

        Args:
            nodes: numbers of columns, or of entries.
            step: 1 for edges; 0 for what hangs together without being a step.
        """
        kept, asked = self._kept(nodes)
        places, _ = self._side.of(kept)
        far = self._allowed(places, step)[1]
        far = far[~self._reached[far]]
        if len(far) * _SPARSE < len(self._reached):
            found = np.unique(far)
            self._reached[found] = True
        else:  # each once, in order, in one pass over all there are
            before = self._reached.copy()
            self._reached[far] = True
            found = np.flatnonzero(self._reached ^ before)
        return found, asked

    def pairs(self, nodes: Collection[int]) -> tuple[list[tuple[int, int]], list[int]]:
        """Return nodes with what is a step on from each, and those of which the tables are to be asked."""
        kept, asked = self._kept(nodes)
        places, counts = self._side.of(kept)
        chosen, far = self._allowed(places, 1)
        near = np.repeat(kept, counts)[chosen]
        return list(zip(near.tolist(), far.tolist(), strict=True)), asked

    def between(self, nodes: Collection[int], drawn: Numbers, codes: Numbers) -> tuple[set[tuple[int, int]], list[int]]:
        """Return which places have an edge between them (see `Ways.between`), and of which nodes to ask the tables."""
        kept, asked = self._kept(nodes)
        places, counts = self._side.of(kept)
        chosen, far = self._allowed(places, 1)
        known = np.full(len(self._reached), -1, np.int64)
        known[drawn] = codes
        near_at, far_at = known[np.repeat(kept, counts)[chosen]], known[far]
        both = (far_at >= 0) & (near_at >= 0)
        ends = np.unique(near_at[both] << _NEAR | far_at[both])
        return set(zip((ends >> _NEAR).tolist(), (ends & ((1 << _NEAR) - 1)).tolist(), strict=True)), asked

    def _kept(self, nodes: Level | Collection[int]) -> tuple[Numbers, list[int]]:
        """Return the nodes whose edges are as they were, and the others."""
        chosen = _array(nodes)
        moved = self._arrays.moved
        if not moved.size:
            return chosen, []
        entries = self._arrays.of_entries(chosen, by_columns=self._by_columns)
        has_moved = moved[np.minimum(entries, len(moved) - 1)] & (entries < len(moved))
        return chosen[~has_moved], chosen[has_moved].tolist()

    def _allowed(self, places: Numbers, step: int) -> tuple[Marks, Numbers]:
        """Return which of some edges are followed, and where those lead."""
        kinds = self._side.kinds[places]
        chosen = (kinds & _STEP) == step
        if self._is_direct:
            chosen &= (kinds & _DIRECT) == _DIRECT
        far = self._side.others[places].astype(np.int64)
        if self._seen is not None:
            entries = self._arrays.of_entries(far, by_columns=self._by_columns)
            chosen &= self._seen[self._arrays.entries[entries] >> _BITS]
        return chosen, far[chosen]

"""Which entry a column is of, of which product that is and how much it matters, in arrays: what a walk reaches is told
in counts from here, and only what is named is read from the tables.

It is made once so many nodes were told from the tables that making it would have paid, and follows the catalog by what
changed since. It holds nothing that the tables do not tell: without it the same is told, slower.
"""

from __future__ import annotations

import sqlite3
import threading
from array import array
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial
from heapq import nsmallest
from typing import NamedTuple

from freehold.catalog.entry import SOME, WHOLE
from freehold.catalog.store import stamped

_BITS = 8  # of a signal, which is 200 at most
_SIGNAL = (1 << _BITS) - 1
_DEARER = 4  # to tell a node from the tables, compared with reading it into an array


class Facts(NamedTuple):
    """What many entries have in common."""

    product: str
    kind: str
    owner: str


@dataclass(frozen=True, slots=True)
class Told:
    """How many nodes there are, how many of each product, and the few that matter most: how much, and which."""

    count: int
    products: Counter[str]
    ranked: tuple[tuple[int, int], ...]

    @property
    def named(self) -> list[int]:
        """The nodes that are to be named."""
        return [node for _, node in self.ranked]

    def with_(self, other: Told, shown: int) -> Told:
        """Return two of different nodes as one."""
        ranked = nsmallest(shown, (*self.ranked, *other.ranked))
        return Told(self.count + other.count, self.products + other.products, tuple(ranked))


@dataclass(frozen=True, slots=True)
class Tally:
    """The entries and columns of a catalog as of one change, by their numbers.

    Attributes:
        life, change: the state of the tables that it tells.
        facts: product, kind and owner, as some entries have them, each by its place.
        entries: of each entry, the place of its facts and how much it matters, as one number.
        columns: of each column, the entry; it only grows, and states share it.
        wholes: columns that stand for many, which may not be told: of them the tables are asked.
    """

    life: str
    change: int
    facts: tuple[Facts, ...]
    entries: array[int]
    columns: array[int]
    wholes: frozenset[int]

    def told(self, nodes: Collection[int], shown: int, *, by_columns: bool) -> Told:
        """Return what there is to tell of some nodes. Few passes over them, for each is dearer than what it does."""
        entries, columns = self.entries, self.columns
        each = [entries[columns[node]] for node in nodes] if by_columns else [entries[node] for node in nodes]
        products, signals = Counter[str](), Counter[int]()
        for number, count in Counter(each).items():
            products[self.facts[number >> _BITS].product] += count
            signals[number & _SIGNAL] += count
        least = _least(signals, shown)
        pairs = partial(zip, each, nodes, strict=True)
        above = sorted((-(one & _SIGNAL), node) for one, node in pairs() if one & _SIGNAL > least)
        level = nsmallest(shown - len(above), [node for one, node in pairs() if one & _SIGNAL == least])
        return Told(len(each), products, (*above, *((-least, node) for node in level)))

    def kinds(self, entries: Collection[int], named: Collection[str]) -> tuple[Counter[Facts], list[int]]:
        """Return how many entries have which facts, and those of some kinds."""
        each = [self.entries[entry] >> _BITS for entry in entries]
        counts = Counter(each)
        chosen = {place for place in counts if self.facts[place].kind in named}
        found = [entry for entry, place in zip(entries, each, strict=True) if place in chosen] if chosen else []
        return Counter({self.facts[place]: count for place, count in counts.items()}), found


def _least(signals: Counter[int], shown: int) -> int:
    """Return the signal down to which nodes are named: the greatest that, with all above it, so many have."""
    found = 0
    for signal in sorted(signals, reverse=True):
        found += signals[signal]
        if found >= shown:
            return signal
    return min(signals, default=0)


@dataclass(slots=True)
class Tallies:
    """Hands out the tally of the state that a connection sees. Safe to use from many threads."""

    _turn: threading.Lock = field(default_factory=threading.Lock)
    _newest: Tally | None = None
    _told: int = 0

    def of(self, connection: sqlite3.Connection, nodes: int) -> Tally | None:
        """Return the tally of what a connection sees, where it pays; None where the tables are to be asked.

        Args:
            connection: to the catalog, in one view of it.
            nodes: how many are about to be told.
        """
        life, change = stamped(connection, "life"), int(stamped(connection, "change", "0"))
        with self._turn:
            known = self._newest
            if known is None or known.life != life:
                self._told += nodes
                if self._told * _DEARER < _size(connection):
                    return None
                known = Tally(life, -1, (), array("Q"), array("Q"), frozenset())
            if known.change > change:  # whoever asks began before the newest change
                return None
            if known.change < change or _last(connection, "field") >= len(known.columns):
                known = self._newest = _grown(connection, known, change)
            return known


def _size(connection: sqlite3.Connection) -> int:
    """Return about how many rows a tally is made from: numbers are given out one after the other."""
    return _last(connection, "asset") + _last(connection, "field")


def _last(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT coalesce(max(key), -1) FROM {table}").fetchone()[0])


def _grown(connection: sqlite3.Connection, known: Tally, change: int) -> Tally:
    """Return a tally with what changed since; columns stay with their entries, so that those are only added."""
    facts = {one: place for place, one in enumerate(known.facts)}
    entries = array("Q", known.entries)
    sql = "SELECT key, signal, product, kind, owner FROM asset WHERE changed > ? ORDER BY key"
    for key, signal, *said in connection.execute(sql, (known.change,)):
        _reach(entries, key)
        entries[key] = facts.setdefault(Facts(*said), len(facts)) << _BITS | signal
    whole = _added(connection, known.columns)
    return Tally(known.life, change, tuple(facts), entries, known.columns, known.wholes | whole)


def _added(connection: sqlite3.Connection, columns: array[int]) -> frozenset[int]:
    """Add the columns that are not there yet; return those among them that stand for many."""
    last = len(columns) - 1
    for key, entry in connection.execute("SELECT key, asset FROM field WHERE key > ? ORDER BY key", (last,)):
        _reach(columns, key)
        columns[key] = entry
    sql = f"SELECT key FROM field WHERE name IN ('{WHOLE}', '{SOME}') AND key > ?"
    return frozenset(key for (key,) in connection.execute(sql, (last,)))


def _reach(numbers: array[int], key: int) -> None:
    if key >= len(numbers):
        numbers.frombytes(bytes(numbers.itemsize * (key + 1 - len(numbers))))

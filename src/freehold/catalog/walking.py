"""Walks along the edges, level by level: numbers of nodes in, those at each distance out."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from freehold.catalog.arrays import Arrays, Steps
    from freehold.catalog.grouping import Numbers

Level: TypeAlias = "list[int] | Numbers"  # nodes at one distance: an array where arrays tell them
DEEPEST = 30
MOST = 200_000  # nodes that one walk reaches before it says that there are more
AMONG = "IN (SELECT value FROM json_each(?))"  # of numbers that are `listed`


@dataclass(frozen=True, slots=True)
class Walk:
    """What to follow: from which nodes, by columns or by entries, which way, how far.

    Attributes:
        starts: numbers of fields where it is `by_columns`, else of assets.
        down: what they go into; else what they come from.
        indirect: of columns also where one only decides: filters, joins, windows. Of entries every edge counts.
        widest: nodes of one level beyond which it goes no further; 0 for any number.
    """

    starts: tuple[int, ...]
    by_columns: bool
    down: bool = True
    depth: int = DEEPEST
    indirect: bool = False
    widest: int = 0


def walk(
    connection: sqlite3.Connection, way: Walk, scopes: Collection[str] | None, arrays: Arrays | None = None
) -> list[Level]:
    """Return the nodes at each distance, from the starts on, each once; what a caller may not see (`scopes`) ends it.

    One statement a level: on five million edges that takes a third of the time of one recursive statement, which keeps
    a row for each way to a node. From arrays it takes a tenth of that.
    """
    ways = Ways(connection, way, scopes, arrays)
    levels = [ways.parts(ways.begun(way.starts))]
    while len(levels) <= way.depth and not ways.is_over and not (way.widest and len(levels[-1]) > way.widest):
        level = ways.parts(ways.beyond(levels[-1]))
        if not len(level):
            break
        levels.append(level)
    return levels


class Ways:
    """The edges that one walk follows."""

    def __init__(
        self, connection: sqlite3.Connection, way: Walk, scopes: Collection[str] | None, arrays: Arrays | None = None
    ) -> None:
        seen = limit_to(connection, scopes)
        near, far = ("source", "target") if way.down else ("target", "source")
        self._connection = connection
        only = " AND e.is_direct = 1" if way.by_columns and not way.indirect else ""
        entry = f"(SELECT asset FROM field WHERE key = e.{far})" if way.by_columns else f"e.{far}"
        only += f" AND (SELECT scope FROM asset WHERE key = {entry}) IN (SELECT scope FROM seen)" if seen else ""
        table = "edge" if way.by_columns else "asset_edge"
        of = f"FROM {table} e WHERE e.{near} {AMONG} AND e.valid_to IS NULL{only}"
        self._sql, self._pairs = f"SELECT e.{far} {of}", f"SELECT DISTINCT e.{near}, e.{far} {of}"
        parts = "SELECT 1 FROM edge WHERE step = 0 LIMIT 1"
        self._has_parts = way.by_columns and connection.execute(parts).fetchone() is not None
        self._steps = _steps(arrays, way, scopes) if arrays is not None else None
        self._count, self._reached, self._levels = 0, set[int](), list[Level]()

    @property
    def is_over(self) -> bool:
        """Whether as many nodes were reached as one walk may."""
        return self._count >= MOST

    def beyond(self, level: Level) -> Level:
        """Return the nodes one step on from a level that were not reached before; now they are."""
        return self._follow(level, 1)

    def parts(self, level: Level) -> Level:
        """Return a level with what stands for parts, or the whole, of its nodes: they are at the same distance."""
        latest = level
        while self._has_parts and len(latest):
            latest = self._follow(latest, 0)
            level = joined(level, latest)
        return level

    def pairs(self, nodes: Collection[int]) -> Iterator[tuple[int, int]]:
        """Yield each of some nodes with each one that is a step on from it."""
        if self._steps is not None:
            found, nodes = self._steps.pairs(nodes)
            yield from found
        if nodes:
            yield from self._connection.execute(self._pairs + self._only(1), (listed(nodes),))

    def between(self, nodes: Collection[int], drawn: Numbers, codes: Numbers) -> set[tuple[int, int]]:
        """Return which places of a drawing have an edge between them, that begins at one of some nodes.

        Args:
            nodes: from which to look.
            drawn: the nodes that are in the drawing.
            codes: the place of each.
        """
        found = set[tuple[int, int]]()
        if self._steps is not None:
            found, nodes = self._steps.between(nodes, drawn, codes)
        if nodes:
            at = dict(zip(drawn.tolist(), codes.tolist(), strict=True))
            rows = self._connection.execute(self._pairs + self._only(1), (listed(nodes),))
            found |= {(at[near], at[far]) for near, far in rows if far in at}
        return found

    def begun(self, starts: Collection[int]) -> Level:
        """Note what is reached already, and return it, each once."""
        found = list(dict.fromkeys(starts))
        if self._steps is not None:
            self._steps.note(found)
        return self._noted(found)

    def _noted(self, found: Level) -> Level:
        self._count += len(found)
        self._levels.append(found)
        return found

    def _follow(self, level: Level, step: int) -> Level:
        found: Level = []
        if self._steps is not None:
            found, level = self._steps.beyond(level, step)
            found = self._noted(found[: MOST - self._count])
        if len(level) and not self.is_over:
            found = joined(found, self.begun(self._asked(level, step)))
        return found

    def _asked(self, level: Level, step: int) -> list[int]:
        """Return the same from the tables."""
        while self._levels:  # which arrays tell apart by themselves
            self._reached.update(numbers_of(self._levels.pop()))
        found: list[int] = []
        for (node,) in self._connection.execute(self._sql + self._only(step), (listed(numbers_of(level)),)):
            if node not in self._reached:
                self._reached.add(node)
                found.append(node)
                if self._count + len(found) >= MOST:
                    break
        return found

    def _only(self, step: int) -> str:
        return f" AND e.step = {step}" if self._has_parts else ""


def numbers_of(level: Level) -> list[int]:
    """Return the nodes of a level as numbers that statements take."""
    return level if isinstance(level, list) else level.tolist()


def joined(*levels: Level) -> Level:
    """Return the nodes of several levels as one."""
    some = [level for level in levels if len(level)]
    if len(some) <= 1:
        return some[0] if some else []
    if all(isinstance(level, list) for level in some):
        return list(chain.from_iterable(map(numbers_of, some)))
    import numpy as np

    return np.concatenate(some)


def those_in(level: Level, wanted: Collection[int]) -> Collection[int]:
    """Return which of some nodes are in a level."""
    if isinstance(level, list):
        return set(wanted).intersection(level)
    import numpy as np

    return numbers_of(level[np.isin(level, np.fromiter(wanted, np.int64, len(wanted)))])


def _steps(arrays: Arrays, way: Walk, scopes: Collection[str] | None) -> Steps:
    seen = arrays.seen(scopes) if scopes is not None else None
    return arrays.steps(by_columns=way.by_columns, down=way.down, indirect=way.indirect, seen=seen)


def listed(nodes: Iterable[int]) -> str:
    """Return numbers as the one parameter that `AMONG` takes, in the order in which they lie on disk.

    A statement that is known takes half of the time of one with its numbers written out, which is read anew.
    """
    return f"[{','.join(map(str, sorted(nodes)))}]"


def limit_to(connection: sqlite3.Connection, scopes: Collection[str] | None) -> bool:
    """Let statements know, as `seen`, the scopes a caller may see; return whether there is a limit."""
    if scopes is None:
        return False
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS seen (scope TEXT PRIMARY KEY)")
    connection.execute("DELETE FROM temp.seen")
    connection.executemany("INSERT INTO temp.seen VALUES (?)", [(scope,) for scope in scopes])
    return True

"""Paths: what goes into what, as far as incidents ask. Which columns a fault at one place reaches at another."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING

from freehold.delivery.consumers import ANY
from freehold.delivery.lineage import Field

if TYPE_CHECKING:
    from freehold.delivery.graph import Graph
    from freehold.delivery.lineage import EstateLineage


class Path(IntEnum):
    """How surely one place leads to another."""

    NONE = 0
    TABLE = 1  # one asset is built from the other; through which columns is not known
    COLUMN = 2  # a column goes into the other, or all columns are meant


@dataclass(frozen=True)
class Paths:
    """What goes into what.

    Attributes:
        reads: what each asset is built from.
        into: where each column goes, directly or by deciding a value; `*` stands for all columns of an asset.
        decides: the assets whose rows a column decides: a filter, a join.
        columns: the columns of each asset; an asset that is not there has none that are known.
    """

    reads: Mapping[str, tuple[str, ...]]
    into: Mapping[Field, tuple[Field, ...]] = field(default_factory=dict)
    decides: Mapping[Field, tuple[str, ...]] = field(default_factory=dict)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    _above: dict[str, frozenset[str]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _below: dict[str, frozenset[str]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _hit: dict[Field, frozenset[Field]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, graph: Graph, lineage: EstateLineage | None = None) -> Paths:
        """Return the paths of a graph of assets; without `lineage` no column is known."""
        reads = {asset.id: asset.inputs for asset in graph.assets.values()}
        if lineage is None:
            return cls(reads)
        decides: dict[Field, list[str]] = defaultdict(list)
        for asset, found in lineage.decides.items():
            for origin, _ in found:
                decides[origin].append(asset)
        into = {source: tuple(edge.target for edge in edges) for source, edges in lineage.out.items()}
        known = {asset: names for asset, names in lineage.columns.items() if ANY not in names}
        return cls(reads, into, {one: tuple(names) for one, names in decides.items()}, known)

    @cached_property
    def read_by(self) -> Mapping[str, tuple[str, ...]]:
        """What is built from each asset."""
        found: dict[str, list[str]] = defaultdict(list)
        for asset, inputs in self.reads.items():
            for name in inputs:
                found[name].append(asset)
        return {name: tuple(assets) for name, assets in found.items()}

    def upstream(self, asset: str) -> frozenset[str]:
        """Return what an asset is built from, directly or not."""
        if asset not in self._above:
            self._above[asset] = _walked(asset, self.reads)
        return self._above[asset]

    def downstream(self, asset: str) -> frozenset[str]:
        """Return what is built from an asset, directly or not."""
        if asset not in self._below:
            self._below[asset] = _walked(asset, self.read_by)
        return self._below[asset]

    def path(self, source: str, columns: Collection[str], target: str, column: str = "") -> Path:
        """Return how surely a fault leads from one asset to another, or to one column of it.

        Args:
            source: where the fault is.
            columns: in which of its columns; in all where none is named.
            target: where it shows.
            column: in which of its columns; in any where none is named.
        """
        if source == target:
            return Path.COLUMN if not columns or not column or column in columns else Path.NONE
        if source not in self.upstream(target):
            return Path.NONE
        if not columns:
            return Path.TABLE
        hit = frozenset[Field]().union(*(self.hit(Field(source, one)) for one in columns))
        there = {one.column for one in hit if one.asset == target}
        if there:
            return Path.COLUMN if not column or column in there or ANY in there else self._unless_known(source, target)
        return self._unless_known(source, target)

    def _unless_known(self, source: str, target: str) -> Path:
        """Return that nothing leads there, where all columns on the way are known; else that the assets do."""
        way = {source, target} | (self.downstream(source) & self.upstream(target))
        return Path.NONE if way <= self.columns.keys() else Path.TABLE

    def hit(self, start: Field) -> frozenset[Field]:
        """Return the columns that a wrong column makes wrong; where it decides about rows, all columns of those."""
        if start in self._hit:
            return self._hit[start]
        seen, queue = {start}, deque([start])
        while queue:
            for one in self._next(queue.popleft()):
                if one not in seen:
                    seen.add(one)
                    queue.append(one)
        self._hit[start] = frozenset(seen)
        return self._hit[start]

    def _next(self, at: Field) -> Iterable[Field]:
        yield from self.into.get(at, ())
        yield from self.into.get(Field(at.asset, ANY), ())
        if at.column == ANY:
            for name in self.columns.get(at.asset, ()):
                yield Field(at.asset, name)
        for asset in self.decides.get(at, ()):
            yield Field(asset, ANY)


def _walked(start: str, edges: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    seen, waiting = set[str](), list(edges.get(start, ()))
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += edges.get(name, ())
    return frozenset(seen)

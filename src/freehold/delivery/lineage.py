"""Column lineage of an estate: from the columns of its sources, through every model, to those of its ports."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from freehold.delivery.asset import Asset
from freehold.delivery.consumers import ANY, NOBODY, Consumers
from freehold.delivery.kept import Kept
from freehold.delivery.spelling import folded
from freehold.delivery.template import REF, THIS
from freehold.foundation import Exit, FreeholdError, Where, near
from freehold.sql import digest
from freehold.sql.lineage import Lineage, Reader, Use, packed, unpacked

if TYPE_CHECKING:
    from freehold.delivery.graph import Graph
    from freehold.estate.dashboards import Dashboard
    from freehold.estate.model import Estate

_ALGORITHM = 1
_NOTHING: Mapping[str, str] = MappingProxyType({})
_TEMPLATE = re.compile(r"\{[{%#].*?[}%#]\}", re.DOTALL)


class Field(NamedTuple):
    """A column of an asset; `*` where the whole asset is meant."""

    asset: str
    column: str

    def __str__(self) -> str:
        return f"{self.asset}.{self.column}"


@dataclass(frozen=True, slots=True)
class Edge:
    """One column goes into another; `where` is the line of the model that says so."""

    source: Field
    target: Field
    use: Use
    where: Where

    @property
    def is_direct(self) -> bool:
        """Whether values go in, and do not only decide."""
        return bool(self.use & (Use.IDENTITY | Use.TRANSFORMATION | Use.AGGREGATION))


@dataclass
class EstateLineage:
    """The columns of every asset, the edges between them, and what could not be read.

    `decides` maps an asset to the columns that only decide which rows it has, with how: FILTER, JOIN, GROUP_BY, SORT.
    `consumers` are who reads the assets from outside.
    """

    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    into: dict[Field, list[Edge]] = field(default_factory=lambda: defaultdict(list))
    out: dict[Field, list[Edge]] = field(default_factory=lambda: defaultdict(list))
    decides: dict[str, tuple[tuple[Field, str], ...]] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    spelt: dict[Field, str] = field(default_factory=dict)  # a column as its contract spells it, where that differs
    consumers: Consumers = NOBODY

    def name(self, one: Field) -> str:
        """Return a column as people write it."""
        return f"{one.asset}.{self.spelt.get(one, one.column)}"

    def add(self, edge: Edge) -> None:
        """Add an edge."""
        self.into[edge.target].append(edge)
        self.out[edge.source].append(edge)

    def edges(self, at: Field, *, down: bool, indirect: bool = False) -> list[Edge]:
        """Return the edges at a column; those at `*` are at every column of the asset, and the other way round."""
        place = self.out if down else self.into
        found = [*place.get(at, ()), *(place.get(Field(at.asset, ANY), ()) if at.column != ANY else ())]
        if at.column == ANY:
            found += [edge for one in self.fields(at.asset) if one != at for edge in place.get(one, ())]
        return [edge for edge in found if indirect or edge.is_direct]

    def walk(
        self, start: Field, *, down: bool, depth: int | None = None, indirect: bool = False
    ) -> Iterator[tuple[int, Edge]]:
        """Yield the edges that lead to a column, or away from it, each once, with their distance; the nearest first."""
        seen, queue = {start}, deque([(start, 0)])
        while queue:
            at, far = queue.popleft()
            if depth is not None and far >= depth:
                continue
            for edge in self.edges(at, down=down, indirect=indirect):
                yield far + 1, edge
                following = edge.target if down else edge.source
                if following not in seen:
                    seen.add(following)
                    queue.append((following, far + 1))

    def readers(self, at: Field) -> tuple[Dashboard, ...]:
        """Return the dashboards that read a column, those first that more people look at."""
        return self.consumers.of(at.asset, at.column)

    def reached(self, start: Iterable[Field], *, down: bool) -> set[Field]:
        """Return every column that leads to some, or away from them."""
        found: set[Field] = set()
        for one in start:
            found |= {edge.target if down else edge.source for _, edge in self.walk(one, down=down)}
        return found

    def fields(self, asset: str) -> list[Field]:
        """Return the columns of an asset, in order."""
        return [Field(asset, column) for column in self.columns.get(asset, ())]


def estate_lineage(graph: Graph, estate: Estate | None, dialect: str, kept: KeptLineage | None = None) -> EstateLineage:
    """Return the lineage of every asset; a model that cannot be read is known by what it reads, and counted."""
    found = EstateLineage()
    with Reader() as reader:
        for asset in graph.assets.values():
            _add(asset, estate, dialect, found, reader, kept)
    return found


def lineage_of(graph: Graph, estate: Estate, dialect: str) -> EstateLineage:
    """Return the lineage of every asset of an estate; what was found earlier, and follows from the same, is kept."""
    kept = KeptLineage(estate.root)
    found = estate_lineage(graph, estate, dialect, kept)
    kept.save()
    return found


def _add(
    asset: Asset, estate: Estate | None, dialect: str, found: EstateLineage, reader: Reader, kept: KeptLineage | None
) -> None:
    dialect = asset.dialect(dialect)
    spelt = {folded(p.column, dialect): p.column for p in asset.schema.columns} if asset.schema else {}
    listed_there = asset.observed.columns if asset.observed else ()
    declared = tuple(spelt) or tuple(folded(name, dialect) for name in listed_there)
    found.spelt |= {Field(asset.id, name): said for name, said in spelt.items() if said != name}
    if asset.compiled is None:
        found.columns[asset.id] = declared or (ANY,)
        for name in asset.inputs:  # a Python model: which column goes where, only running it would tell
            for column in found.columns[asset.id]:
                found.add(Edge(Field(name, ANY), Field(asset.id, column), Use.TRANSFORMATION, asset.where))
        return
    listed = {name: found.columns[name] for name in asset.inputs if name in found.columns}
    known = {f"{REF}.{name}": columns for name, columns in listed.items() if ANY not in columns}
    texts = dict.fromkeys((asset.compiled.first, asset.compiled.again))
    read = [_read(text, dialect, known, reader, kept) for text in texts]
    problem = next((failure for one in read for failure in one.failures), None)
    if problem:
        found.unread[asset.id] = problem
    model = estate.models.get(asset.id) if estate else None
    text = model.text if model else asset.observed.text if asset.observed else ""
    uses: dict[tuple[Field, Field], Use] = {}
    for one in read:
        for output in one.outputs:
            for source in output.sources:
                if (origin := _field(source.table, source.column)) is not None:
                    pair = (origin, Field(asset.id, output.column))
                    uses[pair] = uses.get(pair, Use(0)) | source.use
    found.columns[asset.id] = tuple(dict.fromkeys(o.column for one in read for o in one.outputs)) or declared or (ANY,)
    if problem:
        for name in asset.inputs:
            uses.setdefault((Field(name, ANY), Field(asset.id, ANY)), Use.TRANSFORMATION)
    for (source_field, target), use in uses.items():
        found.add(Edge(source_field, target, use, _place(text, asset.where, target.column)))
    found.decides[asset.id] = tuple(
        dict.fromkeys(
            (origin, influence.subtype)
            for one in read
            for influence in one.influences
            if (origin := _field(influence.table, influence.column)) is not None
        )
    )


def _field(table: str, column: str) -> Field | None:
    """Return the column of an asset that a mark stands for; None for the model's own earlier version."""
    if table == THIS:
        return None
    return Field(table.removeprefix(f"{REF}."), column)


def _read(
    text: str, dialect: str, known: Mapping[str, tuple[str, ...]], reader: Reader, kept: KeptLineage | None
) -> Lineage:
    key = digest(dialect, text, *(f"{name}={','.join(columns)}" for name, columns in sorted(known.items())))
    found = kept.get(key) if kept is not None else None
    if found is None:
        found = reader.read(text, dialect, known)
        if kept is not None and not found.failures:
            kept.put(key, found)
    return found


def _place(text: str, where: Where, column: str) -> Where:
    """Return where a model names a column that it gives: the SQL that was read is not the file, it is rendered."""
    word = re.escape(column)
    text = _TEMPLATE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    for pattern in (rf"\bas\s+\"?{word}\"?(?!\w)", rf"(?<![\w])\"?{word}\"?(?!\w)"):
        for number, line in enumerate(text.splitlines(), start=1):
            if found := re.search(pattern, line.partition("--")[0], re.IGNORECASE):
                return Where(where.path, number, found.start() + 1)
    return where


class KeptLineage:
    """Lineage found earlier, by what it follows from."""

    def __init__(self, root: Path) -> None:
        self._kept = Kept(root, "lineage", f"{_ALGORITHM} {version('sqlglot')}")

    def get(self, key: str) -> Lineage | None:
        """Return the lineage kept under a key."""
        found = self._kept.get(key)
        return unpacked(found) if found is not None else None

    def put(self, key: str, found: Lineage) -> None:
        """Keep a lineage."""
        self._kept.put(key, packed(found))

    def save(self) -> None:
        """Write what is new to disk."""
        self._kept.save()


def chosen(name: str, lineage: EstateLineage, today: Mapping[str, str] = _NOTHING) -> list[Field]:
    """Return the columns that `product.asset.column`, `asset.column` or `asset` means.

    Args:
        name: what was asked for.
        lineage: of the estate.
        today: the assets that outputs are published by now, by the names that files give them. Such a name means the
            version of today, though an earlier one has it in the warehouse.

    Raises:
        FreeholdError: FH-D208 it means nothing, or several assets.
    """
    for asset, column in ((name.rpartition(".")[0], name.rpartition(".")[2]), (name, "")):
        named = [a for a in lineage.columns if asset and (a == asset or a.endswith(f".{asset}"))]
        found = list(dict.fromkeys(today.get(a, a) for a in named))
        if len(found) > 1:
            raise FreeholdError(
                "FH-D208",
                f"`{name}` could be a column of several assets.",
                fix=f"Write one of: {', '.join(found)}.",
                exit_code=Exit.USAGE,
            )
        if found and not column:
            return lineage.fields(found[0])
        known = [lineage.name(one).rpartition(".")[2] for one in lineage.fields(found[0])] if found else []
        same = [n for n, said in enumerate(known) if said.casefold() == column.casefold()]
        if same:
            return [lineage.fields(found[0])[same[0]]]
        if found:
            raise FreeholdError(
                "FH-D208",
                f"`{found[0]}` has no column `{column}`.",
                fix=near(column, known) or f"It has: {', '.join(known)}.",
                exit_code=Exit.USAGE,
            )
    everything = [*lineage.columns, *(lineage.name(f) for a in lineage.columns for f in lineage.fields(a))]
    raise FreeholdError(
        "FH-D208",
        f"There is no asset or column `{name}`.",
        fix=near(name, everything) or f"There are: {', '.join(list(lineage.columns)[:12])}.",
        exit_code=Exit.USAGE,
    )

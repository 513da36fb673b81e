"""A dbt project as frozen values: what its artifacts say, as far as something of ours asks for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

TESTED = ("not_null", "unique", "accepted_values", "relationships")  # the tests dbt brings along


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the project documents it or the catalog found it; `type` in the warehouse's own spelling."""

    name: str
    type: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A model, seed or snapshot.

    Attributes:
        id: dbt's `unique_id`.
        relation: the full name of what it builds, quoted as the warehouse wants it; empty for an ephemeral model.
        reads: unique ids of the nodes and sources it names; `macros`: of the macros.
        columns: those documented, with what the catalog adds; all there are only where `is_catalogued`.
        types: the columns and types of an enforced contract, as the project writes them.
        owner: as `meta` or the group name it, a team or a person; empty where nobody is named.
    """

    id: str
    name: str
    package: str
    resource: str  # model | seed | snapshot
    path: str
    patch: str = ""  # the YAML file that describes it, relative to its package
    raw: str = ""
    compiled: str = ""
    language: str = "sql"
    relation: str = ""
    database: str = ""
    schema: str = ""
    alias: str = ""
    materialized: str = "view"
    config: Mapping[str, Any] = field(default_factory=dict)
    checksum: str = ""
    reads: tuple[str, ...] = ()
    macros: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    is_catalogued: bool = False
    description: str = ""
    group: str = ""
    access: str = "protected"
    is_contracted: bool = False
    types: str = ""
    owner: str = ""
    version: str = ""
    is_time_spine: bool = False
    fqn: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name with the version of a versioned model: `orders.v2`."""
        return f"{self.name}.v{self.version}" if self.version else self.name


@dataclass(frozen=True, slots=True)
class Source:
    """A table that others load. `is_watched` tells whether dbt is told how fresh it must be."""

    id: str
    name: str
    source: str
    package: str
    path: str
    relation: str
    database: str
    schema: str
    identifier: str
    is_watched: bool = False
    columns: tuple[Column, ...] = ()
    is_catalogued: bool = False
    description: str = ""
    owner: str = ""

    @property
    def label(self) -> str:
        """The name as `source()` takes it, with a dot."""
        return f"{self.source}.{self.name}"


@dataclass(frozen=True, slots=True)
class Test:
    """A test of data; `kind` is the name of a generic one, or `singular`. `of` is the node or source it is about."""

    id: str
    name: str
    kind: str
    path: str
    of: str
    column: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    reads: tuple[str, ...] = ()
    severity: str = "error"
    is_partial: bool = False  # it looks at some of the rows only, or lets some fail
    state: str = ""  # changes whenever it asks something else


@dataclass(frozen=True, slots=True)
class Exposure:
    """A consumer that the project declares: dashboard, notebook, analysis, ml, application."""

    id: str
    name: str
    label: str
    kind: str
    path: str
    reads: tuple[str, ...]
    metrics: tuple[str, ...] = ()
    owner: str = ""
    url: str = ""
    maturity: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A group of models with one owner."""

    id: str
    name: str
    path: str
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """An aggregate that a semantic model offers."""

    name: str
    aggregate: str
    expression: str
    model: str  # the unique id of the node it is over
    semantic_model: str


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric, by the parameters of its type as the artifact holds them; `filter` is its text, empty without one."""

    id: str
    name: str
    label: str
    kind: str
    path: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    filter: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """How a node or test fared when it ran last."""

    node: str
    status: str  # success | error | fail | warn | pass | skipped …
    seconds: float
    failures: int = 0
    message: str = ""


@dataclass(frozen=True)
class Project:
    """One dbt project.

    Attributes:
        name: of the project.
        root: the folder that paths are relative to; `target`: that of the artifacts.
        adapter: the kind of warehouse, as dbt names it; `dialect`: as sqlglot does.
        macros: by unique id their SQL and the macros they call, without those that dbt itself brings.
        unit_tests: by unique id, the nodes they test.
        semantics: semantic models and metrics as dbt writes them, with saved queries and the project's settings.
    """

    name: str
    root: Path
    target: Path
    adapter: str
    dialect: str
    dbt_version: str
    schema_version: int
    generated_at: str
    nodes: Mapping[str, Node]
    sources: Mapping[str, Source]
    tests: Mapping[str, Test]
    exposures: Mapping[str, Exposure]
    groups: Mapping[str, Group]
    metrics: Mapping[str, Metric]
    measures: tuple[Measure, ...] = ()
    semantic_models: int = 0
    semantic_nodes: frozenset[str] = frozenset()  # the unique ids of what they are over
    semantics: Mapping[str, Any] = field(default_factory=dict)
    saved_queries: int = 0
    unit_tests: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    macros: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    results: Mapping[str, Result] = field(default_factory=dict)
    has_catalog: bool = False
    has_results: bool = False

    @property
    def models(self) -> Iterator[Node]:
        """The models, without seeds and snapshots."""
        return (node for node in self.nodes.values() if node.resource == "model")

    def named(self, id_: str) -> Node | Source | None:
        """Return the node or source of a unique id."""
        return self.nodes.get(id_) or self.sources.get(id_)

    def of_kind(self, resource: str) -> list[Node]:
        """Return the nodes of a kind."""
        return [node for node in self.nodes.values() if node.resource == resource]

    @cached_property
    def usual_database(self) -> str:
        """The database that most nodes are written to, in lower case."""
        found = Counter(node.database.lower() for node in self.nodes.values())
        return found.most_common(1)[0][0] if found else ""

    @cached_property
    def children(self) -> Mapping[str, tuple[str, ...]]:
        """The nodes that read each node or source, directly."""
        found: dict[str, list[str]] = {}
        for node in self.nodes.values():
            for read in dict.fromkeys(node.reads):
                found.setdefault(read, []).append(node.id)
        return {id_: tuple(reading) for id_, reading in found.items()}

    @cached_property
    def exposed_to(self) -> Mapping[str, tuple[Exposure, ...]]:
        """The exposures that read each node or source, directly or by a metric over it."""
        by_measure = {measure.name: measure.model for measure in self.measures}
        found: dict[str, list[Exposure]] = {}
        for exposure in self.exposures.values():
            read = [*exposure.reads, *(m for name in exposure.metrics for m in self.models_of(name, by_measure))]
            for id_ in dict.fromkeys(read):
                found.setdefault(id_, []).append(exposure)
        return {id_: tuple(exposures) for id_, exposures in found.items()}

    def models_of(self, metric: str, by_measure: Mapping[str, str] | None = None) -> list[str]:
        """Return the nodes that a metric, given by its unique id, is computed from."""
        from freehold.connect.dbt.metrics import measures_named

        found = self.metrics.get(metric)
        known = by_measure if by_measure is not None else {m.name: m.model for m in self.measures}
        names = measures_named(found, self.metrics) if found else ()
        return list(dict.fromkeys(known[name] for name in names if name in known))

    @cached_property
    def tests_of(self) -> Mapping[str, tuple[Test, ...]]:
        """The tests about each node or source."""
        found: dict[str, list[Test]] = {}
        for test in self.tests.values():
            found.setdefault(test.of, []).append(test)
        return {id_: tuple(tests) for id_, tests in found.items()}

    @cached_property
    def reach(self) -> Mapping[str, tuple[int, int]]:
        """How many nodes read each node or source, directly or not, and how many exposures read it or those."""
        ids = [*self.sources, *self.nodes]
        number = {id_: 1 << n for n, id_ in enumerate(ids)}
        shown = {id_: 1 << n for n, id_ in enumerate(self.exposures)}
        below: dict[str, tuple[int, int]] = {}
        for id_ in reversed(self._in_order()):
            nodes, exposures = 0, sum(shown[e.id] for e in self.exposed_to.get(id_, ()))
            for child in self.children.get(id_, ()):
                under, seen = below.get(child, (0, 0))
                nodes |= number[child] | under
                exposures |= seen
            below[id_] = (nodes, exposures)
        return {id_: (nodes.bit_count(), exposures.bit_count()) for id_, (nodes, exposures) in below.items()}

    def _in_order(self) -> list[str]:
        """Return all nodes and sources so that each comes after those it reads."""
        waiting = {id_: len({r for r in node.reads if r in self.nodes}) for id_, node in self.nodes.items()}
        order = [*self.sources, *(id_ for id_, count in waiting.items() if not count)]
        for id_ in order:
            for child in self.children.get(id_, ()):
                if id_ in self.nodes:
                    waiting[child] -= 1
                    if not waiting[child]:
                        order.append(child)
        return order

"""Graphs of jobs and data sets, and of columns, as far as a number of steps from one of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from freehold.catalog.openlineage.asking import Book
from freehold.catalog.openlineage.merging import Edges, Set
from freehold.catalog.openlineage.reading import Name, Source
from freehold.server.openlineage import shapes

_MOST = 2_000  # nodes of one graph
Node = tuple[str, Name]  # `dataset` or `job`, and its name


def lineage(book: Book, kind: str, name: Name, depth: int) -> dict[str, Any]:
    """Return the nodes within some steps of one, both ways, each with its edges to others of them."""
    walk = _Walk(book)
    level: list[Node] = [(kind, name)]
    found: dict[Node, set[tuple[Node, Node]]] = {}
    for _ in range(depth + 1):
        following: list[Node] = []
        for node in level:
            if node not in found and len(found) < _MOST:
                found[node] = edges = set(walk.beside(node))
                following += [end for edge in sorted(edges) for end in edge if end not in found]
        level = following
    return {"graph": [walk.told(node, edges, found.keys()) for node, edges in sorted(found.items())]}


class _Walk:
    """Jobs and their edges, asked for once."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._edges: dict[Name, Edges] = {}

    def beside(self, node: Node) -> Iterator[tuple[Node, Node]]:
        """Yield the edges at a node."""
        kind, name = node
        if kind == "job":
            edges = self._of(name)
            for source in edges.inputs:
                yield ("dataset", source), node
            for target, *_ in edges.outputs:
                yield node, ("dataset", target)
            return
        for job, edges in self._book.users(name):
            self._edges[job.name] = edges
            if name in edges.inputs:
                yield node, ("job", job.name)
            if any(target == name for target, *_ in edges.outputs):
                yield ("job", job.name), node

    def told(self, node: Node, edges: set[tuple[Node, Node]], within: Any) -> dict[str, Any]:
        """Return a node as the API has it, with its edges to nodes of the graph."""
        kind, name = node
        ways = [(a, b) for a, b in sorted(edges) if a in within and b in within]
        return {
            "id": shapes.node_id(kind, name),
            "type": kind.upper(),
            "data": self._shape(kind, name),
            "inEdges": [_edge(a, b) for a, b in ways if b == node],
            "outEdges": [_edge(a, b) for a, b in ways if a == node],
        }

    def _of(self, name: Name) -> Edges:
        if name not in self._edges:
            job = self._book.job(name)
            self._edges[name] = self._book.edges(job) if job else Edges()
        return self._edges[name]

    def _shape(self, kind: str, name: Name) -> dict[str, Any]:
        if kind == "job":
            job = self._book.job(name)
            return shapes.job(job, self._book, self._of(name)) if job else {}
        return shapes.dataset(self._book.dataset(name) or Set(name), self._book)


def _edge(origin: Node, destination: Node) -> dict[str, str]:
    return {"origin": shapes.node_id(*origin), "destination": shapes.node_id(*destination)}


Field = tuple[Name, str]


def columns(book: Book, name: Name, field: str, depth: int, *, is_down: bool) -> dict[str, Any]:
    """Return the columns within some steps of one, or of all of a data set: upstream, and downstream where asked."""
    walk = _Columns(book)
    start = [(name, field)] if field else sorted(walk.fields(name))
    found: dict[Field, set[tuple[Field, Field]]] = {one: set() for one in start}
    for down in (False, True) if is_down else (False,):
        level = start
        for _ in range(depth):
            edges = [edge for one in level for edge in walk.beside(one, down=down)]
            level = []
            for source, target in edges:
                for end in (source, target):
                    if end not in found and len(found) < _MOST:
                        found[end] = set()
                        level.append(end)
                if source in found and target in found:
                    found[source].add((source, target))
                    found[target].add((source, target))
    return {"graph": [walk.told(one, edges) for one, edges in sorted(found.items())]}


class _Columns:
    """Edges of columns, by the data sets whose jobs tell them."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._edges: dict[Name, set[tuple[Field, Field, Source]]] = {}

    def fields(self, name: Name) -> set[Field]:
        """Return the columns of a data set: those listed, and those that edges name."""
        one = self._book.dataset(name)
        listed = {(name, column) for column, *_ in self._book.columns(one)} if one else set()
        return listed | {end for a, b, _ in self._of(name) for end in (a, b) if end[0] == name}

    def beside(self, one: Field, *, down: bool) -> list[tuple[Field, Field]]:
        """Return the edges that leave a column, or come to it."""
        ways = ((a, b) for a, b, _ in self._of(one[0]))
        return sorted({(a, b) for a, b in ways if (a if down else b) == one})

    def told(self, one: Field, edges: set[tuple[Field, Field]]) -> dict[str, Any]:
        """Return a column as the API has it."""
        name, field = one
        kept = self._book.dataset(name)
        types = {column: type_ for column, type_, _ in self._book.columns(kept)} if kept else {}
        into = [(a, s) for a, b, s in sorted(self._of(name), key=str) if b == one]
        return {
            "id": _field_id(one),
            "type": "DATASET_FIELD",
            "data": {
                **name._asdict(), "namespace": name.namespace, "dataset": name.name, "field": field,
                "fieldType": types.get(field), "transformationType": None, "transformationDescription": None,
                "inputFields": [
                    {
                        "namespace": a[0].namespace, "dataset": a[0].name, "field": a[1], "transformationType":
                        s.how.upper(), "isDirect": s.is_direct,
                    } for a, s in into
                ],
            },
            "inEdges": [_field_edge(a, b) for a, b in sorted(edges) if b == one],
            "outEdges": [_field_edge(a, b) for a, b in sorted(edges) if a == one],
        }  # fmt: skip

    def _of(self, name: Name) -> set[tuple[Field, Field, Source]]:
        if name not in self._edges:
            self._edges[name] = {
                ((source.name, source.field), (target, column), source)
                for _, edges in self._book.users(name)
                for target, _, into in edges.outputs
                for column, source in into
                if column and source.field
            }
        return self._edges[name]


def _field_id(one: Field) -> str:
    return f"datasetField:{one[0].namespace}:{one[0].name}:{one[1]}"


def _field_edge(origin: Field, destination: Field) -> dict[str, str]:
    return {"origin": _field_id(origin), "destination": _field_id(destination)}

"""A data source of Tableau: which column of which relation a field is."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from freehold.connect.bi.queries import Leaf, Queries, Query
from freehold.connect.bi.xmltree import Node, name_of

PARAMETERS = "Parameters"
_FIELD = re.compile(r"(?:\[(?P<source>[^\]]*)\]\.)?\[(?P<field>(?:[^\]]|\]\])*)\]")
_SILENT = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""", re.DOTALL)
_PARAMETER = re.compile(r"<\[Parameters\]\.\[[^\]]*\]>")
_PART = re.compile(r"\[((?:[^\]]|\]\])*)\]|([^.\[\]]+)")
_OURS = ("Number of Records", ":Measure Names", "Measure Names", "Measure Values", "Multiple Values")
Found = tuple[list[Leaf], list[str]]


def bare(name: str) -> str:
    """Return the name of a field without its brackets."""
    return name[1:-1].replace("]]", "]") if name.startswith("[") and name.endswith("]") else name


class Source:
    """A data source, in a workbook or in a file of its own.

    A field is looked for among what is computed, then in the map of columns, then in the records of the connection, and
    last, where there is one relation only, taken for a column of that.
    """

    def __init__(self, node: Node, path: str, queries: Queries, published: Mapping[str, Source]) -> None:
        self._queries, self._published = queries, published
        self.path = path
        self.name: str = node.get("caption") or node.get("formatted-name") or node.get("name") or ""
        self._columns = {bare(c.get("name", "")): c for c in node.children("column")}
        self._groups = {bare(g.get("name", "")): g for g in node.children("group")}
        live = list(node.children("connection"))
        self._relations: dict[str, Node] = {}
        for relation in _relations(live):  # an extract beside its origin has the same name: the first is the origin
            self._relations.setdefault(relation.get("name", ""), relation)
        self._unions = {
            union.get("name", ""): [inner.get("name", "") for inner in _relations([union])]
            for connection in live
            for union in connection.named("relation")
            if union.get("type") == "union"
        }
        self._joins = [clause for c in live for clause in c.named("clause")]
        self._relationships = [tie for graph in node.children("object-graph") for tie in graph.named("relationship")]
        self._schemas = {
            named.get("name", ""): inner.get("schema", "")
            for connection in live
            for named in connection.named("named-connection")
            for inner in named.children("connection")
        }
        self._schema = next((c.get("schema", "") for c in live), "")
        self._mapped = dict(_mapped(live))
        self._proxy = next((c for c in live if c.get("class") == "sqlproxy"), None)
        self._own = ("", node.get("name", ""))
        self._names = [p.get("id", "") for p in node.children("repository-location")]
        self._queried: dict[str, Query] = {}
        self._known: dict[str, Found] = {}

    def shown(self, field: str) -> str:
        """Return a field as people see it."""
        column = self._columns.get(field)
        return (column.get("caption") if column is not None else None) or field

    def learn(self, column: Node) -> None:
        """Take in a field that only a worksheet computes."""
        self._columns.setdefault(bare(column.get("name", "")), column)

    def leaves(self, field: str) -> Found:
        """Return the columns of tables behind a field, and what stays open about it."""
        if field not in self._known:
            self._known[field] = ([], [])  # a field that leads back to itself adds nothing
            found: dict[Leaf, None] = {}
            why: dict[str, None] = {}
            for leaf, reason in self._behind(field):
                if leaf:
                    found[leaf] = None
                if reason:
                    why[reason] = None
            self._known[field] = (list(found), list(why))
        return self._known[field]

    def ties(self, used: Collection[Leaf]) -> set[Leaf]:
        """Return the columns that tie the relations of used columns together.

        Joins are always made; a relationship of the logical layer is where both its sides are used.
        """
        if not used:
            return set()
        found = {leaf for clause in self._joins for leaf in self._operands(clause)}
        tables = {table for table, _ in used}
        for relationship in self._relationships:
            sides = self._operands(relationship)
            if {table for table, _ in sides} <= tables:
                found |= sides
        return found

    def _operands(self, tie: Node) -> set[Leaf]:
        """Return the columns that the condition of a join or relationship compares."""
        found: set[Leaf] = set()
        for expression in tie.named("expression"):
            parts = [(a or b).replace("]]", "]") for a, b in _PART.findall(expression.get("op", ""))]
            if len(parts) == 2 and parts[0] in self._relations:
                found |= {leaf for leaf, _ in self._of_relation(*parts) if leaf}
            elif len(parts) == 1 and expression.get("op", "").startswith("["):
                found |= set(self.leaves(parts[0])[0])
        return found

    def _behind(self, field: str) -> Iterator[tuple[Leaf | None, str]]:
        column = self._columns.get(field)
        calculation = next(column.children("calculation"), None) if column is not None else None
        if column is not None and column.get("param-domain-type"):
            return
        if calculation is not None:
            yield from self._others(_used(calculation, self._own))
        elif field in self._groups:
            levels = [bare(f.get("level", "")) for f in self._groups[field].named("groupfilter") if f.get("level")]
            yield from self._others(levels)
        elif field in _OURS or field.startswith("__tableau_internal_object_id__"):
            yield from ((self._whole(name), "") for name in self._relations)
        else:
            yield from self._stored(field)

    def _others(self, fields: list[str]) -> Iterator[tuple[Leaf | None, str]]:
        for other in fields:
            found, why = self.leaves(other)
            yield from ((leaf, "") for leaf in found)
            yield from ((None, reason) for reason in why)

    def _stored(self, field: str) -> Iterator[tuple[Leaf | None, str]]:
        """Yield what a field of the connection itself is."""
        if self._proxy is not None:
            yield from self._of_published(field)
            return
        relation, column = self._mapped.get(field, ("", ""))
        if not relation and len(self._relations) == 1:
            relation, column = next(iter(self._relations)), field
        if relation in self._unions:
            for inner in self._unions[relation]:
                yield from self._of_relation(inner, column)
        elif relation not in self._relations:
            tables = ", ".join(self._relations) or "none is named"
            yield None, f"which relation it is of is not said ({tables})"
        else:
            yield from self._of_relation(relation, column)

    def _of_relation(self, relation: str, column: str) -> Iterator[tuple[Leaf | None, str]]:
        if self._relations[relation].get("type") == "text":
            found, why = self._query(relation).behind(column)
            yield from ((leaf, "") for leaf in found)
            yield None, why
        else:
            yield (self._table(relation), column), ""

    def _of_published(self, field: str) -> Iterator[tuple[Leaf | None, str]]:
        assert self._proxy is not None
        said = [self._proxy.get(key, "") for key in ("dbname", "server-ds-friendly-name")]
        names = [name.casefold() for name in (*self._names, *said, self.name)]
        source = next((self._published[name] for name in names if name in self._published), None)
        if source is None or source is self:
            yield None, f"the data source `{self.name}` is published on the server; add its .tds to the export"
            return
        found, why = source.leaves(field)
        yield from ((leaf, "") for leaf in found)
        yield from ((None, reason) for reason in why)

    def _whole(self, relation: str) -> Leaf | None:
        node = self._relations[relation]
        return (self._table(relation), "") if node.get("type") != "text" else None

    def _query(self, relation: str) -> Query:
        if relation not in self._queried:
            text = "".join(self._relations[relation].itertext())
            text = _PARAMETER.sub("NULL", text).replace("<<", "<").replace(">>", ">")
            self._queried[relation] = self._queries.query(text.strip().rstrip(";"))
        return self._queried[relation]

    def _table(self, relation: str) -> str:
        """Return `schema.table` of a relation, the schema from its connection where it names none itself."""
        node = self._relations[relation]
        parts = [(a or b).replace("]]", "]") for a, b in _PART.findall(node.get("table", "") or f"[{relation}]")]
        schema = self._schemas.get(node.get("connection", ""), "") or self._schema
        if len(parts) == 1 and schema:
            parts = [schema, *parts]
        return ".".join(f'"{part}"' if re.search(r'[."\s]', part) else part for part in parts)


def _relations(connections: list[Node]) -> Iterator[Node]:
    """Yield the tables and queries of connections; joins, unions and collections are made of those."""
    for connection in connections:
        for relation in connection.named("relation"):
            if relation.get("type") in ("table", "text") or (relation.get("table") and not relation.get("type")):
                yield relation


def _mapped(connections: list[Node]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield field -> (relation, column): from the records of the connection, then from the map, which goes before."""
    for connection in connections:
        for record in connection.named("metadata-record"):
            said = {name_of(child): "".join(child.itertext()).strip() for child in record}
            if record.get("class") == "column" and said.get("local-name") and said.get("parent-name"):
                yield bare(said["local-name"]), (bare(said["parent-name"]), said.get("remote-name", ""))
        for columns in connection.named("cols"):
            for pair in columns.children("map"):
                parts = [(a or b).replace("]]", "]") for a, b in _PART.findall(pair.get("value", ""))]
                if len(parts) == 2:
                    yield bare(pair.get("key", "")), (parts[0], parts[1])


def _used(calculation: Node, own: tuple[str, str]) -> list[str]:
    """Return the fields of its own source that a calculation names, in order.

    Parameters are none, and for fields of another source a worksheet lists what it depends on there.
    """
    text = _SILENT.sub(" ", calculation.get("formula", ""))
    found = [m["field"].replace("]]", "]") for m in _FIELD.finditer(text) if (m["source"] or "") in own]
    if calculation.get("column"):  # bins and groups name their field apart
        found.append(bare(calculation.get("column", "")))
    return list(dict.fromkeys(found))

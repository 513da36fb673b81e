"""What one document declares to the rest of the estate: its id, and what it refers to. Small enough to be cached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from freehold.estate.contracts import custom, entries, listed, refer
from freehold.estate.document import Document, Step
from freehold.estate.files import decision_id


class Reference(NamedTuple):
    """A word in one document that must name something elsewhere. `role` says what it is, for the reader."""

    role: str
    kind: str
    target: str
    line: int
    column: int


class Declaration(NamedTuple):
    """One resource of a file.

    `objects` maps the schema objects of a contract to their columns, with the columns' names and physical names;
    `ports` lists `[side, name, contract id, line, column]` of a product; `extra` holds what few kinds need.
    """

    kind: str
    id: str
    line: int
    column: int
    digest: str
    references: list[Reference]
    objects: dict[str, list[str]]
    ports: list[list[Any]]
    extra: dict[str, Any]


def declared_by(document: Document, kind: str) -> Declaration:
    """Return what a valid document declares."""
    said = document.value
    path: tuple[Step, ...] = ("id",) if kind in ("DataProduct", "DataContract", "Decision") else ("metadata", "id")
    if kind == "SemanticModel":
        return _model(document)
    if kind == "SLO":
        path = ("metadata", "name")
    where = document.where(*path)
    id_ = said["metadata"][path[1]] if len(path) > 1 else decision_id(document) if kind == "Decision" else said["id"]
    objects, ports, extra = {}, [], {}
    if kind == "DataContract":
        objects = {o["name"]: _columns(o) for o in said.get("schema") or ()}
        ids = {o["id"]: o["name"] for o in said.get("schema") or () if "id" in o}
        extra = {
            "ids": ids,
            "lands": any("path" in s for s in said.get("servers") or ()) or _is_of_dbt(said),
            "elements": list(_elements(document)),
        }
    elif kind == "DataProduct":
        ports = [
            [side, port["name"], port.get("contractId"), *_place(document, p)]
            for side in ("inputPorts", "outputPorts")
            for p, port in entries(said, (), side)
        ]
        extra = {
            "mode": custom(said).get("freehold:mode", "publish"),
            "status": said["status"],
            "name": said.get("name"),
        }
    elif kind == "Estate":
        extra = {"environments": _environments(document), "connections": list(said["spec"]["connections"])}
    elif kind == "Team" and "parent" in said["spec"]:
        extra = {"parent": said["spec"]["parent"]}
    references = list(_references(document, kind))
    return Declaration(kind, str(id_), where.line, where.column, document.digest, references, objects, ports, extra)


def _model(document: Document) -> Declaration:
    """Return what a file of metrics declares: its model, or the first of several."""
    path: tuple[Step, ...] = ("semantic_model", 0, "name") if "semantic_model" in document.value else ("name",)
    node, where = document.node(*path), document.where(*path)
    name = str(node.value) if node else ""
    return Declaration("SemanticModel", name, where.line, where.column, document.digest, [], {}, [], {})


def claimed_by(document: Document, kind: str) -> list[Declaration]:
    """Return the id that a document claims though it is refused: what refers to it is not to blame."""
    said = document.value
    metadata = said.get("metadata")
    id_ = (
        said.get("id")
        if kind in ("DataProduct", "DataContract")
        else (metadata.get("name" if kind == "SLO" else "id") if isinstance(metadata, dict) else None)
    )
    where = document.where("id")
    return [Declaration(kind, str(id_), where.line, where.column, "", [], {}, [], {"broken": True})] if id_ else []


def _is_of_dbt(said: Mapping[str, Any]) -> bool:
    """Say whether a contract names the dbt node that builds what it promises."""
    return any(custom(one).get("freehold:dbt") for one in said.get("schema") or ())


def _columns(schema_object: Mapping[str, Any]) -> list[str]:
    """Return the names, physical names and ids that a column of the object may be called by."""
    names: dict[str, None] = {}
    for said in schema_object.get("properties") or ():
        names |= dict.fromkeys(said[key] for key in ("name", "physicalName", "id") if key in said)
    return list(names)


def _elements(document: Document) -> Iterator[list[Any]]:
    """Yield what the SLA properties of a contract are about: element, property, line, column."""
    for path, sla in entries(document.value, (), "slaProperties"):
        for element in (sla.get("element") or "").split(","):
            # A path with slashes goes by ids of any section of the standard; that is not ours to follow.
            if element.strip() and "/" not in element:
                yield [element.strip(), sla["property"], *_place(document, (*path, "element"))]


def _references(document: Document, kind: str) -> Iterator[Reference]:
    if kind == "DataProduct":
        yield from _of_product(document)
    elif kind == "DataContract":
        yield from _of_contract(document)
    elif kind == "Estate":
        yield from _of_estate(document)
    elif kind == "Team":
        yield from _one(document, "`parent`", "Team", ("spec", "parent"))
    elif kind == "KPI":
        yield from _owner(document)
    elif kind == "Decision":
        for index, _ in enumerate(document.value.get("supersedes", ())):
            yield from _one(document, "`supersedes`", "Decision", ("supersedes", index))


def _owner(document: Document) -> Iterator[Reference]:
    """Yield the team that answers for a document, unless a role or somebody does: those come and go."""
    for one in _one(document, "`owner`", "Team", ("metadata", "owner")):
        team = one.target.removeprefix("team:")
        if ":" not in team:
            yield one._replace(target=team)


def _of_product(document: Document) -> Iterator[Reference]:
    said = document.value
    yield from _one(document, "`team`", "Team", ("team", "name"))
    yield from _of_schedule(document, (), said)
    for side, what in (("inputPorts", "The input port"), ("outputPorts", "The output port")):
        for path, port in entries(said, (), side):
            yield from _one(document, f"{what} `{port['name']}`", "DataContract", (*path, "contractId"))
            for inner, _ in entries(port, path, "inputContracts"):
                yield from _one(document, f"The input contract of `{port['name']}`", "DataContract", (*inner, "id"))


def _of_contract(document: Document) -> Iterator[Reference]:
    said = document.value
    yield from _one(document, "`dataProduct`", "DataProduct", ("dataProduct",))
    yield from _of_schedule(document, (), said)
    for path, schema_object in entries(said, (), "schema"):
        yield from _ends(document, path, schema_object)
        yield from _of_schedule(document, path, schema_object)
        for inner, column in entries(schema_object, path, "properties"):
            yield from _ends(document, inner, column)


def _of_schedule(document: Document, path: tuple[Step, ...], said: Mapping[str, Any]) -> Iterator[Reference]:
    for inner, entry in entries(said, path, "customProperties"):
        if entry["property"] == "freehold:schedule":
            yield from _one(document, "The schedule", "Calendar", (*inner, "value", "calendar"))
        elif entry["property"] == "freehold:arrives":
            yield from _one(document, "The arrival", "Calendar", (*inner, "value", "calendar"))


def _ends(document: Document, path: tuple[Step, ...], said: Mapping[str, Any]) -> Iterator[Reference]:
    for inner, relationship in entries(said, path, "relationships"):
        for end in ("from", "to"):
            for index, target in enumerate(listed(relationship.get(end))):
                step = (index,) if isinstance(relationship[end], list) else ()
                place = _place(document, (*inner, end, *step))
                named, column = refer(document.value, target)
                yield Reference(f"The relationship `{end}`", "column", f"{named}\n{column}\n{target}", *place)


def _of_estate(document: Document) -> Iterator[Reference]:
    yield from _one(document, "`calendar`", "Calendar", ("spec", "defaults", "calendar"))
    for name, environment in document.value["spec"]["environments"].items():
        at = ("spec", "environments", name)
        yield from _one(document, f"The environment `{name}`", "connection", (*at, "connection"))
        if "defer_to" in environment:
            yield from _one(document, f"The environment `{name}`", "environment", (*at, "defer_to"))


def _environments(document: Document) -> dict[str, Any]:
    said = document.value["spec"]["environments"]
    return {
        name: [env.get("defer_to"), *_place(document, ("spec", "environments", name))] for name, env in said.items()
    }


def _one(document: Document, role: str, kind: str, path: tuple[Step, ...]) -> Iterator[Reference]:
    node = document.node(*path)
    if node is not None and isinstance(node.value, str):
        yield Reference(role, kind, node.value, node.line, node.column)


def _place(document: Document, path: tuple[Step, ...]) -> tuple[int, int]:
    where = document.where(*path)
    return where.line, where.column

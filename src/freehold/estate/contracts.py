"""An ODCS document as a typed `Contract`. The document has passed its schema; what is not typed here stays in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from freehold.estate.document import Document, Step
from freehold.estate.model import Contract, Property, QualityRule, Relationship, Role, SchemaObject, Server, Sla
from freehold.foundation import Where

OPERATORS = (
    "mustBe", "mustNotBe", "mustBeGreaterThan", "mustBeGreaterOrEqualTo", "mustBeLessThan", "mustBeLessOrEqualTo",
    "mustBeBetween", "mustNotBeBetween",
)  # fmt: skip


Elsewhere = Callable[[str], Mapping[str, Any] | None]


def contract_from(document: Document, elsewhere: Elsewhere = lambda _: None) -> Contract:
    """Return the contract a valid ODCS document holds; `elsewhere` finds what its relationships refer to."""
    said = document.value
    build = _Builder(document, elsewhere)
    return Contract(
        id=said["id"],
        where=document.where("id"),
        api_version=said["apiVersion"],
        version=said.get("version"),
        status=said.get("status"),
        name=said.get("name"),
        data_product=said.get("dataProduct"),
        domain=said.get("domain"),
        description=said.get("description", {}),
        objects=tuple(build.object(path, o) for path, o in entries(said, (), "schema")),
        servers=tuple(_server(document, path, s) for path, s in entries(said, (), "servers")),
        sla=tuple(_sla(document, path, s) for path, s in entries(said, (), "slaProperties")),
        custom=custom(said),
        roles=tuple(_role(document, path, r) for path, r in entries(said, (), "roles")),
        tags=tuple(said.get("tags", ())),
        version_where=document.where("version"),
    )


def custom(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the custom properties of a part of a document, by name."""
    return {entry["property"]: entry["value"] for entry in said.get("customProperties") or ()}


def custom_where(document: Document, path: Sequence[Step], said: Mapping[str, Any]) -> dict[str, Where]:
    """Return the places of the values of those custom properties that are ours, by name."""
    listed = entries(said, path, "customProperties")
    return {e["property"]: document.where(*at, "value") for at, e in listed if e["property"].startswith("freehold:")}


def entries(said: Mapping[str, Any], path: Sequence[Step], key: str) -> Iterator[tuple[tuple[Step, ...], Any]]:
    """Yield the entries of a list under a key, each with its path."""
    for index, entry in enumerate(said.get(key) or ()):
        yield (*path, key, index), entry


@dataclass(frozen=True, slots=True)
class _Builder:
    """Builds the parts of one contract, each with its place."""

    document: Document
    elsewhere: Elsewhere

    def object(self, path: tuple[Step, ...], said: Mapping[str, Any]) -> SchemaObject:
        return SchemaObject(
            name=said["name"],
            where=self.document.where(*path),
            physical_name=said.get("physicalName"),
            physical_type=said.get("physicalType"),
            description=said.get("description"),
            properties=tuple(self.property(p, s) for p, s in entries(said, path, "properties")),
            quality=tuple(_rule(self.document, p, s, None) for p, s in entries(said, path, "quality")),
            relationships=tuple(self.relationship(p, s, None) for p, s in entries(said, path, "relationships")),
            tags=tuple(said.get("tags", ())),
            custom=custom(said),
            custom_where=custom_where(self.document, path, said),
        )

    def property(self, path: tuple[Step, ...], said: Mapping[str, Any]) -> Property:
        name = said.get("name", "")  # the `items` of an array have none
        column = said.get("physicalName") or name
        items = said.get("items")
        return Property(
            name=name,
            where=self.document.where(*path),
            physical_name=said.get("physicalName"),
            logical_type=said.get("logicalType"),
            physical_type=said.get("physicalType"),
            description=said.get("description"),
            options=said.get("logicalTypeOptions", {}),
            required=said.get("required", False),
            unique=said.get("unique", False),
            primary_key=said.get("primaryKey", False),
            primary_key_position=said.get("primaryKeyPosition", -1),
            enum=tuple(entry["value"] for entry in said.get("enum", ())),
            classification=said.get("classification"),
            semantic_type=said.get("semanticType", "column"),
            quality=tuple(_rule(self.document, p, s, column) for p, s in entries(said, path, "quality")),
            relationships=tuple(self.relationship(p, s, column) for p, s in entries(said, path, "relationships")),
            tags=tuple(said.get("tags", ())),
            custom=custom(said),
            properties=tuple(self.property(p, s) for p, s in entries(said, path, "properties")),
            items=self.property((*path, "items"), items) if items else None,
            transform_logic=said.get("transformLogic"),
            deprecated=said.get("deprecated", False),
        )

    def relationship(self, path: tuple[Step, ...], said: Mapping[str, Any], column: str | None) -> Relationship:
        ends = [refer(self.document.value, target, self.elsewhere) for target in listed(said["to"])]
        starts = [refer(self.document.value, source, self.elsewhere) for source in listed(said.get("from"))]
        return Relationship(
            from_columns=(column,) if column else tuple(start[1] for start in starts),
            to_object=ends[0][0],
            to_columns=tuple(end[1] for end in ends),
            where=self.document.where(*path),
            custom=custom(said),
        )


def _rule(document: Document, path: tuple[Step, ...], said: Mapping[str, Any], column: str | None) -> QualityRule:
    operator = next((name for name in OPERATORS if name in said), None)
    threshold = said[operator] if operator else None
    return QualityRule(
        kind=said.get("type", "library"),
        where=document.where(*path),
        column=column,
        id=said.get("id"),
        name=said.get("name"),
        description=said.get("description"),
        metric=said.get("metric"),
        arguments=said.get("arguments", {}),
        operator=operator,
        threshold=tuple(threshold) if isinstance(threshold, list) else threshold,
        unit=said.get("unit"),
        query=said.get("query"),
        engine=said.get("engine"),
        implementation=said.get("implementation"),
        dimension=said.get("dimension"),
        severity=said.get("severity"),
        business_impact=said.get("businessImpact"),
        schedule=said.get("schedule"),
        custom=custom(said),
    )


def listed(value: Any) -> list[str]:
    """Return one reference or several as a list."""
    return [] if value is None else list(value) if isinstance(value, list) else [value]


def refer(contract: Mapping[str, Any], reference: str, elsewhere: Elsewhere = lambda _: None) -> tuple[str, str]:
    """Return the object and the column a reference of the standard names; the column as the warehouse calls it.

    `customers.id` is the shorthand: an object of the same contract, or an asset or object after a contract's id.
    `schema/customers_obj/properties/id_prop` goes by the ids (or names) of this contract, with `file.yaml#` before it
    by those of another. `elsewhere` finds another contract by id or file; what it does not find stays as written.
    """
    if "/" in reference:
        return _by_ids(contract, reference, elsewhere)
    before, _, column = reference.rpartition(".")
    owner = _called(contract.get("schema"), before)
    if not owner:
        for id_, name in ((before, before.rpartition(".")[2]), (before.rpartition(".")[0], before.rpartition(".")[2])):
            owner = owner or _called((elsewhere(id_) or {}).get("schema"), name)
    return before, _column(owner, column)


def _by_ids(contract: Mapping[str, Any], reference: str, elsewhere: Elsewhere) -> tuple[str, str]:
    file, hash_, route = reference.rpartition("#")
    steps = route.strip("/").split("/")
    if len(steps) < 4:
        return f"{file}{hash_}{route}", ""
    there = elsewhere(file) if file else contract
    if there is None:
        return f"{file}#{steps[1]}", steps[3]
    owner = _called(there.get("schema"), steps[1])
    name = owner.get("name", steps[1])
    return (f"{there['id']}.{name}" if file else name), _column(owner, steps[3])


def _column(owner: Mapping[str, Any], column: str) -> str:
    found = _called(owner.get("properties"), column)
    return str(found.get("physicalName") or found.get("name", column))


def _called(found: Any, wanted: str) -> Mapping[str, Any]:
    return next((e for e in found or () if wanted in (e.get("id"), e.get("name"))), {})


def _server(document: Document, path: tuple[Step, ...], said: Mapping[str, Any]) -> Server:
    settings = {key: value for key, value in said.items() if key not in ("server", "type")}
    # Our own settings of a server read like the standard's: `freehold:delimiter` becomes `delimiter`.
    ours = {n.removeprefix("freehold:"): v for n, v in custom(said).items() if n.startswith("freehold:")}
    return Server(name=said["server"], type=said["type"], where=document.where(*path), settings={**ours, **settings})


def _sla(document: Document, path: tuple[Step, ...], said: Mapping[str, Any]) -> Sla:
    return Sla(
        property=said["property"],
        value=said["value"],
        where=document.where(*path),
        unit=said.get("unit"),
        element=said.get("element"),
        driver=said.get("driver"),
        description=said.get("description"),
    )


def _role(document: Document, path: tuple[Step, ...], said: Mapping[str, Any]) -> Role:
    return Role(
        role=said["role"], where=document.where(*path), access=said.get("access"), description=said.get("description")
    )

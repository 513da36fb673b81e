"""The open standards as they are written: contracts of ODCS, products of ODPS, and our schemas beside them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from freehold.estate import KINDS, json_schema, load_estate
from freehold.estate.contracts import contract_from, refer
from freehold.estate.inspecting import document_errors
from freehold.estate.kinds import product_from
from freehold.estate.reading import read_documents
from freehold.estate.schemas import custom_properties, custom_validator
from freehold.foundation import FreeholdError

real_data = pytest.mark.real_data


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Yield every leaf of a value with its path, in order; empty collections count as leaves."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path, repr(value)


@real_data
def test_the_published_contracts_load_and_lose_nothing(standards: Path) -> None:
    """All 28 published examples are valid, become contracts, and come back from writing with each leaf in its place."""
    files = sorted((standards / "odcs").glob("*.yaml"))
    count = 0
    for file in files:
        (document,) = read_documents(file.read_bytes(), file.name)
        assert document_errors(document, "DataContract") == []
        contract = contract_from(document)
        assert [o.name for o in contract.objects] == [o["name"] for o in document.value.get("schema", [])]
        (again,) = read_documents(document.dump().encode(), file.name)
        assert list(leaves(again.value)) == list(leaves(document.value))
        count += len(list(leaves(document.value)))

    assert len(files) == 28
    assert count > 2000


@real_data
def test_the_published_products_load_and_lose_nothing(standards: Path) -> None:
    """The two published products are valid, become products, and come back from writing whole."""
    for file in sorted((standards / "odps").glob("*.yaml")):
        (document,) = read_documents(file.read_bytes(), file.name)
        assert document_errors(document, "DataProduct") == []
        assert product_from(document).output_ports
        (again,) = read_documents(document.dump().encode(), file.name)
        assert list(leaves(again.value)) == list(leaves(document.value))


def bare(schema: Any, root: Any) -> Any:
    """Return a schema with references written out and without prose."""
    if isinstance(schema, list):
        return sorted((bare(item, root) for item in schema), key=json.dumps)
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return bare(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    prose = ("description", "title", "examples", "default", "$schema", "$id", "$defs", "format")
    kept = {key: value for key, value in schema.items() if key not in prose or isinstance(value, dict)}
    kept.pop("$defs", None)
    if isinstance(kept.get("properties"), dict):
        kept["properties"] = {name: bare(inner, root) for name, inner in schema["properties"].items()}
        return {key: value if key == "properties" else bare(value, root) for key, value in kept.items()}
    return {key: bare(value, root) for key, value in kept.items()}


@real_data
def test_our_schema_of_products_is_the_standards(standards: Path) -> None:
    """Written by us, it allows what the published schema of ODPS 1.0 allows, and no more."""
    published = json.loads((standards / "odps" / "odps-json-schema-v1.0.0.json").read_text())
    ours = json_schema("DataProduct")

    assert bare(ours, ours) == bare(published, published)


CONTRACT = """
apiVersion: v3.2.0
kind: DataContract
id: sales.orders.lines
version: 1.0.0
status: active
vendorKey: refused
"""


def test_a_key_that_the_standard_forbids_is_refused() -> None:
    """At the top level the standard knows all its keys."""
    (document,) = read_documents(CONTRACT.encode(), "x.yaml")

    (error,) = document_errors(document, "DataContract")

    assert (error.code, str(error.where)) == ("FH-V101", "x.yaml:7:1")


def test_what_the_standard_leaves_open_survives() -> None:
    """Keys that the standard does not forbid, custom properties of others, quotes and order survive the round trip."""
    text = CONTRACT.replace("vendorKey: refused", """description: {purpose: x, audit: {by: "007"}}
customProperties: [{property: catalogId, value: {b: 2, a: [1.50, null, "no"]}}]""")  # fmt: skip
    (document,) = read_documents(text.encode(), "x.yaml")
    (again,) = read_documents(document.dump().encode(), "x.yaml")

    assert document_errors(document, "DataContract") == []
    assert list(leaves(again.value)) == list(leaves(document.value))
    assert contract_from(document).custom == {"catalogId": {"b": 2, "a": [1.5, None, "no"]}}


@pytest.mark.parametrize("options", ["", ", physicalType: TEXT"], ids=["with nothing else", "with a physical type"])
def test_a_property_needs_no_logical_type(options: str) -> None:
    """The standard makes logicalType optional, though its schema stumbles over a property without one."""
    text = CONTRACT.replace("vendorKey: refused", f"schema: [{{name: a, properties: [{{name: b{options}}}]}}]")
    (document,) = read_documents(text.encode(), "x.yaml")

    assert document_errors(document, "DataContract") == []


def test_a_fault_beside_a_missing_logical_type_is_still_told() -> None:
    """Leaving logicalType out excuses nothing else."""
    text = CONTRACT.replace("vendorKey: refused", "schema: [{name: a, properties: [{name: b, requird: 1}, {name: 1}]}]")
    (document,) = read_documents(text.encode(), "x.yaml")

    assert sorted(e.code for e in document_errors(document, "DataContract")) == ["FH-V101", "FH-V103"]


FULL = """
apiVersion: v3.2.0
kind: DataContract
id: c
version: 1.0.0
schema:
  - id: orders_obj
    name: orders
    physicalName: ORDERS
    relationships: [{from: [orders.a, orders.b], to: [others.x, others.y]}]
    quality: [{metric: rowCount, mustBeBetween: [1, 9], unit: rows, severity: warning}]
    properties:
      - id: a_prop
        name: a
        physicalName: col_a
        logicalType: integer
        logicalTypeOptions: {minimum: 0, maximum: 9}
        primaryKey: true
        primaryKeyPosition: 2
        enum: [{value: 1, label: one}, {value: 2}]
        relationships: [{to: schema/orders_obj/properties/b_prop}]
        quality:
          - type: sql
            query: select 1
            mustBeLessThan: 3
            customProperties: [{property: "freehold:blocking", value: false}]
      - {id: b_prop, name: b, logicalType: string, primaryKey: true, primaryKeyPosition: 1, classification: restricted}
      - name: total
        logicalType: number
        semanticType: measure
      - name: place
        logicalType: object
        properties: [{name: street, logicalType: string}]
      - name: tags
        logicalType: array
        items: {logicalType: string}
  - name: others
    properties: [{name: x}, {name: y}]
servers:
  - server: landing
    type: local
    path: landing/{date}.csv
    format: csv
    customProperties: [{property: "freehold:delimiter", value: ";"}]
slaProperties: [{property: retention, value: 7, unit: y, element: orders.a}]
"""


def test_a_contract_is_typed_in_full() -> None:
    """Every part that rooms above read is where the model says it is, with its place."""
    (document,) = read_documents(FULL.encode(), "x.yaml")
    assert document_errors(document, "DataContract") == []
    contract = contract_from(document)
    orders = contract.objects[0]
    a = orders.properties[0]

    assert orders.key == ("b", "col_a")
    assert [p.name for p in orders.columns] == ["a", "b", "place", "tags"]
    assert (a.enum, a.options, a.where.line) == ((1, 2), {"minimum": 0, "maximum": 9}, 13)
    assert (a.quality[0].operator, a.quality[0].threshold, a.quality[0].column) == ("mustBeLessThan", 3, "col_a")
    assert a.quality[0].custom == {"freehold:blocking": False}
    assert (a.relationships[0].from_columns, a.relationships[0].to_object) == (("col_a",), "orders")
    assert a.relationships[0].to_columns == ("b",)
    assert orders.relationships[0].from_columns == ("col_a", "b")
    assert (orders.relationships[0].to_object, orders.relationships[0].to_columns) == ("others", ("x", "y"))
    assert (orders.quality[0].kind, orders.quality[0].threshold) == ("library", (1, 9))
    assert orders.properties[3].properties[0].name == "street"
    assert orders.properties[4].items is not None
    assert orders.properties[4].items.logical_type == "string"
    assert contract.servers[0].settings["delimiter"] == ";"
    assert (contract.sla[0].value, contract.sla[0].element) == (7, "orders.a")


@pytest.mark.parametrize(
    ("reference", "meant"),
    [
        ("customers.id", ("customers", "id")),
        ("sales.customers.customers.id", ("sales.customers.customers", "id")),
        ("schema/o/properties/p", ("orders", "col_p")),
        ("/schema/o/properties/missing", ("orders", "missing")),
        ("c/x.odcs.yaml#/schema/o/properties/p", ("c/x.odcs.yaml#o", "p")),
    ],
    ids=["shorthand", "shorthand into another contract", "by ids", "by ids, leading nowhere", "by ids of another file"],
)
def test_references_are_understood_in_all_forms(reference: str, meant: tuple[str, str]) -> None:
    """The shorthand and the fully qualified form of the standard both give an object and a column."""
    said = {
        "schema": [{"id": "o", "name": "orders", "properties": [{"id": "p", "name": "n", "physicalName": "col_p"}]}]
    }

    assert refer(said, reference) == meant


CUSTOMERS = """apiVersion: v3.1.0
kind: DataContract
id: sales.customers.customers
version: 1.0.0
schema:
  - id: customers_obj
    name: customers
    properties:
      - {id: id_prop, name: customer_id, physicalName: CUSTOMER_ID, logicalType: integer}
"""
LINES = """apiVersion: v3.1.0
kind: DataContract
id: sales.orders.lines
version: 1.0.0
schema:
  - name: lines
    properties:
      - {name: line_id, logicalType: string}
      - {name: customer_id, logicalType: integer, relationships: [{to: "TARGET"}]}
"""


@pytest.mark.parametrize(
    "target",
    [
        "sales.customers.customers.customer_id",
        "sales.customers.customers.customers.customer_id",
        "../../../customers.odcs.yaml#/schema/customers_obj/properties/id_prop",
        "customers.odcs.yaml#schema/customers_obj/properties/customer_id",
    ],
    ids=["by asset", "by contract and object", "by a path from the file", "by a path from the estate"],
)
def test_a_reference_into_another_contract_is_resolved(target: str, write: Callable[[dict[str, str]], Path]) -> None:
    """Each form leads to the object of the other contract, for validation and for the rooms above alike."""
    root = write({
        "customers.odcs.yaml": CUSTOMERS, "sales/orders/contracts/lines.odcs.yaml": LINES.replace("TARGET", target)
    })  # fmt: skip
    estate = load_estate(root)
    lines = estate.contracts["sales.orders.lines"]
    relationship = lines.objects[0].properties[1].relationships[0]

    found = estate.object_referred(lines, relationship.to_object)

    assert found is not None
    assert (found[0].id, found[1].name) == ("sales.customers.customers", "customers")
    assert relationship.to_columns == ("CUSTOMER_ID",)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_a_schema_that_is_one(kind: str) -> None:
    """Every kind has a schema of draft 2019-09, valid itself, with a title and prose at every key of ours."""
    import jsonschema_rs

    schema = json_schema(kind)

    jsonschema_rs.meta.validate(schema)
    assert schema["description"]


def test_each_custom_property_is_described() -> None:
    """Every name under `freehold:` has a valid schema that says what the name means."""
    for place, names in custom_properties().items():
        for name, schema in names.items():
            assert schema["description"], f"{place} {name}"
            custom_validator(place, name)


def test_an_unknown_kind_names_the_near_one() -> None:
    """A kind in the wrong case or misspelt is answered with the right one."""
    with pytest.raises(FreeholdError) as lower:
        json_schema("estate")
    with pytest.raises(FreeholdError) as misspelt:
        json_schema("Calender")

    assert (lower.value.fix, misspelt.value.fix) == ("Did you mean `Estate`?", "Did you mean `Calendar`?")


def test_the_costly_model_is_never_imported(write: Callable[[dict[str, str]], Path]) -> None:
    """Loading an estate imports neither the standard's pydantic model nor anything else that is slow to start."""
    code = (
        "import sys; from freehold.estate import load_estate; load_estate(sys.argv[1]).contracts['sales.orders.lines'];"
        "print([m for m in ('pydantic', 'open_data_contract_standard', 'duckdb', 'sqlglot', 'sqlalchemy', 'rich', "
        "'pyarrow') if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code, str(write({}))], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"

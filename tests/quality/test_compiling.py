"""A contract becomes checks: every thing ODCS can say, its scope, its severity, its id."""

from __future__ import annotations

from typing import Any

import pytest

from freehold.estate.model import Contract, Property, QualityRule, Relationship, SchemaObject, Sla
from freehold.foundation import Where
from freehold.quality import Check, compile_checks, references_of

HERE = Where("c.yaml", 1, 1)


def _compiled(
    *properties: Property, quality: tuple[QualityRule, ...] = (), sla: tuple[Sla, ...] = (), incremental: bool = False,
    **more: Any,
) -> tuple[Check, ...]:  # fmt: skip
    schema = SchemaObject("lines", HERE, properties=properties, quality=quality, **more)
    there = SchemaObject("customers", HERE, properties=(Property("id", HERE, physical_name="customer_no"),))
    contract = Contract("sales.lines", HERE, "v3.1.0", objects=(schema, there), sla=sla)
    known = {"customers": "sales.customers"}
    return compile_checks(
        "sales.lines", contract, schema, incremental=incremental, resolve=lambda name, _: known.get(name)
    )


def _of(checks: tuple[Check, ...], kind: str) -> list[Check]:
    return [c for c in checks if c.kind == kind]


@pytest.mark.parametrize(
    ("prop", "kind", "arguments"),
    [
        pytest.param({"required": True}, "not_null", {}, id="required"),
        pytest.param({"unique": True}, "unique", {}, id="unique"),
        pytest.param({"enum": (1, 2)}, "in_set", {"values": [1, 2]}, id="enum"),
        pytest.param({"logical_type": "integer"}, "type", {"types": {"a": ("integer", None)}}, id="logical type"),
        pytest.param({"options": {"minimum": 0, "exclusiveMaximum": 9}}, "range",
                     {"minimum": 0, "exclusiveMaximum": 9}, id="bounds"),
        pytest.param({"options": {"multipleOf": 5}}, "multiple", {"of": 5}, id="multipleOf"),
        pytest.param({"options": {"minLength": 1, "maxLength": 3}}, "length",
                     {"minimum": 1, "maximum": 3}, id="length"),
        pytest.param({"options": {"pattern": "^a"}}, "pattern", {"pattern": "^a"}, id="pattern"),
        pytest.param({"options": {"format": "uuid"}, "logical_type": "string"}, "format",
                     {"format": "uuid", "logical": "string"}, id="format of text"),
        pytest.param({"options": {"format": "u8"}, "logical_type": "integer"}, "range",
                     {"minimum": 0, "maximum": 255}, id="format of integers"),
        pytest.param({"options": {"maxItems": 3}}, "items", {"maximum": 3}, id="items"),
        pytest.param({"options": {"uniqueItems": True}}, "items", {"unique": True}, id="unique items"),
        pytest.param({"options": {"dimensions": 8}}, "items", {"minimum": 8, "maximum": 8}, id="vector"),
    ],
)  # fmt: skip
def test_what_a_property_declares(prop: dict[str, Any], kind: str, arguments: dict[str, Any]) -> None:
    """Each declaration becomes one check with what it needs."""
    (check,) = _of(_compiled(Property("a", HERE, **prop)), kind)
    assert {k: v for k, v in check.arguments.items() if k != "columns"} == arguments
    assert check.columns == ("a",)
    assert check.blocking


def test_the_types_of_all_columns_are_one_check() -> None:
    """One verdict tells about all columns; a column whose failure must not block is told of apart."""
    mild = {"freehold:blocking": False}
    checks = _of(
        _compiled(
            Property("a", HERE, logical_type="integer"),
            Property("b", HERE, physical_type="VARCHAR"),
            Property("c", HERE, logical_type="date", custom=mild),
            Property("d", HERE),
        ),
        "type",
    )
    assert [(c.arguments["types"], c.blocking) for c in checks] == [
        ({"a": ("integer", None), "b": (None, "VARCHAR")}, True),
        ({"c": ("date", None)}, False),
    ]


def test_a_key_is_unique_as_a_whole_and_never_empty() -> None:
    """A composite key makes one uniqueness check in key order, and each of its columns required."""
    checks = _compiled(
        Property("b", HERE, primary_key=True, primary_key_position=2),
        Property("a", HERE, primary_key=True, primary_key_position=1, required=True),
    )
    assert [c.columns for c in _of(checks, "unique")] == [("a", "b")]
    assert [c.columns for c in _of(checks, "not_null")] == [("b",), ("a",)]


def test_physical_names_are_what_is_asked_of_the_table() -> None:
    """A check names the stored column, on both sides of a reference; its id keeps the name of the contract."""
    reference = Relationship(("customer",), "customers", ("id",), HERE)
    checks = _compiled(
        Property("customer", HERE, physical_name="cust_no", required=True, relationships=(reference,)),
    )
    (check,) = _of(checks, "reference")
    assert (check.columns, check.arguments["columns"]) == (("cust_no",), ("customer_no",))
    assert _of(checks, "not_null")[0].id == "sales.lines.customer:not_null"
    assert references_of(checks) == {"sales.customers"}


@pytest.mark.parametrize(
    ("severity", "custom", "blocking"),
    [
        pytest.param(None, {}, True, id="absent blocks"),
        pytest.param("error", {}, True, id="error blocks"),
        pytest.param("critical", {}, True, id="critical blocks"),
        pytest.param("warning", {}, False, id="a warning does not"),
        pytest.param("info", {}, False, id="info does not"),
        pytest.param("Low", {}, False, id="low does not, however it is written"),
        pytest.param("error", {"freehold:blocking": False}, False, id="freehold:blocking has the last word"),
        pytest.param("warning", {"freehold:blocking": True}, True, id="both ways"),
    ],
)
def test_severity_decides_whether_a_failure_blocks(
    severity: str | None, custom: dict[str, Any], blocking: bool
) -> None:
    """Only what is said to be mild lets a failing candidate pass."""
    rule = QualityRule(
        "library", HERE, metric="rowCount", operator="mustBe", threshold=1, severity=severity, custom=custom
    )
    (check,) = _of(_compiled(quality=(rule,)), "row_count")
    assert check.blocking is blocking


def test_rows_of_a_growing_asset_are_judged_once() -> None:
    """Checks of rows judge the new rows; checks of the table what would be live; `freehold:scope` chooses."""
    counted = QualityRule("library", HERE, metric="rowCount", operator="mustBeGreaterThan", threshold=0,
                          custom={"freehold:scope": "interval"})  # fmt: skip
    checks = _compiled(Property("a", HERE, required=True, unique=True), quality=(counted,), incremental=True)
    assert {c.kind: c.scope for c in checks if c.kind in ("not_null", "unique", "row_count")} == {
        "not_null": "interval", "unique": "table", "row_count": "interval",
    }  # fmt: skip


def test_ids_stay_apart_and_prefer_the_rules_own() -> None:
    """A rule with an id keeps it wherever it stands; the same thing said twice is numbered."""
    rule = QualityRule("library", HERE, metric="nullValues", operator="mustBe", threshold=0)
    named = QualityRule("library", HERE, id="few_gaps", metric="nullValues", operator="mustBeLessThan", threshold=5)
    checks = _compiled(Property("a", HERE, quality=(rule, rule, named)))
    assert [c.id for c in _of(checks, "nulls")] == [
        "sales.lines.a:nulls", "sales.lines.a:nulls_2", "sales.lines.a:few_gaps",
    ]  # fmt: skip


def test_service_levels_that_data_can_answer_for() -> None:
    """Latency becomes an age that warns; availability is documentation, with where it is judged."""
    checks = _compiled(
        Property("at_time", HERE),
        sla=(
            Sla("latency", 4, HERE, unit="h", element="lines.at_time"),
            Sla("timeOfAvailability", "06:30", HERE, element="lines.at_time"),
            Sla("latency", 1, HERE, unit="d", element="others.at_time"),
            Sla("retention", 7, HERE, unit="y", element="lines.at_time"),
        ),
    )
    (age,) = _of(checks, "freshness")
    assert (age.threshold, age.blocking) == (4 * 3600.0, False)
    assert [c.arguments["skipped"] for c in _of(checks, "text")] == [
        "judged on the product's calendar when the data arrives"
    ]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        pytest.param({"metric": "nulValues"}, "Did you mean `nullValues`", id="misspelt metric"),
        pytest.param({"metric": "nullValues"}, "needs a column", id="a column's metric on the object"),
        pytest.param({"kind": "custom", "engine": "freehold", "implementation": {"aggregate": "median"}},
                     "no aggregate `median`", id="unknown aggregate"),
        pytest.param({"kind": "custom", "engine": "freehold", "implementation": "a: ["}, "no YAML", id="broken YAML"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_asked_is_an_error_not_a_silence(rule: dict[str, Any], reason: str) -> None:
    """What cannot be understood is a check all the same, and says why it cannot be judged."""
    made = QualityRule(**{"kind": "library", "where": HERE, **rule})
    check = _compiled(Property("a", HERE), quality=(made,))[-1]
    assert reason in check.arguments["error"]


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "sql", "query": "SELECT 1 FROM {object}", "unit": "percent"},
        {"kind": "custom", "engine": "freehold", "unit": "percent",
         "implementation": {"aggregate": "avg", "column": "a"}},
        {"kind": "custom", "engine": "freehold",
         "implementation": {"aggregate": "avg", "column": "a", "unit": "percent"}},
    ],
    ids=["a query", "an aggregate", "an aggregate that says it inside"],
)  # fmt: skip
def test_a_value_that_is_a_share_is_judged_as_one(rule: dict[str, Any]) -> None:
    """Its bound is told with the mark, whatever measures it."""
    made = QualityRule(**{"where": HERE, "operator": "mustBeLessThan", "threshold": 5, **rule})
    check = _compiled(Property("a", HERE), quality=(made,))[-1]

    assert check.unit == "percent"
    assert check.claim.endswith("is less than 5 %")

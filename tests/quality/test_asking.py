"""Checks that can never be settled are found without data."""

from __future__ import annotations

from typing import Any

import pytest

from freehold.engines import Column
from freehold.estate.model import Contract, Property, QualityRule, SchemaObject
from freehold.foundation import Where
from freehold.quality import Check, check_findings, compile_checks

COLUMNS = (Column("amount", "DOUBLE"), Column("state", "VARCHAR"))


def _said(kind: str, columns: tuple[str, ...] = (), **more: Any) -> list[str]:
    check = Check("t:x", "t", kind, "", Where("c.yaml", 7, 3), columns, **more)
    return [f.problem for f in check_findings((check,), COLUMNS, "duckdb")]


@pytest.mark.parametrize(
    ("kind", "columns", "more", "why"),
    [
        pytest.param("not_null", ("amont",), {}, "column is missing: `amont`", id="a column nobody declares"),
        pytest.param("range", ("amount",), {"arguments": {"minimum": 9, "maximum": 1}},
                     "its minimum 9 is more than its maximum 1", id="bounds the wrong way round"),
        pytest.param("row_count", (), {"operator": "mustBeBetween", "threshold": [10, 2]},
                     "mustBeBetween names 10 before 2", id="a pair the wrong way round"),
    ],
)  # fmt: skip
def test_a_check_that_can_never_be_settled(kind: str, columns: tuple[str, ...], more: dict[str, Any], why: str) -> None:
    """It is named with the reason, at its place in the contract."""
    (problem,) = _said(kind, columns, **more)
    assert why in problem


@pytest.mark.parametrize(
    ("kind", "columns", "more"),
    [
        pytest.param("not_null", ("amount",), {}, id="a column that is there"),
        pytest.param("range", ("amount",), {"arguments": {"minimum": 1, "maximum": 1}}, id="bounds that meet"),
        pytest.param("schema", (), {"arguments": {"columns": ("gone",)}}, id="the columns themselves: data will tell"),
    ],
)
def test_a_check_that_can_be_asked(kind: str, columns: tuple[str, ...], more: dict[str, Any]) -> None:
    """Nothing is said against it."""
    assert _said(kind, columns, **more) == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        pytest.param("SELECT count(*) FROM {object}", 0, id="SQL that can be read"),
        pytest.param("SELEC count( FROM {object}", 1, id="SQL that cannot"),
    ],
)
def test_a_check_written_as_sql(query: str, said: int) -> None:
    """SQL is parsed before any data is there."""
    here = Where("c.yaml", 7, 3)
    rule = QualityRule("sql", here, query=query, operator="mustBe", threshold=0)
    table = SchemaObject("t", here, properties=(Property("amount", here, logical_type="number"),), quality=(rule,))
    contract = Contract("shop.t", here, "v3.1.0", objects=(table,))
    checks = compile_checks("shop.t", contract, table, resolve=lambda *_: None)
    found = list(check_findings(checks, (Column("amount", "DOUBLE"),), "duckdb"))
    assert [f.code for f in found] == ["FH-Q003"] * said

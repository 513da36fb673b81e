# ruff: noqa: E501 - models read better whole

"""A metric is held to its file, to its slices, and to the keys it is joined by."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlglot import exp

from freehold.engines import open_engine
from freehold.foundation import LOCAL, FreeholdError
from freehold.metrics import Answerer, Policy, Source
from freehold.metrics.keys import key_verdicts
from freehold.metrics.trust import verdicts

from .conftest import catalogue_from

MODEL = """
name: m
datasets:
  sale: {source: sale, primary_key: [id], time: d, fields: {id: , d: {datatype: Date}, v: {datatype: Decimal}, sku: , place: {datatype: String}}}
  article: {source: article, primary_key: [sku], fields: {sku: , family: {datatype: String}}}
relationships:
  - {from: sale.sku, to: article.sku}
metrics:
  total: SUM(sale.v)
  twice: {expression: SUM(sale.v) * 2}
  bad: {expression: SUM(sale.v), tests: [{between: [0, 2], by: day}]}
  good: {expression: SUM(sale.v), tests: [{between: [0, 100], by: day}]}
  known: {expression: SUM(sale.v), tests: [{locked: {2024-01: 3, "place=a": 5, total: 7}}]}
  wrong: {expression: SUM(sale.v), tests: [{locked: {2024-01: 4}}]}
  near: {expression: SUM(sale.v), tests: [{reconcile: {with: twice, by: month, tolerance: 50%}}]}
  far: {expression: SUM(sale.v), tests: [{reconcile: {with: twice, by: month, tolerance: 10%}}]}
  asks: {expression: SUM(sale.v), tests: [{between: [0, 1], by: colour}]}
"""
ROWS = """
CREATE SCHEMA shop;
CREATE TABLE shop.sale AS SELECT * FROM (VALUES (1, DATE '2024-01-03', 1.0, 'x', 'a'), (2, DATE '2024-01-04', 2.0, 'y', 'b'),
  (3, DATE '2024-02-01', 4.0, 'x', 'a')) t(id, d, v, sku, place);
CREATE TABLE shop.article AS SELECT * FROM (VALUES ('x', 'f'), ('y', 'g')) t(sku, family);
CREATE TABLE shop.doubled AS SELECT * FROM (VALUES ('x', 'f'), ('x', 'g'), ('y', 'g'), (NULL, 'h'), (NULL, 'h')) t(sku, family)
"""


@pytest.fixture
def answerer() -> Iterator[Answerer]:
    """Three sales of two articles."""
    engine = open_engine("duckdb://")
    session = engine.session(LOCAL)
    for statement in ROWS.split(";"):
        session.run(statement)
    catalogue = catalogue_from(MODEL)
    yield Answerer(catalogue, engine, LOCAL, lambda d: Source(d.source, exp.table_(d.source, "shop")))
    session.close()
    engine.close()


def found(answerer: Answerer, name: str) -> list[tuple[str, bool, str]]:
    """Return the verdicts on what the file of a metric says."""
    return [
        (v.test, v.passed, v.told)
        for v in verdicts(answerer, answerer.catalogue.metric(name))
        if "slices" not in v.test
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("good", [("between 0 and 100 by day", True, "")]),
        ("bad", [("between 0 and 2 by day", False, "2024-02-01: 4")]),
        ("known", [("locked 2024-01", True, ""), ("locked place=a", True, ""), ("locked total", True, "")]),
        ("wrong", [("locked 2024-01", False, "3, and not 4")]),
        ("near", [("agrees with m.twice by month within 50%", True, "")]),
        (
            "far",
            [("agrees with m.twice by month within 10%", False, "2024-01-01: 3 against 6; 2024-02-01: 4 against 8")],
        ),
    ],
)
def test_a_metric_is_held_to_its_file(answerer: Answerer, name: str, expected: list[tuple[str, bool, str]]) -> None:
    """Bounds, known values and agreement are judged on the data; a failure says what was found."""
    assert found(answerer, name) == expected


def test_slices_are_taken_of_what_is_joined_as_well(answerer: Answerer) -> None:
    """A fan-out in a join shows where it is sliced by the other side."""
    (slices,) = verdicts(answerer, answerer.catalogue.metric("total"))

    assert slices.passed
    assert set(slices.test.removeprefix("slices add up by ").split(", ")) == {"month", "article.family", "sale.place"}


def test_a_key_that_is_none_is_found(answerer: Answerer) -> None:
    """What a relationship leads to is counted: its values must stand in one row each. Unknown ones join nothing."""
    total = answerer.catalogue.metric("total")
    told = [(v.metric, v.test, v.passed) for v in key_verdicts(answerer, [total])]
    assert told == [("m.sale", "`id` tells rows apart", True), ("m.article", "`sku` tells rows apart", True)]

    doubled = Answerer(
        answerer.catalogue, answerer.engine, LOCAL,
        lambda d: Source(d.source, exp.table_("doubled" if d.source == "article" else d.source, "shop")),
    )  # fmt: skip

    *_, verdict = key_verdicts(doubled, [total])
    (slices,) = verdicts(doubled, doubled.catalogue.metric("total"))
    assert (verdict.passed, verdict.told) == (False, "1 values stand in more than one row")
    assert not slices.passed


def test_a_test_that_cannot_be_asked_says_so(answerer: Answerer) -> None:
    """A key nobody has is an error of the file, and no failure of the data."""
    with pytest.raises(FreeholdError, match="colour") as error:
        found(answerer, "asks")
    assert error.value.code == "FH-N503"


def test_a_part_is_no_test_of_the_whole(answerer: Answerer) -> None:
    """Who sees a part of the rows, or groups of a size alone, tests nothing."""
    for policy in (Policy(rows=exp.condition("v > 1"), name="p"), Policy(fewest=3, name="p")):
        seen = Answerer(answerer.catalogue, answerer.engine, LOCAL, answerer.source, policy=lambda _, p=policy: p)

        (verdict,) = verdicts(seen, seen.catalogue.metric("good"))
        assert (verdict.test, verdict.passed) == ("not tested", False)
        assert "by p" in verdict.told

"""Rollups as assets: built by intervals where that is right, rebuilt when they must be, read while they are current."""

# ruff: noqa: E501 - models read better whole

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from shop import LINES, RAW, Shop, days, ordinary_day, shop, write_day

from freehold.delivery import Delivery
from freehold.delivery.asset import Kind
from freehold.delivery.serving import rollups, sources
from freehold.estate.model import Estate
from freehold.estate.reading import read_documents
from freehold.foundation import Problems
from freehold.ledger import Event
from freehold.metrics import Answerer, asked, catalogue_of
from freehold.metrics.answering import Answer

FAMILIES = "select 'a' as sku, 'fruit' as family union all select 'b', 'fruit' union all select 'c', 'tools'"
MODEL = """
name: shop
datasets:
  lines: {source: shop.orders.lines, primary_key: [sku, sold_on], time: sold_on,
    fields: {sold_on: {datatype: Date}, sku: , buyer: , quantity: , amount: {datatype: Decimal}}}
  families: {source: shop.orders.families, primary_key: [sku], fields: {sku: , family: }}
relationships: [{from: lines.sku, to: families.sku, name: item}]
metrics:
  revenue: SUM(lines.amount)
  sold: COUNT(lines.*)
  mean: AVG(lines.amount)
  many: {expression: SUM(lines.quantity), filter: lines.quantity > 1}
  buyers: COUNT(DISTINCT lines.buyer)
  share: share_of(revenue)
  rolling: {expression: revenue, window: 3d}
rollups:
  by_family: {metrics: [revenue, sold, mean, many, rolling], by: [day, item.family]}
"""
ROLLUP = "shop.orders.by_family"


def estate_of(
    root: Path, model: str = MODEL, lines: str = LINES, families: str = FAMILIES, path: str = "metrics/shop.yaml"
) -> Estate:
    """Return a shop that has metrics."""
    made = shop(root, {"lines": lines, "families": families}, (RAW,))
    documents = {d.value["name"]: d for d in read_documents(model.encode(), path)}
    return replace(made, semantic_models=documents)


@pytest.fixture
def kept(folder: Path, tmp_path: Path) -> Any:
    """A shop with five days published, and a rollup of them."""
    opened = Shop.open(tmp_path, estate_of(tmp_path))
    for index, on in enumerate(days(5)):
        write_day(tmp_path, on, ordinary_day(index))
    assert opened.delivery.run().exit_code == 0
    yield opened
    opened.close()


def answered(delivery: Delivery, *metrics: str, use: bool = True, **words: Any) -> Answer:
    """Answer a question as a command would, with rollups or without."""
    catalogue = catalogue_of(delivery.estate)
    states = sources(delivery, [d.source for m in catalogue.models.values() for d in m.datasets.values()])
    held = rollups(delivery, catalogue) if use else ()
    answerer = Answerer(catalogue, delivery.engine, delivery.caller, lambda d: states[d.source], held=held)
    return answerer.answer(asked(metrics, **words))


def told(delivery: Delivery, *metrics: str, **words: Any) -> str:
    """Return what an answer was read from, having made sure that it is the answer of the rows."""
    found, rows = (answered(delivery, *metrics, use=use, **words) for use in (True, False))
    assert sorted(map(repr, rows.table.to_pylist())) == sorted(map(repr, found.table.to_pylist()))
    assert [s.name for s in rows.sources] == [s.name for s in found.sources]
    return "; ".join(line for use in found.compiled.uses for line in use.told())


def built(outcome: Any) -> list[str]:
    """Return which steps of the rollup a run did, by the day."""
    return [str(step.interval) for step in outcome.steps if step.asset == ROLLUP and not step.reused]


QUESTION: dict[str, Any] = {"by": ["day", "item.family"]}
ALL = ("revenue", "sold", "mean", "many", "share", "rolling")


def test_a_rollup_is_built_by_the_intervals_of_its_fact_and_read(kept: Shop) -> None:
    """One step for each day; the answer is that of the rows, for every metric it holds."""
    asset = kept.delivery.graph.assets[ROLLUP]

    assert Kind.INTERVAL is asset.kind
    assert asset.inputs == ("shop.orders.lines", "shop.orders.families")
    assert told(kept.delivery, *ALL, **QUESTION).startswith("read from rollup by_family (10 rows)")
    assert told(kept.delivery, "mean", "sold", by=["week"]).startswith("read from rollup by_family")
    assert ROLLUP in [one.asset for one in kept.delivery.status()[0].assets]


def test_a_new_day_builds_one_interval_and_nothing_stale_is_read_meanwhile(kept: Shop) -> None:
    """After the fact alone has run, rows are read; after the rollup has, it is again."""
    (sixth,) = days(6)[5:]
    write_day(kept.root, sixth, ordinary_day(5))
    kept.delivery.run(["shop.orders.lines", "shop.orders.raw"])

    assert "since it was built" in told(kept.delivery, "revenue", **QUESTION)
    assert [str(days(6)[5])] == [text[:10] for text in built(kept.delivery.run())]
    assert told(kept.delivery, "revenue", **QUESTION).startswith("read from rollup")


def test_a_corrected_day_is_rolled_up_again_alone(kept: Shop) -> None:
    """What was corrected goes through to the rollup in one step; before that the rows are read."""
    first = days(1)[0]
    write_day(kept.root, first, [*ordinary_day(0), ("a", "b7", 3, 4.0)])
    kept.delivery.run(["shop.orders.lines", "shop.orders.raw"])

    assert "newer rows are live of what it is made of" in told(kept.delivery, "revenue", **QUESTION)
    assert [str(first)] == [text[:10] for text in built(kept.delivery.run())]
    assert told(kept.delivery, "revenue", **QUESTION).startswith("read from rollup")


def test_another_meaning_of_what_is_joined_rebuilds_all_of_it(kept: Shop) -> None:
    """A dataset that is joined is read whole: every interval follows from it."""
    changed = kept.with_estate(estate_of(kept.root, families=FAMILIES.replace("'tools'", "'metal'")))
    changed.run(["shop.orders.families"])

    assert "newer rows are live" in told(changed, "revenue", **QUESTION)
    assert len(built(changed.run())) == 5
    assert told(changed, "revenue", **QUESTION).startswith("read from rollup")


def test_another_definition_of_a_metric_is_not_answered_from_the_old_one(kept: Shop) -> None:
    """Until a run has built it anew the rows are read; a metric it does not hold leaves it as it is."""
    changed = kept.with_estate(estate_of(kept.root, MODEL.replace("SUM(lines.amount)", "SUM(lines.amount * 2)")))
    other = kept.with_estate(estate_of(kept.root, MODEL.replace("DISTINCT lines.buyer", "DISTINCT lines.sku")))

    assert told(other, "revenue", **QUESTION).startswith("read from rollup")
    assert "its definition was changed since it was built" in told(changed, "revenue", **QUESTION)
    changed.run()
    assert told(changed, "revenue", **QUESTION).startswith("read from rollup")


def test_what_is_taken_back_is_taken_back_with_it(kept: Shop) -> None:
    """After a rollback of the product the answer is that of the rows that stand, as it was before."""
    before = answered(kept.delivery, "revenue", **QUESTION).table.to_pylist()
    write_day(kept.root, days(1)[0], [*ordinary_day(0), ("a", "b7", 3, 4.0)])
    kept.delivery.run()
    kept.delivery.rollback("shop.orders")

    assert told(kept.delivery, "revenue", **QUESTION).startswith("read from rollup")
    assert before == answered(kept.delivery, "revenue", **QUESTION).table.to_pylist()


def test_days_that_are_held_back_are_not_in_it_either(kept: Shop) -> None:
    """A day in quarantine is in neither; the answer says that newer data is held."""
    write_day(kept.root, days(6)[5], [("a", "b1", 1, -5.0)])
    kept.delivery.run()

    found = answered(kept.delivery, "revenue", **QUESTION)
    assert found.state == "held"
    assert told(kept.delivery, "revenue", **QUESTION).startswith("read from rollup")


@pytest.mark.parametrize(
    ("severity", "of", "state"),
    [(1, "shop.orders.lines", "failed"), (None, "shop.orders.lines", "failed"), (2, "shop.orders.lines", "ok"),
     (1, "shop.other.table", "ok")],
    ids=["the worst", "untold", "less severe", "of something else"],
)  # fmt: skip
def test_an_answer_says_that_an_incident_is_open(kept: Shop, severity: int | None, of: str, state: str) -> None:
    """One that readers are to be kept from makes it no answer to trust; any other is a reason beside it."""
    said = {"incident": "i-1", "kind": "data", "sev": severity, "assets": [of], "detected_at": "2024-03-01T12:00:00Z"}
    kept.delivery.ledger.append(Event("incident.opened", said, product=of.rpartition(".")[0]))
    found = answered(kept.delivery, "revenue", **QUESTION)

    assert found.state == state
    assert any("i-1" in reason for one in found.sources for reason in one.reasons) is (of == "shop.orders.lines")


@pytest.mark.parametrize("lines", [LINES, LINES.replace("incremental'", "table'")], ids=["cut by day", "whole"])
def test_where_intervals_would_be_wrong_it_is_built_whole(folder: Path, tmp_path: Path, lines: str) -> None:
    """Where what is joined is cut by day as well, or the fact is not, the rollup is one table."""
    lines = (
        lines
        if "table'" not in lines
        else "select sold_on, sku, buyer, quantity, price, quantity * price as amount from {{ source('orders', 'raw') }}"
    )
    families = FAMILIES if "incremental" not in lines else (
        "{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='sold_on', batch_size='day') }}"
        " select distinct sold_on, sku, 'f' as family from {{ source('orders', 'raw') }} where sold_on = date '2024-01-01'"
    )  # fmt: skip
    opened = Shop.open(tmp_path, estate_of(tmp_path, lines=lines, families=families))
    for index, on in enumerate(days(3)):
        write_day(tmp_path, on, ordinary_day(index))
    opened.delivery.run()

    assert Kind.TABLE is opened.delivery.graph.assets[ROLLUP].kind
    assert told(opened.delivery, "revenue", "sold", **QUESTION).startswith("read from rollup")
    opened.close()


@pytest.mark.parametrize(
    ("by", "kind"), [("hour", Kind.INTERVAL), ("week", Kind.TABLE), ("month", Kind.TABLE), ("item.family", Kind.TABLE)]
)
def test_longer_periods_than_the_intervals_are_built_whole(opened: Shop, by: str, kind: Kind) -> None:
    """By day there would be a row of each month for each day: a rollup has as many rows as it has groups."""
    text = MODEL.replace("by: [day, item.family]", f"by: [{by}]")

    assert kind is opened.with_estate(estate_of(opened.root, text)).graph.assets[ROLLUP].kind


def test_what_is_joined_and_grows_by_day_has_it_built_whole(opened: Shop) -> None:
    """It is another one after each day, so that by intervals every day would build all of them again."""
    families = "select distinct sku, 'f' as family from {{ ref('lines') }}"

    assert Kind.TABLE is opened.with_estate(estate_of(opened.root, families=families)).graph.assets[ROLLUP].kind


WRONG = {
    "a metric that does not add up": (MODEL.replace("many, rolling]", "buyers]"), "FH-N602", "`COUNT(DISTINCT lines.buyer)` counts each value once"),
    "metrics over rows of two datasets": (MODEL.replace("  mean:", "  kinds: COUNT(families.*)\n  mean:").replace("many, rolling]", "kinds]"), "FH-N603", "over rows of `lines` and `families`"),
    "a time whose type nobody tells": (MODEL.replace("sold_on: {datatype: Date}", "sold_on: "), "FH-N604", "no file tells its type"),
    "a key that is no field": (MODEL.replace("by: [day, item.family]", "by: [day, item.familie]"), "FH-N301", "The rollup `by_family` cannot be built. `families` has no field `familie`"),
    "a metric there is not": (MODEL.replace("many, rolling]", "much]"), "FH-N107", "There is no metric `much`"),
    "what no run builds": (MODEL.replace("source: shop.orders.families", "source: elsewhere.families"), "FH-N605", "would read `elsewhere.families`, which no run builds"),
    "a name that is taken": (MODEL.replace("  by_family:", "  families:"), "FH-N606", "would be built as `shop.orders.families`, which is there already"),
    "two periods": (MODEL.replace("by: [day,", "by: [day, month,"), "FH-N601", "`day` and `month` are both the time"),
    "no keys": (MODEL.replace("by: [day, item.family]", "by: day"), "FH-N601", "does not list its `metrics` and what they are `by`"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_rollup_that_cannot_be_is_refused_with_its_place(opened: Shop, case: str) -> None:
    """Nothing is built of an estate that declares one; the error stands at the rollup."""
    text, code, words = WRONG[case]

    with pytest.raises(Problems) as raised:
        opened.with_estate(estate_of(opened.root, text))

    assert any(e.code == code and words in e.problem for e in raised.value.errors), raised.value.errors
    assert all(e.where and e.where.path == "metrics/shop.yaml" and e.where.line > 15 for e in raised.value.errors)


def test_a_model_in_error_without_rollups_keeps_nothing_from_being_built(opened: Shop) -> None:
    """Only models that declare rollups have to be right for a run."""
    broken = MODEL.replace("SUM(lines.amount)", "SUM(").replace("rollups:", "x:").split("x:")[0]

    assert ROLLUP not in opened.with_estate(estate_of(opened.root, broken)).graph.assets


def test_a_product_of_which_nothing_is_built_has_no_rollups(opened: Shop) -> None:
    """A product in mode check is refused one, since no run would ever bring it up to date."""
    made = estate_of(opened.root)
    product = replace(made.products["shop.orders"], mode="check")

    with pytest.raises(Problems) as raised:
        opened.with_estate(replace(made, products={product.id: product}))

    assert [e.code for e in raised.value.errors] == ["FH-N607"]

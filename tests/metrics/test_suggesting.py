"""Rollups that are suggested: what was asked decides, each figure is one that would have come true."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from freehold.cli import cli
from freehold.foundation import FreeholdError
from freehold.metrics.rollups.content import fact_query, groups_query
from freehold.metrics.rollups.suggesting import Advice, Asked, Counting, advice
from freehold.metrics.rollups.writing import with_rollup

from .conftest import Shop
from .rolled import Rolled, rollup


def asked_for(count: int, seconds: float, *metrics: str, **words: Any) -> Asked:
    """Return a question of a history."""
    return Asked({"metrics": list(metrics), **words}, count, seconds)


def advised(shop: Shop, *history: Asked, most: int = 3) -> Advice:
    """Return what is suggested for a history, rows counted in the engine."""
    scope = shop.scope()

    def count(query: Any) -> int:
        return int(shop.session.rows(query.sql(shop.dialect))[0][0])

    counting = Counting(
        lambda content: count(groups_query(scope, content)),
        lambda model, fact: count(fact_query(scope, shop.catalogue.models[model], fact)),
    )
    return advice(scope, history, counting, most=most)


def told(found: Advice) -> list[tuple[str, tuple[str, ...], tuple[str, ...], int, float]]:
    """Return the rollups that are suggested as plain values."""
    return [
        (r.name, r.metrics, tuple(k.text for k in r.by), s.questions, s.seconds)
        for s in found.rollups for r in [s.content.rollup]
    ]  # fmt: skip


def test_what_took_most_time_is_suggested_first_and_near_duplicates_are_one(small: Shop) -> None:
    """Questions by month and by quarter of nearly the same keys share one rollup; another fact has its own."""
    found = advised(
        small,
        asked_for(40, 8.0, "units", by=["month", "channel"]),
        asked_for(10, 2.0, "item_count", by=["quarter"], where="product.family = 'toys'"),
        asked_for(5, 1.0, "shipping", by=["quarter"]),
    )

    assert told(found) == [
        ("items_by_month", ("units", "item_count"), ("month", "channel", "family"), 50, 10.0),
        ("orders_by_quarter", ("shipping",), ("quarter",), 5, 1.0),
    ]
    assert found.not_helped == ()


def test_what_is_suggested_answers_when_it_is_built(small: Shop) -> None:
    """Built as suggested, each question that it was said to answer is read from it."""
    history = (
        asked_for(4, 4.0, "revenue", "web_orders", by=["month", "channel"]),
        asked_for(4, 3.0, "order_value", by=["quarter"], where="buyer.country = 'US'"),
        asked_for(4, 2.0, "revenue_28d", by=["month"]),
    )
    found = advised(small, *history, most=5)

    declared = [
        rollup(s.content.rollup.name, s.content.rollup.metrics, [k.text for k in s.content.rollup.by])
        for s in found.rollups
    ]
    rolled = Rolled.built(small, *declared)
    left = [one.asked for one in found.not_helped]
    for one in history:
        uses = rolled.uses(*one.question["metrics"], **{k: v for k, v in one.question.items() if k != "metrics"})
        assert all(use.rollup for use in uses) == (one not in left), one
    assert [s.rows for s in found.rollups] == [h.rows for h in rolled.held]


def test_what_no_rollup_can_help_is_listed_with_the_reason(small: Shop) -> None:
    """Values counted once, balances, metrics that are gone, and tables as large as their fact."""
    found = advised(
        small,
        asked_for(1, 1.0, "buyers", by=["month"]),
        asked_for(1, 1.0, "balance", by=["month"]),
        asked_for(1, 1.0, "gone"),
        asked_for(1, 1.0, "shipping", by=["order_id"]),
    )

    assert found.rollups == ()
    assert [one.why for one in found.not_helped] == [
        "`COUNT(DISTINCT orders.buyer_id)` counts each value once, and slices share values",
        "a balance does not add up over time",
        "There is no metric `gone`",
        "no rollup for it would save enough",
    ]


def test_what_rollups_there_are_answer_is_not_suggested_again(small: Shop) -> None:
    """A declared rollup that gives an answer leaves nothing to suggest."""
    rolled = Rolled.built(small, rollup("spent", ("minutes",), ("day", "caller.country")))
    found = advised(rolled.shop, asked_for(3, 3.0, "minutes", by=["month"]))

    assert found.rollups == ()
    assert [one.count for one in found.already] == [3]


PLAIN = "name: m\ndatasets: {a: t}\nmetrics:\n  sold: COUNT(a.*)  # rows\n"
WRITTEN = {
    "after all else": (PLAIN, PLAIN + "rollups:\n  r: {metrics: [sold], by: [day, k]}\n"),
    "without a last line end": (PLAIN.rstrip("\n"), PLAIN + "rollups:\n  r: {metrics: [sold], by: [day, k]}\n"),
    "before those there are": (
        PLAIN + "rollups:\n    # why\n    old: {metrics: [sold], by: [k]}\n",
        PLAIN + "rollups:\n    # why\n    r: {metrics: [sold], by: [day, k]}\n    old: {metrics: [sold], by: [k]}\n",
    ),
    "in the first of two documents": (
        PLAIN + "\n# two\n---\nname: other\ndatasets: {b: t}\n",
        PLAIN + "rollups:\n  r: {metrics: [sold], by: [day, k]}\n\n# two\n---\nname: other\ndatasets: {b: t}\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRITTEN)
def test_a_file_gets_one_line_more_and_keeps_all_others(case: str) -> None:
    """Comments, layout and other documents stay as they are."""
    before, after = WRITTEN[case]

    assert after == with_rollup(before, "m.yaml", rollup("r", ("sold",), ("day", "k"), model="m"))


@pytest.mark.parametrize(
    "text", ["{name: m, datasets: {a: t}}\n", PLAIN + "rollups: {old: {metrics: [sold], by: [k]}}\n"]
)
def test_a_file_in_braces_is_not_torn(text: str) -> None:
    """What cannot be written by adding a line is refused with the line to add."""
    with pytest.raises(FreeholdError) as raised:
        with_rollup(text, "m.yaml", rollup("r", ("sold",), ("day",), model="m"))

    assert raised.value.code == "FH-N608"
    assert "r: {metrics: [sold], by: [day]}" in str(raised.value.fix)


def run(folder: Path, *words: str) -> Result:
    """Run a command in an estate."""
    return CliRunner().invoke(cli, ["-C", str(folder), *words])


def test_from_what_was_asked_to_an_answer_read_from_what_was_suggested(tmp_path: Path) -> None:
    """Asked, suggested, written, built, read; and the plan of a changed metric names the rollup."""
    folder = tmp_path / "corner"
    assert CliRunner().invoke(cli, ["init", str(folder)]).exit_code == 0
    assert run(folder, "run").exit_code == 0
    assert "Nothing was asked of metrics" in run(folder, "metrics", "suggest-rollups").stderr
    question = ("query", "revenue,orders", "--by", "state", "--no-cache", "--json")
    before = json.loads(run(folder, *question).stdout)

    said = run(folder, "metrics", "suggest-rollups", "--write")
    written = json.loads(run(folder, "metrics", "suggest-rollups", "--json").stdout)
    assert run(folder, "validate").exit_code == 0
    assert "shop.orders.orders_by_state" in run(folder, "plan", "--json").stdout
    assert run(folder, "run").exit_code == 0
    after = json.loads(run(folder, *question).stdout)

    assert said.exit_code == 0, said.output
    assert {"answers": 1, "seconds": pytest.approx(written["seconds"])} == written["already"]
    assert before["read_from"] == []
    assert [one["rollup"] for one in after["read_from"]] == ["orders_by_state"]
    assert before["rows"] == after["rows"]
    assert "read from rollup orders_by_state (3 rows)" in run(folder, "explain", after["query_id"]).stdout
    assert (
        "rollup orders_by_state not used: `customer` is not among its keys"
        in run(folder, "query", "revenue", "--by", "customer").stderr
    )

    metrics = folder / "shop/orders/metrics/shop.yaml"
    metrics.write_text(metrics.read_text().replace("orders.state <> 'cancelled'", "orders.state = 'paid'"))
    assert "shop.orders.orders_by_state" in run(folder, "plan", "--json").stdout
    assert "its definition was changed since it was built" in run(folder, *question).stdout

"""What has no one right answer is refused, by code, with what would do instead."""

# ruff: noqa: E501 - the queries are read beside each other

from __future__ import annotations

import pytest

from freehold.foundation import FreeholdError, Problems

from .conftest import Shop, catalogue_from, said

CASES = {
    "a metric nobody defined": (said(metrics=["revenu"]), "FH-N107", "`revenue`"),
    "a key that would count rows several times": (
        said(metrics=["shipping"], by=["product.family"]), "FH-N303", "`shipping` cannot be asked for so.",
    ),
    "the same key by its bare name": (said(metrics=["shipping"], by=["family"]), "FH-N303", "counted several times"),
    "a dataset with two roles": (said(metrics=["shipping"], by=["customers.country"]), "FH-N302", "`buyer` and `receiver`"),
    "a bare field of a dataset with two roles": (said(metrics=["shipping"], by=["country"]), "FH-N302", "2 ways"),
    "a field nobody has": (said(metrics=["revenue"], by=["colour"]), "FH-N301", "`colour`"),
    "a role nobody plays": (said(metrics=["revenue"], by=["payer.country"]), "FH-N301", "`buyer`"),
    "a field the role does not have": (said(metrics=["revenue"], by=["buyer.contry"]), "FH-N301", "`country`"),
    "a key one of two facts cannot reach": (
        said(metrics=["revenue", "minutes"], by=["channel"]), "FH-N303", "`minutes` cannot be asked for so.",
    ),
    "a month before, by week": (said(metrics=["growth"], by=["week"]), "FH-N208", "no whole week"),
    "a month before, without any time": (said(metrics=["growth"]), "FH-N208", "Ask by month"),
    "a share within each month, by day": (said(metrics=["month_share"], by=["day"]), "FH-N209", "Ask for it by month"),
    "two times at once": (said(metrics=["revenue"], by=["month", "week"]), "FH-N102", "`month` and `week`"),
    "a period nobody knows": (said(metrics=["revenue"], by=["sold_on:fortnight"]), "FH-N102", "fortnight"),
    "an empty stretch": (said(metrics=["revenue"], start="2011-03", end="2011-02"), "FH-N105", "is empty"),
    "a day that is none": (said(metrics=["revenue"], start="2011-02-31"), "FH-N105", "2011-02-31"),
    "a comparison that is none": (said(metrics=["revenue"], compare="1month"), "FH-N106", "prior:1month"),
    "a length of time that is none": (said(metrics=["revenue"], compare="prior:soon"), "FH-N104", "soon"),
    "an aggregate in a condition": (said(metrics=["revenue"], where="SUM(items.amount) > 3"), "FH-N203", "--having"),
    "a query in a condition": (
        said(metrics=["revenue"], where="order_id IN (SELECT order_id FROM shop.orders)"), "FH-N202", "no place",
    ),
    "a function nobody knows in a condition": (said(metrics=["revenue"], where="getenv('HOME') = ''"), "FH-N202", "GETENV"),
    "a clock in a condition": (said(metrics=["revenue"], where="sold_on < CURRENT_DATE"), "FH-N202", "another day"),
    "a file in a condition": (said(metrics=["revenue"], where="1 = (FROM 'x.csv')"), "FH-N20", "x.csv"),
    "two statements": (said(metrics=["revenue"], where="true; DROP TABLE shop.items"), "FH-N201", "is no expression"),
    "half an expression": (said(metrics=["revenue"], where="amount >"), "FH-N201", "is no expression"),
    "a column the answer does not have": (said(metrics=["revenue"], having="revenu > 3"), "FH-N110", "`revenue`"),
    "an order by what is not there": (said(metrics=["revenue"], order=["month"]), "FH-N110", "`month`"),
    "a division by 0": (said(metrics=["revenue"], where="amount / 0 > 1"), "FH-N202", "divided by 0"),
    "a remainder by 0": (said(metrics=["revenue"], where="quantity % (-0.0) > 1"), "FH-N202", "divided by 0"),
    "a month of what is no time": (said(metrics=["revenue"], by=["channel:month"]), "FH-N102", "has no month"),
    "a zone nobody knows": (said(metrics=["revenue"], zone="London"), "FH-N113", "`Europe/London`"),
    "text as a condition": (said(metrics=["revenue"], where="channel"), "FH-N112", "holds text"),
    "a number as part of a condition": (said(metrics=["revenue"], where="channel = 'web' AND NOT 1"), "FH-N112", "is a value"),
    "a number compared with a word": (said(metrics=["revenue"], where="amount > 'much'"), "FH-N112", "holds numbers"),
    "text compared with a number": (said(metrics=["revenue"], where="channel IN ('web', 5)"), "FH-N112", "'5'"),
    "a day compared with a word": (said(metrics=["revenue"], where="sold_on >= 'soon'"), "FH-N112", "holds days"),
    "an aggregate in a condition on the answer": (said(metrics=["revenue"], having="SUM(revenue) > 3"), "FH-N203", "already"),
    "a name in another case": (said(metrics=["Revenu"]), "FH-N107", "`revenue`"),
    "no metric at all": (said(metrics=[" "]), "FH-N101", "No metric"),
    "a time for what has none": (said(metrics=["headcount"], by=["month"]), "FH-N304", "have no time"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_has_no_one_right_answer_is_refused(small: Shop, case: str) -> None:
    """The refusal has its code, and says what is wrong or what would do instead."""
    asks, code, text = {**CASES[case][0]}, CASES[case][1], CASES[case][2]
    headcount = catalogue_from(
        "name: staff\ndatasets: {people: {source: customers, primary_key: [customer_id]}}\nmetrics: {headcount: COUNT(people.*)}"
    )
    small.catalogue.models["staff"] = headcount.models["staff"]  # type: ignore[index]

    with pytest.raises(FreeholdError) as caught:
        small.ask(*asks.pop("metrics"), **asks)

    assert caught.value.code.startswith(code)
    assert text in str(caught.value)
    assert caught.value.fix


FILES = {
    "an expression that does not parse": ("m: SUM(t.a", "FH-N201", 4),
    "a filter that aggregates": ("m: {expression: SUM(t.a), filter: SUM(t.a) > 1}", "FH-N203", 4),
    "a window that is no length of time": ("m: {expression: SUM(t.a), window: 28 moons}", "FH-N104", 4),
    "certified without words": ("m: {expression: SUM(t.a), status: certified}", "FH-N406", 4),
    "two kinds of span": ("m: {expression: SUM(t.a), window: 7d, cumulative: true}", "FH-N405", 4),
    "counted up within days": ("m: {expression: SUM(t.a), to_date: day}", "FH-N405", 4),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_is_wrong_is_told_with_its_place(case: str) -> None:
    """Each error of a file names line and column of what is wrong."""
    metric, code, line = FILES[case]
    text = f"name: x\ndatasets: {{t: {{source: t, primary_key: [a], fields: {{a: , b: }}}}}}\nmetrics:\n  {metric}\n"

    with pytest.raises(Problems) as caught:
        catalogue_from(text)

    assert [code] == [e.code for e in caught.value.errors]
    assert caught.value.errors[0].where is not None
    assert line == caught.value.errors[0].where.line


def test_a_join_to_what_is_no_key_is_refused() -> None:
    """A relationship whose target might have several rows for one key would count twice, so it is never made."""
    text = (
        "name: x\ndatasets:\n  f: {source: f, fields: {k: , v: }}\n  d: {source: d, fields: {k: , id: }, primary_key: [id]}\n"
        "relationships:\n  - {from: f.k, to: d.k}\n"
    )

    with pytest.raises(Problems) as caught:
        catalogue_from(text)

    assert caught.value.errors[0].code == "FH-N404"


def test_a_circle_of_metrics_is_named() -> None:
    """Metrics that stand on one another in a circle are told with the circle."""
    catalogue = catalogue_from(
        "name: x\ndatasets: {t: {source: t, fields: {a: }}}\nmetrics: {a: b + 1, b: c * 2, c: a - 1}"
    )
    from freehold.metrics.lowering import lower
    from freehold.metrics.query import asked

    with pytest.raises(FreeholdError) as caught:
        lower(catalogue, asked(["a"]))

    assert caught.value.code == "FH-N205"
    assert "x.a -> x.b -> x.c -> x.a" in caught.value.problem


def test_a_window_over_a_window_is_refused() -> None:
    """A rolling metric of a rolling metric has no one meaning."""
    catalogue = catalogue_from(
        "name: x\ndatasets: {t: {source: t, time: d, fields: {a: , d: {datatype: Date}}}}\n"
        "metrics: {w: {expression: SUM(t.a), window: 7d}, v: {expression: w, cumulative: true}}"
    )
    from freehold.metrics.lowering import lower
    from freehold.metrics.query import asked

    with pytest.raises(FreeholdError) as caught:
        lower(catalogue, asked(["v"]))

    assert caught.value.code == "FH-N206"

"""Beside MetricFlow: the same model, the same data, the same questions; where the numbers differ, a test says how.

`docs/concepts/beside-metricflow.md` tells each difference under the name it has here.
"""

# ruff: noqa: E501 - questions are read beside each other

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from freehold.engines import Session, open_engine
from freehold.foundation import LOCAL, FreeholdError
from freehold.metrics import asked, compiled

from .conftest import Shop, loaded, plain, said, shop_catalogue
from .metricflow_manifest import Manifest, UnsaidError
from .oracle import metricflow

pytestmark = pytest.mark.oracle
Rows = list[tuple[Any, ...]]
DOCS = Path(__file__).parents[2] / "docs/concepts/beside-metricflow.md"
WHOLE = {"start": "2011-01", "end": "2011-04"}
FEBRUARY = {"start": "2011-02-01", "end": "2011-02-28"}

SAME = {
    # simple
    "a total": said(metrics=["revenue"]),
    "several of one fact by week": said(metrics=["revenue", "units", "item_count"], by=["week"]),
    "by year": said(metrics=["revenue"], by=["year"]),
    "three facts by quarter": said(metrics=["orders", "revenue", "minutes"], by=["quarter"]),
    "three facts by month": said(metrics=["revenue", "orders", "minutes"], by=["month"]),
    "two facts of different grain, without instants cut": said(metrics=["revenue", "shipping"], by=["channel"]),
    "by hour": said(metrics=["orders"], by=["hour"], start="2011-01-03", end="2011-01-05"),
    "a moment as a value, beside two other facts": said(metrics=["last_order", "revenue", "minutes"]),
    "the latest of each channel": said(metrics=["last_order"], by=["channel"]),
    "a computed field as a key": said(metrics=["orders"], by=["is_web"]),
    "a computed field as a value": said(metrics=["worth"], by=["buyer.country"]),
    # joins, unknown keys, keys that lead nowhere
    "unknown keys and keys that lead nowhere": said(metrics=["orders", "buyers"], by=["buyer.segment"]),
    "keys that lead nowhere, by a product": said(metrics=["revenue"], by=["product.family"]),
    "a role": said(metrics=["shipping"], by=["buyer.country"]),
    "another role": said(metrics=["shipping"], by=["receiver.country"]),
    "both roles at once": said(metrics=["orders"], by=["buyer.segment", "receiver.segment"]),
    "both roles, two joins away": said(metrics=["revenue"], by=["buyer.segment", "receiver.segment"]),
    "two joins away, by month": said(metrics=["revenue"], by=["buyer.country", "month"]),
    "a fact of its own by a role": said(metrics=["minutes"], by=["caller.country"]),
    "another time than the fact's own": said(metrics=["orders"], by=["buyer.signed_up:quarter"]),
    "another time, of another role": said(metrics=["shipping"], by=["receiver.signed_up:year"]),
    "two times": said(metrics=["shipping"], by=["month", "buyer.signed_up:year"]),
    "a dimension as it was then": said(metrics=["revenue", "item_count"], by=["price.band"]),
    "a dimension as it was then, by month": said(metrics=["revenue"], by=["price.band", "month"]),
    "a dimension as it was then, beside one that stays": said(metrics=["units"], by=["price.band", "product.family"]),
    # conditions
    "a condition on a product": said(metrics=["revenue"], by=["month"], where="product.family = 'books'"),
    "a condition on what is unknown": said(metrics=["orders"], where="buyer.country IS NULL"),
    "conditions one and two joins away": said(metrics=["revenue"], by=["product.family"], where="buyer.country = 'US' AND channel = 'web'"),
    "either of two roles": said(metrics=["orders"], by=["channel"], where="buyer.country = 'US' OR receiver.country IN ('DE', 'FR')"),
    "a negation, which unknown values do not meet": said(metrics=["orders"], by=["channel"], where="NOT buyer.country = 'US'"),
    "a stretch of days as a condition": said(metrics=["revenue"], by=["month"], where="sold_on BETWEEN '2011-02-01' AND '2011-03-15'"),
    "a stretch of days": said(metrics=["revenue"], start="2011-02-10", end="2011-03-10"),
    "people, each once, under a condition": said(metrics=["buyers", "orders"], by=["channel"], where="buyer.segment = 'a'"),
    # filters, ratios, derived
    "a filter of the metric": said(metrics=["us_revenue"], by=["buyer.country"]),
    "a filtered count": said(metrics=["web_orders"], by=["receiver.country"]),
    "a filtered share of itself by month": said(metrics=["us_share"], by=["month"]),
    "a filtered share of itself by what it is filtered by": said(metrics=["us_share"], by=["buyer.country"]),
    "a filtered share of itself two joins away": said(metrics=["us_share"], by=["channel"]),
    "a filtered count and its share": said(metrics=["web_orders", "web_share"], by=["buyer.segment"]),
    "a ratio of two facts by month": said(metrics=["order_value"], by=["month"]),
    "a ratio of two facts by month and a shared key": said(metrics=["order_value"], by=["month", "channel"]),
    "an aggregate with a filter, nothing where there are no rows": said(metrics=["refunds"], by=["product.family"], where="items.product_id < 5"),
    # kinds of aggregates
    "people, each once, by month": said(metrics=["buyers"], by=["month"]),
    "mean, median and percentile": said(metrics=["mean_amount", "median_amount", "p90_amount"], by=["product.family"]),
    "median and percentile by month": said(metrics=["median_amount", "p90_amount"], by=["month"]),
    "median under a condition": said(metrics=["median_amount"], by=["buyer.country"], where="amount > 10"),
    # stretches that look back
    "counted up, at the end of each month": said(metrics=["revenue_total"], by=["month"], **WHOLE),
    "counted up, at the end of each quarter": said(metrics=["revenue_total"], by=["quarter"], **WHOLE),
    "counted up, without time": said(metrics=["revenue_total"]),
    "counted up by product, without time": said(metrics=["revenue_total"], by=["product.family"]),
    "28 days, at the end of each month": said(metrics=["revenue_28d", "mean_28d"], by=["month"], start="2011-01", end="2011-03"),
    "28 days, at the end of each week": said(metrics=["revenue_28d"], by=["week"], start="2011-01-03", end="2011-03-27"),
    "28 days by day, over a week without rows": said(metrics=["revenue_28d", "mean_28d"], by=["day"], **FEBRUARY),
    "28 days by day and product": said(metrics=["revenue_28d"], by=["day", "product.family"], **FEBRUARY),
    "since the first of the month, by day": said(metrics=["revenue_mtd"], by=["day"], **FEBRUARY),
    "since the first of the month, by week": said(metrics=["revenue_mtd"], by=["week"], **WHOLE),
    "since the first of the month, by month": said(metrics=["revenue_mtd"], by=["month"], **WHOLE),
    "against the month before": said(metrics=["growth"], by=["month"], end="2011-04"),
    "against the month before, from its second month on": said(metrics=["growth"], by=["month"], start="2011-02", end="2011-04"),
    "against the day a month before": said(metrics=["growth"], by=["day"], start="2011-02-01", end="2011-03-31"),
    "against the month before, by channel": said(metrics=["growth"], by=["month", "channel"], end="2011-04"),
    "against the month before, under a condition": said(metrics=["growth"], by=["month"], where="channel = 'web'", end="2011-04"),
    "28 days against those to the day a month before": said(metrics=["growth_28d"], by=["day"], end="2011-04"),
    "a day without rows": said(metrics=["daily"], by=["day"], start="2011-02-05", end="2011-02-20"),
    "a week without rows": said(metrics=["daily"], by=["week"], start="2011-01-03", end="2011-04-24"),
    "days without refunds": said(metrics=["refunds"], by=["day"], **FEBRUARY),
    # balances
    "a balance of the whole": said(metrics=["balance", "opening"]),
    "a balance by account and month": said(metrics=["balance"], by=["account", "month"]),
    "a balance by week": said(metrics=["balance"], by=["week"]),
    "a balance by who holds it": said(metrics=["balance"], by=["holder.country"]),
    "a balance of a stretch": said(metrics=["balance"], start="2011-01-05", end="2011-01-20"),
    "a balance at the first day of each month": said(metrics=["opening"], by=["month"]),
    "a balance at the last day each account has": said(metrics=["own_balance"], by=["month", "account"]),
    "a balance at the last day each account has, by who holds it": said(metrics=["own_balance"], by=["month", "holder.country"]),
    "a balance at the last day each account has, by week": said(metrics=["own_balance"], by=["week"]),
    "a balance at the last day each account has, of the whole": said(metrics=["own_balance"]),
    # conversions, where no two events come between
    "visits followed by an order, by page": said(metrics=["bought", "visits"], by=["page"]),
    "visits followed by an order, by month": said(metrics=["bought"], by=["month"]),
    "visits followed by an order": said(metrics=["bought"]),
    "visits to a page followed by an order, by month": said(metrics=["shop_bought"], by=["month"]),
    "visits followed by an order, of one page": said(metrics=["bought"], where="page = 'home'"),
}  # fmt: skip

REFUSED = {
    "one name, two ways": said(metrics=["order_value"], by=["buyer.country"]),
    "a metric per something two joins away": said(metrics=["big_buyers"], by=["channel"]),
    "a window without time": said(metrics=["revenue_28d"]),
}

UNSAID = {
    "shares of a whole": said(metrics=["month_share"], by=["month"]),
    "fiscal years": said(metrics=["revenue"], by=["fiscal_year"]),
    "fiscal years to date": said(metrics=["revenue_fytd"], by=["day"]),
    "comparisons in the question": said(metrics=["revenue"], by=["month"], compare="prior:1month"),
    "conditions on the answer": said(metrics=["revenue"], by=["month"], having="revenue > 1000"),
    "per several things": said(metrics=["many_at_once", "above_mean"], by=["channel"]),
    "time zones": said(metrics=["orders"], by=["day"], zone="Asia/Tokyo"),
}

OTHERWISE = {
    "a count without rows": said(metrics=["revenue", "orders"], by=["channel"]),
    "after the last row": said(metrics=["revenue_total"], by=["month"]),
    "the last day of a stretch": said(metrics=["orders"], start="2011-02-10", end="2011-03-10"),
    "a stretch that ends inside a period": said(metrics=["revenue_total"], by=["week"], end="2011-03"),
    "a month before the first of a stretch": said(metrics=["growth_28d"], by=["month"], start="2011-02", end="2011-04"),
    "the end of the month before": said(metrics=["growth_28d"], by=["month"], end="2011-04"),
    "a month before a quarter": said(metrics=["growth"], by=["quarter"]),
    "a balance under a condition": said(metrics=["balance"], by=["month"], where="account = 'z'"),
    "what follows after a stretch": said(metrics=["bought"], start="2011-02", end="2011-02"),
    "groups that a condition of an aggregate empties": said(metrics=["shop_bought"], by=["page"]),
}


@dataclass(frozen=True)
class Beside:
    """Both engines of metrics on one database."""

    shop: Shop
    manifest: Manifest
    theirs: dict[str, dict[str, str]]
    questions: dict[str, dict[str, Any]]

    def ours(self, asks: dict[str, Any]) -> Rows:
        """Return our answer."""
        return _rounded(self.shop.session.rows(compiled(self.shop.scope(), asked(**asks)).sql))

    def answer(self, name: str) -> Rows:
        """Return MetricFlow's answer in the order of our columns."""
        return run(self.shop.session, self.theirs[name], self.questions[name])


def run(session: Session, answer: dict[str, str], question: dict[str, Any]) -> Rows:
    """Return the rows of what MetricFlow wrote."""
    assert "sql" in answer, answer.get("why")
    columns = ", ".join(f'"{name}"' for name in (*question["group_by"], *question["metrics"]))
    return _rounded(session.rows(f"SELECT {columns} FROM ({answer['sql']}) AS answer"))


def _rounded(rows: Rows) -> Rows:
    """Return rows as they are compared: engines add up floating numbers in an order of their own."""
    found = [tuple(float(f"{v:.7g}") if isinstance(v, float) else v for v in row) for row in plain(rows)]
    return sorted(found, key=repr)


def spines(session: Session) -> None:
    """Make the tables of days and hours that MetricFlow stands on; a month longer than the data on either side."""
    for grain, kind in (("day", "DATE"), ("hour", "TIMESTAMP")):
        session.run(
            f"CREATE TABLE shop.{grain}s AS SELECT CAST(t AS {kind}) AS {grain} FROM "
            f"range(TIMESTAMP '2010-12-01', TIMESTAMP '2011-06-01', INTERVAL 1 {grain}) s(t)"
        )


@pytest.fixture(scope="module")
def beside() -> Iterator[Beside]:
    """The shop, and MetricFlow's SQL for every question that it has words for, made by one process."""
    engine = open_engine("duckdb://")
    session = engine.session(LOCAL)
    loaded(session)
    spines(session)
    catalogue = shop_catalogue()
    manifest = Manifest(catalogue.models["shop"], catalogue)
    said_ = manifest.said()
    questions = {name: manifest.question(asks) for name, asks in {**SAME, **REFUSED, **OTHERWISE}.items()}
    yield Beside(Shop(catalogue, session, "duckdb"), manifest, metricflow(said_, questions), questions)
    session.close()
    engine.close()


@pytest.mark.parametrize("case", SAME)
def test_metricflow_says_the_same_number(beside: Beside, case: str) -> None:
    """Two engines that know nothing of each other agree on every group and every value."""
    ours = beside.ours(SAME[case])

    assert ours
    assert ours == beside.answer(case)


@pytest.mark.parametrize("case", REFUSED)
def test_metricflow_refuses_what_is_answered_here(beside: Beside, case: str) -> None:
    """What only we answer is listed: the day MetricFlow answers it, it has to be compared."""
    assert beside.ours(REFUSED[case])
    assert beside.theirs[case].get("refused")


@pytest.mark.parametrize("case", UNSAID)
def test_metricflow_has_no_words_for_what_is_answered_here(beside: Beside, case: str) -> None:
    """What cannot be written down for MetricFlow is listed, and answered by us."""
    assert beside.ours(UNSAID[case])
    with pytest.raises(UnsaidError):
        beside.manifest.question(UNSAID[case])


def test_a_key_that_would_count_rows_several_times_is_refused_by_both(beside: Beside) -> None:
    """Neither says a number for the shipping of a family of products."""
    question = {"metrics": ["shipping"], "group_by": ["product__family"]}

    with pytest.raises(FreeholdError, match="FH-N303"):
        beside.ours(said(metrics=["shipping"], by=["product.family"]))

    assert metricflow(Manifest(beside.manifest.model, beside.manifest.catalogue).said(), {"q": question})["q"][
        "refused"
    ]


# -- differences, one by one -------------------------------------------------------------------------------------------


def _both(beside: Beside, name: str) -> tuple[Rows, Rows]:
    return beside.ours(OTHERWISE[name]), beside.answer(name)


def test_a_count_without_rows_is_0_here_and_unknown_there(beside: Beside) -> None:
    """A group that only the other fact has: how many orders it has is known."""
    ours, theirs = _both(beside, "a count without rows")

    assert (None, 14154.0, 0.0) in ours
    assert theirs == [(None, 14154.0, None) if row[0] is None else row for row in ours]


def test_after_the_last_row_nothing_is_said_here_and_the_last_value_there(beside: Beside) -> None:
    """MetricFlow goes on for as long as its table of days does; here a metric ends where its data does."""
    ours, theirs = _both(beside, "after the last row")

    assert theirs == [*ours, (date(2011, 5, 1), ours[-1][1])]


def test_the_last_day_of_a_stretch_is_whole_here_and_its_midnight_there(beside: Beside) -> None:
    """With times of day, MetricFlow's stretch ends with the first hour of its last day."""
    ours, theirs = _both(beside, "the last day of a stretch")
    count = "SELECT COUNT(*) FROM shop.orders WHERE ordered_at >= '2011-02-10' AND ordered_at < "

    assert ours == beside.shop.truth(count + "'2011-03-11'")
    assert theirs == beside.shop.truth(count + "'2011-03-10 01:00'")
    assert ours != theirs


def test_a_stretch_that_ends_inside_a_period_ends_there_here_and_with_the_period_there(beside: Beside) -> None:
    """By week, MetricFlow counts three days of April into a stretch that ends with March."""
    ours, theirs = _both(beside, "a stretch that ends inside a period")
    until = "SELECT SUM(amount) FROM shop.items WHERE sold_on <= "

    last = date(2011, 3, 28)
    (asked_for,), (of_the_week,) = (beside.shop.truth(until + day)[0] for day in ("'2011-03-31'", "'2011-04-03'"))

    assert dict(ours) == {**dict(theirs), last: asked_for}
    assert dict(theirs)[last] == of_the_week


def test_a_month_before_the_first_of_a_stretch_is_known_here_and_unknown_there(beside: Beside) -> None:
    """What is shown does not decide what is looked back at."""
    ours, theirs = _both(beside, "a month before the first of a stretch")

    assert ours[0] == (date(2011, 2, 1), -2826.0)
    assert theirs[0] == (date(2011, 2, 1), None)


def test_the_month_before_ends_with_its_last_day_here_and_with_as_many_days_there(beside: Beside) -> None:
    """A month before February's end is the end of January here, as the row of January shows; there it is the 28th."""
    ours, theirs = _both(beside, "the end of the month before")
    days = "SELECT SUM(amount) FROM shop.items WHERE sold_on BETWEEN "
    (february,), (january,), (of_28,) = (
        beside.shop.truth(days + stretch)[0]
        for stretch in (
            "'2011-02-01' AND '2011-02-28'", "'2011-01-04' AND '2011-01-31'", "'2011-01-01' AND '2011-01-28'"
        )
    )  # fmt: skip

    assert ours[1] == (date(2011, 2, 1), february - january)
    assert theirs[1] == (date(2011, 2, 1), february - of_28)


def test_a_month_before_a_quarter_is_refused_here_and_answered_there(beside: Beside) -> None:
    """MetricFlow moves days by a month and then takes quarters: a number for three months that no calendar has."""
    with pytest.raises(FreeholdError, match="no whole quarter"):
        beside.ours(OTHERWISE["a month before a quarter"])

    assert beside.answer("a month before a quarter")


def test_a_balance_under_a_condition_is_a_slice_here_and_has_a_last_day_of_its_own_there(beside: Beside) -> None:
    """Under `account = 'z'` the balance is what `by account` says of z, here; there the two differ."""
    ours, theirs = _both(beside, "a balance under a condition")
    slices = beside.ours(said(metrics=["balance"], by=["month", "account"]))

    assert ours == [(month, value) for month, account, value in slices if account == "z"] == []
    assert [month for month, _ in theirs] == [date(2011, 1, 1), date(2011, 2, 1)]


def test_what_follows_after_a_stretch_counts_here_and_not_there(beside: Beside) -> None:
    """A visit on the last of February is followed by an order of March: it led to it."""
    ours, theirs = _both(beside, "what follows after a stretch")
    followed = (
        "SELECT CAST(COUNT(CASE WHEN EXISTS (SELECT 1 FROM shop.orders o WHERE o.buyer_id = v.visitor_id AND o.ordered_at "
        ">= v.visited_at AND o.ordered_at < v.visited_at + INTERVAL '7 days') THEN 1 END) AS DOUBLE) / COUNT(*) FROM "
        "shop.visits v WHERE v.visited_at >= '2011-02-01' AND v.visited_at < '2011-03-01'"
    )

    assert ours == _rounded(beside.shop.truth(followed))
    assert theirs[0][0] < ours[0][0]


def test_groups_that_an_aggregate_does_not_count_stay_here_and_go_there(beside: Beside) -> None:
    """A condition inside an aggregate takes away values, not groups; the filter of a metric takes both."""
    ours, theirs = _both(beside, "groups that a condition of an aggregate empties")

    assert ours == [("home", 0.0), *theirs]


def _hand(kind: str, params: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "by_hand", "type": kind, "type_params": params, **more}


def test_a_share_of_a_metric_in_itself_is_1_there_unless_it_has_another_name(beside: Beside) -> None:
    """Numerator and denominator of one metric, one of them filtered: without an alias MetricFlow loses the filter."""
    of_us = {"where_filters": [{"where_sql_template": "{{ Dimension('buyer__country') }} = 'US'"}]}
    ratio = {"numerator": {"name": "orders", "filter": of_us}, "denominator": {"name": "orders"}}
    manifest = Manifest(beside.manifest.model, beside.manifest.catalogue).said()
    manifest["metrics"].append(_hand("ratio", ratio))
    question = {"metrics": ["by_hand"], "group_by": []}

    answer = metricflow(manifest, {"q": question})["q"]

    assert run(beside.shop.session, answer, question) == [(1.0,)]
    share = "SELECT COUNT(*) FILTER (WHERE c.country = 'US') / COUNT(*) FROM shop.orders o LEFT JOIN shop.customers c ON o.buyer_id = c.customer_id"
    assert 0 < beside.shop.truth(share)[0][0] < 1


def test_a_cumulative_metric_is_that_of_the_first_day_there_unless_told_otherwise(beside: Beside) -> None:
    """By month MetricFlow shows what was counted up on the first day of it, if the file does not say `last`."""
    inner = {"metric": {"name": "revenue"}}
    manifest = Manifest(beside.manifest.model, beside.manifest.catalogue).said()
    manifest["metrics"].append(
        _hand("cumulative", {"cumulative_type_params": inner, "measure": {"name": "revenue_measure"}})
    )
    question = {"metrics": ["by_hand"], "group_by": ["metric_time__month"]}

    answer = metricflow(manifest, {"q": question})["q"]

    theirs = dict(run(beside.shop.session, answer, question))
    until = "SELECT SUM(amount) FROM shop.items WHERE sold_on <= "
    assert theirs[date(2011, 3, 1)] == beside.shop.truth(until + "'2011-03-01'")[0][0]
    assert dict(beside.ours(said(metrics=["revenue_total"], by=["month"])))[date(2011, 3, 1)] == beside.shop.truth(
        until + "'2011-03-31'"
    )[0][0]  # fmt: skip


def test_every_difference_stands_in_the_docs() -> None:
    """The page names each, so that nobody finds one by surprise."""
    told = " ".join(DOCS.read_text(encoding="utf-8").split())

    assert [name for name in (*REFUSED, *UNSAID, *OTHERWISE) if name not in told] == []
    assert f"every group and value of {len(SAME)} questions is the same" in told

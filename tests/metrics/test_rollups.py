"""Rollups: an answer read from one is the answer of the rows, or it is not read from it and the reason is said."""

# ruff: noqa: E501, PT017 - the tables of cases are read beside each other; answers and refusals are told apart here

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freehold.engines import Session
from freehold.foundation import FreeholdError
from freehold.metrics import Policy
from freehold.metrics.expressions import condition
from freehold.metrics.rollups import Why, content_of

from .conftest import Shop, said, shop_catalogue
from .rolled import Rolled, rollup
from .test_truth import CASES

ITEMS = (
    "revenue",
    "units",
    "item_count",
    "mean_amount",
    "worth",
    "us_revenue",
    "refunds",
    "revenue_28d",
    "mean_28d",
    "growth",
    "month_share",
    "daily",
)
ORDERS = ("orders", "shipping", "last_order", "web_orders", "web_share")
SHOP_ROLLUPS = (
    rollup("daily_items", ITEMS, ("day", "channel", "buyer.country", "buyer.segment", "product.family", "price.band", "product_id")),
    rollup("daily_orders", ORDERS, ("day", "channel", "buyer.country", "buyer.segment", "receiver.country", "receiver.segment", "buyer.signed_up:month")),
    rollup("hourly_orders", ORDERS, ("hour", "channel")),
    rollup("daily_minutes", ("minutes",), ("day", "caller.country", "caller.segment")),
    rollup("daily_visits", ("visits",), ("day", "page")),
    rollup("daily_instants", ("by_instant",), ("day",), model="clocks"),
    rollup("daily_naive", ("by_naive",), ("day",), model="clocks"),
)  # fmt: skip
NOT_FROM_ROLLUPS = {  # with the reasons that every pass that is not is told by
    "unknown keys and keys that lead nowhere stay, as one group": {Why.NOT_ADDITIVE},
    "mean, median, percentile and a computed field": {Why.NOT_ADDITIVE},
    "buyers of 28 days, each once": {Why.NOT_ADDITIVE},
    "a share of people, who are not added up": {Why.NOT_ADDITIVE},
    "a metric in a filter": {Why.NOT_ADDITIVE},
    "visits followed by an order within a week": {Why.NOT_ADDITIVE},
    "the number of visits to a page that were followed": {Why.NOT_ADDITIVE},
    "a metric per two things in a filter, and one over everything": {Why.NOT_ADDITIVE},
    "an instant belongs to the day of the zone asked for": {Why.ZONE},
    "a stretch of days is cut in the zone of the model": {Why.ZONE},
}


@pytest.fixture(scope="module")
def rolled_duckdb(duckdb_shop: Session) -> Rolled:
    """The shop in DuckDB, with rollups."""
    return Rolled.built(Shop(shop_catalogue(), duckdb_shop, "duckdb"), *SHOP_ROLLUPS)


@pytest.fixture(scope="module")
def rolled_postgres(postgres_shop: Session) -> Rolled:
    """The shop in PostgreSQL, with rollups."""
    return Rolled.built(Shop(shop_catalogue(), postgres_shop, "postgres"), *SHOP_ROLLUPS)


@pytest.fixture(params=["duckdb", "postgres"])
def rolled(request: pytest.FixtureRequest) -> Iterator[Rolled]:
    """The shop with rollups in each engine."""
    found: Rolled = request.getfixturevalue(f"rolled_{request.param}")
    yield found
    found.shop.policies = {}


@pytest.mark.parametrize("case", CASES)
def test_an_answer_from_rollups_is_what_a_careful_person_counts(rolled: Rolled, case: str) -> None:
    """Every case of the truth has its numbers with rollups at hand; which passes are not read from one is known."""
    asks, truth = {**CASES[case][0]}, CASES[case][1]
    metrics = asks.pop("metrics")
    expected = [tuple(None if v == "?" else v for v in row) for row in rolled.shop.truth(truth)]

    found = rolled.ask(*metrics, **asks)
    uses = rolled.uses(*metrics, **asks)

    assert sorted(map(repr, expected)) == sorted(map(repr, found))
    missed = {miss.why for use in uses if not use.rollup for miss in use.misses}
    assert NOT_FROM_ROLLUPS.get(case, set()) <= missed
    if case not in NOT_FROM_ROLLUPS and "balance" not in case:
        assert uses
        assert all(use.rollup for use in uses), [str(m) for use in uses for m in use.misses]


REFUSED = {
    "a field that is no key": (said(metrics=["revenue"], by=["receiver.country"]), Why.KEY, "rollup daily not used: `receiver.country` is not among its keys"),
    "another role of the same dataset": (said(metrics=["orders"], by=["receiver.country"]), Why.KEY, "rollup placed not used: `receiver.country` is not among its keys"),
    "a condition on what is no key": (said(metrics=["revenue"], where="amount > 10"), Why.CONDITION, "rollup daily not used: the condition on `items.amount` is not on one of its keys"),
    "hours from days": (said(metrics=["orders"], by=["hour"]), Why.PERIOD, "rollup placed not used: hours do not follow from its months"),
    "weeks from months": (said(metrics=["orders"], by=["week"]), Why.PERIOD, "rollup placed not used: weeks do not follow from its months"),
    "a stretch that begins within a month": (said(metrics=["orders"], start="2011-02-07"), Why.BOUNDARY, "rollup placed not used: 2011-02-07 lies within one of its months"),
    "a rolling window of days from months": (said(metrics=["orders_28d"], by=["month"]), Why.PERIOD, "rollup placed not used: days do not follow from its months"),
    "a month of another zone": (said(metrics=["orders"], by=["month"], zone="Asia/Tokyo"), Why.ZONE, "rollup placed not used: its months are those of Europe/London"),
    "a metric it does not hold": (said(metrics=["units"]), Why.METRIC, "rollup daily not used: `SUM(items.quantity)` of `units` is not in it"),
    "values counted once": (said(metrics=["buyers"]), Why.NOT_ADDITIVE, "rollup placed not used: `COUNT(DISTINCT orders.buyer_id)` counts each value once, and slices share values"),
    "a metric filter that no key tells": (said(metrics=["us_revenue"]), Why.CONDITION, "rollup daily not used: the condition on `buyer.country` is not on one of its keys"),
    "a time of a rollup by no time": (said(metrics=["minutes"], by=["month"]), Why.PERIOD, "rollup spent not used: it is by no time"),
}  # fmt: skip


@pytest.fixture(scope="module")
def narrow(duckdb_shop: Session) -> Rolled:
    """Rollups that hold little."""
    from .conftest import MODEL, catalogue_from

    more = MODEL.read_text().replace(
        "  visits: COUNT(visits.*)", "  visits: COUNT(visits.*)\n  orders_28d: {expression: orders, window: 28d}"
    )
    return Rolled.built(
        Shop(catalogue_from(more), duckdb_shop, "duckdb"),
        rollup("daily", ("revenue",), ("day", "channel")),
        rollup("placed", ("orders",), ("month", "buyer.country")),
        rollup("spent", ("minutes",), ("caller.country",)),
    )  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_rollup_does_not_give_is_read_from_rows_and_said_why(narrow: Rolled, case: str) -> None:
    """The rows answer, and the miss says in words and by kind what the rollup lacks."""
    asks, why, told = {**REFUSED[case][0]}, REFUSED[case][1], REFUSED[case][2]
    metrics = asks.pop("metrics")

    (use,) = narrow.uses(*metrics, **asks)

    assert not use.rollup
    assert [why] == [miss.why for miss in use.misses]
    assert (told,) == use.told()
    assert narrow.shop.ask(*metrics, **asks) == narrow.ask(*metrics, **asks)


def test_a_rollup_that_is_used_says_so(narrow: Rolled) -> None:
    """The line names it and how many rows it has."""
    (use,) = narrow.uses("revenue", by=["week"], where="channel = 'web'", start="2011-01-05", end="2011-03-09")

    assert use.rollup == "daily"
    assert (f"read from rollup daily ({use.rows} rows)",) == use.told()


def test_of_several_rollups_the_smallest_is_read(rolled_duckdb: Rolled) -> None:
    """Hours by channel have more rows than days by much else have: the fewer rows are read."""
    (use,) = rolled_duckdb.uses("orders", by=["month", "channel"])
    (hourly,) = rolled_duckdb.uses("orders", by=["hour", "channel"])

    assert (
        min((h.rows, h.content.rollup.name) for h in rolled_duckdb.held if h.content.fact == "orders")[1] == use.rollup
    )
    assert hourly.rollup == "hourly_orders"


POLICIES = {
    "rows by a key are seen by it": ({"items": Policy(rows=condition("product_id < 9", "x"))}, {"metrics": ["revenue"], "by": ["product.family"]}, None),
    "rows by what is no key are not": ({"items": Policy(rows=condition("quantity > 1", "x"))}, {"metrics": ["revenue"]}, "you see some rows of `items` only, by `quantity`, which is not among its keys"),
    "rows of what is joined are not": ({"customers": Policy(rows=condition("country = 'US'", "x"))}, {"metrics": ["revenue"], "by": ["buyer.country"]}, "you see some rows of `customers` only"),
    "rows of what is not joined are of no concern": ({"customers": Policy(rows=condition("country = 'US'", "x"))}, {"metrics": ["revenue"], "by": ["product.family"]}, None),
    "a mask of what is read": ({"customers": Policy(masks={"country": condition("'x'", "x")})}, {"metrics": ["revenue"], "by": ["buyer.country"]}, "`customers.country` is masked for you"),
    "a mask of what is summed": ({"items": Policy(masks={"amount": condition("0", "x")})}, {"metrics": ["revenue"], "by": ["product.family"]}, "`items.amount` is masked for you"),
    "a mask of what joins": ({"items": Policy(masks={"product_id": condition("1", "x")})}, {"metrics": ["revenue"], "by": ["product.family"]}, "`items.product_id` is masked for you"),
    "a mask of something else, beside rows of the fact": (
        {"items": Policy(rows=condition("product_id < 9", "x")), "products": Policy(masks={"name": condition("'x'", "x")})},
        {"metrics": ["revenue"], "by": ["product.family"]}, None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", POLICIES)
def test_no_rollup_shows_what_a_policy_hides(rolled: Rolled, case: str) -> None:
    """A caller has from a rollup what they would have from the rows, or it is not read."""
    policies, words, why = POLICIES[case]
    rolled.shop.policies = policies
    asks = {**words}
    metrics = asks.pop("metrics")

    (use,) = rolled.uses(*metrics, **asks)

    assert rolled.shop.ask(*metrics, **asks) == rolled.ask(*metrics, **asks)
    assert [why] == [miss.words for miss in use.misses] if why else use.rollup == "daily_items"


TIMES = ("hour", "day", "week", "month", "quarter", "year", "fiscal_quarter", "fiscal_year")
FIELDS = {
    "items": ("channel", "buyer.country", "buyer.segment", "product.family", "price.band", "product_id"),
    "orders": ("channel", "buyer.country", "buyer.segment", "receiver.country", "buyer.signed_up:month", "is_web"),
}
ASKED = {
    "items": (*ITEMS, "us_share", "revenue_total", "revenue_mtd", "revenue_fytd", "share", "growth_28d", "order_value"),
    "orders": (*ORDERS, "buyers", "order_value"),
}
WHERE = (
    None,
    None,
    "channel = 'web'",
    "buyer.country IS NULL",
    "buyer.country IN ('US', 'DE') OR channel = 'phone'",
    "NOT buyer.segment = 'a'",
    "is_web",
)
DAYS = (None, None, "2011-01-01", "2011-02-01", "2011-02-14", "2011-04-01")
SEEN = {None: None, "items": "product_id < 9", "orders": "channel = 'web'"}


def _some(values: tuple[str, ...], least: int, most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=least, max_size=most, unique=True)


@st.composite
def questions(draw: st.DrawFn) -> tuple[list[tuple[list[str], list[str]]], list[str], dict[str, Any], str | None]:
    """Draw rollups over one fact (metrics, keys), and a question about it that they may or may not give."""
    fact = draw(st.sampled_from(("items", "orders")))
    held = {"items": ITEMS, "orders": ORDERS}[fact]
    kept = draw(
        st.lists(
            st.tuples(_some(held, 2, 6), _some(FIELDS[fact], 1, 5), st.sampled_from(TIMES)), min_size=1, max_size=3
        )
    )
    metrics = draw(_some(ASKED[fact], 1, 2))
    by = [*draw(_some(FIELDS[fact], 0, 2)), *draw(_some(TIMES, 0, 1))]
    start, until = draw(st.sampled_from(DAYS)), draw(st.sampled_from((None, "2011-04-30", "2011-06-30")))
    compare = draw(st.sampled_from((None, None, "prior:1month", "prior:7d", "prior:1year")))
    words = said(
        by=by, where=draw(st.sampled_from(WHERE)), start=start, end=until, fewest=draw(st.sampled_from((1, 1, 4))),
        compare=compare if "last_order" not in metrics else None,  # a moment has no share of a change
    )  # fmt: skip
    return [(names, [time, *fields]) for names, fields, time in kept], metrics, words, draw(st.sampled_from(list(SEEN)))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=questions())
def test_with_rollups_or_without_the_answer_is_the_same(duckdb_shop: Session, drawn: Any) -> None:
    """Whatever rollups there are, whatever is asked, by whomever: the same rows, or the same refusal."""
    kept, metrics, words, seen = drawn
    shop = Shop(shop_catalogue(), duckdb_shop, "duckdb")
    declared = [
        rollup(f"r{i}", names, keys) for i, (names, keys) in enumerate(kept) if _can_be_built(shop, names, keys)
    ]
    rolled = Rolled.built(shop, *declared)
    shop.policies = {seen: Policy(rows=condition(str(SEEN[seen]), "x"))} if seen else {}

    assert _answered(shop, metrics, words) == _answered(rolled, metrics, words)


def _can_be_built(shop: Shop, names: list[str], keys: list[str]) -> bool:
    one = rollup("probe", names, keys)
    if sum(key.is_time for key in one.by) > 1:
        return False
    try:
        content_of(shop.catalogue, one)
    except FreeholdError as error:
        assert error.code in ("FH-N301", "FH-N302", "FH-N303", "FH-N602", "FH-N603")
        return False
    return True


def _answered(asks: Shop | Rolled, metrics: list[str], words: dict[str, Any]) -> object:
    try:
        return [tuple(map(repr, row)) for row in asks.ask(*metrics, **words)]
    except FreeholdError as error:
        assert not error.code.startswith("FH-E"), error
        return error.code

"""What must hold of any question: slices add up, filters only take away, what is not asked for changes nothing."""

# ruff: noqa: E501, PT017 - what may be answered and what may be refused is told apart here

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freehold.foundation import FreeholdError
from freehold.metrics import Policy, asked, compiled
from freehold.metrics.expressions import condition
from freehold.metrics.paths import reachable

from .conftest import Shop, catalogue_from

ADDITIVE = ("revenue", "units", "item_count", "orders", "shipping", "minutes", "web_orders", "visits", "worth")
KEYS = (
    "channel", "buyer.country", "buyer.segment", "receiver.country", "product.family", "price.band", "caller.segment",
    "month", "week", "quarter", "fiscal_year", "day", "buyer.signed_up:year", "page", "order_id", "product_id",
)  # fmt: skip
CONDITIONS = (
    "buyer.country = 'US'", "channel = 'web'", "product.family <> 'toys'", "amount > 10", "buyer.country IS NULL",
    "price.band = 'mid' OR amount < 0", "NOT buyer.segment = 'a'",
)  # fmt: skip


@pytest.mark.parametrize("metric", ADDITIVE)
def test_slices_of_an_additive_metric_add_up(small: Shop, metric: str) -> None:
    """Summed over any one or two keys it is the total; a key that cannot do that is refused, never wrong."""
    ((total,),) = small.ask(metric)
    answered = 0

    for keys in itertools.chain(itertools.combinations(KEYS, 1), itertools.combinations(KEYS[:8], 2)):
        try:
            rows = small.ask(metric, by=keys)
        except FreeholdError as error:
            assert error.code in ("FH-N301", "FH-N302", "FH-N303", "FH-N304"), keys
            continue
        answered += 1
        assert total == pytest.approx(sum(row[-1] or 0 for row in rows)), keys

    assert answered >= 3


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    metric=st.sampled_from(("units", "item_count", "orders", "minutes", "visits", "web_orders")),
    where=st.lists(st.sampled_from(CONDITIONS), min_size=1, max_size=3),
)
def test_a_filter_never_adds(small: Shop, metric: str, where: list[str]) -> None:
    """A condition more never makes an additive metric without negative values larger."""
    values = []
    for count in range(len(where) + 1):
        joined = " AND ".join(f"({one})" for one in where[:count])
        try:
            ((value,),) = small.ask(metric, where=joined or None)
        except FreeholdError as error:
            assert error.code in ("FH-N301", "FH-N302", "FH-N303")
            return
        values.append(value or 0)

    assert values == sorted(values, reverse=True)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    metrics=st.lists(
        st.sampled_from([*ADDITIVE, "buyers", "mean_amount", "us_share", "revenue_28d"]),
        min_size=2,
        max_size=4,
        unique=True,
    ),
    key=st.sampled_from(("month", "quarter", "buyer.segment")),
)
def test_asking_for_more_changes_no_number(small: Shop, metrics: list[str], key: str) -> None:
    """A metric is the same whichever others are asked for beside it."""
    try:
        together = small.ask(*metrics, by=[key])
    except FreeholdError as error:
        assert error.code in ("FH-N301", "FH-N303", "FH-N304")
        return

    for position, metric in enumerate(metrics, start=1):
        alone = dict(small.ask(metric, by=[key]))
        beside = {row[0]: row[position] for row in together}
        assert alone == {k: beside[k] for k in alone}
        assert not any(beside[k] for k in beside.keys() - alone.keys())


def test_a_table_of_many_that_nobody_asks_for_changes_no_number(small: Shop) -> None:
    """Relationships that fan out may be added to a model at will: numbers stay, and the SQL too."""
    from .conftest import MODEL

    more = MODEL.read_text().split("---")[0].replace(
        "relationships:\n",
        "  notes: {source: items, primary_key: [item_id], fields: {item_id: , order_id: , note: amount}}\n"
        "relationships:\n  - {from: notes.order_id, to: orders.order_id, name: noted}\n",
    )  # fmt: skip
    wider = catalogue_from(more)
    for metric in ADDITIVE:
        query = asked([metric], ["month"])
        before = compiled(small.scope(), query).sql
        assert before == compiled(Shop(wider, small.session, "duckdb").scope(), query).sql


def test_what_can_be_reached_is_never_many(small: Shop) -> None:
    """Every way from a fact is made of joins from many to one; nothing is reached over itself."""
    for model in small.catalogue.models.values():
        for fact in model.datasets:
            for target, paths in reachable(model, fact).items():
                for path in paths:
                    assert target == (path[-1].target if path else fact)
                    assert all(a.target == b.source for a, b in itertools.pairwise(path))


def test_a_caller_sees_only_rows_of_the_policy_in_every_branch(shop: Shop) -> None:
    """Rows a caller may not see count in no branch, no spine, no share and no nested metric; masked values group as one."""
    shop.policies = {
        "customers": Policy(rows=condition("country = 'US'", "x"), masks={"segment": condition("'hidden'", "x")}),
        "items": Policy(rows=condition("product_id < 3", "x")),
    }

    ((revenue,),) = shop.ask("revenue")
    seen = {row[0] for row in shop.ask("orders", by=["buyer.country"])}
    segments = {row[0] for row in shop.ask("orders", by=["buyer.segment"])}
    ((_, rolling), *_) = shop.ask("revenue_total", by=["year"])
    share = {row[0]: row[1] for row in shop.ask("share", by=["product_id"])}

    assert shop.truth("SELECT SUM(amount) FROM shop.items WHERE product_id < 3") == [(revenue,)]
    assert {"US", None} == seen
    assert {"hidden", None} == segments
    assert revenue == rolling
    assert pytest.approx(sum(share.values())) == 1
    assert {0.0, 1.0, 2.0} == set(share)


def test_groups_too_small_to_show_are_not_shown(shop: Shop) -> None:
    """A group of fewer rows than may be shown is left out, in plain branches and in windows."""
    by_product = "SELECT product_id, COUNT(*) FROM shop.items WHERE amount > 90 GROUP BY 1 HAVING COUNT(*) >= {}"

    shown = shop.ask("item_count", by=["product_id"], where="amount > 90", fewest=6)
    windows = shop.ask("revenue_28d", by=["month", "product_id"], where="amount > 90", fewest=6)

    assert shop.truth(by_product.format(6)) == shown
    assert len(shown) < len(shop.truth(by_product.format(1)))
    assert len(windows) < len(shop.ask("revenue_28d", by=["month", "product_id"], where="amount > 90"))

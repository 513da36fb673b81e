"""Going back to an earlier deployment, and staying there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from shop import Shop, days, ordinary_day, write_day

from freehold.delivery.deployments import deployments, products_to_take_back
from freehold.foundation import FreeholdError


@pytest.fixture
def live(opened: Shop) -> Shop:
    """A shop with five days, published one a run."""
    for index, on in enumerate(days(5)):
        write_day(opened.root, on, ordinary_day(index))
        assert opened.delivery.run().exit_code == 0
        opened.clock.advance(timedelta(hours=1))
    return opened


def _days(shop: Shop) -> list[int]:
    return [row[0].day for row in shop.rows("select sold_on from shop_orders.daily order by 1")]


def test_a_rollback_brings_back_the_deployment_before(live: Shop) -> None:
    """Every asset the last deployment moved goes back with it, at once."""
    live.delivery.rollback("shop.orders")
    assert _days(live) == [1, 2, 3, 4]
    assert live.rows("select sum(amount) from shop_orders.lines") == live.rows(
        "select sum(revenue) from shop_orders.daily"
    )


def test_going_back_twice_goes_back_two_deployments(live: Shop) -> None:
    """A rollback counts as what it restored."""
    live.delivery.rollback("shop.orders")
    live.delivery.rollback("shop.orders")
    assert _days(live) == [1, 2, 3]


def test_what_came_since_an_instant_goes_back_together(live: Shop) -> None:
    """To the last deployment before it; where nothing that came since is live, by one."""
    (_, _, third, *_) = deployments(live.delivery)
    back = live.delivery.rollback("shop.orders", since=third.at)
    assert _days(live) == [1, 2]
    assert {move.asset for move in back.moves} >= {"shop.orders.lines", "shop.orders.daily"}
    live.delivery.rollback("shop.orders", since=third.at)
    assert _days(live) == [1]


def test_an_instant_after_all_that_was_published_goes_back_by_one(live: Shop) -> None:
    """It began after what is live was published: that is what is wrong, or nothing is."""
    live.delivery.rollback("shop.orders", since=live.delivery.clock.now() + timedelta(days=1))
    assert _days(live) == [1, 2, 3, 4]


def test_an_instant_before_all_that_was_published_leads_nowhere(live: Shop) -> None:
    """There is nothing before it to go back to."""
    with pytest.raises(FreeholdError, match="no earlier deployment"):
        live.delivery.rollback("shop.orders", since=deployments(live.delivery)[-1].at)
    assert _days(live) == [1, 2, 3, 4, 5]


def test_a_job_that_takes_a_deployment_back_again_answers_the_same(live: Shop) -> None:
    """Where it died after the effect: nothing of the deployment is live any more, since this very job took it back."""
    newest, *_ = deployments(live.delivery)
    live.delivery.caller = replace(live.delivery.caller, job="01a1ffc2-0033-72b4-b019-d89cc02b29fb")
    for _ in range(2):
        assert products_to_take_back(live.delivery, newest) == ("shop.orders",)
        live.delivery.rollback("shop.orders")
    assert _days(live) == [1, 2, 3, 4]

    live.delivery.caller = replace(live.delivery.caller, job="")
    with pytest.raises(FreeholdError, match="Nothing of deployment"):
        products_to_take_back(live.delivery, newest)


def test_the_days_of_one_run_go_back_together(live: Shop) -> None:
    """Between the deployments of a run some assets have a day that others have not: no way leads back to that."""
    for index, on in enumerate(days(8)[5:], start=5):
        write_day(live.root, on, ordinary_day(index))
    assert len(live.delivery.run().deployments) == 3
    live.delivery.rollback("shop.orders")
    assert _days(live) == [1, 2, 3, 4, 5]
    (figures,) = live.rows(
        "SELECT (SELECT sum(amount) FROM shop_orders.lines), (SELECT sum(revenue) FROM shop_orders.daily), "
        "(SELECT sum(revenue) FROM shop_orders.totals), (SELECT sum(spent) FROM shop_orders.buyers)"
    )
    assert len(set(figures)) == 1
    live.delivery.rollback("shop.orders")
    assert _days(live) == [1, 2, 3, 4]


def test_a_product_stays_where_it_was_put_until_it_is_unpinned(live: Shop) -> None:
    """Runs leave pinned assets alone and say so; unpinned, they catch up."""
    live.delivery.rollback("shop.orders")
    write_day(live.root, days(6)[5], ordinary_day(5))
    outcome = live.delivery.run()
    assert "shop.orders.daily" in outcome.pinned
    assert _days(live) == [1, 2, 3, 4]
    live.delivery.unpin("shop.orders")
    live.delivery.run()
    assert _days(live) == [1, 2, 3, 4, 5, 6]


def test_what_was_built_before_is_not_built_again(live: Shop) -> None:
    """After unpinning, the day that was taken back returns as the same candidate."""
    before = live.rows("select candidate from freehold.member where asset = 'shop.orders.lines' and to_epoch is null")
    live.delivery.rollback("shop.orders")
    live.delivery.unpin("shop.orders")
    live.delivery.run()
    after = live.rows("select candidate from freehold.member where asset = 'shop.orders.lines' and to_epoch is null")
    assert sorted(before) == sorted(after)


def test_the_first_deployment_has_nothing_before_it(opened: Shop) -> None:
    """The refusal says why, and nothing moves."""
    write_day(opened.root, days(1)[0], ordinary_day(0))
    opened.delivery.run()
    with pytest.raises(FreeholdError, match="first") as caught:
        opened.delivery.rollback("shop.orders")
    assert caught.value.code == "FH-D202"
    assert _days(opened) == [1]


def test_a_first_run_of_several_deployments_is_told_as_a_run(opened: Shop) -> None:
    """Nobody who sees three deployments is told that the last of them is the first."""
    for index, on in enumerate(days(3)):
        write_day(opened.root, on, ordinary_day(index))
    assert len(opened.delivery.run().deployments) > 1

    with pytest.raises(FreeholdError, match="the run that made live what is there is its first"):
        opened.delivery.rollback("shop.orders")


def test_a_product_that_does_not_exist_is_answered_with_a_near_one(live: Shop) -> None:
    """Nothing is guessed."""
    with pytest.raises(FreeholdError) as caught:
        live.delivery.rollback("shop.order")
    assert "shop.orders" in caught.value.fix


def test_a_rollback_is_evidence(live: Shop) -> None:
    """The ledger knows what was taken back, to where, and keeps what the person wrote apart."""
    taken_back = live.delivery.rollback("shop.orders", "wrong prices").from_deployment
    (event,) = live.ledger.read(types=("deploy.rolled_back",))
    assert event.data["deploy_id"] == taken_back != event.correlation_id
    assert event.data["to"]
    assert "wrong" not in str(event.data)
    item = live.ledger.side.get(str(event.data["reason"]))
    assert item is not None
    assert item.payload == {"text": "wrong prices"}

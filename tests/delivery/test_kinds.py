"""An asset changes how it is kept, is rolled back, and is read by others meanwhile: always what is really live."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from shop import Shop, days, ordinary_day, shop, write_day

from freehold.delivery import Status
from freehold.foundation import Problems

INTERVAL = """
{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='sold_on', batch_size='day') }}
"""
KEPT = {
    "by interval": INTERVAL,
    "as a table": "{{ config(materialized='table') }}\n",
    "as a view": "{{ config(materialized='view') }}\n",
    "by key": "{{ config(materialized='incremental', unique_key='line') }}\n",
}
SALES = """
select sold_on, sku || buyer || sold_on as line, quantity * {times} as pieces from {{{{ source('orders', 'raw') }}}}
"""
TOTAL = "select sum(pieces) as pieces, {note} as note from {{{{ ref('sales') }}}}"
DAYS = INTERVAL + "select sold_on, sum(pieces) as pieces from {{ ref('sales') }} group by sold_on"
SHOWN = "{{ config(materialized='view') }} select pieces from {{ ref('sales') }}"


def _models(kept: str, times: int, note: int = 0) -> dict[str, str]:
    sales = KEPT[kept] + SALES.format(times=times)
    return {"sales": sales, "total": TOTAL.format(note=note), "shown": SHOWN}


def _agree(live: Shop) -> int:
    """Return how many pieces the sales hold, which must be what every asset says that reads them."""
    ((pieces,),) = live.rows('SELECT sum(pieces) FROM "shop_orders"."sales"')
    for asset in ("total", "shown"):
        assert live.rows(f'SELECT sum(pieces) FROM "shop_orders"."{asset}"') == [(pieces,)], asset
    return int(pieces)


@pytest.mark.parametrize(("before", "after"), list(permutations(KEPT, 2)))
def test_what_is_live_is_read_as_it_was_built(opened: Shop, before: str, after: str) -> None:
    """Through a change of kind, a rollback, a new day and an edit of a reader while it is pinned, and on again."""
    for index, on in enumerate(days(3)):
        write_day(opened.root, on, ordinary_day(index))
    first = opened.with_estate(shop(opened.root, _models(before, 1)))
    assert first.run().exit_code == 0
    once = _agree(opened)

    opened.clock.advance(timedelta(hours=1))
    changed = opened.with_estate(shop(opened.root, _models(after, 2)))
    assert changed.run().exit_code == 0
    assert _agree(opened) == 2 * once

    opened.clock.advance(timedelta(hours=1))
    changed.rollback("shop.orders.sales")
    edited = opened.with_estate(shop(opened.root, _models(after, 2, note=1)))
    edited.run()
    assert opened.rows('SELECT sum(pieces) FROM "shop_orders"."sales"') == [(once,)]
    assert opened.rows('SELECT pieces FROM "shop_orders"."total"') == [(once,)]  # built from what is live, never empty
    judged = edited.check(["sales"])["shop.orders.sales"]
    assert judged.state.rows == 9

    edited.unpin("shop.orders.sales")
    opened.clock.advance(timedelta(hours=1))
    write_day(opened.root, days(4)[3], ordinary_day(3))
    assert edited.run().exit_code == 0
    assert _agree(opened) == 2 * (once + 1 + 4 + 2)
    assert edited.run().nothing_to_do


@pytest.mark.parametrize("other", ["as a table", "as a view", "by key"])
def test_there_and_back_again(opened: Shop, other: str) -> None:
    """By interval, otherwise, and by interval once more: the intervals built before count again, all of them."""
    for index, on in enumerate(days(3)):
        write_day(opened.root, on, ordinary_day(index))
    for kept, note in (("by interval", 0), (other, 0), ("by interval", 0), ("by interval", 1)):
        opened.clock.advance(timedelta(hours=1))
        estate = opened.with_estate(shop(opened.root, _models(kept, 1, note)))
        assert estate.run().exit_code == 0
        assert _agree(opened) == sum(1 + (i + 1) + 2 for i in range(3))
    assert estate.run().nothing_to_do
    assert estate.status()[0].safe == "yes"


def test_a_reader_by_interval_waits_while_there_are_no_intervals(opened: Shop) -> None:
    """What is live was built whole and is pinned; the model says by interval: a reader of intervals is held."""
    for index, on in enumerate(days(2)):
        write_day(opened.root, on, ordinary_day(index))
    assert opened.with_estate(shop(opened.root, _models("as a table", 1))).run().exit_code == 0
    opened.clock.advance(timedelta(hours=1))
    models = {**_models("by interval", 2), "by_day": DAYS}
    changed = opened.with_estate(shop(opened.root, models))
    assert changed.run().exit_code == 0
    changed.rollback("shop.orders.sales")
    models["by_day"] += " having true"

    outcome = opened.with_estate(shop(opened.root, models)).run()

    held = [s for s in outcome.steps if s.asset == "shop.orders.by_day"]
    assert held
    assert all(s.status is Status.HELD and "shop.orders.sales" in s.reason for s in held)


def test_a_model_by_interval_of_nothing_by_interval_is_refused(opened: Shop) -> None:
    """It would have no intervals, and silently never be built."""
    estate = shop(opened.root, {"sales": KEPT["as a table"] + SALES.format(times=1), "by_day": DAYS})

    with pytest.raises(Problems) as problems:
        opened.with_estate(estate)

    (error,) = problems.value.errors
    assert error.code == "FH-M018"
    assert "shop.orders.by_day" in error.problem

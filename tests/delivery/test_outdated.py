"""What is live and is not built from what is live: told by `status` and by the rollback that made it so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from shop import HERE, MODELS, RAW, Shop, column, contract, days, ordinary_day, shop, write_day

from freehold.delivery import Delivery, ProductStatus
from freehold.estate.model import Estate, ModelFile, Port, Product

BOARD = "select sum(revenue) as revenue from {{ ref('daily') }}"


def _two_products(live: Shop, models: dict[str, str] | None = None) -> Estate:
    """Return the shop with a second product that reads the first."""
    estate = shop(live.root, models or MODELS)
    board = Product(
        "shop.board",
        HERE,
        name="Board",
        version="1.0.0",
        status="active",
        domain="shop",
        tier=1,
        output_ports=(Port("total", HERE),),
    )
    file = ModelFile("shop.board.total", "shop.board", "board/total.sql", "sql", BOARD)
    return replace(
        estate,
        products={**estate.products, "shop.board": board},
        models={**estate.models, "shop.board.total": file},
    )


def _of(delivery: Delivery, product: str) -> ProductStatus:
    return next(p for p in delivery.status() if p.product.id == product)


def test_a_rollback_names_what_other_products_still_hold(live: Shop) -> None:
    """Until a run builds it from what is live, it is not safe to use, and says why."""
    both = live.with_estate(_two_products(live))
    both.run()
    live.clock.advance(timedelta(hours=1))
    write_day(live.root, days(5)[4], [("a", "b1", 100, 20.0), ("b", "b2", 1, 1.0)])
    both.run()
    ((wrong,),) = live.rows('SELECT revenue FROM "shop_board"."total"')

    back = both.rollback("shop.orders")

    assert back.left == ("shop.board.total",)
    assert live.rows('SELECT revenue FROM "shop_board"."total"') == [(wrong,)]
    status = _of(both, "shop.board")
    assert status.safe == "no"
    assert any("before that was rolled back" in reason for reason in status.reasons)

    live.clock.advance(timedelta(hours=1))
    both.run()
    assert live.rows('SELECT revenue FROM "shop_board"."total"') != [(wrong,)]
    assert _of(both, "shop.board").safe == "yes"


def test_a_run_of_a_part_leaves_the_rest_behind_and_says_so(live: Shop) -> None:
    """A product whose tables are of different moments is not simply safe."""
    write_day(live.root, days(5)[4], [("a", "b1", 3, 2.5), ("b", "b2", 1, 1.0)])
    live.delivery.run(["+lines"])

    status = _of(live.delivery, "shop.orders")
    assert status.safe == "stale"
    assert any("shop.orders.daily is not built from what is live of shop.orders.lines" in r for r in status.reasons)

    live.delivery.run()
    assert _of(live.delivery, "shop.orders").safe == "yes"


def test_what_waits_in_quarantine_is_told_once(live: Shop) -> None:
    """A corrected day that fails further down is in quarantine; it is not also out of date."""
    write_day(live.root, days(5)[4], [("a", "b1", 1000, 20.0), ("b", "b2", 1, 1.0)])
    live.delivery.run()

    status = _of(live.delivery, "shop.orders")
    assert status.safe == "stale"
    assert [r for r in status.reasons if "shop.orders.daily" in r] == ["shop.orders.daily 2024-01-05 is in quarantine"]


def test_a_day_that_only_some_have_is_told(live: Shop) -> None:
    """A new day in one asset and not in what reads it."""
    live.clock.advance(timedelta(days=10))
    write_day(live.root, days(6)[5], ordinary_day(5))
    live.delivery.run(["+lines"])

    assert any("shop.orders.daily is not built" in r for r in _of(live.delivery, "shop.orders").reasons)


def test_what_nothing_builds_any_more_is_told_and_can_be_taken_away(live: Shop) -> None:
    """A port without a model stays readable and is not safe; taking it away is asked for by name."""
    models = {name: text for name, text in MODELS.items() if name != "totals"}
    estate = shop(live.root, models)
    product = estate.products["shop.orders"]
    kept = replace(product, output_ports=(*product.output_ports, Port("totals", HERE)))
    fewer = live.with_estate(replace(estate, products={"shop.orders": kept}))
    fewer.run()

    status = _of(fewer, "shop.orders")
    assert status.safe == "no"
    assert any("nothing builds shop.orders.totals any more" in r for r in status.reasons)
    assert live.rows('SELECT count(*) FROM "shop_orders"."totals"') == [(3,)]

    assert list(fewer.retire()) == ["shop.orders.totals"]
    assert fewer.retired() == {}
    assert _of(fewer, "shop.orders").safe == "yes"
    assert not live.rows("SELECT 1 FROM information_schema.tables WHERE table_name = 'totals'")
    assert fewer.run().nothing_to_do


def test_rows_of_another_day_are_told(live: Shop) -> None:
    """A model that names its event_time is warned of rows outside the interval they came in; nobody is stopped."""
    path = write_day(live.root, days(6)[5], ordinary_day(5))
    path.write_text(path.read_text() + "2024-01-02,a,b1,1,2.5\n")

    columns = [column("sold_on", "date", required=True), column("revenue", "number"), column("lines", "integer")]
    daily = contract("shop.orders.daily", columns)

    outcome = live.with_estate(shop(live.root, contracts=(RAW, daily))).run()

    warned = [r.told for s in outcome.steps for r in s.results if r.verdict == "warn"]
    assert outcome.exit_code == 0
    assert len(warned) == 1
    assert "reach from 2024-01-02" in warned[0]


def test_whole_numbers_beyond_what_json_holds_are_published_and_told(live: Shop) -> None:
    """A number of seventeen digits stops neither a run nor the ledger."""
    write_day(live.root, days(6)[5], [("a", "b1", 9007199254740993, 1.0), ("b", "b2", 1, 1.0)])
    live.clock.advance(timedelta(days=1))

    outcome = live.delivery.run(["raw", "lines"])

    assert outcome.exit_code == 0
    assert live.rows('SELECT max(quantity) FROM "shop_orders"."lines"') == [(9007199254740993,)]
    assert live.ledger.verify().ok

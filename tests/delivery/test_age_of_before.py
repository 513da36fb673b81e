"""How old rows are is asked of the newest interval: what is built again of before is as old as it has to be."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from shop import DAILY_CONTRACT, HERE, MODELS, RAW, Shop, days, ordinary_day, shop, write_day

from freehold.estate.model import Estate, Sla


def promised(live: Shop, **models: str) -> Estate:
    """Return the shop whose daily figures are to be two days old at most."""
    aged = replace(DAILY_CONTRACT, sla=(Sla("freshness", 2, HERE, unit="d", element="daily.sold_on"),))
    return shop(live.root, MODELS | models, (RAW, aged))


def verdicts(live: Shop) -> list[tuple[str, str]]:
    """Return the verdicts on the age of daily figures, by interval."""
    told = live.ledger.read(types=("check.completed",), subject="shop.orders.daily")
    return [(str(e.data["interval_start"])[:10], e.data["status"]) for e in told if e.data["kind"] == "freshness"]


def test_days_that_are_built_again_are_not_called_late(opened: Shop) -> None:
    """Another definition builds all of them: the newest alone says how old the figures are."""
    first = opened.with_estate(promised(opened))
    for index, on in enumerate(days(4)):
        opened.clock.move_to(opened.clock.now().replace(day=on.day) + timedelta(days=1))
        write_day(opened.root, on, ordinary_day(index))
        first.run()
    assert verdicts(opened) == [(str(on), "pass") for on in days(4)]

    opened.clock.advance(timedelta(hours=1))
    again = MODELS["daily"].replace("sum(amount)", "sum(amount) + 0")
    assert again != MODELS["daily"]
    opened.with_estate(promised(opened, daily=again)).run()
    assert verdicts(opened)[4:] == [(str(days(4)[-1]), "pass")]


def test_the_newest_day_is_late_if_it_is(opened: Shop) -> None:
    """Judged again while nothing newer is there."""
    write_day(opened.root, days(1)[0], ordinary_day(0))
    opened.clock.advance(timedelta(days=5))
    opened.with_estate(promised(opened)).run()
    assert verdicts(opened) == [("2024-01-01", "warn")]

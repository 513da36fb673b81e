"""A change that is taken back mends what it broke though nothing is built or judged for it: that is told, too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from shop import DAILY_CONTRACT, HERE, MODELS, RAW, START, Shop, column, contract, days, ordinary_day, shop, write_day

from freehold.delivery import Delivery
from freehold.estate.model import Contract, Environment, Estate, QualityRule, Sla
from freehold.foundation import SeededIds
from freehold.reliability.alerts import alerts, take_turn

DAILY, TOTALS = "shop.orders.daily", "shop.orders.totals"
INFLATED = {"lines": MODELS["lines"].replace("quantity * price as amount", "quantity * price * 10000 as amount")}
SUMMED = contract(
    TOTALS,
    [
        column("sku", "string"),
        column("quantity", "number"),
        column(
            "revenue",
            "number",
            quality=(
                QualityRule(
                    "sql", HERE, query="select max(revenue) from ${object}", operator="mustBeLessThan",
                    threshold=10_000, severity="warning",
                ),
            ),
        ),
    ],
)  # fmt: skip


def _estate(live: Shop, contracts: Iterable[Contract], **models: str) -> Estate:
    declared = {
        "prod": Environment("prod", "warehouse", HERE, protected=True),
        "pr-*": Environment("pr-*", "warehouse", HERE, defer_to="prod"),
    }
    return replace(shop(live.root, MODELS | models, contracts), environments=declared)


def _delivery(live: Shop, contracts: Iterable[Contract], env: str = "prod", **models: str) -> Delivery:
    live.clock.advance(timedelta(hours=1))
    made = Delivery(
        _estate(live, contracts, **models),
        *(live.engine, live.ledger),
        env=env,
        clock=live.clock,
        ids=SeededIds(len(live._opened) + 100, live.clock.now()),
        jobs=1,
    )
    live._opened.append(made)
    return made


def _alerts(live: Shop) -> list[tuple[str, str, str]]:
    """Take the turns of an hour; return each alert: of which asset, of which check, where it stands."""
    for _ in range(2):
        live.clock.advance(timedelta(hours=1))
        take_turn(_estate(live, ()), live.ledger, "prod", dict, live.clock.now())
    return [(one.asset, one.monitor, str(one.state)) for one in alerts(live.ledger, "prod", closed=True)]


@pytest.fixture
def two_days(opened: Shop) -> Shop:
    """A shop with files of two days."""
    for index, on in enumerate(days(2)):
        write_day(opened.root, on, ordinary_day(index))
    return opened


def test_what_was_kept_back_is_over_once_the_change_is_taken_back(two_days: Shop) -> None:
    """What is live is what would be built, so nothing is built: the alert ends, and the same again is another."""
    contracts = (RAW, DAILY_CONTRACT)
    _delivery(two_days, contracts).run()
    _delivery(two_days, contracts, **INFLATED).run()
    assert _alerts(two_days) == [(DAILY, "revenue:range", "firing")]
    again = _delivery(two_days, contracts, **INFLATED).run()
    assert {step.repeated for step in again.steps} == {True}
    assert _alerts(two_days) == [(DAILY, "revenue:range", "firing")], "it is kept back still, which is no news"

    _delivery(two_days, contracts).run()
    assert _alerts(two_days) == [(DAILY, "revenue:range", "closed")]
    told = list(two_days.ledger.read(types=("candidate.discarded",)))
    assert [(e.subject, e.data["why"]) for e in told] == [(DAILY, "unwanted")] * 2
    _delivery(two_days, contracts).run()
    assert len(list(two_days.ledger.read(types=("candidate.discarded",)))) == 2

    _delivery(two_days, contracts, **INFLATED).run()
    assert _alerts(two_days) == [(DAILY, "revenue:range", "closed"), (DAILY, "revenue:range", "firing")]
    _delivery(two_days, contracts).run()
    assert {state for *_, state in _alerts(two_days)} == {"closed"}


def test_what_was_published_wrong_is_over_once_what_was_before_is_live_again(two_days: Shop) -> None:
    """A table that passed when it was built is published again as it was; one that did not is wrong again."""
    contracts = (RAW, SUMMED)
    _delivery(two_days, contracts).run()
    _delivery(two_days, contracts, **INFLATED).run()
    assert _alerts(two_days) == [(TOTALS, "revenue:sql", "firing")]

    mend = _delivery(two_days, contracts).run()
    assert [step.reused for step in mend.steps if step.asset == TOTALS] == [True]
    assert _alerts(two_days) == [(TOTALS, "revenue:sql", "resolved")]
    _delivery(two_days, contracts, **INFLATED).run()
    assert _alerts(two_days) == [(TOTALS, "revenue:sql", "resolved"), (TOTALS, "revenue:sql", "firing")]

    two_days.delivery.rollback("shop.orders")
    assert {state for *_, state in _alerts(two_days)} == {"resolved"}


def test_what_another_environment_found_good_is_good_where_it_is_taken_over(two_days: Shop) -> None:
    """A mend that was built and judged in an environment of its own ends the alert where it is put in force."""
    contracts = (RAW, SUMMED)
    _delivery(two_days, contracts, **INFLATED).run()
    assert _alerts(two_days) == [(TOTALS, "revenue:sql", "firing")]

    _delivery(two_days, contracts, "pr-12").run()
    assert _alerts(two_days) == [(TOTALS, "revenue:sql", "firing")]
    taken = _delivery(two_days, contracts).run()
    assert [step.reused for step in taken.steps if step.asset == TOTALS] == [True]
    assert _alerts(two_days) == [(TOTALS, "revenue:sql", "resolved")]


@pytest.mark.parametrize(
    ("hours", "state"), [pytest.param(1, "resolved", id="young still"), pytest.param(48, "firing", id="too old by now")]
)
def test_the_age_of_rows_that_are_live_again_is_told_by_their_age_then(two_days: Shop, hours: int, state: str) -> None:
    """Rows that were young when they were judged are older by now, which may be too old."""
    totals = "select max(sold_on) as newest, sku from {{ ref('lines') }} group by sku"
    late = totals.replace("group by", "where sold_on < '2024-01-02' group by")
    summed = contract(TOTALS, [column("newest", "date"), column("sku", "string")])
    contracts = (RAW, replace(summed, sla=(Sla("freshness", 3, HERE, unit="d", element="totals.newest"),)))
    two_days.clock.move_to(START + timedelta(days=2, hours=12))
    _delivery(two_days, contracts, totals=totals).run()
    two_days.clock.move_to(START + timedelta(days=3, hours=1))
    _delivery(two_days, contracts, totals=late).run()
    assert _alerts(two_days) == [(TOTALS, "newest:freshness", "firing")]
    two_days.clock.advance(timedelta(hours=hours))
    _delivery(two_days, contracts, totals=totals).run()
    assert _alerts(two_days) == [(TOTALS, "newest:freshness", state)]

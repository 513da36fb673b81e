"""Environments: maps over one store. A new one costs nothing, builds only what changes, and goes without a trace."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from shop import HERE, MODELS, Shop, days, ordinary_day, shop, write_day

from freehold.delivery import Delivery, Status
from freehold.delivery.environments import drop, environments, expired
from freehold.estate.model import Environment, Estate
from freehold.foundation import FreeholdError, SeededIds

SHOUTED = MODELS["lines"].replace("sku, buyer,", "sku, upper(buyer) as buyer,")
DECLARED = {
    "prod": Environment("prod", "warehouse", HERE, protected=True),
    "pr-*": Environment("pr-*", "warehouse", HERE, defer_to="prod", ttl="7d"),
}


def _estate(live: Shop, **models: str) -> Estate:
    return replace(shop(live.root, MODELS | models), environments=DECLARED)


def _delivery(live: Shop, env: str, **models: str) -> Delivery:
    made = Delivery(
        _estate(live, **models),
        *(live.engine, live.ledger),
        env=env,
        clock=live.clock,
        ids=SeededIds(hash(env) % 1000 + len(models), live.clock.now()),
        jobs=1,
    )
    live._opened.append(made)
    return made


def _shown(live: Shop, relation: str) -> list[tuple[object, ...]]:
    return sorted(live.rows(f"SELECT * FROM {relation}"), key=str)


def _tables(live: Shop) -> set[str]:
    session = live.delivery.session("test")
    try:
        return {r.name for r in session.relations("freehold_data")}
    finally:
        session.close()


def _names(steps: object) -> list[str]:
    return sorted({s.asset.rpartition(".")[2] for s in steps})  # type: ignore[attr-defined]


def test_a_new_environment_shows_what_it_starts_from_and_builds_nothing(live: Shop) -> None:
    """Every asset of the protected environment is live in the new one, in the very same tables."""
    tables = _tables(live)
    outcome = _delivery(live, "pr-12").run()
    assert not outcome.steps
    assert outcome.exit_code == 0
    assert "began with what is live in `prod`" in " ".join(outcome.notices)
    assert _tables(live) == tables
    for name in ("lines", "daily", "totals", "buyers", "latest"):
        here = _shown(live, f'"pr-12__shop_orders".{name}')
        assert here == _shown(live, f"shop_orders.{name}"), name


def test_a_change_builds_only_what_it_reaches_and_nobody_else_sees_it(live: Shop) -> None:
    """In an environment of its own a change builds what reads it; the protected one shows what it showed."""
    before = _shown(live, "shop_orders.lines")
    outcome = _delivery(live, "pr-12", lines=SHOUTED).run()
    assert _names(outcome.of(Status.PUBLISHED)) == ["buyers", "lines"]
    assert _shown(live, "shop_orders.lines") == before
    assert live.rows("""SELECT count(*) FROM "pr-12__shop_orders".lines WHERE buyer <> upper(buyer)""") == [(0,)]


def test_what_one_environment_built_another_takes_over(live: Shop) -> None:
    """The same change, made in the protected environment afterwards, stores nothing again: each step is taken over."""
    _delivery(live, "pr-12", lines=SHOUTED).run()
    tables = _tables(live)
    outcome = _delivery(live, "prod", lines=SHOUTED).run()
    assert _names(outcome.of(Status.PUBLISHED)) == ["buyers", "lines"]
    assert all(step.reused for step in outcome.steps), [s.asset for s in outcome.steps if not s.reused]
    assert _tables(live) == tables
    shown = _shown(live, "shop_orders.buyers")
    assert shown == _shown(live, '"pr-12__shop_orders".buyers')


def test_a_new_day_in_both_is_built_once(live: Shop) -> None:
    """A file that one environment took in is taken over by the other, and by-key assets go on from there."""
    other = _delivery(live, "pr-12")
    other.run()
    for index in (5, 6):
        write_day(live.root, days(7)[index], ordinary_day(index))
        first, second = (live.delivery, other) if index == 5 else (other, live.delivery)
        assert first.run().exit_code == 0
        outcome = second.run()
        assert outcome.exit_code == 0
        assert all(step.reused for step in outcome.steps if step.asset != "shop.orders.latest")
        for name in ("lines", "daily", "totals", "buyers", "latest"):
            here = _shown(live, f'"pr-12__shop_orders".{name}')
            assert here == _shown(live, f"shop_orders.{name}"), name


def test_what_another_environment_shows_is_not_collected(live: Shop) -> None:
    """Collecting in one environment leaves what only another one shows."""
    other = _delivery(live, "pr-12", lines=SHOUTED)
    other.run()
    live.clock.advance(timedelta(days=2))
    live.delivery.collect(keep=1)
    assert live.rows("""SELECT count(*) FROM "pr-12__shop_orders".lines""") == [(15,)]


def test_an_environment_goes_without_a_trace(live: Shop) -> None:
    """Dropped, it leaves no view and no schema, and its tables go with the next collection; the other stays."""
    tables = _tables(live)
    _delivery(live, "pr-12", lines=SHOUTED).run()
    assert drop(live.delivery, "pr-12") == 6
    live.clock.advance(timedelta(days=2))
    live.delivery.collect()
    assert _tables(live) == tables
    schemas = {r.schema for r in live.delivery.session("test").relations()}
    assert not any(s.startswith("pr-12") for s in schemas)
    assert live.rows("SELECT count(*) FROM shop_orders.lines") == [(15,)]


def test_an_environment_expires(live: Shop) -> None:
    """Seven days after nothing more was published, an environment of seven days is over; one without never is."""
    delivery = _delivery(live, "pr-12")
    delivery.run()
    assert expired(delivery) == ()
    live.clock.advance(timedelta(days=8))
    assert expired(delivery) == ("pr-12",)
    states = {e.name: e for e in environments(delivery)}
    assert (states["pr-12"].assets, states["pr-12"].own, states["prod"].is_protected) == (6, 0, True)


@pytest.mark.parametrize(("name", "code"), [("prod", "FH-D212"), ("pr-99", "FH-D211")])
def test_what_must_not_or_cannot_be_dropped(live: Shop, name: str, code: str) -> None:
    """What consumers read is not dropped, and what is not there is said not to be."""
    with pytest.raises(FreeholdError) as caught:
        drop(_delivery(live, "prod"), name)
    assert caught.value.code == code


def test_another_kind_is_left_to_the_run(live: Shop) -> None:
    """An asset that the change keeps in another way is built in the new environment, not taken over."""
    table = MODELS["daily"].replace("incremental', incremental_strategy='microbatch'", "table'")
    outcome = _delivery(live, "pr-12", daily=table).run()
    assert "daily" in _names(outcome.of(Status.PUBLISHED))
    assert outcome.exit_code == 0
    here = _shown(live, '"pr-12__shop_orders".daily')
    assert here == _shown(live, "shop_orders.daily")

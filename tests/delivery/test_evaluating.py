"""Rules evaluated after a run: recorded where a result changed, badges won and lost by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from shop import HERE, START, Shop, days, ordinary_day, shop, write_day

from freehold.delivery.evaluating import Evaluated, evaluate_after
from freehold.estate.model import ModelFile, Port, Team
from freehold.estate.operating import Rule, RuleSet, Waiver, Written
from freehold.estate.reading import read_documents
from freehold.ledger import Recorded
from freehold.rules import Outcome, badges_told, standing_results

DAILY = "shop.orders.daily"
RAW_ORDERS = "shop.orders.raw"
BADGE = RuleSet(
    "certified", HERE, "asset",
    (
        Rule("passes", HERE, Written("failing_checks = 0", HERE, None), remedy="Mend {asset}."),
        Rule("recent", HERE, Written("check_age_days <= 7", HERE, None)),
    ),
    Written(f"asset = '{DAILY}'", HERE, None), has_badge=True,
)  # fmt: skip


@pytest.fixture
def judged(tmp_path: Path) -> Iterator[Shop]:
    """A shop with a badge of its own, and five ordinary days published."""
    shop = Shop.open(tmp_path)
    for index, on in enumerate(days(5)):
        write_day(shop.root, on, ordinary_day(index))
    ruled(shop, BADGE)
    yield shop
    shop.close()


def ruled(shop: Shop, *rule_sets: RuleSet, waivers: tuple[Waiver, ...] = ()) -> None:
    """Give the estate of a shop rule sets and waivers."""
    of = {one.id: one for one in rule_sets}
    shop.delivery.estate = replace(shop.delivery.estate, rule_sets=of, waivers={one.id: one for one in waivers})


def run(shop: Shop) -> Evaluated:
    """Run, and evaluate what that touched, as every command that runs does."""
    return evaluate_after(shop.delivery, shop.delivery.run().touched)


def is_certified(shop: Shop) -> bool:
    """Whether the daily figures have their badge, by what the ledger tells."""
    with shop.ledger.evidence() as evidence:
        return badges_told(evidence, "prod").get((DAILY, "certified"), False)


def told(shop: Shop, type_: str, subject: str = DAILY) -> list[Recorded]:
    """Return the events of a type about a subject."""
    return list(shop.ledger.read(types=(type_,), subject=subject))


def test_a_badge_is_won_falls_with_the_data_and_comes_back(judged: Shop) -> None:
    """What passes is told as certified; a day that fails takes that away by itself; a mended day brings it back."""
    run(judged)
    assert is_certified(judged)

    on = days(6)[-1]
    judged.clock.move_to(judged.clock.now() + timedelta(minutes=5))
    write_day(judged.root, on, [("a", "ann", 1, 99_000)])
    write_day(judged.root, on, [("a", "ann", 1, 99_000), ("b", "bob", 1, 99_000)])
    fallen = run(judged)
    assert fallen.lost == (f"{DAILY} certified",)
    assert not is_certified(judged)
    (last,) = told(judged, "badge.changed")[1:]
    assert (last.data["held"], last.data["failing"], last.product) == (False, ["certified/passes"], "shop.orders")

    judged.clock.move_to(judged.clock.now() + timedelta(minutes=5))
    write_day(judged.root, on, ordinary_day(5))
    assert run(judged).won == (f"{DAILY} certified",)


def test_a_badge_falls_when_evidence_stops_to_come(judged: Shop) -> None:
    """Nothing is run for eight days: the next look at everything takes the badge away."""
    run(judged)
    judged.clock.move_to(judged.clock.now() + timedelta(days=8))

    assert run(judged).lost == (f"{DAILY} certified",)


def test_what_stays_is_no_event(judged: Shop) -> None:
    """Evaluated again, and again on another day, nothing is told that was told before."""
    run(judged)
    before = len(list(judged.ledger.read(types=("rule.evaluated", "badge.changed"))))
    again = evaluate_after(judged.delivery, [DAILY])
    judged.clock.move_to(judged.clock.now() + timedelta(days=1))
    next_day = run(judged)

    assert before > 0
    assert (again.changes, next_day.changes) == (0, 0)
    assert len(list(judged.ledger.read(types=("rule.evaluated", "badge.changed")))) == before


def test_only_what_was_touched_is_evaluated_on_the_same_day(judged: Shop) -> None:
    """After a run of an asset the rules over it and its product are evaluated, and no others."""
    run(judged)
    again = evaluate_after(judged.delivery, [DAILY])

    assert [one.id for one in again.sweeps["asset"].subjects] == [DAILY]
    assert [one.id for one in again.sweeps["product"].subjects] == ["shop.orders"]
    assert "estate" not in again.sweeps


def test_a_rule_that_is_gone_ends_what_it_said(judged: Shop) -> None:
    """A rule that is about a subject no more leaves no result standing, and a badge without rules is held by nobody."""
    run(judged)
    ruled(judged, replace(BADGE, id="certified", scope=Written("asset = 'none'", HERE, None)))
    judged.clock.move_to(judged.clock.now() + timedelta(days=1))
    run(judged)

    assert {e.data["outcome"] for e in told(judged, "rule.evaluated") if e.data["rule"] == "certified/passes"} == {
        "passed", "ended",
    }  # fmt: skip
    assert not is_certified(judged)
    with judged.ledger.evidence() as evidence:
        standing = evidence.query(
            "SELECT * FROM rule_results WHERE rule = 'certified/passes' AND valid_to = 'infinity'"
        )
    assert standing == []


def test_a_waived_rule_takes_no_badge_and_is_told_as_waived(judged: Shop) -> None:
    """A waiver that holds keeps the badge; the result says that it was waived, not that it passed."""
    never = replace(BADGE, rules=(Rule("never", HERE, Written("tier < 0", HERE, None)),))
    until = START.date() + timedelta(days=3650)
    waiver = Waiver("w", HERE, "certified/never", "shop.*", "moving", "user:idp/ana", until, HERE)
    ruled(judged, never, waivers=(waiver,))
    found = run(judged)

    assert found.won == (f"{DAILY} certified",)
    (event,) = [e for e in told(judged, "rule.evaluated") if e.data["rule"] == "certified/never"]
    assert (event.data["outcome"], event.data["pass"], event.data["waiver"]) == ("waived", False, "w")


def test_a_rule_set_in_error_is_passed_by_nothing(judged: Shop) -> None:
    """Rules that cannot be read are told with their place, their badge falls, and all other rules are evaluated."""
    run(judged)
    wrong = replace(BADGE, rules=(*BADGE.rules, Rule("typo", HERE, Written("failing_check = 0", HERE, None))))
    ruled(judged, wrong)
    judged.clock.move_to(judged.clock.now() + timedelta(days=1))
    found = run(judged)

    assert [error.code for error in found.broken] == ["FH-R001"]
    assert found.lost == (f"{DAILY} certified",)
    assert found.count(Outcome.PASSED) > 0


def test_the_estate_with_an_owner_is_told_by_shares(judged: Shop) -> None:
    """Maturity counts products and outputs; what nobody told of is not evaluated, never passed."""
    team = Team("shop-data", HERE, members=("group:idp/shop",))
    products = {id_: replace(one, team="shop-data") for id_, one in judged.delivery.estate.products.items()}
    judged.delivery.estate = replace(judged.delivery.estate, products=products, teams={"shop-data": team})
    found = {r.rule.id: r.outcome for r in run(judged).results() if r.rule.rule_set == "maturity"}

    assert found["maturity/products-are-owned"] is Outcome.PASSED
    assert found["maturity/incidents-are-recorded"] is Outcome.UNKNOWN
    assert found["maturity/on-call-is-shared"] is Outcome.UNKNOWN


ORDERS = b"""
name: shop
datasets:
  sold: {source: shop.counts.sold, primary_key: [sku, sold_on], time: sold_on,
    fields: {sold_on: {datatype: Date}, sku: }}
metrics:
  orders: {expression: COUNT(sold.*), owner: shop-data, status: certified, description: x, includes: x, excludes: x}
"""


@pytest.fixture
def metered(tmp_path: Path) -> Iterator[Shop]:
    """The shop with a metric called as its product is, `shop.orders`, over what another product makes of its lines."""
    estate = shop(tmp_path)
    port = Port("sold", HERE, contract_id="shop.counts.sold")
    counts = replace(estate.products["shop.orders"], id="shop.counts", input_ports=(), output_ports=(port,))
    text = "select * from {{ ref('shop.orders', 'lines') }}"
    sold = ModelFile("shop.counts.sold", "shop.counts", "counts/sold.sql", "sql", text)
    estate = replace(
        estate,
        products=estate.products | {counts.id: counts},
        models=estate.models | {sold.asset: sold},
        semantic_models={d.value["name"]: d for d in read_documents(ORDERS, "metrics/shop.yaml")},
    )
    opened = Shop.open(tmp_path, estate)
    write_day(opened.root, days(1)[0], ordinary_day(0))
    yield opened
    opened.close()


def standing(shop: Shop) -> set[tuple[str, str, str]]:
    """Return what stands of every rule and subject."""
    with shop.ledger.evidence() as evidence:
        return {(rule, subject, last.outcome) for (rule, subject), last in standing_results(evidence, "prod").items()}


def test_a_metric_called_as_a_product_is_ends_nothing_of_it(metered: Shop) -> None:
    """What stands of a product stays when only the metric of its name is evaluated again."""
    run(metered)
    whole = standing(metered)
    assert {rule.partition("/")[0] for rule, subject, _ in whole if subject == "shop.orders"} >= {
        "readiness", "certified-metrics",
    }  # fmt: skip
    again = evaluate_after(metered.delivery, ["shop.counts.sold"])

    assert [one.id for one in again.sweeps["metric"].subjects] == ["shop.orders"]
    assert [one.id for one in again.sweeps["product"].subjects] == ["shop.counts"]
    assert (again.changes, standing(metered)) == (0, whole)


def test_metrics_are_evaluated_when_what_they_stand_on_moved(metered: Shop) -> None:
    """Above a metric are the lines and the files they are of; what is below the lines moves nothing of it."""
    run(metered)
    moved = {name: evaluate_after(metered.delivery, [name]) for name in (DAILY, "shop.orders.lines", RAW_ORDERS)}

    assert {name: "metric" in found.sweeps for name, found in moved.items()} == {
        DAILY: False, "shop.orders.lines": True, RAW_ORDERS: True,
    }  # fmt: skip


def test_a_few_among_many_are_judged_by_what_stood_of_them_alone(judged: Shop) -> None:
    """More names than are compared at once, and some that nothing stands of, are found as all are."""
    run(judged)
    with judged.ledger.evidence() as evidence:
        every = standing_results(evidence, "prod")
        named = {f"none.of.these{n}" for n in range(200)} | {DAILY}
        assert standing_results(evidence, "prod", only=named) == {k: v for k, v in every.items() if k[1] == DAILY}
        many = named | {f"nor.these{n}" for n in range(3_000)}
        assert standing_results(evidence, "prod", only=many) == {k: v for k, v in every.items() if k[1] == DAILY}
        assert badges_told(evidence, "prod", only={DAILY}) == {(DAILY, "certified"): True}
        assert badges_told(evidence, "prod", only=()) == {}

"""Rules evaluated after a run: recorded where a result changed, badges won and lost by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from shop import HERE, START, Shop, days, ordinary_day, write_day

from freehold.delivery.evaluating import Evaluated, evaluate_after
from freehold.estate.model import Team
from freehold.estate.operating import Rule, RuleSet, Waiver, Written
from freehold.ledger import Recorded
from freehold.rules import Outcome, badges_told

DAILY = "shop.orders.daily"
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

"""Error budgets: what is left, how fast it burns, which rules can fire at all, and when nothing is left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.reliability.slo.budget import CAP, Budget, Tally, burn_rules, exhausted_in, fired, projected

DAY = timedelta(days=1)
TARGETS = st.floats(0.5, 0.9999)


@pytest.mark.parametrize(
    ("target", "days", "thresholds"),
    [
        pytest.param(0.99, 30, [14.4, 6, 3, 1], id="thirty days, as the workbook has them"),
        pytest.param(0.99, 28, [13.44, 5.6, 2.8, 28 / 30], id="four weeks, as Sloth has them"),
        pytest.param(0.9, 30, [9, 6, 3, 1], id="a burn rate of 14.4 cannot be where 10 is the highest"),
        pytest.param(0.8, 30, [4.5, 4.5, 3, 1], id="nor can 6 where 5 is"),
        pytest.param(0.99, 3, [1.44, 0.6, 0.3], id="a window as long as the SLO's own is left out"),
    ],
)
def test_thresholds_follow_from_the_window_and_are_capped(target: float, days: int, thresholds: list[float]) -> None:
    """Each rule fires at a share of the budget used up in its long window, as far as such a rate can be."""
    assert [r.threshold for r in burn_rules(target, days * DAY)] == pytest.approx(thresholds)


@given(TARGETS, st.integers(4, 90))
def test_each_rule_can_fire(target: float, days: int) -> None:
    """Where all of it is bad, every rule fires; where as much is bad as is allowed, no urgent one does."""
    rules = burn_rules(target, days * DAY)

    assert fired(rules, lambda _: Tally(60, 60), target) == rules
    assert all(r.threshold <= CAP / (1 - target) for r in rules)


def test_a_rule_fires_in_both_of_its_windows() -> None:
    """What is over does not fire, however much it was; what has just begun does not either."""
    rules = burn_rules(0.99, 30 * DAY)[:1]
    over = {rules[0].long: Tally(30, 60), rules[0].short: Tally(0, 5)}
    begun = {rules[0].long: Tally(5, 60), rules[0].short: Tally(5, 5)}
    lasting = {rules[0].long: Tally(9, 60), rules[0].short: Tally(5, 5)}
    unjudged = {rules[0].long: Tally(9, 60), rules[0].short: Tally()}

    assert [bool(fired(rules, one.__getitem__, 0.99)) for one in (over, begun, lasting, unjudged)] == [
        False, False, True, False,
    ]  # fmt: skip


@given(TARGETS, st.floats(0, 1e6), st.floats(1, 1e6))
def test_a_budget_is_what_the_target_leaves(target: float, bad: float, judged: float) -> None:
    """Burnt and left are of the same budget, and a burn rate of 1 uses up all of it."""
    budget = Budget(target, Tally(min(bad, judged), judged))

    assert budget.burnt is not None
    assert budget.left == pytest.approx(budget.allowed * (1 - budget.burnt), abs=1e-6 * judged)
    assert Tally(budget.allowed, judged).burn(target) == pytest.approx(1)


@given(TARGETS, st.floats(0.001, 1), st.floats(0, 1))
def test_what_is_projected_uses_up_just_the_budget(target: float, share: float, used: float) -> None:
    """At the rate of now, the budget is gone then, and not before."""
    budget = Budget(target, Tally(used * 1000 * (1 - target), 1000.0))
    more = exhausted_in(budget, share)

    if share <= 1 - target:
        assert more is None
    else:
        assert more is not None
        assert budget.tally.bad + share * more == pytest.approx(budget.allowed)


def test_a_late_product_has_so_many_hours_left() -> None:
    """Of 30 days at 99 % there are 7.2 hours; 4.2 are used up, and it is late: the rest is gone in three."""
    now = datetime(2011, 3, 31, tzinfo=UTC)
    budget = Budget(0.99, Tally(4.2 * 3600, 720 * 3600))
    gone_at = projected(budget, 1.0, now, lambda start, length: start + length)

    assert gone_at is not None
    assert gone_at - now == pytest.approx(timedelta(hours=3), abs=timedelta(seconds=1))


def test_nothing_judged_is_no_budget() -> None:
    """What nothing is known of is neither kept nor used up."""
    budget = Budget(0.99, Tally())

    assert (budget.burnt, budget.is_gone, exhausted_in(budget, 1.0)) == (None, False, None)

"""RICE with ranges: order, range of scores, how surely an item keeps its place, and places that a decision gave."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.insight.roadmap import Estimate, Range, ranked

WIDE = Estimate(Range(10, 1000), Range(1, 3), Range(0.2, 0.9), Range(1, 10))
SURE = Estimate(Range(200, 210), Range(2, 2), Range(0.8, 0.8), Range(2, 2))
SMALL = Estimate(Range(1, 2), Range(1, 1), Range(0.5, 0.5), Range(4, 5))


def range_of(least: float, most: float) -> st.SearchStrategy[Range]:
    """Return ranges within two bounds."""
    ends = st.lists(st.floats(least, most, allow_nan=False), min_size=2, max_size=2)
    return ends.map(lambda two: Range(min(two), max(two)))


ESTIMATES = st.builds(Estimate, range_of(0, 1e6), range_of(0, 10), range_of(0, 1), range_of(0.1, 100))


def test_a_score_is_what_its_parts_come_to() -> None:
    """Least by the least of each and the most effort; most the other way; the middle by the middles."""
    assert WIDE.score == Range(10 * 1 * 0.2 / 10, 1000 * 3 * 0.9 / 1)
    assert WIDE.middle == pytest.approx(505 * 2 * 0.55 / 5.5)
    assert SURE.score.low < SURE.middle < SURE.score.high


def test_what_is_sure_keeps_its_place_and_what_is_guessed_says_so() -> None:
    """A small one is last in every draw; of the two above it, neither place is sure, and each says how much."""
    order = ranked({"wide": WIDE, "sure": SURE, "small": SMALL})

    assert [one.item for one in order] == ["sure", "wide", "small"]
    assert [one.keeps for one in order] == [0.739, 0.739, 1.0]
    assert all(one.top == 1.0 for one in order)


def test_a_decision_gives_another_place_and_the_rest_keep_their_order() -> None:
    """Where its score would put it stays said; a place past the last is the last."""
    order = ranked({"wide": WIDE, "sure": SURE, "small": SMALL}, {"small": (1, "ADR-7"), "gone": (2, "ADR-8")})
    last = ranked({"wide": WIDE, "sure": SURE}, {"sure": (9, "ADR-7")})

    assert [(one.item, one.place, one.by_score, one.decision) for one in order] == [
        ("small", 1, 3, "ADR-7"), ("sure", 2, 1, ""), ("wide", 3, 2, ""),
    ]  # fmt: skip
    assert [one.item for one in last] == ["wide", "sure"]


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=3), ESTIMATES, max_size=5))
def test_an_order_has_each_item_once_by_its_score(estimates: dict[str, Estimate]) -> None:
    """Places run from 1; shares lie between nothing and all, and as many are among the first three as fit there."""
    order = ranked(estimates)

    assert [one.place for one in order] == list(range(1, len(estimates) + 1))
    assert {one.item for one in order} == set(estimates)
    scores = [one.estimate.middle for one in order]
    assert scores == sorted(scores, reverse=True)
    assert sum(one.top for one in order) == pytest.approx(min(len(estimates), 3))
    assert all(0 <= one.keeps <= 1 for one in order)


@given(ESTIMATES)
def test_draws_lie_in_the_range_and_are_always_the_same(estimate: Estimate) -> None:
    """Whatever else is estimated; another item has others."""
    drawn, score = estimate.draws("a", 50), estimate.score

    assert drawn == estimate.draws("a", 50)
    slack = 1e-9 * max(1.0, score.high)
    assert all(score.low - slack <= one <= score.high + slack for one in drawn)

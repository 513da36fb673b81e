"""Ranking by RICE with ranges: reach x impact x confidence / effort, and how surely each item keeps its place. Pure.

RICE: S. McBride, "RICE: Simple prioritization for product managers" (Intercom, 2016). A single figure hides how little
is known, so each part is a range, and the order is drawn again and again from them: what keeps its place in most draws
is an order, what does not is a tie. Draws of an item depend on its id alone, so that another item changes none of them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DRAWS = 1_000
SEED = 2016
TOP = 3  # places that are told apart from the rest


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`, any value between them as likely as another."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """The value in its middle."""
        return (self.low + self.high) / 2


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an item may bring and cost; `is_reach_used` tells that its reach is what usage shows, and no guess."""

    reach: Range
    impact: Range
    confidence: Range
    effort: Range
    is_reach_used: bool = False

    @property
    def score(self) -> Range:
        """The least and the most that it may come to."""
        low = self.reach.low * self.impact.low * self.confidence.low / self.effort.high
        return Range(low, self.reach.high * self.impact.high * self.confidence.high / self.effort.low)

    @property
    def middle(self) -> float:
        """The score of the middles of its parts, by which items are ordered."""
        return self.reach.middle * self.impact.middle * self.confidence.middle / self.effort.middle

    def draws(self, name: str, count: int = DRAWS, seed: int = SEED) -> list[float]:
        """Return scores drawn from its ranges, always the same ones for a name."""
        chance = random.Random(f"{seed}/{name}")
        uniform = chance.uniform
        parts = (self.reach, self.impact, self.confidence, self.effort)
        drawn = ([uniform(one.low, one.high) for one in parts] for _ in range(count))
        return [reach * impact * confidence / effort for reach, impact, confidence, effort in drawn]


@dataclass(frozen=True, slots=True)
class Ranked:
    """An item in the order.

    Attributes:
        place: where it stands, from 1; `by_score` is where its estimate puts it.
        keeps: the share of draws in which its score gives it the place `by_score`; `top`: one of the first three.
        decision: the decision that gave it another place; empty: none did.
    """

    item: str
    estimate: Estimate
    place: int
    by_score: int
    keeps: float
    top: float
    decision: str = ""


def ranked(
    estimates: Mapping[str, Estimate], placed: Mapping[str, tuple[int, str]] | None = None
) -> tuple[Ranked, ...]:
    """Return items in their order: by score, but for those that a decision has placed.

    Args:
        estimates: by item.
        placed: the place that a decision gave to an item, and the decision; two for one place stand in order of score.
    """
    by_score = sorted(estimates, key=lambda item: (-estimates[item].middle, item))
    keeps, top = _stability(by_score, estimates)
    given = {item: placed[item] for item in by_score if placed and item in placed}
    return tuple(
        Ranked(
            item, estimates[item], place, by_score.index(item) + 1, keeps[item], top[item], given.get(item, (0, ""))[1]
        )
        for place, item in enumerate(_in_order(by_score, given), start=1)
    )


def _in_order(by_score: Sequence[str], given: Mapping[str, tuple[int, str]]) -> list[str]:
    """Return the order in which whoever was given a place has it, and the others fill the rest by score."""
    order = [item for item in by_score if item not in given]
    for item in sorted(given, key=lambda item: (given[item][0], by_score.index(item))):
        order.insert(given[item][0] - 1, item)
    return order


def _stability(by_score: Sequence[str], estimates: Mapping[str, Estimate]) -> tuple[dict[str, float], dict[str, float]]:
    kept, top = dict.fromkeys(by_score, 0), dict.fromkeys(by_score, 0)
    drawn = [estimates[item].draws(item) for item in by_score]
    for scores in zip(*drawn, strict=True):
        order = sorted(range(len(by_score)), key=lambda at: -scores[at])
        for place, at in enumerate(order):
            kept[by_score[at]] += place == at
            top[by_score[at]] += place < TOP
    return ({item: n / DRAWS for item, n in kept.items()}, {item: n / DRAWS for item, n in top.items()})

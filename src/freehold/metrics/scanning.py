"""Which slices of rows explain how values differ between two stretches: a scan statistic over group sums.

The likelihood ratio that two Poisson counts have one rate, taken over every combination of up to three keys after
Kulldorff (1997): the slice for which that is the least likely, all of its rows moving one way, is explained away, and
so on, until what is left is what chance does to single cells. A slice that moved against the whole is one, too. Only
sums by cell are needed, which any engine gives in one pass.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Cells = npt.NDArray[np.bool_]  # of all cells, those that are in a slice
    Cuboid = tuple[int, tuple[int, ...], npt.NDArray[np.int64]]

_LAYERS = 3
_PENALTY = 0.1  # for each key more in a slice: the simpler of two explanations
_LEAST = 0.06  # of the first cause's score; what explains less is not worth telling
_MOST_CAUSES = 5
_ALIKE = 0.05  # a trend smaller than this is none
_ENOUGH = 0.2  # of the whole that must be in no cause, for the trend to be read from it
_MANY = 30  # cells whose distances tell what chance does
_MEDIAN_SQUARE = 0.4549  # of a normal deviation: the median of chi-squared with one degree of freedom


@dataclass(frozen=True, slots=True)
class Found:
    """A slice that moved otherwise than the rest.

    Attributes:
        values: key and value.
        own: what it alone explains of the difference, beyond the trend: that of its cells which no slice before it has.
    """

    values: tuple[tuple[str, Any], ...]
    own: float


@dataclass(frozen=True, slots=True)
class Scan:
    """What moved otherwise than the rest, the best first, and the factor by which the rest moved; 1 for nearly not."""

    causes: tuple[Found, ...]
    trend: float = 1.0


def scanned(
    keys: Sequence[str], leaves: Sequence[tuple[Any, ...]], before: Sequence[float], after: Sequence[float]
) -> Scan:
    """Return the slices that explain how values differ, and how the rest moved.

    The trend is read from all cells first, then from those that no cause has, and causes are looked for again. To find
    slices negative values count as nothing; what a slice explains is of the values as they are given.

    Args:
        keys: their names.
        leaves: the values of the keys, for each cell.
        before: what each cell was, or was to be.
        after: what it is.
    """
    import numpy as np

    if not leaves or not keys:
        return Scan(())
    was, now = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    plan, real = np.maximum(was, 0.0), np.maximum(now, 0.0)
    cuboids = list(_cuboids(len(keys), leaves))
    usual = _typical(plan, real)
    slices = _least_likely(cuboids, plan * usual, real)
    free = ~np.any([members for _, members in slices], axis=0) if slices else np.ones(len(leaves), dtype=bool)
    if plan[free].sum() > _ENOUGH * plan.sum() and real[free].sum() > 0:
        usual = float(real[free].sum() / plan[free].sum())
        slices = _least_likely(cuboids, plan * usual, real)
    told = usual if abs(usual - 1) > _ALIKE else 1.0
    causes, free = [], np.ones(len(leaves), dtype=bool)
    for chosen, members in slices:
        leaf = leaves[int(np.argmax(members))]
        own = float((now - was * told)[members & free].sum())
        causes.append(Found(tuple((keys[k], leaf[k]) for k in chosen), own))
        free &= ~members
    return Scan(tuple(causes), told)


def _typical(plan: Floats, real: Floats) -> float:
    """Return the factor by which most of the total moved: the median over cells, weighted by what they were."""
    import numpy as np

    cells = np.flatnonzero(plan > 0)
    factors, weights = real[cells] / plan[cells], plan[cells]
    order = np.argsort(factors, kind="stable")
    if not len(order):
        return 1.0
    middle = int(np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2))
    return float(factors[order][middle]) or 1.0


def _least_likely(cuboids: Sequence[Cuboid], plan: Floats, real: Floats) -> list[tuple[tuple[int, ...], Cells]]:
    """Return slices, by their keys and cells, one after the other is explained away."""
    import numpy as np

    number = sum(int(group.max()) + 1 for _, _, group in cuboids)
    chance = _by_chance(plan, real) * float(np.log(number))
    found: list[tuple[tuple[int, ...], Cells]] = []
    first = 0.0
    while len(found) < _MOST_CAUSES:
        score, likelihood, chosen, members = max((_best_of(one, real, plan) for one in cuboids), key=lambda one: one[0])
        if score <= 0 or score < _LEAST * first or likelihood < chance:
            break
        first = first or score
        found.append((chosen, members))
        plan = np.where(members, real, plan)
    return found


def _by_chance(plan: Floats, real: Floats) -> float:
    """Return the variance of a cell per unit of what it was to be: of counts about 2, of amounts what one is worth.

    It is taken from the larger half of the cells, most of which no cause has; of few cells nothing can be said.
    """
    import numpy as np

    larger = (plan > 0) & (plan >= np.median(plan))
    return (
        float(np.median((real - plan)[larger] ** 2 / plan[larger]) / _MEDIAN_SQUARE) if larger.sum() >= _MANY else 0.0
    )


def _cuboids(keys: int, leaves: Sequence[tuple[Any, ...]]) -> Iterator[Cuboid]:
    """Yield every combination of keys: how many, which, and the number of the slice that each cell is in."""
    import numpy as np

    codes: list[npt.NDArray[np.int64]] = []
    for k in range(keys):
        known = {v: i for i, v in enumerate(dict.fromkeys(leaf[k] for leaf in leaves))}
        codes.append(np.fromiter((known[leaf[k]] for leaf in leaves), np.int64, len(leaves)))
    for layers in range(1, min(_LAYERS, keys) + 1):
        for chosen in itertools.combinations(range(keys), layers):
            group = codes[chosen[0]]
            for k in chosen[1:]:
                group = group * (int(codes[k].max()) + 1) + codes[k]
            yield layers, chosen, np.unique(group, return_inverse=True)[1] if layers > 1 else group


def _best_of(cuboid: Cuboid, real: Floats, plan: Floats) -> tuple[float, float, tuple[int, ...], Cells]:
    """Return the slice of one cuboid that stands out most: its score, its likelihood ratio, its keys, its cells."""
    import numpy as np

    layers, chosen, group = cuboid
    size = int(group.max()) + 1
    now = np.bincount(group, real, size)
    was = np.bincount(group, plan, size)
    both = np.maximum((now + was) / 2, 1e-12)
    likelihood = now * np.log(np.maximum(now / both, 1e-12)) + was * np.log(np.maximum(was / both, 1e-12))
    moved = np.maximum(np.bincount(group, np.abs(real - plan), size), 1e-9)
    score = likelihood * (np.abs(now - was) / moved) * (1 - _PENALTY * (layers - 1))
    index = int(np.argmax(score))
    return float(score[index]), float(likelihood[index]), chosen, group == index

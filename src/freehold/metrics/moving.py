"""Why a metric moved: which slices of rows explain the difference between two stretches of time.

Causes are found by a scan statistic over group sums (Kulldorff's likelihood ratio for Poisson counts, taken over every
combination of up to three keys): the slice whose actual value is the least likely under what was expected, all of its
rows moving one way, explained away, and again. A slice that moved against the whole is one, too. Contributions by key
are exact: they add up to the change. Whatever a slice was found by, its figures are the metric's own.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from freehold.foundation import FreeholdError
from freehold.metrics.additive import adds_up
from freehold.metrics.answering import Answerer
from freehold.metrics.expressions import parts_of
from freehold.metrics.facts import facts_of
from freehold.metrics.model import Metric
from freehold.metrics.paths import reachable
from freehold.metrics.query import Key, Query, key_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Cells = dict[tuple[Any, ...], float | None]

_MOST_KEYS = 4  # keys scanned together
_MOST_VALUES = 200  # values a key may have, to be worth telling
_MOST_LEAVES = 200_000
_LAYERS = 3
_PENALTY = 0.1  # for each key more in a slice: the simpler of two explanations
_LEAST = 0.06  # of the first cause's score; what explains less is noise
_MOST_CAUSES = 5
_TREND = 0.05


@dataclass(frozen=True, slots=True)
class Part:
    """A slice of rows before and after. `effect` is its part in the change of the whole, in the metric's unit.

    Of a ratio, `mix` is the part of the effect that comes from the slice's weight, the rest comes from its own rate.
    """

    values: tuple[tuple[str, Any], ...]  # key and value
    before: float | None
    after: float | None
    effect: float
    mix: float | None = None


@dataclass(frozen=True, slots=True)
class Movement:
    """The change of a metric between two stretches of time, and what it is made of."""

    metric: Metric
    before: float | None
    after: float | None
    keys: tuple[tuple[str, tuple[Part, ...]], ...]  # by each key, the largest effects first
    causes: tuple[Part, ...]
    trend: float = 1.0  # by how much most of the rows moved; the causes are what moved otherwise
    why_not: str = ""  # why it cannot be taken apart

    @property
    def is_comparable(self) -> bool:
        """Whether it has a value in both stretches."""
        return self.before is not None and self.after is not None

    @property
    def change(self) -> float:
        """After less before, an unknown value counting nothing."""
        return _less(self.after, self.before)


def movement(
    answerer: Answerer,
    metric: Metric,
    before: tuple[datetime, datetime],
    after: tuple[datetime, datetime],
    *,
    where: exp.Expr | None = None,
    by: Sequence[str] = (),
) -> Movement:
    """Take the change of a metric between two stretches of time apart.

    Each stretch is the first instant, and the first one no longer in it. `where` is a condition that holds for both.
    `by` are the keys to take it apart by; default: fields of few values that its rows have or lead to.
    """
    ask = _Asks(answerer, where, before, after)
    whole = ask.totals(metric.id)
    ratio = _ratio(answerer, metric)
    if ratio is None and not adds_up(answerer.catalogue, metric):
        why = f"`{metric.name}` neither adds up nor is a ratio of what does."
        return Movement(metric, *whole, (), (), why_not=why)
    metrics = ratio or (metric.id,)
    keys = [key_of(text) for text in by] or _keys(ask, metrics)
    taken = tuple((key.text, ask.parts(metrics, key)) for key in keys)
    taken = tuple((name, parts) for name, parts in taken if by or 1 < len(parts) <= _MOST_VALUES)
    told = sorted(taken, key=lambda one: -_spread(one[1]))
    if ratio:
        return Movement(metric, *whole, tuple(told), ())
    causes, trend = _causes(ask, metric.id, [key_of(name) for name, _ in told[:_MOST_KEYS]])
    return Movement(metric, *whole, tuple(told), causes, trend)


@dataclass(frozen=True)
class _Asks:
    answerer: Answerer
    where: exp.Expr | None
    before: tuple[datetime, datetime]
    after: tuple[datetime, datetime]

    def rows(
        self, metrics: Sequence[str], keys: Sequence[Key], time: tuple[datetime, datetime]
    ) -> list[tuple[Any, ...]]:
        query = Query(tuple(metrics), tuple(keys), where=self.where, start=time[0], end=time[1])
        return [tuple(row.values()) for row in self.answerer.answer(query).table.to_pylist()]

    def totals(self, metric: str) -> tuple[float | None, float | None]:
        found = [self.rows((metric,), (), time)[0][0] for time in (self.before, self.after)]
        return (_float(found[0]), _float(found[1]))

    def parts(self, metrics: Sequence[str], key: Key) -> tuple[Part, ...]:
        """Return the slices of one key; for a ratio its numerator and denominator are asked for."""
        was = {row[0]: row[1:] for row in self.rows(metrics, (key,), self.before)}
        now = {row[0]: row[1:] for row in self.rows(metrics, (key,), self.after)}
        make = _shares if len(metrics) == 2 else _amounts
        return tuple(sorted(make(key.text, was, now), key=lambda part: -abs(part.effect)))

    def values(self, metric: str, keys: Sequence[Key]) -> tuple[Cells, Cells]:
        """Return a metric before and after, by the values of keys together; of no keys, none."""
        if not keys:
            return {}, {}
        before, after = (self.rows((metric,), keys, time) for time in (self.before, self.after))
        return {row[:-1]: _float(row[-1]) for row in before}, {row[:-1]: _float(row[-1]) for row in after}


def _amounts(key: str, was: dict[Any, Any], now: dict[Any, Any]) -> list[Part]:
    parts = []
    for value in dict.fromkeys((*now, *was)):
        one, two = (_float(side[value][0]) if value in side else None for side in (was, now))
        parts.append(Part(((key, value),), one, two, _less(two, one)))
    return parts


def _shares(key: str, was: dict[Any, Any], now: dict[Any, Any]) -> list[Part]:
    """Return the slices of a ratio: what each adds to the change by its own rate, and by its weight in the whole."""
    below = [sum(_float(row[1]) or 0.0 for row in side.values()) for side in (was, now)]
    above = [sum(_float(row[0]) or 0.0 for row in side.values()) for side in (was, now)]
    if not below[0] or not below[1]:
        return []
    whole = above[0] / below[0]
    parts = []
    for value in dict.fromkeys((*now, *was)):
        (n0, d0), (n1, d1) = (tuple(_float(v) or 0.0 for v in side.get(value, (0, 0))) for side in (was, now))
        effect = (n1 - whole * d1) / below[1] - (n0 - whole * d0) / below[0]
        rate = (d1 / below[1]) * (n1 / d1 - n0 / d0) if d0 and d1 else 0.0
        parts.append(Part(((key, value),), n0 / d0 if d0 else None, n1 / d1 if d1 else None, effect, effect - rate))
    return parts


def _ratio(answerer: Answerer, metric: Metric) -> tuple[str, str] | None:
    """Return numerator and denominator of a metric that is one metric that adds up divided by another."""
    node = metric.expression
    catalogue = answerer.catalogue
    if not isinstance(node, exp.Div) or metric.spans or metric.filter is not None:
        return None
    found = []
    for side in (node.this, node.expression):
        if not isinstance(side, exp.Column):
            return None
        try:
            other = catalogue.metric(".".join(parts_of(side)), within=metric.model)
        except FreeholdError:
            return None
        if not adds_up(catalogue, other):
            return None
        found.append(other.id)
    return found[0], found[1]


def _keys(ask: _Asks, metrics: Sequence[str]) -> list[Key]:
    """Return fields of text and truth that every fact of the metrics reaches, those of the facts themselves first."""
    catalogue = ask.answerer.catalogue
    found: dict[str, None] = {}
    for name in metrics:
        metric = catalogue.metric(name)
        model = catalogue.models[metric.model]
        for fact in facts_of(catalogue, metric):
            for target, paths in reachable(model, fact).items():
                keyed = {column for key in model.datasets[target].keys for column in key}
                for path in paths:
                    head = path[-1].name if path else target
                    fields = model.datasets[target].fields.values()
                    found |= {
                        f"{head}.{f.name}": None
                        for f in fields
                        if f.type in ("String", "Boolean") and f.name not in keyed
                    }
    return [key for text in found if _can_be_asked(ask, metrics, key := key_of(text))]


def _can_be_asked(ask: _Asks, metrics: Sequence[str], key: Key) -> bool:
    """Whether all metrics can be asked by a key, and it has few enough values to be worth telling."""
    query = Query(tuple(metrics), (key,), where=ask.where, start=ask.after[0], end=ask.after[1], limit=_MOST_VALUES + 1)
    try:
        return bool(ask.answerer.answer(query).table.num_rows <= _MOST_VALUES)
    except FreeholdError as error:
        if error.code.startswith("FH-E"):
            raise
        return False


def _spread(parts: Sequence[Part]) -> float:
    """Return how unevenly a key's slices share the change: 1 where one slice has all of it."""
    total = sum(abs(p.effect) for p in parts)
    return sum((p.effect / total) ** 2 for p in parts) if total else 0.0


def _causes(ask: _Asks, metric: str, keys: Sequence[Key]) -> tuple[tuple[Part, ...], float]:
    """Return what moved otherwise than most, and by how much most moved."""
    was, now = ask.values(metric, keys)
    leaves = list(dict.fromkeys((*was, *now)))
    if not leaves or len(leaves) > _MOST_LEAVES:
        return (), 1.0
    before, after = [was.get(leaf) or 0.0 for leaf in leaves], [now.get(leaf) or 0.0 for leaf in leaves]
    usual = trend(before, after)
    found = scanned([key.text for key in keys], leaves, [value * usual for value in before], after)
    causes = _as_asked(ask, metric, found)
    return tuple(cause for cause in causes if cause.effect), usual


def _as_asked(ask: _Asks, metric: str, causes: Sequence[Part]) -> list[Part]:
    """Return slices with the metric's own value of each: cells count otherwise where they are negative, or withheld."""
    asked: dict[tuple[str, ...], tuple[Cells, Cells]] = {}
    told = []
    for cause in causes:
        names, slice_ = zip(*cause.values, strict=True)
        if names not in asked:
            asked[names] = ask.values(metric, [key_of(name) for name in names])
        one, two = (side.get(slice_) for side in asked[names])
        told.append(Part(cause.values, one, two, _less(two, one)))
    return told


def trend(before: Sequence[float], after: Sequence[float]) -> float:
    """Return the factor by which most of the total moved: the median over cells, weighted by what they were before.

    It is 1 where that is within a twentieth of 1: then slices are told as they are.
    """
    cells = sorted((two / one, one) for one, two in zip(before, after, strict=True) if one > 0)
    half = sum(weight for _, weight in cells) / 2
    seen = 0.0
    for factor, weight in cells:
        seen += weight
        if seen >= half:
            return factor if abs(factor - 1) > _TREND and factor > 0 else 1.0
    return 1.0


def scanned(
    keys: Sequence[str], leaves: Sequence[tuple[Any, ...]], expected: Sequence[float], actual: Sequence[float]
) -> tuple[Part, ...]:
    """Return the slices that explain how actual values differ from expected ones, the best first.

    `keys` are the names of the keys, `leaves` their values for each cell; `expected` is what the cell was to be, and
    `actual` what it is. To find slices negative values count as nothing; a slice's figures are sums of what is given.
    """
    import numpy as np

    codes = [{v: i for i, v in enumerate(dict.fromkeys(leaf[k] for leaf in leaves))} for k in range(len(keys))]
    real = np.maximum(np.asarray(actual, dtype=float), 0.0)
    left = np.maximum(np.asarray(expected, dtype=float), 0.0)
    cuboids = []
    for layers in range(1, min(_LAYERS, len(keys)) + 1):
        for chosen in itertools.combinations(range(len(keys)), layers):
            group = np.zeros(len(leaves), dtype=np.int64)
            for k in chosen:
                group = group * len(codes[k]) + np.fromiter(
                    (codes[k][leaf[k]] for leaf in leaves), np.int64, len(leaves)
                )
            _, group = np.unique(group, return_inverse=True)
            cuboids.append((layers, chosen, group))
    causes: list[Part] = []
    first = 0.0
    while len(causes) < _MOST_CAUSES:
        best = max((_best_of(cuboid, real, left) for cuboid in cuboids), key=lambda found: found[0])
        if best[0] <= 0 or best[0] < _LEAST * first:
            break
        first = first or best[0]
        _, chosen, members = best
        leaf = leaves[int(np.argmax(members))]
        was, now = (float(np.asarray(side, dtype=float)[members].sum()) for side in (expected, actual))
        causes.append(Part(tuple((keys[k], leaf[k]) for k in chosen), was, now, now - was))
        left = np.where(members, real, left)
    return tuple(causes)


def _best_of(
    cuboid: tuple[int, tuple[int, ...], npt.NDArray[np.int64]], real: Floats, left: Floats
) -> tuple[float, tuple[int, ...], npt.NDArray[np.bool_]]:
    """Return the slice of one cuboid that is the least likely: its score, its keys, which cells it has."""
    import numpy as np

    layers, chosen, group = cuboid
    size = int(group.max()) + 1
    sums = np.bincount(group, real, size)
    plan = np.maximum(np.bincount(group, left, size), 1e-6)
    likelihood = np.where(sums > 0, sums * np.log(np.maximum(sums, 1e-12) / plan), 0.0) - (sums - plan)
    moved = np.maximum(np.bincount(group, np.abs(real - left), size), 1e-9)
    score = likelihood * (np.abs(sums - plan) / moved) * (1 - _PENALTY * (layers - 1))
    index = int(np.argmax(score))
    return float(score[index]), chosen, group == index


def _less(after: float | None, before: float | None) -> float:
    """Return the difference of two values as they are written: 0.3 less 0.1 is 0.2. An unknown value counts nothing."""
    one, two = before or 0.0, after or 0.0
    if not (isfinite(one) and isfinite(two)):
        return two - one
    return float(Decimal(repr(two)) - Decimal(repr(one)))


def _float(value: Any) -> float | None:
    return None if value is None else float(value)

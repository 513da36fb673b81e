"""Why a metric moved: which slices of rows explain the difference between two stretches of time.

Causes are found by scanning group sums; see `scanning`. Of a ratio what is above the line is scanned, given what is
really below it, so that a slice is blamed for its own rate and never for how many came. Contributions by key are exact:
they add up to the change, as do the causes with what moved all alike and the rest. Whatever a slice was found by, its
figures are the metric's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from freehold.metrics.scanning import scanned

if TYPE_CHECKING:
    Cells = dict[tuple[Any, ...], tuple[float, ...]]

_MOST_KEYS = 4  # keys scanned together
_MOST_VALUES = 200  # values a key may have, to be worth telling
_MOST_CELLS = 50_000
_TOLD = 0.9  # of the whole that cells must tell of: a policy may withhold the small ones
_DUST = 1e-9  # of what is told: so much is lost to how floating numbers add up
_SHRUNK = 0.1  # of a cell of middling size: by so much rows are a cell's rate drawn to that of the whole


@dataclass(frozen=True, slots=True)
class Part:
    """A slice of rows before and after. `effect` is its part in the change of the whole, in the metric's unit.

    Of a ratio, `mix` is the part of the effect that comes from the slice's weight, the rest comes from its own rate.
    Of a cause, `own` is what it alone explains of the change: beyond what moved all alike and the causes before it.
    """

    values: tuple[tuple[str, Any], ...]  # key and value
    before: float | None
    after: float | None
    effect: float
    mix: float | None = None
    own: float | None = None


@dataclass(frozen=True, slots=True)
class Movement:
    """The change of a metric between two stretches of time, and what it is made of."""

    metric: Metric
    before: float | None
    after: float | None
    keys: tuple[tuple[str, tuple[Part, ...]], ...]  # by each key, the largest effects first
    causes: tuple[Part, ...]
    trend: float = 1.0  # by how much most of the rows moved; the causes are what moved otherwise
    across: float = 0.0  # the part of the change that comes from the trend
    mix: float = 0.0  # of a ratio: the part that comes from other weights of slices
    why_not: str = ""  # why it cannot be taken apart

    @property
    def is_comparable(self) -> bool:
        """Whether it has a value in both stretches."""
        return self.before is not None and self.after is not None

    @property
    def change(self) -> float:
        """After less before, an unknown value counting nothing."""
        return _less(self.after, self.before)

    @property
    def rest(self) -> float:
        """The part of the change that neither the causes explain, nor the trend, nor other weights."""
        told = self.across + self.mix + sum(cause.own or 0.0 for cause in self.causes)
        left = self.change - told
        return 0.0 if abs(left) <= _DUST * (abs(self.change) + abs(told)) else left

    @property
    def beside(self) -> tuple[tuple[str, float], ...]:
        """What the change is made of beside its causes, in words, each with its part; what is nothing is left out."""
        told = (("what moved all alike", self.across), ("other weights", self.mix), ("the rest", self.rest))
        return tuple((what, part) for what, part in told if part or what == "the rest")

    def share(self, cause: Part) -> float | None:
        """Return which part of the change a cause explains: below 0 where it went against it; None of no change."""
        return cause.own / self.change if cause.own is not None and self.change else None


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
    told = tuple(sorted(taken, key=lambda one: -_spread(one[1])))
    cells = _cells(ask, metrics, [key_of(name) for name, _ in told[:_MOST_KEYS]])
    moved = Movement(metric, *whole, told, ())
    if cells is None:
        return moved
    return _rated(ask, moved, cells) if ratio else _counted(ask, moved, cells)


@dataclass(frozen=True)
class _Asks:
    answerer: Answerer
    where: exp.Expr | None
    before: tuple[datetime, datetime]
    after: tuple[datetime, datetime]

    def rows(
        self, metrics: Sequence[str], keys: Sequence[Key], time: tuple[datetime, datetime], limit: int | None = None
    ) -> list[tuple[Any, ...]]:
        query = Query(tuple(metrics), tuple(keys), where=self.where, start=time[0], end=time[1], limit=limit)
        return [tuple(row.values()) for row in self.answerer.answer(query).table.to_pylist()]

    def totals(self, metric: str) -> tuple[float | None, float | None]:
        found = [
            self.rows((metric,), (), time) for time in (self.before, self.after)
        ]  # none where too few rows are left
        before, after = (_float(rows[0][0]) if rows else None for rows in found)
        return before, after

    def parts(self, metrics: Sequence[str], key: Key) -> tuple[Part, ...]:
        """Return the slices of one key; for a ratio its numerator and denominator are asked for."""
        was = {row[0]: row[1:] for row in self.rows(metrics, (key,), self.before)}
        now = {row[0]: row[1:] for row in self.rows(metrics, (key,), self.after)}
        make = _shares if len(metrics) == 2 else _amounts
        return tuple(sorted(make(key.text, was, now), key=lambda part: -abs(part.effect)))

    def values(self, metrics: Sequence[str], keys: Sequence[Key], limit: int | None = None) -> tuple[Cells, Cells]:
        """Return metrics before and after by the values of keys together, without cells that are withheld in any."""
        found: list[Cells] = []
        for time in (self.before, self.after):
            rows = ((row[: len(keys)], row[len(keys) :]) for row in self.rows(metrics, keys, time, limit))
            found.append({cell: tuple(map(float, said)) for cell, said in rows if None not in said})
        return found[0], found[1]


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


@dataclass(frozen=True, slots=True)
class _Cells:
    """Metrics by the finest slices that are looked at, before and after; where a side has no such cell, it is 0."""

    keys: tuple[str, ...]
    leaves: tuple[tuple[Any, ...], ...]
    before: tuple[tuple[float, ...], ...]
    after: tuple[tuple[float, ...], ...]


def _cells(ask: _Asks, metrics: Sequence[str], keys: Sequence[Key]) -> _Cells | None:
    """Return cells by as many of the keys as leaves them few enough, and most of the whole told; None of no keys.

    Policies withhold small groups, and the finer the cells, the more of them are small.
    """
    whole = [ask.rows(metrics, (), time)[0] for time in (ask.before, ask.after)]
    for number in range(len(keys), 0, -1):
        was, now = ask.values(metrics, keys[:number], _MOST_CELLS + 1)
        leaves = tuple(dict.fromkeys((*was, *now)))
        if leaves and len(leaves) <= _MOST_CELLS and all(map(_is_told, (was, now), whole)):
            nothing = (0.0,) * len(metrics)
            sides = (tuple(side.get(leaf, nothing) for leaf in leaves) for side in (was, now))
            return _Cells(tuple(key.text for key in keys[:number]), leaves, *sides)
    return None


def _is_told(cells: Cells, whole: Sequence[Any]) -> bool:
    """Whether cells add up to nearly the whole, in each metric."""
    for at, total in enumerate(whole):
        values = [said[at] for said in cells.values()]
        if abs(sum(values) - float(total or 0)) > (1 - _TOLD) * sum(map(abs, values)):
            return False
    return True


def _counted(ask: _Asks, moved: Movement, cells: _Cells) -> Movement:
    """Return a movement with the slices that moved otherwise than most."""
    before, after = [side[0] for side in cells.before], [side[0] for side in cells.after]
    found = scanned(cells.keys, cells.leaves, before, after)
    causes = []
    for one in found.causes:
        was, now = _asked_again(ask, moved.metric.id, one.values)
        if effect := _less(now, was):
            causes.append(Part(one.values, was, now, effect, own=one.own))
    across = (found.trend - 1) * (moved.before or 0.0)
    return replace(moved, causes=tuple(causes), trend=found.trend, across=across)


def _rated(ask: _Asks, moved: Movement, cells: _Cells) -> Movement:
    """Return the movement of a ratio with the slices whose own rate moved otherwise than most.

    What is scanned is the part above the line, expected at each cell's rate before and what is below the line now; of a
    share of more than a half it is what is missing to the whole, whose chance is the smaller.
    """
    above, below = (sum(side[at] for side in cells.before) for at in (0, 1))
    weight = sum(side[1] for side in cells.after)
    if below <= 0 or weight <= 0:
        return moved
    whole = above / below
    is_share = all(0 <= n <= d for n, d in (*cells.before, *cells.after))
    rest = is_share and whole > 0.5
    bad = [[d - n if rest else n for n, d in side] for side in (cells.before, cells.after)]
    usually = 1 - whole if rest else whole
    drawn = _SHRUNK * below / len(cells.leaves)
    expected = [
        after[1] * max((n + drawn * usually) / (before[1] + drawn), 0.0)
        for n, before, after in zip(bad[0], cells.before, cells.after, strict=True)
    ]
    found, sign = scanned(cells.keys, cells.leaves, expected, bad[1]), -1 if rest else 1
    causes = []
    for one in found.causes:
        was, now = _asked_again(ask, moved.metric.id, one.values)
        own = sign * one.own / weight
        causes.append(Part(one.values, was, now, own, own=own))
    alike, across = sum(expected), sign * (found.trend - 1) * sum(expected) / weight
    mix = sign * (alike / weight - usually)
    good = weight - alike if rest else alike
    factor = (good + across * weight) / good if good else 1.0
    return replace(moved, causes=tuple(causes), trend=factor if found.trend != 1 else 1.0, across=across, mix=mix)


def _asked_again(ask: _Asks, metric: str, slice_: tuple[tuple[str, Any], ...]) -> tuple[float | None, float | None]:
    """Return the metric's own value of a slice: cells count otherwise where they are negative, or withheld."""
    names, values = zip(*slice_, strict=True)
    sides = ask.values((metric,), [key_of(name) for name in names])
    was, now = (side.get(values) for side in sides)
    return (was[0] if was else None), (now[0] if now else None)


def _less(after: float | None, before: float | None) -> float:
    """Return the difference of two values as they are written: 0.3 less 0.1 is 0.2. An unknown value counts nothing."""
    one, two = before or 0.0, after or 0.0
    if not (isfinite(one) and isfinite(two)):
        return two - one
    return float(Decimal(repr(two)) - Decimal(repr(one)))


def _float(value: Any) -> float | None:
    return None if value is None else float(value)

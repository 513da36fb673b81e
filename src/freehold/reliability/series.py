"""Series of what batches looked like: a value for each step of time, as it was known when the newest was judged."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from freehold.reliability.measures import DISTRIBUTION, LOST, NEW, ROWS, Measure, measured
from freehold.reliability.smoothing import Floats

if TYPE_CHECKING:
    from freehold.ledger import Recorded

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_WINDOWS = {_HOUR: 28 * 24}  # steps that are looked back
_USUAL_WINDOW = 90
_SEASONS: Mapping[timedelta, tuple[int, ...]] = {_HOUR: (24, 168), _DAY: (7,)}


@dataclass(frozen=True, slots=True)
class Batch:
    """What one batch of an asset looked like.

    Attributes:
        seq: the number of the event that tells of it.
        start: when what it is of begins: its interval; without, the day it was built.
        step: how long that is.
        build: what it was built in, with whatever else was; empty where that is not known.
        quantiles: of columns of numbers.
        categories: of columns of few values, how many rows each has.
    """

    asset: str
    product: str
    id: str
    seq: int
    start: datetime
    step: timedelta
    is_interval: bool
    values: Mapping[Measure, float]
    quantiles: Mapping[str, Sequence[float]] = field(default_factory=dict)
    categories: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    build: str = ""

    @property
    def seasons(self) -> tuple[int, ...]:
        """After how many steps it may repeat."""
        return _SEASONS.get(self.step, ())

    @property
    def window(self) -> int:
        """How many steps are looked back."""
        return _WINDOWS.get(self.step, _USUAL_WINDOW)


def batch_of(event: Recorded) -> Batch:
    """Return the batch that a `profile.observed` tells of."""
    said = event.data
    start, end = (datetime.fromisoformat(v) if (v := said.get(k)) else None for k in ("interval_start", "interval_end"))
    is_interval = start is not None and end is not None
    if start is None or end is None:
        start = event.occurred_at.replace(hour=0, minute=0, second=0, microsecond=0)
        end = start + _DAY
    begins = start.replace(tzinfo=start.tzinfo or UTC)
    step = end.replace(tzinfo=end.tzinfo or UTC) - begins
    columns = said["columns"] if said.get("rows") else {}
    return Batch(
        event.subject, event.product, str(said.get("batch") or ""), event.seq, begins, step, is_interval,
        dict(measured(said)),
        {name: one["quantiles"] for name, one in columns.items() if one.get("quantiles")},
        {name: one["categories"] for name, one in columns.items() if one.get("categories")},
        event.correlation_id,
    )  # fmt: skip


def steps_before(batch: Batch, others: Iterable[Batch]) -> list[Batch | None]:
    """Return what came before a batch, a batch for each step of its window, the newest last; None where there is none.

    What was told later than the batch, is of its own step or after it, or of another length, is none of it. Of several
    batches of one step the newest counts; one of the same build as the batch only where there is no other: a change
    that builds all of the past anew is compared with what stood before it, not with itself.

    Args:
        batch: that is to be judged.
        others: of the same asset, without those that nothing is to be learned from.
    """
    size = batch.window
    at: list[Batch | None] = [None] * size
    for one in others:
        back = round((batch.start - one.start) / batch.step) if batch.step else 0
        if one.seq < batch.seq and one.step == batch.step and one.is_interval == batch.is_interval and 0 < back <= size:
            there = at[size - back]
            at[size - back] = one if there is None or _counts(batch, there) < _counts(batch, one) else there
    return at


def _counts(batch: Batch, one: Batch) -> tuple[bool, int]:
    """Return by what one of several batches of one step is chosen: the greatest is."""
    return not one.build or one.build != batch.build, one.seq


def histories(batch: Batch, before: Sequence[Batch | None]) -> dict[Measure, tuple[Floats, Floats]]:
    """Return what came before a batch, by measure: values and the rows they are of, each (window,), newest last."""
    rows = np.full(len(before), np.nan)
    found = {measure: np.full(len(before), np.nan) for measure in batch.values}
    for place, one in enumerate(before):
        if one is not None:
            rows[place] = one.values.get(Measure(ROWS), np.nan)
            for measure, values in found.items():
                values[place] = one.values.get(measure, np.nan)
    return {measure: (values, rows) for measure, values in found.items()}


def learned_from(
    batches: Iterable[Batch], wrong: Container[str], but: Collection[tuple[str, Measure]]
) -> Sequence[Batch]:
    """Return batches without those that are wrong, and without the single values that are not to be learned from.

    Args:
        batches: of one asset.
        wrong: ids of batches that consumers never read.
        but: batches with the measure of theirs that was odd.
    """
    partly = {id_ for id_, _ in but}
    return [_without(one, but) if one.id in partly else one for one in batches if one.id not in wrong]


def _without(one: Batch, but: Container[tuple[str, Measure]]) -> Batch:
    def is_odd(name: str, column: str = "") -> bool:
        return (one.id, Measure(name, column)) in but

    values = {measure: value for measure, value in one.values.items() if (one.id, measure) not in but}
    quantiles = {name: said for name, said in one.quantiles.items() if not is_odd(DISTRIBUTION, name)}
    categories = {name: c for name, c in one.categories.items() if not is_odd(NEW, name) and not is_odd(LOST, name)}
    return replace(one, values=values, quantiles=quantiles, categories=categories)


def by_asset(batches: Iterable[Batch]) -> Iterator[tuple[str, list[Batch]]]:
    """Yield assets with their batches, in the order in which they came."""
    found: dict[str, list[Batch]] = {}
    for one in batches:
        found.setdefault(one.asset, []).append(one)
    yield from found.items()

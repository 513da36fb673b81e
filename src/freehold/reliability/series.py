"""Series of what batches looked like: a value for each step of time, as it was known when the newest was judged."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from freehold.reliability.measures import ROWS, Measure, measured
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
    """

    asset: str
    product: str
    id: str
    seq: int
    start: datetime
    step: timedelta
    is_interval: bool
    values: Mapping[Measure, float]

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
    values = dict(measured(said))
    return Batch(
        event.subject, event.product, str(said.get("batch") or ""), event.seq, begins, step, is_interval, values
    )


def histories(batch: Batch, others: Iterable[Batch]) -> dict[Measure, tuple[Floats, Floats]]:
    """Return what came before a batch, by measure: values and the rows they are of, each (window,), the newest last.

    What was told later than the batch, is of its own step or after it, or of another length, is none of it. Of several
    batches of one step the newest counts.

    Args:
        batch: that is to be judged.
        others: of the same asset, without those that nothing is to be learned from.
    """
    size = batch.window
    at: dict[int, Batch] = {}
    for one in others:
        back = round((batch.start - one.start) / batch.step) if batch.step else 0
        if one.seq < batch.seq and one.step == batch.step and one.is_interval == batch.is_interval and 0 < back <= size:
            at[back] = one if back not in at or at[back].seq < one.seq else at[back]
    rows = np.full(size, np.nan)
    found = {measure: np.full(size, np.nan) for measure in batch.values}
    for back, one in at.items():
        rows[size - back] = one.values.get(Measure(ROWS), np.nan)
        for measure, values in found.items():
            values[size - back] = one.values.get(measure, np.nan)
    return {measure: (values, rows) for measure, values in found.items()}


def learned_from(
    batches: Iterable[Batch], wrong: Container[str], but: Container[tuple[str, Measure]]
) -> Sequence[Batch]:
    """Return batches without those that are wrong, and without the single values that are not to be learned from.

    Args:
        batches: of one asset.
        wrong: ids of batches that consumers never read.
        but: batches with the measure of theirs that was odd.
    """
    return [_without(one, but) for one in batches if one.id not in wrong]


def _without(one: Batch, but: Container[tuple[str, Measure]]) -> Batch:
    odd = [measure for measure in one.values if (one.id, measure) in but]
    if not odd:
        return one
    kept = {measure: value for measure, value in one.values.items() if measure not in odd}
    return Batch(one.asset, one.product, one.id, one.seq, one.start, one.step, one.is_interval, kept)


def by_asset(batches: Iterable[Batch]) -> Iterator[tuple[str, list[Batch]]]:
    """Yield assets with their batches, in the order in which they came."""
    found: dict[str, list[Batch]] = {}
    for one in batches:
        found.setdefault(one.asset, []).append(one)
    yield from found.items()

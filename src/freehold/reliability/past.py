"""How a measure went, and what would have been usual each time: what an anomaly is shown in."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from freehold.reliability.anomalies import known_of
from freehold.reliability.judgements import Judgement, judgements
from freehold.reliability.measures import DISTRIBUTION, LOST, NEW, ROWS, Measure
from freehold.reliability.series import Batch, batch_of

if TYPE_CHECKING:
    from freehold.ledger import Ledger
    from freehold.reliability.anomalies import Anomaly

_BEFORE, _AFTER = 45, 10  # steps of time around the anomaly
_MOST = 500  # batches that were told before it, and after it, in which those are looked for
_INSTANT = timedelta(microseconds=1)


def past(ledger: Ledger, env: str, one: Anomaly) -> tuple[Judgement, ...]:
    """Return what is said of a measure around an anomaly, a judgement for each step of time, the newest last.

    Of several batches of one step it is that of the newest; of the step of the anomaly that of its own batch. Batches
    that were told long before it, or long after, are not looked at.
    """
    read = partial(ledger.read, types=("profile.observed",), subject=one.asset, env=env)
    then = read(since=one.found_at, until=one.found_at + _INSTANT)
    own = next((batch for event in then if (batch := _of(batch_of(event), one.measure)).id == one.batch), None)
    if own is None:
        return ()
    told = (*read(upto=own.seq, newest_first=True, limit=_MOST), *read(after=own.seq, limit=_MOST))
    every = sorted((_of(batch_of(event), one.measure) for event in told), key=lambda batch: batch.seq)
    steps = {batch.start: batch for batch in every if batch.step == own.step and batch.is_interval == own.is_interval}
    steps[own.start] = own
    first, last = own.start - _BEFORE * own.step, own.start + _AFTER * own.step
    shown = [steps[at] for at in sorted(steps) if first <= at <= last]
    upto = max(batch.seq for batch in shown)
    others = [_of(batch, one.measure) for batch in known_of(ledger, env, one.asset, upto)]
    found = judgements((batch, others) for batch in shown)
    return tuple(each for each in sorted(found, key=lambda j: j.batch.start) if each.measure == one.measure)


def _of(batch: Batch, measure: Measure) -> Batch:
    """Return what a batch tells of one measure alone, with its rows."""
    values = {each: value for each, value in batch.values.items() if each in (measure, Measure(ROWS))}
    quantiles = {n: q for n, q in batch.quantiles.items() if measure == Measure(DISTRIBUTION, n)}
    categories = {n: c for n, c in batch.categories.items() if measure in (Measure(NEW, n), Measure(LOST, n))}
    return replace(batch, values=values, quantiles=quantiles, categories=categories)

"""What is said of a batch: of its measures, of how its numbers are spread, of the categories it has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from freehold.reliability.categories import compared
from freehold.reliability.distributions import before, quantiles_of, spread
from freehold.reliability.judging import Verdict, judged
from freehold.reliability.measures import DISTRIBUTION, ROWS, Measure
from freehold.reliability.series import Batch, histories, steps_before

Steps = Sequence[Batch | None]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is said of one measure of a batch, by what came before it.

    Attributes:
        categories: digests of those that are new, or lost.
    """

    batch: Batch
    measure: Measure
    value: float
    verdict: Verdict
    categories: tuple[str, ...] = ()


def judgements(batches: Iterable[tuple[Batch, Sequence[Batch]]]) -> Iterator[Judgement]:
    """Yield what is said of batches, each given with others of its asset; of all of one kind at once."""
    asked = [(batch, steps_before(batch, others)) for batch, others in batches]
    yield from _of_measures(asked)
    yield from _of_distributions(asked)
    for batch, steps in asked:
        yield from _of_categories(batch, steps)


def _of_measures(asked: Iterable[tuple[Batch, Steps]]) -> Iterator[Judgement]:
    alike: dict[tuple[Any, ...], list[tuple[Batch, Measure, Any, Any]]] = defaultdict(list)
    for batch, steps in asked:
        for measure, (values, rows) in histories(batch, steps).items():
            alike[measure.kind, batch.window, batch.seasons].append((batch, measure, values, rows))
    for (kind, _, seasons), of in alike.items():
        history, counts = (np.array([one[n] for one in of]) for n in (2, 3))
        values = np.array([batch.values[measure] for batch, measure, _, _ in of])
        rows = np.array([batch.values[Measure(ROWS)] for batch, *_ in of])
        verdicts = judged(kind, history, counts, values, rows, seasons)
        for (batch, measure, _, _), verdict in zip(of, verdicts, strict=True):
            yield Judgement(batch, measure, batch.values[measure], verdict)


def _of_distributions(asked: Iterable[tuple[Batch, Steps]]) -> Iterator[Judgement]:
    of = [(batch, name, steps) for batch, steps in asked for name in batch.quantiles]
    if not of:
        return
    newest = quantiles_of([batch.quantiles[name] for batch, name, _ in of])
    history = np.array([
        before(quantiles_of([one.quantiles.get(name) if one else None for one in steps]), batch.seasons)
        for batch, name, steps in of
    ])  # fmt: skip
    rows = np.array([batch.values[Measure(ROWS)] for batch, _, _ in of])
    for (batch, name, _), (distance, verdict) in zip(of, spread(history, newest, rows), strict=True):
        yield Judgement(batch, Measure(DISTRIBUTION, name), distance, verdict)


def _of_categories(batch: Batch, steps: Steps) -> Iterator[Judgement]:
    season = max(batch.seasons, default=1)
    for column, newest in batch.categories.items():
        known = [one.categories[column] for one in steps if one and column in one.categories]
        phase = [one.categories[column] for one in steps[-season::-season] if one and column in one.categories]
        for one in compared(known, phase, newest):
            yield Judgement(batch, Measure(one.name, column), one.share, one.verdict, one.categories)

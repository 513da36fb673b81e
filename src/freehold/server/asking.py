"""Asking metrics for whoever asks the server: with their eyes, within limits, of data that is there.

An answer that was computed before from the same data is given without touching the warehouse. Any other opens it, asks,
and gives it back, as a command does; while somebody writes to it, that is what is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

from freehold import opening
from freehold.access.covering import Cover
from freehold.foundation import FreeholdError
from freehold.metrics import policies_of
from freehold.metrics.answering import MOST_ROWS
from freehold.metrics.fingerprint import sources_of
from freehold.metrics.seeing import part_seen

if TYPE_CHECKING:
    from freehold.delivery import Delivery
    from freehold.delivery.explaining import Explained, Stretch
    from freehold.delivery.serving import Happened
    from freehold.engines import Engine
    from freehold.metrics import Answer, Answerer, Catalogue, Query, Source
    from freehold.metrics.model import Metric
    from freehold.server.application import Served
    from freehold.server.identity import Who
    from freehold.server.snapshots import Snapshot

T = TypeVar("T")
LONGEST_S = 20.0  # an answer may take in the warehouse, where the estate says nothing


class _NotComputed(Exception):
    """An answer is not kept: the warehouse has to be asked."""


@dataclass(frozen=True, slots=True)
class _Shut:
    """A warehouse that is not open: what it is capable of is known, and nothing can be asked."""

    capabilities: Any

    def session(self, *_: object) -> object:
        raise _NotComputed


@dataclass(frozen=True)
class Asks:
    """Asks the metrics of one snapshot as one caller."""

    served: Served
    snapshot: Snapshot
    who: Who

    @property
    def catalogue(self) -> Catalogue:
        """The metrics that may be seen, with the types of fields as the warehouse has them."""
        return self._seen(self._base()).catalogue

    def answer(self, query: Query, most_rows: int = MOST_ROWS) -> Answer:
        """Answer a question.

        Args:
            query: what is asked.
            most_rows: rows of an answer here; the estate may say fewer.

        Raises:
            FreeholdError: FH-A113 they may see a metric and not ask it; FH-N… it has no one right answer, or a policy
                names them not; FH-E101 the warehouse is being written to, and the answer is not known yet; FH-E… what
                it says otherwise.
        """
        self._expect(query.metrics)
        with _said_by_the_asker(is_so=query.where is not None or query.having is not None):
            return self._plainly(self._answered(query, most_rows))

    def _answered(self, query: Query, most_rows: int) -> Answer:
        caller = self.who.caller("query")
        base = replace(self._base(), caller=caller, policy=policies_of(self._whole.estate, caller))
        try:
            return self._seen(base, most_rows).answer(query)
        except _NotComputed:
            return self._look(lambda delivery: self._open(delivery, most_rows).answer(query))

    def explain(
        self, metric: Metric, stretches: tuple[Stretch, Stretch] | None, where: str, by: Sequence[str] = ()
    ) -> Explained:
        """Explain a metric, or why it moved; found once for each reader and snapshot.

        Raises:
            FreeholdError: as `answer`.
        """
        from freehold.delivery.explaining import explained

        def take(delivery: Delivery) -> Explained:
            found = explained(self._open(delivery), delivery, metric, stretches, where=where or None, by=by)
            happened = tuple(self._shown(one) for one in found.happened)
            made = replace(found.made, sources=tuple(self._source(one) for one in found.made.sources))
            return replace(found, made=made, happened=happened)

        self._expect((metric.id,))
        eyes = (self.who.principal, *self.who.groups) if self._whole.estate.policies else ()
        key = ("explained", metric.id, stretches, where, tuple(by), eyes)
        kept = self.snapshot._details
        if key not in kept:
            with _said_by_the_asker(is_so=bool(where)):
                kept[key] = self._look(take)
        found: Explained = kept[key]
        return found

    @property
    def _whole(self) -> Snapshot:
        return self.snapshot.whole or self.snapshot

    @cached_property
    def _cover(self) -> Cover | None:
        """What lies over what may not be seen; None where all may be."""
        if self.snapshot.seen is None:
            return None
        return Cover.over(self._whole.estate.products, self.snapshot.seen)

    def _expect(self, names: Sequence[str]) -> None:
        """Refuse who may see a metric and not ask it."""
        catalogue = self.snapshot.catalogue
        sources = {source for name in names for source in sources_of(catalogue, catalogue.metric(name))}
        for product in {source.rpartition(".")[0] for source in sources} & set(self.snapshot.estate.products):
            self.served.rights.expect(self.who, "ask", product)

    def _base(self) -> Answerer:
        """Return what any caller's questions are compiled by, for this snapshot; its warehouse is shut."""
        return self.served.snapshots.detail(self._whole, "asks", _shut)

    def _open(self, delivery: Delivery, most_rows: int = MOST_ROWS) -> Answerer:
        asks = opening.asking_of(delivery, seen_by=self.who.caller("query"))
        return self._seen(asks.answerer, most_rows)

    def _seen(self, answerer: Answerer, most_rows: int = MOST_ROWS) -> Answerer:
        """Return an answerer of the metrics that may be seen, within limits."""
        cover, catalogue = self._cover, answerer.catalogue
        if cover is not None:
            catalogue = part_seen(catalogue, lambda source: not cover.hides(source))
        return replace(
            answerer,
            catalogue=catalogue,
            most_rows=min(most_rows, answerer.most_rows),
            most_seconds=LONGEST_S if answerer.most_seconds is None else answerer.most_seconds,
        )

    def _plainly(self, answer: Answer) -> Answer:
        return replace(answer, sources=tuple(self._source(one) for one in answer.sources)) if self._cover else answer

    def _source(self, source: Source) -> Source:
        """Return a source whose reasons name nothing that is hidden."""
        cover = self._cover
        return source if cover is None else replace(source, reasons=tuple(map(cover.plain, source.reasons)))

    def _shown(self, one: Happened) -> Happened:
        cover = self._cover
        if cover is None:
            return one
        seen = tuple(asset for asset in one.assets if not cover.hides(asset))
        return replace(one, assets=seen, told=cover.plain(one.told), deployment=one.deployment if seen else "")

    def _look(self, take: Callable[[Delivery], T]) -> T:
        return self.served.snapshots.look(self._whole, take)


@contextmanager
def _said_by_the_asker(*, is_so: bool) -> Iterator[None]:
    """Tell a statement that failed as what it is where the asker's own condition stands in it: their question's fault.

    Raises:
        FreeholdError: FH-A144 with the words of the engine.
    """
    try:
        yield
    except FreeholdError as error:
        if not is_so or error.code != "FH-E201":
            raise
        problem = f"The warehouse does not take this condition: {error.problem}"
        raise FreeholdError("FH-A144", problem, fix="Mend the condition; see `freehold query --help`.") from error


def _shut(delivery: Delivery) -> Answerer:
    asks = opening.asking_of(delivery)
    return replace(asks.answerer, engine=cast("Engine", _Shut(delivery.engine.capabilities)))

"""Runs of other tools as runs: what ended becomes `run.completed`, what was due `run.expected`, each once.

What was looked at last is kept in the transaction that records, so that a crash in between records nothing twice; and
ids follow from the runs, so that what `freehold ledger import` recorded before is known.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from freehold.catalog.openlineage.keeping import RAW
from freehold.connect.openlineage import Told, events, told_of
from freehold.delivery.asset import NOT_BUILT
from freehold.foundation import Where
from freehold.ledger.event import from_micros

if TYPE_CHECKING:
    from freehold.catalog import Catalog
    from freehold.catalog.openlineage.asking import Book
    from freehold.catalog.openlineage.merging import Run
    from freehold.delivery.graph import Graph
    from freehold.ledger import Event, Ledger, Recorded

_KEPT = ("openlineage", "recognised")
_READ = ("event_type", "body", "occurred_at")
_ENDS = ("COMPLETE", "FAIL", "ABORT")  # when a run began is in the catalog, which has followed before


def recognise(ledger: Ledger, catalog: Catalog, graph: Graph, env: str) -> int:
    """Record what sealed events tell of runs and nobody recorded yet; return how many events that made.

    Raises:
        FreeholdError: FH-L112 a segment cannot be read; what appending raises. What was recorded stays.
    """
    made = 0
    for sealed in _unseen(ledger):
        told = list(_told(ledger.raw.rows(sealed, _READ)))
        fresh = list(_fresh(ledger, told, catalog, graph, env))
        ledger.append(*fresh, keep={_KEPT: sealed.seq})
        made += len(fresh)
    return made


def _unseen(ledger: Ledger) -> Iterator[Recorded]:
    after = int(ledger.state.get(*_KEPT, 0))
    for sealed in ledger.read(after=after, types=("segment.sealed",)):
        if sealed.data["type"] == RAW:
            yield sealed


def _told(rows: Iterable[Mapping[str, Any]]) -> Iterator[Told]:
    for row in rows:
        if row["event_type"] in _ENDS:
            try:
                one = told_of(json.loads(row["body"]), Where("OpenLineage"))
            except (
                ValueError
            ):  # it has no instant of its own: it is kept, and told as a warning, but is no run of a day
                continue
            if one is not None:
                yield replace(one, at=min(one.at, row["occurred_at"].replace(tzinfo=UTC)))  # of a clock that is ahead


def _fresh(ledger: Ledger, told: list[Told], catalog: Catalog, graph: Graph, env: str) -> Iterator[Event]:
    with catalog.heard() as book:
        runs = {one.run: found for one in told if (found := book.run(one.run))}
        wrote = {id_: _assets(run, book) for id_, (_, run) in runs.items()}
        ours = {id_ for id_, (_, run) in runs.items() if _is_ours(run, book, graph)}
    began = {id_: from_micros(run.started) for id_, (_, run) in runs.items() if run.started is not None}
    since = {one.job: at for one in told if one.dag and (at := _last_due(ledger, one.job, env))}
    for event in events(told, env, since, began)[0]:
        if event.run_id not in ours and ledger.get(event.id or "") is None:
            outputs = wrote.get(event.run_id)
            yield replace(event, data={**event.data, "outputs": outputs}) if outputs else event


def _is_ours(run: Run, book: Book, graph: Graph) -> bool:
    """Whether a run wrote nothing but what we build: our own run tells of that, and it would count twice."""
    assets = [book.ours(name) for name in run.outputs]
    return bool(assets) and all(one in graph.assets and graph.assets[one].kind not in NOT_BUILT for one in assets)


def _assets(run: Run, book: Book) -> list[str]:
    """Return the assets of ours that a run wrote, by all their names."""
    return sorted({asset for name in run.outputs if (asset := book.ours(name))})


def _last_due(ledger: Ledger, job: str, env: str) -> datetime | None:
    found = ledger.read(types=("run.expected",), subject=job, env=env, newest_first=True, limit=1)
    return next((event.occurred_at for event in found), None)

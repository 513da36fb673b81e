"""What goes where, as jobs: every model, metric and dashboard with the edges it makes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from freehold.catalog.entry import SOME, WHOLE, End, Flow, Job, Key

if TYPE_CHECKING:
    from freehold.delivery.asset import Asset
    from freehold.delivery.graph import Graph
    from freehold.delivery.lineage import Edge, EstateLineage, Field
    from freehold.estate.dashboards import Dashboard


def jobs_of(graph: Graph, lineage: EstateLineage, readers: Iterable[Dashboard]) -> tuple[Job, ...]:
    """Return a job for every asset that reads others, and for everybody who reads from outside, metrics among them."""
    into: dict[str, list[Edge]] = defaultdict(list)
    for at, edges in lineage.into.items():
        into[at.asset] += edges
    models = (_model(asset, lineage, into[asset.id]) for asset in graph.assets.values())
    return (*(job for job in models if job.reads or job.flows), *_readers(lineage, readers))


def _model(asset: Asset, lineage: EstateLineage, into: Iterable[Edge]) -> Job:
    target = Key("asset", asset.id)
    flows = [Flow(_from(lineage, e.source), _to(lineage, e.target), _how(e.use), e.is_direct, e.where) for e in into]
    flows += [
        Flow(_from(lineage, source), End(target, SOME), subtype.lower(), is_direct=False)
        for source, subtype in lineage.decides.get(asset.id, ())
    ]
    reads = tuple(Key("asset", name) for name in dict.fromkeys(asset.inputs))
    return Job(f"model:{asset.id}", "model", target, asset.where, reads, tuple(flows))


def _from(lineage: EstateLineage, at: Field) -> End:
    return End(Key("asset", at.asset), lineage.spelt.get(at, at.column))


def _to(lineage: EstateLineage, at: Field) -> End:
    """Return where an edge goes; of a table whose columns nobody lists it is not known into which."""
    return End(Key("asset", at.asset), SOME) if at.column == WHOLE else _from(lineage, at)


def _how(use: int) -> str:
    from freehold.sql.lineage import Use

    return " ".join(str(one.name).lower() for one in Use if use & one)


def _readers(lineage: EstateLineage, readers: Iterable[Dashboard]) -> Iterator[Job]:
    read: dict[str, list[End]] = defaultdict(list)
    for asset, found in lineage.consumers.reads.items():
        for one in found:
            columns = (*sorted(one.columns), *((WHOLE,) if one.is_whole else ()))
            read[one.dashboard.id] += [_spelt(lineage, asset, column) for column in columns]
    for reader in readers:
        job = _reader(reader, read[reader.id])
        if job.reads:
            yield job


def _reader(one: Dashboard, ends: list[End]) -> Job:
    is_metric = one.tool == "metrics"  # told as a reader, with itself as the metric
    target = Key("metric", one.metrics[0]) if is_metric else Key("dashboard", one.id)
    metrics = () if is_metric else tuple(Key("metric", name) for name in one.metrics)
    flows = tuple(Flow(end, End(target), "reads", where=one.where) for end in (*ends, *map(End, metrics)))
    reads = tuple(dict.fromkeys((*metrics, *(end.entry for end in ends))))
    return Job(str(target), target.kind, target, one.where, reads, flows)


def _spelt(lineage: EstateLineage, asset: str, column: str) -> End:
    from freehold.delivery.lineage import Field

    return _from(lineage, Field(asset, column))

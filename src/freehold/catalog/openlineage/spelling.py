"""What is merged, as JSON and back: how the tables of the catalog hold runs, jobs and data sets."""

from __future__ import annotations

import json
from typing import Any

from freehold.catalog.openlineage.merging import Job, Kept, Output, Run, Set
from freehold.catalog.openlineage.reading import Name, Source


def run_text(run: Run) -> str:
    """Spell a run."""
    outputs = [
        [str(name), one.stamp, None if one.reads is None else list(map(str, one.reads)), _columns(one), one.own.said]
        for name, one in sorted(run.outputs.items())
    ]
    inputs = sorted(map(str, run.inputs))
    return _text([run.stamp, run.started, run.end, run.state, run.completed, run.facets.said, inputs, outputs])


def run_of(id_: str, text: str) -> Run:
    """Read what `run_text` wrote."""
    stamp, started, end, state, completed, facets, inputs, outputs = json.loads(text)
    return Run(
        id_, _stamp(stamp), started, _stamp(end), state, _stamp(completed), _kept(facets),
        set(map(Name.of, inputs)), {Name.of(name): _output(*rest) for name, *rest in outputs},
    )  # fmt: skip


def job_text(job: Job) -> str:
    """Spell a job."""
    return _text([job.at, job.producer, job.facets.said, job.recent, job.closed, job.closed_at])


def job_of(name: Name, text: str) -> Job:
    """Read what `job_text` wrote."""
    at, producer, facets, recent, closed, closed_at = json.loads(text)
    stamps = {id_: _stamp(stamp) for id_, stamp in recent.items()}
    said_by = (int(producer[0]), str(producer[1]), str(producer[2]))
    return Job(name, at, said_by, _kept(facets), stamps, closed, _stamp(closed_at))


def set_text(one: Set) -> str:
    """Spell a data set."""
    return _text([one.at, one.first, one.facets.said])


def set_of(name: Name, text: str) -> Set:
    """Read what `set_text` wrote."""
    at, first, facets = json.loads(text)
    return Set(name, at, first, _kept(facets))


def _text(said: object) -> str:
    return json.dumps(said, separators=(",", ":"), sort_keys=True)  # the same whatever came first


def _columns(one: Output) -> list[list[object]]:
    return [[target, str(source.name), *source[1:]] for target, source in one.columns]


def _output(stamp: Any, reads: Any, columns: Any, own: Any) -> Output:
    told = tuple((target, Source(Name.of(name), field, how, direct)) for target, name, field, how, direct in columns)
    return Output(_stamp(stamp), None if reads is None else tuple(map(Name.of, reads)), told, _kept(own))


def _kept(said: dict[str, Any]) -> Kept:
    return Kept({name: (at, digest, facet) for name, (at, digest, facet) in said.items()})


def _stamp(said: Any) -> tuple[int, str]:
    return int(said[0]), str(said[1])

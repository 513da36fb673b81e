"""What was heard, in the shapes that Marquez's API has for it, as far as they are true of what is held.

Versions of jobs and data sets, sources, tags and whoever owns a namespace are not kept, so those fields are null or
empty. What Marquez calls `createdAt` is when a thing was first told of, `updatedAt` when last.
"""

from __future__ import annotations

from typing import Any

from freehold.catalog.openlineage import reading
from freehold.catalog.openlineage.asking import Book, Namespace
from freehold.catalog.openlineage.merging import NEVER, Edges, Job, Run, Set
from freehold.catalog.openlineage.reading import Name
from freehold.ledger.event import instant_text


def namespace(one: Namespace) -> dict[str, Any]:
    """Return a namespace."""
    return {
        "name": one.name, "createdAt": instant(one.first), "updatedAt": instant(one.last), "ownerName": "anonymous",
        "description": None, "isHidden": False,
    }  # fmt: skip


def dataset(one: Set, book: Book) -> dict[str, Any]:
    """Return a data set; `freehold` names the asset of ours that it is."""
    facets = one.facets.facets()
    fields: list[dict[str, Any]] = [
        {"name": name, "type": type_ or None, "tags": [], "description": told or None}
        for name, type_, told in reading.columns(facets)
    ]
    state = facets.get("lifecycleStateChange", {}).get("lifecycleStateChange")
    return {
        "id": dict(one.name._asdict()),
        "type": "DB_TABLE",
        "name": one.name.name,
        "physicalName": one.name.name,
        "createdAt": instant(one.first if one.at else 0),
        "updatedAt": instant(one.at),
        "namespace": one.name.namespace,
        "sourceName": one.name.namespace,
        "fields": fields,
        "tags": [],
        "lastModifiedAt": None,
        "lastLifecycleState": state if isinstance(state, str) else None,
        "description": reading.description(facets) or None,
        "currentVersion": None,
        "deleted": state == "DROP",
        "facets": facets,
        "freehold": book.ours(one.name) or None,
    }


def job(one: Job, book: Book, edges: Edges | None = None) -> dict[str, Any]:
    """Return a job with the edges that it has now and its newest run."""
    facets, runs = one.facets.facets(), book.runs(one)
    edges = edges or book.edges(one)
    location = facets.get("sourceCodeLocation", {}).get("url")
    newest = [run(found, one.name) for found in runs[:5]]
    first = min((found.started or found.stamp[0] for found in runs), default=one.at)
    processing, *_ = reading.job_type(facets)
    return {
        "id": dict(one.name._asdict()),
        "type": {"STREAMING": "STREAM", "SERVICE": "SERVICE"}.get(processing, "BATCH"),
        "name": one.name.name,
        "simpleName": one.name.name.rpartition(".")[2],
        "createdAt": instant(first),
        "updatedAt": instant(one.at),
        "namespace": one.name.namespace,
        "inputs": [dict(name._asdict()) for name in edges.inputs],
        "outputs": [dict(name._asdict()) for name, *_ in edges.outputs],
        "location": location if isinstance(location, str) else None,
        "description": reading.description(facets) or None,
        "latestRun": newest[0] if newest else None,
        "latestRuns": newest,
        "tags": [],
        "currentVersion": None,
        "facets": facets,
    }


def run(one: Run, of: Name) -> dict[str, Any]:
    """Return a run."""
    facets = one.facets.facets()
    nominal = facets.get("nominalTime", {})
    ended = one.end[0] if one.end != NEVER else None
    lasted = (ended - one.started) // 1000 if ended is not None and one.started is not None else None
    first = one.stamp[0] if one.started is None else one.started
    return {
        "id": one.id,
        "createdAt": instant(first),
        "updatedAt": instant(one.stamp[0]),
        "nominalStartTime": nominal.get("nominalStartTime"),
        "nominalEndTime": nominal.get("nominalEndTime"),
        "state": one.state,
        "startedAt": None if one.started is None else instant(one.started),
        "endedAt": None if ended is None else instant(ended),
        "durationMs": lasted,
        "args": {},
        "job": dict(of._asdict()),
        "inputDatasetVersions": [
            {"datasetVersionId": {**name._asdict(), "version": None}} for name in sorted(one.inputs)
        ],
        "outputDatasetVersions": [
            {"datasetVersionId": {**name._asdict(), "version": None}, "facets": written.own.facets()}
            for name, written in sorted(one.outputs.items())
        ],
        "facets": facets,
    }


def node_id(kind: str, name: Name) -> str:
    """Return the id of a node of a graph."""
    return f"{kind}:{name.namespace}:{name.name}"


def instant(at: int) -> str:
    """Return an instant as the API has it."""
    return instant_text(at)

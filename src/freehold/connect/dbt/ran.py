"""What dbt did by itself, from its run_results.json: every model that ran and every test that judged, as events."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from freehold.connect.dbt import artifacts
from freehold.connect.dbt.artifacts import MANIFEST, RUN_RESULTS, Place
from freehold.connect.dbt.manifest import read_project
from freehold.connect.dbt.model import Project, Test
from freehold.connect.dbt.observing import asset_ids
from freehold.connect.dbt.tested import KINDS
from freehold.delivery.graph import Graph
from freehold.foundation import Exit, FreeholdError, Where
from freehold.ledger import Event

_NAMESPACE = uuid.UUID("c6b7e1d2-3d0a-4b0e-9d2f-0f6d8b1a7c55")
_RUNS = {"success": "success", "error": "failed", "fail": "failed", "partial success": "failed", "skipped": "skipped"}
_TESTS = {"pass": "pass", "warn": "warn", "fail": "fail", "error": "error", "skipped": "skipped"}
_BUILDING = ("build", "run", "test", "seed", "snapshot", "retry")
_CLASSES = {"not_null": "null", "relationships": "referential", "accepted_values": "range"}


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of dbt: its id, when it ended, what each node came to, and the project that it ran."""

    id: str
    ended: datetime
    results: tuple[Mapping[str, Any], ...]
    project: Project


def read_invocation(path: Path) -> Invocation:
    """Read a run_results.json with the manifest beside it; `path` is that file, or the folder it lies in.

    Raises:
        FreeholdError: FH-X130 it is not there; FH-X133 no manifest is beside it; FH-X134 nothing ran; FH-X111 to
            FH-X114 one of the two cannot be read.
    """
    folder = path if path.is_dir() else path.parent
    place = Place(folder.parent if (folder.parent / artifacts.PROJECT_FILE).is_file() else folder, folder)
    if place.file(RUN_RESULTS) is None:
        raise FreeholdError(
            "FH-X130",
            f"There is no {RUN_RESULTS} in `{folder}`.",
            fix="dbt leaves it in its target folder after a run, a build or a test.",
            exit_code=Exit.USAGE,
        )
    if place.file(MANIFEST) is None:
        raise FreeholdError(
            "FH-X133",
            f"Beside `{path}` there is no {MANIFEST}, so nobody knows which models its tests are about.",
            where=Where(str(path)),
            fix=f"Keep both files of a run together; dbt writes {MANIFEST} with every command.",
            exit_code=Exit.USAGE,
        )
    said, project = artifacts.read(place, RUN_RESULTS), read_project(place)
    assert said is not None
    file = place.file(RUN_RESULTS)
    assert file is not None
    metadata = said["metadata"]
    ended, id_ = _instant(metadata.get("generated_at")), metadata.get("invocation_id")
    if ended is None or not id_:
        raise artifacts.misshapen(file, "`metadata.invocation_id` or `metadata.generated_at` is missing")
    did = str((said.get("args") or {}).get("which") or "build")
    if did not in _BUILDING:
        raise FreeholdError(
            "FH-X134",
            f"The file tells of `dbt {did}`, which builds and tests nothing.",
            where=Where(str(file)),
            fix=f"Keep the {RUN_RESULTS} of the run itself: the next command of dbt writes over it.",
            exit_code=Exit.USAGE,
        )
    return Invocation(str(id_), ended, tuple(said["results"]), project)


def events_of_invocation(one: Invocation, env: str, graph: Graph) -> tuple[list[Event], int]:
    """Return the events that an invocation is, and how many of its results tell of nothing the manifest knows.

    Args:
        one: the invocation.
        env: the environment that dbt built.
        graph: of the estate: what its products declare goes by their names.
    """
    ids = asset_ids(one.project, graph)
    found: list[Event] = []
    unknown = 0
    for said in one.results:
        node = str(said["unique_id"])
        made = list(_of_result(said, node, one, env, ids, graph))
        unknown += not made and not node.startswith(_NOT_RUN)
        found += made
    return found, unknown


_NOT_RUN = ("exposure.", "metric.", "saved_query.", "semantic_model.", "group.")  # dbt lists them, and does nothing


def _of_result(
    said: Mapping[str, Any], node: str, one: Invocation, env: str, ids: Mapping[str, str], graph: Graph
) -> Iterator[Event]:
    if node in one.project.nodes:
        yield _event(one, env, graph, "run.completed", ids[node], node, _run(said, one, ids[node]))
    test = one.project.tests.get(node)
    for about in ([test.of] if test.of else test.reads) if test else ():
        if about in ids:
            asset = ids[about]
            yield _event(one, env, graph, "check.completed", asset, f"{node}@{asset}", _check(said, one, asset, test))


def _run(said: Mapping[str, Any], one: Invocation, asset: str) -> dict[str, Any]:
    status = _RUNS.get(str(said["status"]), "failed")
    times = [t for t in said.get("timing") or () if t.get("completed_at")]
    rows = (said.get("adapter_response") or {}).get("rows_affected")
    return {
        "run_id": one.id,
        "asset": asset,
        "status": status,
        "started": _spelt(times[0].get("started_at")) if times else None,
        "ended": _spelt(times[-1]["completed_at"]) if times else None,
        "rows": rows if isinstance(rows, int) and rows >= 0 else None,
        "failure_mode": "execution" if status == "failed" else None,
        "cost_s": float(said.get("execution_time") or 0),
    }


def _check(said: Mapping[str, Any], one: Invocation, asset: str, test: Test | None) -> dict[str, Any]:
    assert test is not None
    failures = said.get("failures")
    return {
        "check_id": f"{asset}:{test.name}",
        "asset": asset,
        "class": _CLASSES.get(test.kind, test.kind),
        "kind": KINDS.get(test.kind, "custom"),
        "status": _TESTS.get(str(said["status"]), "error"),
        "severity": test.severity,
        "blocking": test.severity == "error",
        "failing": failures if isinstance(failures, int) else None,
        "decided_by": "dbt",
        "cost_s": float(said.get("execution_time") or 0),
        "suite_run": one.id,
        "target": "live",
    }


def _event(
    one: Invocation, env: str, graph: Graph, kind: str, asset: str, part: str, content: Mapping[str, Any]
) -> Event:
    known = graph.assets.get(asset)
    return Event(
        kind,
        content,
        id=str(uuid.uuid5(_NAMESPACE, f"{env}|{one.id}|{part}")),
        occurred_at=one.ended,
        env=env,
        subject=asset,
        product=known.product.id if known else "",
        run_id=one.id,
        correlation_id=one.id,
    )


def _instant(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _spelt(text: object) -> str | None:
    found = _instant(text) if text else None
    return found.isoformat() if found else None

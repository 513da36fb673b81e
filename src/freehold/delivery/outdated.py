"""What is live and was built from something that is not: after a rollback of what it reads, or a run of a part."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from freehold.delivery.asset import NOT_BUILT, Asset, Kind
from freehold.delivery.graph import Graph
from freehold.delivery.origins import Origins, is_done
from freehold.delivery.overlay import Overlay
from freehold.delivery.release import Candidate
from freehold.delivery.step import Definitions, intervals_of, wanted


def outdated(
    graph: Graph,
    overlay: Overlay,
    definitions: Definitions,
    origins: Origins,
    waiting: Mapping[str, Candidate],
    now: datetime,
) -> dict[str, str]:
    """Return the assets that are not built from what is live of what they read, each with the first such input.

    A model that was changed and not yet run does not count, nor does what was tried and waits in quarantine.
    """
    found: dict[str, str] = {}
    intervals = intervals_of(graph, overlay, {})
    for asset in graph.assets.values():
        if asset.kind in (Kind.SOURCE, *NOT_BUILT) or overlay.is_otherwise(asset):
            continue
        behind = _behind(asset, graph, overlay, definitions, origins, waiting)
        if behind is None and asset.by_interval:
            lacking = (i for i in intervals.get(asset.id, ()) if i not in overlay.standing(asset.id))
            over = [i for i in lacking if i.end.replace(tzinfo=UTC) <= now]
            steps = (wanted(asset, i, graph, overlay, {}, definitions) for i in over)
            behind = next((asset.inputs[0] for step in steps if step and step.key not in waiting), None)
        if behind is not None:
            found[asset.id] = behind
    return found


def _behind(
    asset: Asset,
    graph: Graph,
    overlay: Overlay,
    definitions: Definitions,
    origins: Origins,
    waiting: Mapping[str, Candidate],
) -> str | None:
    """Return the first input of which another version is live than the one this was built from."""
    for interval, candidate in overlay.standing(asset.id).items():
        step = wanted(asset, interval, graph, overlay, {}, definitions)
        if step is None or candidate.definition != step.definition or step.key in waiting:
            continue
        if is_done(step, candidate, origins, overlay):
            continue
        built = set(candidate.inputs)
        for version in step.inputs:
            if version not in built and "~" not in version:  # what others build has no version of its own
                return version.partition("@")[0].partition("#")[0]
    return None

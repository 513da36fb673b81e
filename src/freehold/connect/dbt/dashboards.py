"""Exposures as dashboards: what dbt declares of its consumers, in the values that every tool's dashboards come in."""

from __future__ import annotations

from freehold.connect.dbt.model import Exposure, Project
from freehold.connect.dbt.observing import asset_ids
from freehold.connect.dbt.places import Places
from freehold.delivery.graph import Graph
from freehold.estate.dashboards import Dashboard, Reading

_KINDS = {"ml": "ml", "analysis": "report", "notebook": "notebook", "application": "application"}


def exposures_of(project: Project, graph: Graph | None = None) -> tuple[Dashboard, ...]:
    """Return the exposures of a project; `graph`, of the estate, tells which of its models products declare.

    They read whole assets: dbt does not tell columns.
    """
    ids, places = asset_ids(project, graph), Places(project)
    by_measure = {measure.name: measure.model for measure in project.measures}
    return tuple(_dashboard(one, ids, project, places, by_measure) for one in project.exposures.values())


def _dashboard(
    one: Exposure, ids: dict[str, str], project: Project, places: Places, by_measure: dict[str, str]
) -> Dashboard:
    through = [model for metric in one.metrics for model in project.models_of(metric, by_measure)]
    read = dict.fromkeys(ids[id_] for id_ in (*one.reads, *through) if id_ in ids)
    return Dashboard(
        id=one.id,
        name=one.label,
        tool="dbt",
        where=places.of_exposure(one),
        kind=_KINDS.get(one.kind, "dashboard"),
        owner=one.owner,
        url=one.url,
        reads=tuple(Reading(asset) for asset in read),
        metrics=tuple(project.metrics[m].name for m in one.metrics if m in project.metrics),
    )

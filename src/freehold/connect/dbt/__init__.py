"""dbt, read from the artifacts it leaves behind: its models in the graph, a memo of what to look at, a first estate."""

from freehold.connect.dbt.building import DbtTool, changed_since_applied, declared_nodes
from freehold.connect.dbt.dashboards import exposures_of
from freehold.connect.dbt.manifest import read_project
from freehold.connect.dbt.model import Project
from freehold.connect.dbt.observing import asset_ids, joined, joining, uncompiled
from freehold.connect.dbt.profile import Connection
from freehold.connect.dbt.starting import FOLDER, Started, start
from freehold.connect.dbt.versions import Pair, keep, pairs_of, projects_of

__all__ = [
    "FOLDER",
    "Connection",
    "DbtTool",
    "Pair",
    "Project",
    "Started",
    "asset_ids",
    "changed_since_applied",
    "declared_nodes",
    "exposures_of",
    "joined",
    "joining",
    "keep",
    "pairs_of",
    "projects_of",
    "read_project",
    "start",
    "uncompiled",
]

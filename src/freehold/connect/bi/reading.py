"""From the files that an estate names to the dashboards they tell of: each tool's files go to its reader, together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.connect.bi.files import Export, exports
from freehold.connect.bi.telling import Telling, Told
from freehold.estate.dashboards import DashboardFiles

if TYPE_CHECKING:
    from freehold.connect.bi.queries import Queries

_WITH_SQL = ("looker", "tableau", "powerbi")


def told(root: Path, sources: Iterable[DashboardFiles], dialect: str) -> Told:
    """Return what the files of an estate tell of dashboards; what is wrong with them is in it, nothing is raised.

    Args:
        root: the folder of the estate.
        sources: what its `spec.dashboards` names.
        dialect: of the warehouse, in which exports write SQL, as sqlglot names it.
    """
    found, errors = exports(root, sources)
    telling = Telling(errors=errors)
    by_tool: dict[str, list[Export]] = {}
    for export in found:
        by_tool.setdefault(export.tool, []).append(export)
    if "csv" in by_tool:
        from freehold.connect.bi import csv

        csv.read(by_tool["csv"], telling)
    tools = [tool for tool in _WITH_SQL if tool in by_tool]
    if tools:
        from freehold.connect.bi.queries import Queries

        with Queries(dialect) as queries:
            for tool in tools:
                _reader_of(tool)(by_tool[tool], telling, queries)
    return telling.result()


def _reader_of(tool: str) -> Callable[[Sequence[Export], Telling, Queries], None]:
    """Import the reader of a tool: an estate that has none of its files pays for none of it."""
    read: Callable[[Sequence[Export], Telling, Queries], None] = import_module(f"freehold.connect.bi.{tool}").read
    return read

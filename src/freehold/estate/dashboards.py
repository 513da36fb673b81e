"""Dashboards and other consumers outside the estate, as values: whatever tool tells of them, they look alike here."""

from __future__ import annotations

from dataclasses import dataclass, field

from freehold.foundation import Where


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing a dashboard reads: a column of an asset or relation, or all of it where `column` is empty.

    `of` is as its tool writes it: an asset id (`sales.orders.lines`) or a relation (`schema.table`,
    `database.schema.table`); `where` is the place that says so, None where that of the dashboard is the nearest known.
    """

    of: str
    column: str = ""
    where: Where | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A consumer that no file of the estate builds: a dashboard, a report, a notebook, an application.

    `tool` says where it was read from (`looker`, `tableau`, `powerbi`, `dbt`, `csv`), `kind` what it is (`dashboard`,
    `report`, `notebook`, `application`, `ml`, or `model` for one that people query through); `viewers` are the distinct
    people of the last 30 days, None where nobody counted; `where` is the file that tells of it.
    """

    id: str
    name: str
    tool: str
    where: Where
    kind: str = "dashboard"
    owner: str = ""
    viewers: int | None = None
    url: str = ""
    reads: tuple[Reading, ...] = ()
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DashboardFiles:
    """Where an estate says that dashboards are told of: a file, a folder or a pattern, relative to it.

    `tool` is empty where the files' endings say what they are; `owner` is whom to ask where a file does not say.
    """

    path: str
    where: Where
    tool: str = ""
    owner: str = ""

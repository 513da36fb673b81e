"""Objectives: how far each key result has come by its last measure, and what contributes to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from starlette.routing import Route

from freehold.foundation.words import counted, percent
from freehold.insight.objectives import linked_items, objective_object, said_of
from freehold.server.ahead import Ahead
from freehold.server.web.model import Crumb, Empty, Fact, Heading, Mark
from freehold.server.web.pages.items import LinkRow
from freehold.server.web.serving import page
from freehold.server.web.showing import Asked, Shown

_PATH = "/objectives"
_HEADINGS = (
    Heading("Key result"), Heading("Progress", "num"), Heading("From", "num", narrow=False),
    Heading("Now", "num", narrow=False), Heading("To", "num", narrow=False), Heading("By", "num", narrow=False),
)  # fmt: skip
_NONE = Empty(
    "No objective is declared", "An objective is a file: what is to be reached, and the metrics that show it.",
    "freehold schema Objective",
)  # fmt: skip
_STATES = {
    "measured": Mark("idle", "measured"), "reached": Mark("ok", "reached"), "stale": Mark("warn", "stale"),
    "not measured": Mark("warn", "not measured"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class KeyResultRow:
    """A key result as it was measured last; `href` leads to its metric."""

    id: str
    metric: str
    href: str
    state: Mark
    progress: str
    elapsed: str
    start: str
    now: str
    target: str
    by: date
    measured_at: datetime | None


@dataclass(frozen=True, slots=True)
class ObjectivePart:
    """An objective in the list."""

    id: str
    name: str
    period: str
    owner: str
    rows: tuple[KeyResultRow, ...]


@dataclass(frozen=True, slots=True)
class ObjectivesPage:
    """The objectives, those that end first before others."""

    headings: tuple[Heading, ...]
    objectives: tuple[ObjectivePart, ...]
    withheld: str
    none_yet: Empty


@dataclass(frozen=True, slots=True)
class ObjectivePage:
    """One objective, with the items that contribute to it."""

    one: ObjectivePart
    headings: tuple[Heading, ...]
    facts: tuple[Fact, ...]
    items: tuple[LinkRow, ...]
    withheld: str


def routes() -> list[Route]:
    """Return the routes of objectives."""
    return [*page(_PATH, objectives, "objectives"), *page(f"{_PATH}/{{id}}", objective, "objective")]


def objectives(asked: Asked) -> Shown:
    """Show all, each with its key results."""
    ahead = Ahead(asked)
    stood = ahead.standings()
    parts = tuple(_part(ahead, objective_object(one, stood[one.id])) for one in ahead.objectives.values())
    unknown = sum(row.state.word in ("stale", "not measured") for part in parts for row in part.rows)
    sentence = f"{counted(len(parts), 'objectives')}; nobody types a figure in."
    sentence += f" {counted(unknown, 'key results')} stale or not measured." if unknown else ""
    model = ObjectivesPage(_HEADINGS, parts, ahead.withheld, _NONE)
    return Shown("pages/objectives.html", "Objectives", model, sentence, nav="objectives")


def objective(asked: Asked) -> Shown:
    """Show one.

    Raises:
        FreeholdError: FH-W411 there is none, or it is not for the reader.
    """
    ahead = Ahead(asked)
    found = ahead.objective(str(asked.request.path_params["id"]))
    part = _part(ahead, objective_object(found, ahead.standings()[found.id]))
    work = ahead.items.work
    items = tuple(
        LinkRow(one.state.replace("_", " "), work.title(one), f"/items/{one.id}")
        for one in linked_items(found.id, ahead.items.all())
    )
    facts = (
        Fact("Period", part.period),
        Fact("Owner", part.owner or "nobody"),
        Fact("File", str(found.where), is_code=True),
    )
    model = ObjectivePage(part, _HEADINGS, facts, items, ahead.withheld)
    crumbs = (Crumb("Objectives", _PATH),)
    return Shown("pages/objective.html", found.name, model, found.description, crumbs, nav="objectives")


def _part(ahead: Ahead, told: Mapping[str, Any]) -> ObjectivePart:
    rows = tuple(_row(ahead, one) for one in told["key_results"])
    return ObjectivePart(told["id"], told["name"], told["period"], told["owner"] or "", rows)


def _row(ahead: Ahead, one: Mapping[str, Any]) -> KeyResultRow:
    kpis = ahead.asked.served.reckoning.kpis(ahead.asked.snapshot)

    def told(value: float | None) -> str:
        return said_of(one["metric"], value, kpis, lambda: ahead.asked.snapshot.catalogue)

    return KeyResultRow(
        id=one["id"],
        metric=one["metric"],
        href=f"/kpis/{one['metric']}" if one["metric"] in kpis else f"/explore?metric={one['metric']}",
        state=_STATES[one["state"]],
        progress=_share(one["progress"]),
        elapsed=_share(one["elapsed"]),
        start=told(one["start"]),
        now=told(one["now"]),
        target=told(one["target"]),
        by=one["by"],
        measured_at=one["measured_at"],
    )


def _share(value: float | None) -> str:
    return "—" if value is None else percent(value)

"""Decisions: what was decided, and one of them as its file reads, with links to what it is about and what it ended."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from starlette.routing import Route

from freehold.catalog import Key
from freehold.foundation import FreeholdError
from freehold.foundation.words import counted
from freehold.insight.documents.page import body
from freehold.server.ahead import Ahead
from freehold.server.web.model import Crumb, Empty, Fact, Heading, Mark
from freehold.server.web.pages.search import href_of, spoken
from freehold.server.web.serving import page
from freehold.server.web.showing import Asked, Shown
from freehold.work.decisions import Decision, decision_named

_PATH = "/decisions"
_HEADINGS = (
    Heading("Decision"), Heading("Is"), Heading("Since", "num"), Heading("By", narrow=False),
    Heading("Concerns", narrow=False, sorts=False),
)  # fmt: skip
_NONE = Empty(
    "No decision is written down", "A decision is a file in a folder named `decisions`: Markdown, as MADR has it.",
    "freehold schema Decision",
)  # fmt: skip
_IS = {
    "accepted": Mark("ok", "accepted"), "proposed": Mark("warn", "proposed"), "rejected": Mark("idle", "rejected"),
    "deprecated": Mark("idle", "deprecated"), "superseded": Mark("idle", "superseded"),
}  # fmt: skip
_TITLE = re.compile(r"^#\s+.+$", re.MULTILINE)  # which is that of the page already
_ENTRIES = ("product", "metric", "kpi", "asset")  # kinds that have a page by their id


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """A decision in the list."""

    id: str
    title: str
    state: Mark
    on: date
    deciders: str
    concerns: tuple[Crumb, ...]


@dataclass(frozen=True, slots=True)
class DecisionsPage:
    """The decisions that a reader may read: those that hold or are to be made, and those that hold no more."""

    headings: tuple[Heading, ...]
    standing: tuple[DecisionRow, ...]
    gone: tuple[DecisionRow, ...]
    none_yet: Empty


@dataclass(frozen=True, slots=True)
class DecisionPage:
    """One decision; `markup` is its text as HTML. A link without an address leads to what the reader has no page of."""

    id: str
    state: Mark
    facts: tuple[Fact, ...]
    concerns: tuple[Crumb, ...]
    settles: tuple[Crumb, ...]
    markup: str


def routes() -> list[Route]:
    """Return the routes of decisions."""
    return [*page(_PATH, decisions, "decisions"), *page(f"{_PATH}/{{id}}", decision, "decision")]


def decisions(asked: Asked) -> Shown:
    """Show all that the reader may read, the newest first."""
    ahead = Ahead(asked)
    found = sorted(ahead.decisions.values(), key=lambda one: (one.on, one.id), reverse=True)
    rows = [_row(ahead, one) for one in found]
    over = ("superseded", "deprecated")
    standing = tuple(row for row in rows if row.state.word not in over)
    model = DecisionsPage(_HEADINGS, standing, tuple(row for row in rows if row.state.word in over), _NONE)
    open_ = sum(row.state.word == "proposed" for row in rows)
    told = f"{counted(len(rows), 'decisions')}" + (f", {open_} proposed." if open_ else ".") if rows else ""
    return Shown("pages/decisions.html", "Decisions", model, told, nav="decisions")


def decision(asked: Asked) -> Shown:
    """Show one as its file reads.

    Raises:
        FreeholdError: FH-W401 there is none, or it is not for the reader.
    """
    ahead = Ahead(asked)
    one = decision_named(ahead.decisions, str(asked.request.path_params["id"]))
    model = DecisionPage(
        id=one.id,
        state=_IS[one.status],
        facts=tuple(_facts(one, ahead.decisions)),
        concerns=_concerns(ahead, one),
        settles=tuple(_of_item(ahead, id_) for id_ in one.settles),
        markup=body(_TITLE.sub("", one.text, count=1), below=1),
    )
    told = f"{one.status.capitalize()} on {one.on}" + (f" by {', '.join(one.deciders)}." if one.deciders else ".")
    return Shown("pages/decision.html", one.title, model, told, (Crumb("Decisions", _PATH),), nav="decisions")


def _row(ahead: Ahead, one: Decision) -> DecisionRow:
    return DecisionRow(one.id, one.title, _IS[one.status], one.on, ", ".join(one.deciders), _concerns(ahead, one))


def _facts(one: Decision, there: Collection[str]) -> Iterator[Fact]:
    yield Fact("Status", mark=_IS[one.status])
    yield Fact("Since", str(one.on))
    for term, people in (("Decided by", one.deciders), ("Consulted", one.consulted), ("Informed", one.informed)):
        if people:
            yield Fact(term, ", ".join(people))
    for other in one.supersedes:
        yield Fact("Supersedes", other, f"{_PATH}/{other}" if other in there else "")
    if one.superseded_by:
        other = one.superseded_by
        yield Fact("Superseded by", other, f"{_PATH}/{other}" if other in there else "")
    yield Fact("File", str(one.where), is_code=True)


def _concerns(ahead: Ahead, one: Decision) -> tuple[Crumb, ...]:
    return tuple(_of_resource(ahead, about) for about in one.concerns)


def _of_resource(ahead: Ahead, about: str) -> Crumb:
    kind, _, id_ = about.partition(":")
    if kind == "objective" and id_ in ahead.objectives:
        return Crumb(ahead.objectives[id_].name, f"/objectives/{id_}")
    return Crumb(f"{spoken(kind)} {id_}", href_of(Key(kind, id_)) if kind in _ENTRIES else "")


def _of_item(ahead: Ahead, id: str) -> Crumb:
    try:
        return Crumb(ahead.items.work.title(ahead.items.get(id)), f"/items/{id}")
    except FreeholdError:  # it is gone, or not for the reader
        return Crumb(id, "")

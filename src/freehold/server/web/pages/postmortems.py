"""Postmortems: what is owed, and what one incident taught, as a part of its room."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from starlette.routing import Route

from freehold.foundation.words import counted
from freehold.reliability.incidents import Incident
from freehold.reliability.learning import Postmortem
from freehold.server.incidents import Incidents
from freehold.server.learning import Learning
from freehold.server.web.model import Empty, Heading, Mark, Tab, Tone
from freehold.server.web.serving import page
from freehold.server.web.showing import Asked, Shown

_NONE = Empty(
    "No postmortem is owed",
    "One is owed of each incident that was severe, or recurs, five working days after its end.",
    "freehold postmortem list --all",
)
HEADINGS = (
    Heading("Incident"),
    Heading("Severity", "num", narrow=False),
    Heading("It is"),
    Heading("Due", "text"),
    Heading("Owner", narrow=False),
    Heading("Actions", "num", narrow=False),
)
_SIMILAR = (
    Heading("Incident", "wide"),
    *(Heading(name, "num", narrow=False) for name in ("Place", "Cause", "Symptom", "Columns")),
    Heading("Score", "num"),
    Heading("Mended by", narrow=False),
)
_FACTORS = ("place", "cause", "symptom", "columns")
_TONES: dict[str, Tone] = {"owed": "warn", "overdue": "bad", "published": "ok", "learned": "idle"}


@dataclass(frozen=True, slots=True)
class PostmortemRow:
    """A postmortem in a list."""

    id: str
    href: str
    title: str
    sev: int | None
    mark: Mark
    due_at: datetime | None
    owner: str
    actions: int


@dataclass(frozen=True, slots=True)
class PostmortemsPage:
    """Postmortems, what is due first."""

    kinds: tuple[Tab, ...]
    headings: tuple[Heading, ...]
    postmortems: tuple[PostmortemRow, ...]
    none_yet: Empty = _NONE


@dataclass(frozen=True, slots=True)
class ActionRow:
    """What was agreed on."""

    title: str
    href: str
    mark: Mark
    owner: str
    due: str


@dataclass(frozen=True, slots=True)
class SimilarRow:
    """An incident that is like this one."""

    title: str
    href: str
    at: datetime
    factors: tuple[str, ...]
    score: str
    mended: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lessons:
    """What an incident taught: its postmortem, what follows, incidents alike, the guardrail as a diff and why."""

    mark: Mark | None
    due_at: datetime | None
    document_href: str  # empty where the reader may not read documents of the whole estate
    actions: tuple[ActionRow, ...]
    headings: tuple[Heading, ...]
    similar: tuple[SimilarRow, ...]
    diff: str
    why: str
    act_command: str


def routes() -> list[Route]:
    """Return the routes of postmortems."""
    return page("/postmortems", shown_postmortems, "postmortems")


def shown_postmortems(asked: Asked) -> Shown:
    """Show the postmortems that are owed, or all there were.

    Raises:
        FreeholdError: FH-A112 there is no such kind.
    """
    kind = asked.one_of("kind", ("owed", "all"), "owed")
    found = tuple(owed_rows(asked, everything=kind == "all"))
    model = PostmortemsPage(
        kinds=tuple(Tab(text, f"/postmortems?kind={word}", word == kind)
                    for word, text in (("owed", "Owed"), ("all", "All"))),
        headings=HEADINGS,
        postmortems=found,
    )  # fmt: skip
    late = sum(row.mark.word == "overdue" for row in found)
    told = f"{counted(len(found), 'postmortems')}, {late} overdue." if found else ""
    return Shown("pages/postmortems.html", "Postmortems", model, told, nav="incidents")


def owed_rows(asked: Asked, *, everything: bool = False) -> list[PostmortemRow]:
    """Return the postmortems that are owed, or all there were, what is due first."""
    there = Incidents(asked)
    return [_row(there, one) for one in Learning(asked).postmortems if everything or one.is_owed]


def _row(there: Incidents, one: Postmortem) -> PostmortemRow:
    found = one.incident
    return PostmortemRow(found.id, _href(found.id), there.title(found), found.sev, _mark(one), one.due_at,
                         one.owner.removeprefix("team:"), len(one.actions))  # fmt: skip


def _mark(one: Postmortem) -> Mark:
    return Mark(_TONES[one.state], one.state)


def _href(id: str) -> str:
    return f"/incidents/{id.rpartition('/')[2]}"


def lessons_of(asked: Asked, one: Incident) -> Lessons:
    """Return what an incident taught, as the asker may see it."""
    there, titles = Learning(asked), Incidents(asked)
    owed, guardrail = there.postmortem(one.id), there.guardrail(one.id)
    may_read = asked.snapshot.seen is None and owed is not None
    return Lessons(
        mark=_mark(owed) if owed is not None else None,
        due_at=owed.due_at if owed is not None else None,
        document_href=f"/documents/postmortem?item={one.id}" if may_read else "",
        actions=tuple(
            ActionRow(each.title, f"/items/{each.id}", Mark("bad" if each.is_late else "ok", each.state),
                      each.owner.rpartition("/")[2], each.due)
            for each in (owed.actions if owed is not None else ())
        ),
        headings=_SIMILAR,
        similar=tuple(
            SimilarRow(
                titles.title(titles.get(each.incident)), _href(each.incident), each.opened_at,
                tuple(f"{each.factors[name]:.2f}" if name in each.factors else "" for name in _FACTORS),
                f"{each.score:.2f}", each.mended,
            )
            for each in there.similar(one.id)
        ),
        diff=guardrail.diff if guardrail is not None else "",
        why=guardrail.why if guardrail is not None else "",
        act_command=f"freehold postmortem act {one.id.rpartition('/')[2]} 'Check …' --owner WHO --due DAY",
    )  # fmt: skip

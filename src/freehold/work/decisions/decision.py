"""A decision as its file has it: MADR's front matter, and the Markdown below it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from freehold.foundation import Exit, FreeholdError, Where, near

if TYPE_CHECKING:
    from freehold.estate.model import Estate, Resource

KIND = "Decision"
OF_WORK = "work:"  # what a work item may be called by, where other things may be named too
_SUPERSEDED_BY = "superseded by "
_HEADING = re.compile(r"^#\s+(.+?)\s*#*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision.

    Attributes:
        status: proposed, accepted, rejected, deprecated or superseded.
        on: the day of that status.
        deciders: who decided, as the file names them: teams, references to people, or words.
        concerns: what it is about, as `kind:id`.
        settles: the work items it decides, by their ids.
        supersedes: the ids of the decisions it replaces.
        superseded_by: the id of the decision that its status names as its successor; empty: it names none.
        text: the Markdown below the front matter.
    """

    id: str
    where: Where
    status: str
    on: date
    title: str
    text: str
    deciders: tuple[str, ...] = ()
    consulted: tuple[str, ...] = ()
    informed: tuple[str, ...] = ()
    concerns: tuple[str, ...] = ()
    settles: tuple[str, ...] = ()
    supersedes: tuple[str, ...] = ()
    superseded_by: str = ""

    @property
    def is_settled(self) -> bool:
        """Whether it was decided, one way or the other, and stands."""
        return self.status in ("accepted", "rejected")


def decisions_of(estate: Estate) -> Mapping[str, Decision]:
    """Return the decisions of an estate by id, in the order of their ids."""
    return {one.id: decision_of(one) for one in estate.resources_of(KIND)}


def decision_named(decisions: Mapping[str, Decision], id: str) -> Decision:
    """Return a decision by its id.

    Raises:
        FreeholdError: FH-W401 there is none.
    """
    if id not in decisions:
        fix = near(id, decisions) or "`freehold decisions list` has those there are."
        raise FreeholdError("FH-W401", f"There is no decision `{id:.80}`.", fix=fix, exit_code=Exit.USAGE)
    return decisions[id]


def decision_of(resource: Resource) -> Decision:
    """Return the decision that a valid file holds."""
    said, text = resource.metadata, str(resource.spec["text"])
    status, _, successor = str(said["status"]).partition(_SUPERSEDED_BY)
    heading = _HEADING.search(text)
    return Decision(
        id=resource.id,
        where=resource.where,
        status=status or "superseded",
        on=date.fromisoformat(str(said["date"])),
        title=heading[1] if heading else resource.id,
        text=text,
        deciders=(*_people(said.get("decision-makers")), *_people(said.get("deciders"))),
        consulted=_people(said.get("consulted")),
        informed=_people(said.get("informed")),
        concerns=tuple(said.get("concerns", ())),
        settles=tuple(str(one).removeprefix(OF_WORK) for one in said.get("settles", ())),
        supersedes=tuple(said.get("supersedes", ())),
        superseded_by=successor.strip(),
    )


def _people(said: Any) -> tuple[str, ...]:
    """Return who is named, in a list or in one text with commas between."""
    named = said.split(",") if isinstance(said, str) else said or ()
    return tuple(one.strip() for one in named if one.strip())

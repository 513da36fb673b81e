"""Decisions that wait, for the homes of those who decide. To plan can take a while, so they may follow the page."""

from __future__ import annotations

from dataclasses import dataclass

from freehold.foundation import FreeholdError, Problems
from freehold.server.problems import is_part
from freehold.server.web.model import Decision, Empty, Fault
from freehold.server.web.pages.plan import decisions_due
from freehold.server.web.showing import Asked

_NONE = Empty(
    "No decision waits", "A change that needs somebody's approval stands here, with what it would do.", "freehold plan"
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Decisions that wait for a word. `is_to_follow` where they are still to be looked for."""

    decisions: tuple[Decision, ...] = ()
    fault: Fault | None = None
    is_to_follow: bool = False
    none_waits: Empty = _NONE


def waiting(asked: Asked) -> Waiting:
    """Return the decisions that wait; on a page that is shown first without them, that they are to follow."""
    path = asked.request.url.path
    if not is_part(asked.request) and not path.endswith(".json"):
        return Waiting(is_to_follow=True)
    try:
        return Waiting(decisions_due(asked, path))
    except FreeholdError as error:
        first = error.errors[0] if isinstance(error, Problems) else error
        return Waiting(fault=Fault(first.code, first.problem, first.fix, str(first.where or "")))

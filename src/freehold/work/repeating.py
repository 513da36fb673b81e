"""`on_enter: [{repeat: FIELD}]`: when an item comes to a state, the next one is filed, so many days after its day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from freehold.foundation import FreeholdError
from freehold.work.entering import DUE

if TYPE_CHECKING:
    from freehold.estate.operating import State, Workflow
    from freehold.work.item import Item

REPEAT = "repeat"


def next_fields(state: State, item: Item) -> dict[str, Any] | None:
    """Return what the next item holds, for one that has just come to a state; None where none is to follow.

    It holds what this one held when it began; its day is so many days after this one's.
    """
    days = next((item.fields.get(given) for what, given, _ in state.on_enter if what == REPEAT), None)
    if days is None or DUE not in item.fields:
        return None
    due = date.fromisoformat(item.fields[DUE]) + timedelta(days=int(days))
    return {**item.fields, DUE: due.isoformat()}


def repeat_findings(workflow: Workflow) -> Iterator[FreeholdError]:
    """Yield what is wrong with how the items of a workflow repeat: FH-W305."""
    for state in workflow.states.values():
        for what, given, where in state.on_enter:
            one = workflow.fields.get(str(given))
            if what == REPEAT and (one is None or one.type != "number" or one.is_many):
                problem = f"`repeat` takes a field that holds a number of days, not `{given}`."
                yield FreeholdError("FH-W305", problem, where=where, fix="Declare it: `every_days: number!`.")
            if what == REPEAT and DUE not in workflow.fields:
                problem = f"What repeats has a day, and `{workflow.id}` has no field `{DUE}`."
                yield FreeholdError("FH-W305", problem, where=where, fix=f"Declare it: `{DUE}: date!`.")

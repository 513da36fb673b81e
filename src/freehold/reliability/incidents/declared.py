"""The workflow `incident` as an estate may declare it: Freehold opens and ends items of it by itself, with what it has.

Nothing is read from the ledger here: what does not fit is found before any incident opens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from freehold.foundation import FreeholdError, near
from freehold.work.entering import expected, fits
from freehold.work.guards import FIELD_TYPES

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.estate.operating import FieldOfItem, Move, Workflow

TYPE = "incident"
MEND = "mend"  # the move that ends an incident once nothing of it is wrong any more
# Each value that alerts give a field, or one like it.
_AT_FIRST: Mapping[str, tuple[Any, ...]] = {
    "what": ("sales.orders.lines: rows",), "kind": ("data",), "sev": (1,), "assets": (["sales.orders.lines"],),
    "failure_mode": ("execution", "correctness"), "impact_started_at": ("2011-03-07T06:00:00+00:00",),
}  # fmt: skip
_AT_LAST: Mapping[str, tuple[Any, ...]] = {"verified_by": ("service:checks/rows",)}
_CODE = "FH-E395"


def incident_findings(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return why Freehold could not open or end an incident by the workflow of an estate, FH-E395 each."""
    workflow = estate.workflows.get(TYPE)
    return tuple(_findings(workflow)) if workflow is not None else ()


def _findings(workflow: Workflow) -> Iterator[FreeholdError]:
    for name, values in {**_AT_FIRST, **_AT_LAST}.items():
        field = workflow.fields.get(name)
        if field is not None:
            yield from _unfit(field, values)
        elif name in _AT_FIRST or _mends(workflow):
            fix = near(name, workflow.fields) or f"Declare `{name}`, as the incident that comes with Freehold does."
            problem = f"Alerts tell an incident its `{name}`, a field that this workflow has not."
            yield FreeholdError(_CODE, problem, where=workflow.where, fix=fix)
    for field in workflow.fields.values():
        if field.is_required and field.name not in _AT_FIRST:
            problem = f"No alert could open an incident: it needs `{field.name}`, which no alert tells."
            fix = f"Take away the `!`; let a move of a person need `{field.name}`."
            yield FreeholdError(_CODE, problem, where=field.where, fix=fix)
    for move in _mends(workflow):
        for name, where in move.needs:
            if name in workflow.fields and name not in _AT_FIRST and name not in _AT_LAST:
                problem = f"No check could end an incident: `{MEND}` needs `{name}`, which no check tells."
                yield FreeholdError(_CODE, problem, where=where, fix=f"Let a move of a person need `{name}`.")


def _unfit(field: FieldOfItem, values: tuple[Any, ...]) -> Iterator[FreeholdError]:
    for value in values if field.choices or field.type in FIELD_TYPES else ():
        if not fits(field, value):
            several = "several, " if field.is_many else ""
            problem = f"Freehold gives `{field.name}` of an incident {value!r}; it takes {several}{expected(field)}."
            fix = "Declare it as the incident that comes with Freehold does."
            yield FreeholdError(_CODE, problem, where=field.where, fix=fix)


def _mends(workflow: Workflow) -> tuple[Move, ...]:
    """Return the moves by which Freehold ends an incident; a workflow may have none, and leave that to people."""
    return tuple(state.moves[MEND] for state in workflow.states.values() if MEND in state.moves)

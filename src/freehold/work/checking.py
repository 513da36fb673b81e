"""What is wrong with the workflows of an estate, found before any item is made."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from freehold.foundation import FreeholdError, Where, near
from freehold.ledger import Vocabulary
from freehold.work.entering import DUE
from freehold.work.guards import FIELD_TYPES, NAMED, OF_EVERY_ITEM, compiled_guard, in_days, is_named
from freehold.work.recording import RECORD, record_findings
from freehold.work.repeating import REPEAT, repeat_findings
from freehold.work.roles import REQUESTER, SYSTEM, USUAL

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.estate.operating import Workflow, Written

ACTIONS = (RECORD, REPEAT, "document", "notify")  # the first two are done here; rooms above know the others


def workflow_findings(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return every error of the estate's workflows, FH-W001 to FH-W008, FH-W301 to FH-W305, FH-W520."""
    known = {*USUAL, *(role for team in estate.teams.values() for role in team.roles)}
    return tuple(
        error for one in estate.workflows.values() for error in (*findings_of(one), *_unheld_roles(one, known))
    )


def findings_of(workflow: Workflow) -> Iterator[FreeholdError]:
    """Yield what is wrong with one workflow."""
    yield from _fields(workflow)
    lost = list(_lost_moves(workflow))
    yield from lost
    if not lost:
        yield from _unreached(workflow)
        yield from _endless(workflow)
    yield from _guards(workflow)
    yield from _actions(workflow)
    yield from _clocks(workflow)
    yield from _needs(workflow)
    yield from _outcomes(workflow)
    yield from record_findings(workflow, Vocabulary())
    yield from repeat_findings(workflow)


def _lost_moves(workflow: Workflow) -> Iterator[FreeholdError]:
    for state in workflow.states.values():
        for move in state.moves.values():
            if move.to not in workflow.states:
                problem = f"The move `{move.name}` of `{state.name}` leads to `{move.to}`, which is no state."
                yield FreeholdError("FH-W001", problem, where=move.where, fix=_known(move.to, workflow.states))


def _unheld_roles(workflow: Workflow, known: Collection[str]) -> Iterator[FreeholdError]:
    """Yield the roles that no team has and that nobody is given: `known` are those of the estate."""
    spelled = {REQUESTER, SYSTEM, *known, *(f"role:{role}" for role in known)}
    told: set[Where] = set()  # the roles of a state stand for each of its moves
    for state in workflow.states.values():
        for move in state.moves.values():
            for role, where in move.roles:
                if role not in spelled and where not in told:
                    told.add(where)
                    problem = f"The move `{move.name}` of `{state.name}` is for `{role}`, a role that no team has."
                    fix = near(role, spelled) or f"There are: {', '.join(sorted({REQUESTER, SYSTEM, *known}))}."
                    yield FreeholdError("FH-W520", problem, where=where, fix=fix)


def _unreached(workflow: Workflow) -> Iterator[FreeholdError]:
    reached, waiting = {workflow.start}, [workflow.start]
    while waiting:
        for move in workflow.states[waiting.pop()].moves.values():
            if move.to not in reached:
                reached.add(move.to)
                waiting.append(move.to)
    for name, state in workflow.states.items():
        if name not in reached:
            fix = "Lead a move to it, or take it away."
            yield FreeholdError("FH-W002", f"No item ever comes to the state `{name}`.", where=state.where, fix=fix)


def _endless(workflow: Workflow) -> Iterator[FreeholdError]:
    for state in workflow.states.values():
        if state.is_final and state.moves:
            problem, fix = f"The state `{state.name}` is final and has moves.", "Take away `final`, or the moves."
            yield FreeholdError("FH-W003", problem, where=state.where, fix=fix)
    ending = {name for name, state in workflow.states.items() if state.is_final}
    grows = True
    while grows:
        more = {
            n for n, s in workflow.states.items() if n not in ending and any(m.to in ending for m in s.moves.values())
        }
        ending |= more
        grows = bool(more)
    for name, state in workflow.states.items():
        if name not in ending:
            fix = "Mark a state `final: true` and lead a way to it."
            yield FreeholdError("FH-W003", f"From the state `{name}` no item ever ends.", where=state.where, fix=fix)


def _fields(workflow: Workflow) -> Iterator[FreeholdError]:
    for one in workflow.fields.values():
        if one.type not in FIELD_TYPES:
            problem = f"The field `{one.name}` has a type `{one.type}`, which there is not."
            yield FreeholdError("FH-W004", problem, where=one.where, fix=_known(one.type, FIELD_TYPES))
        if one.name in OF_EVERY_ITEM and one.name != "product":
            problem = f"Every item has a `{one.name}` of its own."
            yield FreeholdError("FH-W008", problem, where=one.where, fix="Give the field another name.")
        if one.name == DUE and (one.type != "date" or one.is_many):
            problem, fix = f"`{DUE}` is the day by which an item is to be done.", f"Write `{DUE}: date`, or `date!`."
            yield FreeholdError("FH-W304", problem, where=one.where, fix=fix)


def _guards(workflow: Workflow) -> Iterator[FreeholdError]:
    told: set[Written] = set()  # a guard of a state stands for each of its moves
    for state in workflow.states.values():
        for move in state.moves.values():
            for guard in move.requires:
                if guard not in told:
                    told.add(guard)
                    yield from _guard(guard, workflow)


def _guard(guard: Written, workflow: Workflow) -> Iterator[FreeholdError]:
    from freehold.sql.conditions import ConditionError

    if is_named(guard):
        if in_days(guard.text)[0] not in NAMED:
            problem = f"There is no condition `{guard.text}`."
            yield FreeholdError("FH-W005", problem, where=guard.where, fix=_known(guard.text, NAMED))
        return
    try:
        compiled_guard(guard, workflow)
    except ConditionError as error:
        yield FreeholdError("FH-W005", error.problem, where=guard.at(error.offset), fix=error.fix)


def _actions(workflow: Workflow) -> Iterator[FreeholdError]:
    for state in workflow.states.values():
        for what, _, where in state.on_enter:
            if what not in ACTIONS:
                problem = f"Nothing is called `{what}` that could be done on entering `{state.name}`."
                yield FreeholdError("FH-W006", problem, where=where, fix=_known(what, ACTIONS))


def _clocks(workflow: Workflow) -> Iterator[FreeholdError]:
    for one in workflow.sla.values():
        for word, state in (("until", one.until), ("since", one.since)):
            if state is not None and state not in workflow.states:
                problem = f"The clock `{one.name}` runs {word} `{state}`, which is no state."
                yield FreeholdError("FH-W007", problem, where=one.where, fix=_known(state, workflow.states))
        for condition in one.when:
            yield from _guard(condition, workflow)


def _needs(workflow: Workflow) -> Iterator[FreeholdError]:
    for state in workflow.states.values():
        for move in state.moves.values():
            for name, where in move.needs:
                if name not in workflow.fields:
                    problem = f"The move `{move.name}` needs `{name}`, a field that `{workflow.id}` has not."
                    yield FreeholdError("FH-W301", problem, where=where, fix=_known(name, workflow.fields))


def _outcomes(workflow: Workflow) -> Iterator[FreeholdError]:
    for state in workflow.states.values():
        if state.outcome and not state.is_final:
            problem = f"`{state.name}` has the outcome `{state.outcome}`, and no item ends there."
            yield FreeholdError("FH-W303", problem, where=state.where, fix="Mark it `final: true`, or take it away.")


def _known(word: str, known: Collection[str]) -> str:
    return near(word, known) or f"There are: {', '.join(known) or 'none'}."

"""What is wrong with a workflow is told before any item is made, each at its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from freehold.estate import load_estate
from freehold.work import shipped, workflow_findings
from freehold.work.roles import REQUESTER, SYSTEM, USUAL

HEAD = "apiVersion: freehold.dev/v1\nkind: Workflow\nmetadata: {id: w}\n"


@pytest.mark.parametrize(
    ("body", "code", "at", "problem", "fix"),
    [
        pytest.param(
            "states: {a: {moves: {go: c}}, b: {final: true}}",
            "FH-W001", "c}}", "leads to `c`, which is no state", "There are: a, b.", id="a move to nowhere",
        ),
        pytest.param(
            "states: {a: {moves: {go: b}}, b: {final: true}, c: {final: true}}",
            "FH-W002", "c: {final", "comes to the state `c`", "", id="a state nobody comes to",
        ),
        pytest.param(
            "states: {a: {moves: {go: b}}, b: {moves: {go: a}}}",
            "FH-W003", "a: {", "From the state `a` no item ever ends", "", id="no end",
        ),
        pytest.param(
            "states: {a: {moves: {go: b}}, b: {final: true, moves: {go: a}}}",
            "FH-W003", "b: {", "is final and has moves", "", id="an end with a way out",
        ),
        pytest.param(
            "fields: {f: txt}, states: {a: {final: true}}",
            "FH-W004", "txt", "type `txt`", "Did you mean `text`?", id="a type misspelt",
        ),
        pytest.param(
            "fields: {state: text}, states: {a: {final: true}}",
            "FH-W008", "text", "a `state` of its own", "another name", id="a field that every item has",
        ),
        pytest.param(
            "states: {a: {moves: {go: b}, requires: [decision-record]}, b: {final: true}}",
            "FH-W005", "decision", "no condition `decision-record`", "`decision-recorded`", id="a condition misspelt",
        ),
        pytest.param(
            "states: {a: {moves: {go: b}, requires: ['age_days > 1 and pririty = 1']}, b: {final: true}}",
            "FH-W005", "pririty", "no fact `pririty`", "Did you mean `priority`?", id="a fact misspelt",
        ),
        pytest.param(
            "states: {a: {on_enter: [{documnt: x}], final: true}}",
            "FH-W006", "documnt", "`documnt`", "Did you mean `document`?", id="an action misspelt",
        ),
        pytest.param(
            "sla: {s: {within: 2bd, until: c}}, states: {a: {final: true}}",
            "FH-W007", "{within", "until `c`", "There are: a", id="a clock without end",
        ),
        pytest.param(
            "sla: {s: {within: 2bd, since: c}}, states: {a: {final: true}}",
            "FH-W007", "{within", "since `c`", "There are: a", id="a clock without a beginning",
        ),
        pytest.param(
            "sla: {s: {within: 2bd, when: [is-sever]}}, states: {a: {final: true}}",
            "FH-W005", "is-sever", "`is-sever`", "Did you mean `is-severe`?", id="a clock for what there is not",
        ),
        pytest.param(
            "fields: {because: text}, states: {a: {moves: {go: {to: b, needs: [becuse]}}}, b: {final: true}}",
            "FH-W301", "becuse", "needs `becuse`", "Did you mean `because`?", id="a field nobody declared",
        ),
        pytest.param(
            "states: {a: {final: true, on_enter: [{record: {event: incident.opend}}]}}",
            "FH-W302", "record", "`incident.opend`", "Did you mean `incident.opened`", id="an event misspelt",
        ),
        pytest.param(
            "states: {a: {final: true, on_enter: [{record: {event: product.launched, prodct: $product}}]}}",
            "FH-W302", "record", "no field `prodct`", "Did you mean `product`?", id="a field of an event misspelt",
        ),
        pytest.param(
            "states: {a: {final: true, on_enter: [{record: {event: product.launched, product: $prodct}}]}}",
            "FH-W302", "record", "a fact `$prodct`", "Did you mean `product`?", id="a fact of an item misspelt",
        ),
        pytest.param(
            "fields: {x: url}, states: {a: {final: true, on_enter: [{record: {event: notes.published, product: $x}}]}}",
            "FH-W302", "record", "`$x` is free text", "`$text`", id="free text in an event",
        ),
        pytest.param(
            "states: {a: {final: true, on_enter: [{record: {event: product.launched}}]}}",
            "FH-W302", "record", "needs `product`", "product: $item", id="an event without what it needs",
        ),
        pytest.param(
            "states: {a: {moves: {go: b}, outcome: declined}, b: {final: true}}",
            "FH-W303", "a: {moves", "no item ends there", "final: true", id="an outcome before the end",
        ),
        pytest.param(
            "fields: {due: text}, states: {a: {final: true}}",
            "FH-W304", "text", "`due` is the day", "due: date", id="a day that is none",
        ),
        pytest.param(
            "fields: {due: date}, states: {a: {final: true, on_enter: [{repeat: days}]}}",
            "FH-W305", "repeat", "a number of days", "every_days: number!", id="a repetition without days",
        ),
        pytest.param(
            "states: {a: {moves: {go: {to: b, by: [owner, stewart]}}}, b: {final: true}}",
            "FH-W520", "stewart", "is for `stewart`, a role that no team has", "`steward`", id="a role misspelt",
        ),
        pytest.param(
            "states: {a: {moves: {go: {to: b, by: xyz}}}, b: {final: true}}",
            "FH-W520", "xyz", "is for `xyz`", "There are: ", id="a role that no team has, alone",
        ),
        pytest.param(
            "states: {a: {by: [requestr], moves: {go: b, on: b}}, b: {final: true}}",
            "FH-W520", "requestr", "The move `go` of `a`", "`requester`", id="a role of all moves of a state, once",
        ),
        pytest.param(
            "states: {a: {moves: {go: {to: b, by: 'role:dataops-leed'}}}, b: {final: true}}",
            "FH-W520", "'role:", "`role:dataops-leed`", "`role:dataops-lead`", id="a role of the whole estate",
        ),
    ],
)  # fmt: skip
def test_an_error_of_a_workflow_has_its_place(
    written: Callable[..., Path], body: str, code: str, at: str, problem: str, fix: str
) -> None:
    """Each error names the line and column of the file, what is wrong and what is near."""
    line = f"spec: {{{body}}}"
    first, *more = workflow_findings(load_estate(written(w=f"{HEAD}{line}\n"), cache=False))

    assert code != "FH-W520" or not more
    assert (first.code, str(first.where)) == (code, f"w.yaml:4:{line.index(at) + 1}")
    assert problem in first.problem
    assert fix in first.fix


def test_a_workflow_that_is_right_has_no_findings(written: Callable[..., Path]) -> None:
    """The dispute of the examples is found to be right."""
    estate = load_estate(written(), cache=False)

    assert list(estate.workflows) == ["metric-dispute"]
    assert workflow_findings(estate) == ()


@pytest.mark.parametrize("role", ["requester", "system", "owner", "steward", "role:dataops-lead", "dataops-lead"])
def test_a_role_that_may_be_held_is_right(written: Callable[..., Path], role: str) -> None:
    """Those that come with Freehold, by both spellings, whether a team names anybody or not."""
    body = f"states: {{a: {{moves: {{go: {{to: b, by: '{role}'}}}}}}, b: {{final: true}}}}"

    assert workflow_findings(load_estate(written(w=f"{HEAD}spec: {{{body}}}\n"), cache=False)) == ()


def test_a_role_of_a_team_is_right(written: Callable[..., Path]) -> None:
    """Whatever it is called."""
    team = "apiVersion: freehold.dev/v1\nkind: Team\nmetadata: {id: t}\nspec: {roles: {buyer: ['user:idp/ana']}}\n"
    body = "states: {a: {moves: {go: {to: b, by: buyer}}}, b: {final: true}}"

    assert workflow_findings(load_estate(written(w=f"{HEAD}spec: {{{body}}}\n", t=team), cache=False)) == ()


def test_roles_of_what_is_shipped_are_those_that_are_known() -> None:
    """No more and no fewer than its workflows name."""
    named = {role.removeprefix("role:") for one in shipped().values() for s in one.states.values()
             for move in s.moves.values() for role in move.by}  # fmt: skip

    assert named - {REQUESTER, SYSTEM} == set(USUAL)

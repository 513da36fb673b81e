"""What is wrong with a workflow is told before any item is made, each at its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import DISPUTE, write  # type: ignore[import-not-found]

from freehold.estate import load_estate
from freehold.work import workflow_findings

HEAD = "apiVersion: freehold.dev/v1\nkind: Workflow\nmetadata: {id: w}\nspec:\n"


@pytest.mark.parametrize(
    ("body", "code", "where", "problem", "fix"),
    [
        ("states: {a: {moves: {go: c}}, b: {final: true}}", "FH-W001", 28, "leads to `c`, which is no state", "There are"),
        ("states: {a: {moves: {go: b}}, b: {final: true}, c: {final: true}}", "FH-W002", 51, "comes to the state `c`", ""),
        ("states: {a: {moves: {go: b}}, b: {moves: {go: a}}}", "FH-W003", 12, "From the state `a` no item ever ends", ""),
        ("states: {a: {moves: {go: b}}, b: {final: true, moves: {go: a}}}", "FH-W003", 33, "is final and has moves", ""),
        ("fields: {f: txt}, states: {a: {final: true}}", "FH-W004", 15, "type `txt`", "Did you mean `text`?"),
        ("fields: {state: text}, states: {a: {final: true}}", "FH-W008", 19, "a `state` of its own", "another name"),
        ("states: {a: {moves: {go: b}, requires: [decision-record]}, b: {final: true}}", "FH-W005", 43,
         "no condition `decision-record`", "`decision-recorded`"),
        ("states: {a: {moves: {go: b}, requires: ['age_days > 1 and pririty = 1']}, b: {final: true}}", "FH-W005", 61,
         "no fact `pririty`", "Did you mean `priority`?"),
        ("states: {a: {on_enter: [{documnt: x}], final: true}}", "FH-W006", 28, "`documnt`", "Did you mean `document`?"),
        ("sla: {s: {within: 2bd, until: c}}, states: {a: {final: true}}", "FH-W007", 12, "until `c`", "There are: a"),
    ],
    ids=[
        "a move to nowhere", "a state nobody comes to", "no end", "an end with a way out", "a type misspelt",
        "a field that every item has", "a condition misspelt", "a fact misspelt", "an action misspelt",
        "a clock without end",
    ],
)  # fmt: skip
def test_an_error_of_a_workflow_has_its_place(
    tmp_path: Path, body: str, code: str, where: int, problem: str, fix: str
) -> None:
    """Each error names the line and column of the file, what is wrong and what is near."""
    text = HEAD.replace("spec:\n", f"spec: {{{body}}}\n")
    first = workflow_findings(load_estate(write(tmp_path, w=text), cache=False))[0]

    assert (first.code, str(first.where)) == (code, f"w.yaml:4:{where - 1 + len('{')}")
    assert problem in first.problem
    assert fix in first.fix


def test_a_workflow_that_is_right_has_no_findings(tmp_path: Path) -> None:
    """The dispute of the examples is found to be right."""
    assert DISPUTE
    assert workflow_findings(load_estate(write(tmp_path), cache=False)) == ()

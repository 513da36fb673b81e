"""`freehold items` and `freehold inbox` as people and programs use them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from freehold import opening
from freehold.foundation import Caller
from freehold.ledger import Event

PROGRAM = [sys.executable, "-c", "from freehold.cli import main; main()"]
Freehold = Callable[..., subprocess.CompletedProcess[str]]
ESTATE = """
apiVersion: freehold.dev/v1
kind: Estate
metadata: {id: shop, name: Shop}
spec:
  connections: {w: {url: "duckdb:///w.duckdb"}}
  environments: {prod: {connection: w, protected: true}}
"""
TEAM = """
apiVersion: freehold.dev/v1
kind: Team
metadata: {id: shop-data}
spec: {members: [], roles: {owner: ["%s"]}}
"""


@pytest.fixture
def freehold(tmp_path: Path) -> Freehold:
    """Run the command line in an estate where whoever sits at the shell is an owner."""
    (tmp_path / "estate.yaml").write_text(ESTATE, encoding="utf-8")
    (tmp_path / "teams.yaml").write_text(TEAM % Caller.at_the_shell().principal, encoding="utf-8")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*PROGRAM, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    return run


def test_a_question_is_asked_found_in_the_inbox_and_answered(freehold: Freehold) -> None:
    """From its beginning to its end, by the end of its id alone."""
    made = json.loads(freehold("items", "new", "question", "-f", "what=How many came back?", "--json").stdout)
    short = made["id"][-12:]
    waits = json.loads(freehold("inbox", "--json").stdout)["waiting"]
    needs = freehold("items", "move", short, "answer")
    answered = freehold("items", "move", short, "answer", "-f", "answer=One in nine.", "--json")
    ended = freehold("items", "move", short, "accept")
    shown = json.loads(freehold("items", "show", short, "--json").stdout)

    assert (made["state"], made["is_open"], made["title"]) == ("asked", True, "How many came back?")
    assert [(one["id"], one["asks"]) for one in waits] == [(made["id"], "triage")]
    assert (needs.returncode, "needs `answer`" in needs.stderr) == (2, True)
    assert json.loads(answered.stdout)["state"] == "answered"
    assert ended.returncode == 0
    assert shown["fields"] == {"what": "How many came back?", "answer": "One in nine."}
    assert [one["state"] for one in shown["history"]] == ["asked", "answered", "accepted"]
    assert freehold("inbox").stderr.startswith("Nothing waits for user:local/")


def test_items_are_linked_parted_taken_back_and_talked_about(freehold: Freehold) -> None:
    """What one may undo, and what the other side of a link says."""
    one, two = (
        json.loads(freehold("items", "new", "data_request", "-f", f"what={what}", "--json").stdout)["id"]
        for what in ("Churn by month", "Churn per month")
    )
    assert freehold("items", "link", two[-12:], "duplicate_of", one[-12:]).returncode == 0
    moved = freehold("items", "move", one[-12:], "decline")
    back = freehold("items", "undo", one[-12:], "--json")
    freehold("items", "comment", one[-12:], "Finance has it, too.")
    freehold("items", "assign", one[-12:], "user:idp/ana")
    shown = json.loads(freehold("items", "show", one, "--json").stdout)
    parted = freehold("items", "unlink", two[-12:], "duplicate_of", one[-12:], "--json")

    assert "1 duplicate ended with it." in moved.stderr
    assert json.loads(back.stdout)["state"] == "asked"
    assert [(link["word"], link["other"]) for link in shown["links"]] == [("has duplicate", two)]
    assert [said["text"] for said in shown["comments"]] == ["Finance has it, too."]
    assert shown["assignee"] == "user:idp/ana"
    assert json.loads(parted.stdout)["duplicate_of"] is None


def test_what_is_there_already_is_shown_to_who_begins_an_item(freehold: Freehold) -> None:
    """Open items like it and what the catalog has, as the portal names them; by a dry run before anything is begun."""
    first = json.loads(freehold("items", "new", "data_request", "-f", "what=Churn by month", "--json").stdout)
    before = freehold("items", "new", "data_request", "-f", "what=churn per month", "--dry-run")
    begun = freehold("items", "new", "data_request", "-f", "what=churn per month")
    known = json.loads(
        freehold("items", "new", "question", "-f", "what=schema-change compliance", "--dry-run", "--json").stdout
    )
    nothing = freehold("items", "new", "question", "-f", "what=Xyzzy?", "--dry-run")
    every = json.loads(freehold("items", "list", "--json").stdout)["items"]

    assert (first["alike"], len(every)) == ([], 2)
    assert (first["id"] in before.stdout, first["id"] in begun.stdout) == (True, True)
    assert f"freehold items link {every[1]['id']} duplicate_of ITEM" in begun.stderr
    assert "duplicate_of" not in before.stderr
    assert [(one["kind"], one["id"]) for one in known["answers"]][:1] == [("kpi", "schema-change-compliance")]
    assert known["alike"] == []
    assert "Nothing is like it, and nothing was begun." in nothing.stderr


def test_an_item_is_begun_though_the_catalog_has_nothing_to_say(freehold: Freehold, tmp_path: Path) -> None:
    """Where it cannot be written it says so, and the items alike are shown."""
    freehold("items", "new", "question", "-f", "what=Churn by month")
    shutil.rmtree(tmp_path / ".freehold" / "catalog")
    (tmp_path / ".freehold" / "catalog").write_text("", encoding="utf-8")
    begun = freehold("items", "new", "question", "-f", "what=Churn by month")

    assert begun.returncode == 0, begun.stderr
    assert "The catalog was not asked:" in begun.stderr
    assert "May ask for the same:" in begun.stderr


def test_an_id_that_several_items_end_in_is_no_target(freehold: Freehold, tmp_path: Path) -> None:
    """They are named, so that one can be told from the other; nothing is linked."""
    made = json.loads(freehold("items", "new", "question", "-f", "what=Why?", "--json").stdout)["id"]
    with opening.ledger_around(str(tmp_path)) as ledger:
        for id_ in ("question/01a1-77", "question/01a2-77"):
            said = {"item": id_, "type": "question", "requester": "user:idp/ana", "state": "asked"}
            ledger.append(Event("work.created", said, subject=id_))
    refused = freehold("items", "link", made, "cites", "77")
    shown = json.loads(freehold("items", "show", made, "--json").stdout)

    assert (refused.returncode, "FH-W102" in refused.stderr) == (2, True)
    assert "2 work items end in `77`" in refused.stderr
    assert all(id_ in refused.stderr for id_ in ("question/01a1-77", "question/01a2-77"))
    assert shown["links"] == []


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("items", "new", "qestion"), "FH-W101", "question"),
        (("items", "new", "question"), "FH-W106", "needs `what`"),
        (("items", "new", "question", "-f", "what"), "FH-W106", "gives no field a value"),
        (("items", "new", "question", "-f", "what=   "), "FH-W106", "Give some words"),
        (("items", "show", "nothing"), "FH-W102", "freehold items list"),
        (("items", "list", "--product", "sales.order"), "FH-W106", "The estate has none yet"),
        (("inbox", "--as", "ana"), "FH-W106", "user:idp/ana"),
    ],
    ids=[
        "a type misspelt",
        "a field missing",
        "a field without a value",
        "a blank one",
        "no such item",
        "a product misspelt",
        "somebody who is no reference",
    ],
)
def test_what_cannot_be_done_says_how(freehold: Freehold, words: tuple[str, ...], code: str, told: str) -> None:
    """By its code, with what is near, and nothing is begun."""
    got = freehold(*words)

    assert got.returncode == 2
    assert code in got.stderr
    assert told in got.stderr
    assert json.loads(freehold("items", "list", "--json").stdout) == {"items": []}


def test_a_long_text_leaves_room_for_others_in_a_list(freehold: Freehold) -> None:
    """Whole where it is shown by itself, and to programs."""
    freehold("items", "new", "question", "-f", f"what={'long ' * 2_000}")
    (one,) = json.loads(freehold("items", "list", "--json").stdout)["items"]

    assert len(one["title"]) > 5_000
    for words in (("items", "list"), ("inbox",)):
        assert len(freehold(*words).stdout) < 1_500


def test_types_are_listed_with_what_one_says(freehold: Freehold) -> None:
    """Somebody finds the type by what they want; one type shows its states and who may move."""
    listed = freehold("items", "types")
    one = json.loads(freehold("items", "types", "metric_dispute", "--json").stdout)["types"][0]

    assert "A number looks wrong to me" in listed.stdout
    assert one["states"][0]["moves"][0] == {"name": "accept", "to": "council", "by": ["owner", "steward"]}


def test_several_values_of_a_field_are_told_one_after_the_other(freehold: Freehold) -> None:
    """As people write them; programs are given the list."""
    two = [json.loads(freehold("items", "new", "question", "-f", f"what={n}", "--json").stdout)["id"] for n in "ab"]
    fields = ("-f", "what=Wrong", "-f", "kind=data", "-f", "sev=2", "-f", f"actions={','.join(two)}")
    made = json.loads(freehold("items", "new", "incident", *fields, "--json").stdout)
    shown = freehold("items", "show", made["id"])

    assert f"  actions: {', '.join(two)}\n" in shown.stdout
    assert shown.stderr == ""
    assert json.loads(freehold("items", "show", made["id"], "--json").stdout)["fields"]["actions"] == two

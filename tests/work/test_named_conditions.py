"""Conditions with a name, which may end in a number of days: what is not known does not hold, and why is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from freehold.estate import load_estate
from freehold.foundation import FreeholdError
from freehold.work import Work, workflow_findings
from freehold.work.guards import in_days

ENDING = """apiVersion: freehold.dev/v1
kind: Workflow
metadata: {{id: ending, name: Ending}}
spec:
  fields: {{what: text!}}
  states:
    open: {{moves: {{end: {{to: over, requires: [{guard}]}}}}}}
    over: {{final: true}}
"""


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("unread-for-14d", ("unread-for", 14)),
        ("users-notified", ("users-notified", 0)),
        ("for-2d-only", ("for-2d-only", 0)),
    ],
)
def test_a_name_may_end_in_days(text: str, read: tuple[str, int]) -> None:
    """The rest is its name."""
    assert in_days(text) == read


@pytest.mark.parametrize(("guard", "codes"), [("unread-for-30d", []), ("unread-since-30d", ["FH-W005"])])
def test_a_condition_is_known_whatever_its_days(written: Callable[..., Path], guard: str, codes: list[str]) -> None:
    """A file may ask for other days than the one that ships."""
    estate = load_estate(written(ending=ENDING.format(guard=guard)), cache=False)

    assert [error.code for error in workflow_findings(estate)] == codes


def test_what_nobody_here_knows_keeps_the_item_where_it_is(work_of: Callable[..., Work]) -> None:
    """Without a catalog it is not known who reads something, so it does not go; the refusal says so."""
    owner = work_of("owner")
    said = {"what": "Go.", "reason": "unused", "due": "2011-09-01", "asset": "sales.orders.daily"}
    item = owner.create("deprecation", said, product="sales.orders").item
    with pytest.raises(FreeholdError) as refused:
        owner.move(item.id, "announce")

    assert refused.value.code == "FH-W105"
    assert "How much notice is promised is not known here." in refused.value.problem

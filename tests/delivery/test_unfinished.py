"""Runs that did not come to their end, and which run went on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from freehold.delivery.unfinished import Unfinished, at_work, unfinished
from freehold.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger."""
    with Ledger.open("sqlite:///state.db", root=tmp_path) as opened:
        yield opened


def test_a_run_that_ends_leaves_nothing_behind(ledger: Ledger) -> None:
    """While it is at work it has no end, afterwards nothing is told of it."""
    with at_work(ledger, "prod", "r1"):
        assert unfinished(ledger, "prod") == Unfinished("r1")
        assert unfinished(ledger, "dev") == Unfinished()

    assert unfinished(ledger, "prod") == Unfinished()


def test_the_next_run_goes_on_for_one_that_broke_off(ledger: Ledger) -> None:
    """The same run, begun again, is none that went on; of several that broke off each has the next."""
    for run in ("r1", "r1", "r2"):
        with pytest.raises(OSError, match="killed"), at_work(ledger, "prod", run):
            raise OSError("killed")
    with at_work(ledger, "prod", "r3"):
        pass

    assert unfinished(ledger, "prod") == Unfinished("", {"r1": "r2", "r2": "r3"})

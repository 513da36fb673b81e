"""Ledgers for tests: in a folder of their own, closed when the test ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from happenings import START

from freehold.foundation import SimulatedClock
from freehold.ledger import Ledger


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock that stands at six in the morning of 1 March 2011 until it is moved."""
    return SimulatedClock(START)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Ledger]]:
    """Open ledgers in the test's folder."""
    ledgers: list[Ledger] = []

    def make(**options: Any) -> Ledger:
        ledgers.append(Ledger.open("sqlite:///state.db", root=tmp_path, **options))
        return ledgers[-1]

    yield make
    for ledger in ledgers:
        ledger.close()


@pytest.fixture
def ledger(opened: Callable[..., Ledger], clock: SimulatedClock) -> Ledger:
    """An empty ledger under the simulated clock."""
    return opened(clock=clock)

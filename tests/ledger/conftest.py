"""Ledgers for tests, on SQLite and PostgreSQL alike: each in a folder or database of its own, closed at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from happenings import START
from places import Place, PostgresPlace, SQLitePlace

from freehold.foundation import SimulatedClock
from freehold.ledger import Ledger


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock that stands at six in the morning of 1 March 2011 until it is moved."""
    return SimulatedClock(START)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where the state of the test lives: each test that asks runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return SQLitePlace(tmp_path)
    return PostgresPlace(tmp_path, request.getfixturevalue("postgres_url"))


@pytest.fixture
def opened(place: Place) -> Iterator[Callable[..., Ledger]]:
    """Open ledgers on the state of the test."""
    ledgers: list[Ledger] = []

    def make(**options: Any) -> Ledger:
        ledgers.append(Ledger.open(place.url, root=place.root, **options))
        return ledgers[-1]

    yield make
    for ledger in ledgers:
        ledger.close()


@pytest.fixture
def ledger(opened: Callable[..., Ledger], clock: SimulatedClock) -> Ledger:
    """An empty ledger under the simulated clock."""
    return opened(clock=clock)

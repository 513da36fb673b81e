"""Catalogs for tests, each in a folder of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from freehold.catalog import Catalog
from freehold.foundation import SimulatedClock
from freehold.ledger import Ledger


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock that stands at six in the morning of 1 March 2011 until it is moved."""
    return SimulatedClock(datetime(2011, 3, 1, 6, tzinfo=UTC))


@pytest.fixture
def catalog(tmp_path: Path, clock: SimulatedClock) -> Iterator[Catalog]:
    """A catalog with nothing in it."""
    with Catalog(tmp_path, clock=clock) as opened:
        yield opened


@pytest.fixture
def ledger(tmp_path: Path, clock: SimulatedClock) -> Iterator[Ledger]:
    """An empty ledger beside the catalog."""
    with Ledger.open("sqlite:///state.db", root=tmp_path, clock=clock) as opened:
        yield opened

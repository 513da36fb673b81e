"""What holds for every suite."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

from live_postgres import LivePostgres

STARTED = time.monotonic()
# What a machine does beside the tests is not what they hold: no property fails for being slow.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Know `--budget`, which `make test-long` uses."""
    parser.addoption(
        "--budget", type=float, metavar="MINUTES", help="start no test after so many minutes; skip the rest, saying so"
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Start nothing once the budget is spent."""
    budget = item.config.getoption("--budget")
    if budget is not None and time.monotonic() - STARTED > budget * 60:
        pytest.skip(f"not started: the budget of {budget:g} minutes is spent")


@pytest.fixture(scope="session")
def postgres() -> Iterator[LivePostgres]:
    """A PostgreSQL server of this test process; FREEHOLD_POSTGRES_URL names another one to use instead."""
    with LivePostgres(os.environ.get("FREEHOLD_POSTGRES_URL", "")) as server:
        yield server


@pytest.fixture
def postgres_url(postgres: LivePostgres) -> Iterator[str]:
    """An empty database of it, gone after the test."""
    url = postgres.fresh()
    yield url
    postgres.drop(url)

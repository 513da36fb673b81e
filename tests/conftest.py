"""What holds for every suite."""

from __future__ import annotations

import time

import pytest

STARTED = time.monotonic()


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

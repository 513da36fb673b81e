"""An engine for the planner's tests, and the naive evaluator that it must agree with."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from freehold.engines import Engine, Session, open_engine
from freehold.foundation import LOCAL


def _beside(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def naive() -> ModuleType:
    """The reference evaluator: one plain statement for each check."""
    return _beside("naive")


@pytest.fixture(scope="session")
def contracts_beside() -> ModuleType:
    """Contracts that differ in one fragment."""
    return _beside("contracts_beside")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """A database in memory."""
    opened = open_engine("duckdb://", threads=2)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def session(engine: Engine) -> Iterator[Session]:
    """A session on it."""
    opened = engine.session(LOCAL)
    yield opened
    opened.close()

"""Every engine of the contract in turn, open in a folder of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from contract import CALLER, ENGINES, Kind, apply_marks

from freehold.engines import Engine, Session


@pytest.fixture(params=ENGINES, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    """The engine under the contract."""
    apply_marks(request, request.param.name)
    return request.param


@pytest.fixture
def engine(kind: Kind, tmp_path: Path) -> Iterator[Engine]:
    """An open engine on an empty warehouse."""
    opened = kind.open(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session of it."""
    opened = engine.session(CALLER)
    yield opened
    opened.close()

"""Every engine of the contract in turn, open in a folder of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from contract import CALLER, ENGINES, URL_FILE, Kind, apply_marks

from freehold.engines import Engine, Session


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that asks for an engine on every engine, or on those its module names in ENGINES_ASKED."""
    if "kind" in metafunc.fixturenames and "case" not in metafunc.fixturenames:  # cases come with their engine
        asked = getattr(metafunc.module, "ENGINES_ASKED", None)
        kinds = [kind for kind in ENGINES if asked is None or kind.name in asked]
        metafunc.parametrize("kind", kinds, indirect=True, ids=[kind.name for kind in kinds])


@pytest.fixture
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Kind:
    """The engine under the contract; one with a server gets a database that belongs to the folder."""
    apply_marks(request, request.param.name)
    if request.param.name == "postgres":
        (tmp_path / URL_FILE).write_text(request.getfixturevalue("postgres_url"))
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

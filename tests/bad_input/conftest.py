"""An estate that ran once, copied for every test."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from estate import freehold


@pytest.fixture(scope="session")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An estate made by `freehold init` whose seven days were published by `freehold run`."""
    root = tmp_path_factory.mktemp("estate") / "shop"
    root.mkdir()
    made = freehold(root, "init", str(root))
    assert made.code == 0, made.err
    ran = freehold(root, "run")
    assert ran.code == 0, ran.err + ran.out
    return root


@pytest.fixture
def estate(lived_in: Path, tmp_path: Path) -> Path:
    """A copy of it, to spoil."""
    return Path(shutil.copytree(lived_in, tmp_path / "shop"))

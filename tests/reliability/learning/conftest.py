"""A troubled estate for each test, whose files are in force."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "incidents"))

from troubled import Troubled


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Troubled]:
    """An estate of tier 1 with three assets below its lines."""
    made = Troubled(tmp_path)
    yield made
    made.close()

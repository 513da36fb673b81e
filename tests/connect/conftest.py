"""What the tests of dbt share: the made shop, written as dbt would write it, and an estate that watches it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from dbt_made import Made, shop


@pytest.fixture
def made() -> Made:
    """Return the made shop, to be changed and written."""
    return shop()


@pytest.fixture
def project(made: Made, tmp_path: Path) -> Path:
    """Return the folder of the made shop with its artifacts of today."""
    return made.write(tmp_path / "shop")

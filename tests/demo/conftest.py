"""Where the real daily files are, if they are anywhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def real_days() -> Path:
    """Return the folder of the real daily files, or skip and say so."""
    base = Path(os.environ.get("FREEHOLD_REAL_DATA", ROOT.parent / "shared" / "data"))
    folder = base / "retail" / "by-day"
    if not folder.is_dir():
        pytest.skip(f"the real daily files are not there ({folder}); set FREEHOLD_REAL_DATA")
    return folder

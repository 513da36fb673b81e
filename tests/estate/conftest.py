"""Where the published examples of the standards may be, and a writer of small estates."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
STANDARDS = Path(os.environ.get("FREEHOLD_REAL_DATA", HERE.parents[1].parent / "shared" / "data")) / "standards"


@pytest.fixture
def standards() -> Path:
    """Return the folder of published examples; skip, and say so, where there is none."""
    if not STANDARDS.is_dir():
        pytest.skip(f"the published examples of the standards are not at {STANDARDS}")
    return STANDARDS


@pytest.fixture
def write(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """Return a function that lays files over the base estate in a folder of its own."""

    def write_files(files: dict[str, str]) -> Path:
        shutil.copytree(HERE / "base", tmp_path, dirs_exist_ok=True)
        for path, text in files.items():
            place = tmp_path / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8", newline="")
        return tmp_path

    return write_files

"""Reading exports in a test: files of a folder, as an estate would name them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from freehold.connect.bi import Told, told
from freehold.estate.dashboards import DashboardFiles
from freehold.foundation import Where

HERE = Where("estate.yaml", 9, 15)
Read = Callable[..., Told]


@pytest.fixture
def reading(tmp_path: Path) -> Read:
    """Return what reads files, given by their names and contents, below a folder of their own."""

    def read(files: dict[str, str | bytes], *paths: str, dialect: str = "postgres", **said: str) -> Told:
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return told(tmp_path, [DashboardFiles(path, HERE, **said) for path in paths or (".",)], dialect)

    return read

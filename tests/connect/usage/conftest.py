"""The shop of these tests, and files that are written for one of them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from freehold.ledger import Ledger
from used_shop import BOARDS, Shop

FREEHOLD = Path(sys.executable).with_name("freehold")


@pytest.fixture(scope="session")
def scaffold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of `freehold init`, with two dashboards; to be copied."""
    folder = tmp_path_factory.mktemp("scaffold") / "shop"
    subprocess.run([str(FREEHOLD), "init", str(folder)], check=True, capture_output=True, timeout=120)
    (folder / "dashboards.csv").write_text(BOARDS, encoding="utf-8")
    file = folder / "estate.yaml"
    said = file.read_text(encoding="utf-8")
    file.write_text(said.replace("\nspec:\n", "\nspec:\n  dashboards: [dashboards.csv]\n", 1), encoding="utf-8")
    return folder


@pytest.fixture
def shop(scaffold: Path, tmp_path: Path) -> Iterator[Shop]:
    """A shop of its own, in which nothing happened yet."""
    root = Path(shutil.copytree(scaffold, tmp_path / "shop"))
    (root / ".freehold").mkdir(exist_ok=True)
    with Ledger.open("sqlite:///.freehold/state.db", root=root) as ledger:
        yield Shop(root, ledger)


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str, str], Path]:
    """Return what writes a file and returns its place."""

    def write(name: str, content: str) -> Path:
        (tmp_path / name).write_text(content, encoding="utf-8")
        return tmp_path / name

    return write

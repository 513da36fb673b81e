"""What tests of documents share: an estate in force, whose clock they move."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from freehold.foundation import SimulatedClock
from freehold.ledger import Ledger

from .offices import BEGAN, Office

FREEHOLD = Path(sys.executable).with_name("freehold")


@pytest.fixture(scope="session")
def made_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of an estate as it is made."""
    folder = tmp_path_factory.mktemp("told") / "shop"
    subprocess.run([str(FREEHOLD), "init", str(folder)], check=True, capture_output=True, timeout=120)
    return folder


@pytest.fixture
def office(made_files: Path, tmp_path: Path) -> Iterator[Office]:
    """An office whose estate is in force since the morning."""
    root = Path(shutil.copytree(made_files, tmp_path / "shop"))
    clock = SimulatedClock(BEGAN)
    with Ledger.open("sqlite:///state.db", root=root, clock=clock) as ledger:
        made = Office(root, ledger, clock)
        made.put_in_force()
        made.later(minutes=1)
        yield made

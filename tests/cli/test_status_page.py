"""`freehold status-page`: a folder that any web server can show."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from freehold.estate.scaffold import scaffold, write_new

_FREEHOLD = Path(sys.executable).with_name("freehold")
_KEY = '  - {property: "freehold:status_page", value: {name: Orders}}\n'
_FILE = "shop/orders/product.odps.yaml"


def said(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    command = [str(_FREEHOLD), "-C", str(root), "status-page", "build", "--out", str(root / "public"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    """An estate whose product is on the status page, with nothing recorded."""
    files = scaffold("shop", date(2026, 11, 20))
    files[_FILE] = files[_FILE].replace("customProperties:\n", f"customProperties:\n{_KEY}")
    write_new(tmp_path, files)
    return tmp_path


def test_it_writes_files_and_the_same_ones_again(estate: Path) -> None:
    """Of the same instant, to the byte; what lies beside them stays."""
    run = subprocess.run([str(_FREEHOLD), "-C", str(estate), "run"], capture_output=True, check=False, timeout=120)
    assert run.returncode == 0
    (estate / "public").mkdir()
    (estate / "public" / "CNAME").write_text("status.example.com")
    first = said(estate, "--json")
    instant = json.loads(first.stdout)["as_of"]
    files = {p: p.read_bytes() for p in (estate / "public").rglob("*") if p.is_file()}
    again = said(estate, "--as-of", instant)

    assert json.loads(first.stdout)["products"] == {"shop.orders": "available"}
    assert again.stderr.startswith("Wrote 7 files of 1 product")
    assert {p: p.read_bytes() for p in (estate / "public").rglob("*") if p.is_file()} == files
    assert len(files) == 8


@pytest.mark.parametrize(("has_run", "code", "exit_code"), [(False, "FH-E375", 3), (True, "FH-E376", 1)])
def test_it_says_what_it_lacks(estate: Path, has_run: bool, code: str, exit_code: int) -> None:
    """Evidence, or a product that is to be on it; nothing is written."""
    if has_run:
        (estate / _FILE).write_text((estate / _FILE).read_text().replace(_KEY, ""))
        subprocess.run([str(_FREEHOLD), "-C", str(estate), "run"], capture_output=True, check=True, timeout=120)
    answer = said(estate)

    assert (answer.returncode, code in answer.stderr, (estate / "public").exists()) == (exit_code, True, False)

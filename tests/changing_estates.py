"""Estates in which something waits for somebody: a day that was held, and a change that nobody has approved yet."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

FREEHOLD = Path(sys.executable).with_name("freehold")
OWNER, STEWARD = "anna", "bert"  # who they are to the identity provider of the tests


def freehold(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command on an estate, as at a shell."""
    return subprocess.run([str(FREEHOLD), "-C", str(root), *words], capture_output=True, text=True, timeout=120)


def held_estate(made: Path, folder: Path) -> Path:
    """Return an estate of which a new version of the last day was kept back: one of its orders is below zero."""
    shutil.copytree(made, folder)
    day = max((folder / "landing" / "orders").iterdir())
    head, first, second, *rest = day.read_text(encoding="utf-8").splitlines()
    cells = second.split(",")
    bad = ",".join([*cells[:-2], "-5", cells[-1]])
    day.write_text("\n".join([head, first, bad, *rest]) + "\n", encoding="utf-8")
    ran = freehold(folder, "run")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    return folder


def owned(root: Path) -> None:
    """Let the provider's people answer for the shop: an owner and a steward by name."""
    teams = root / "teams.yaml"
    said = teams.read_text(encoding="utf-8")
    said = said.replace("role:idp/shop-data-owner", f"user:idp/{OWNER}")
    teams.write_text(said.replace("role:idp/shop-data-steward", f"user:idp/{STEWARD}"), encoding="utf-8")


def proposed_estate(folder: Path) -> Path:
    """Return an estate whose environment is protected, and in whose files the certified metric is defined otherwise."""
    subprocess.run([str(FREEHOLD), "init", str(folder)], check=True, capture_output=True, timeout=120)
    owned(folder)
    estate = folder / "estate.yaml"
    said = estate.read_text(encoding="utf-8")
    estate.write_text(said.replace("connection: warehouse}", "connection: warehouse, protected: true}"), "utf-8")
    applied = freehold(folder, "apply", "--yes")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    change_metric(folder, "orders.amount > 0")
    return folder


def change_metric(root: Path, condition: str) -> None:
    """Define revenue otherwise in the files: only where a condition holds, too."""
    file = root / "shop" / "orders" / "metrics" / "shop.yaml"
    said = file.read_text(encoding="utf-8")
    kept = said.partition("    filter: orders.state <> 'cancelled'")
    rest = kept[2].partition("\n")[2]
    file.write_text(f"{kept[0]}{kept[1]} AND {condition}\n{rest}", encoding="utf-8")

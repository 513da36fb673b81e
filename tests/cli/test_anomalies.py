"""`freehold anomalies`: what is unusual as a person and a machine are told of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from freehold.estate import load_estate
from freehold.foundation import SimulatedClock
from freehold.ledger import Event, Ledger
from freehold.reliability import look

BASE = Path(__file__).parents[1] / "estate" / "base"
ASSET = "sales.orders.lines"
START = datetime(2011, 1, 3, tzinfo=UTC)


def freehold(*words: str, at: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line as a process of its own, in a folder."""
    command = [sys.executable, "-m", "freehold", *words]
    wide = {**os.environ, "COLUMNS": "140"}
    return subprocess.run(command, cwd=at, capture_output=True, text=True, check=False, env=wide)


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    """Return an estate of which thirty ordinary days and one that is not were built."""
    shutil.copytree(BASE, tmp_path, dirs_exist_ok=True)
    clock = SimulatedClock(START + timedelta(days=40))
    with Ledger.open(load_estate(tmp_path).state_url, root=tmp_path, clock=clock) as ledger:
        for day in range(31):
            start = START + timedelta(days=day)
            columns = {"price": {"nulls": 0 if day == 30 else 250, "mean": 400.0 if day == 30 else 4.0 + day % 3 / 10}}
            said = {
                "asset": ASSET, "batch": str(day), "rows": 1000, "columns": columns,
                "interval_start": f"{start:%Y-%m-%d}", "interval_end": f"{start + timedelta(days=1):%Y-%m-%d}",
            }  # fmt: skip
            ledger.append(Event("profile.observed", said, occurred_at=start, env="prod", subject=ASSET))
        look(ledger, "prod")
    return tmp_path


def test_what_is_unusual_is_listed_and_closed(estate: Path) -> None:
    """A person sees each measure beside what would be usual; what is closed is listed only where it is asked for."""
    listed = freehold("anomalies", "list", at=estate)
    assert listed.returncode == 0, listed.stderr
    first, second = (line for line in listed.stdout.splitlines() if "of price" in line)
    assert (ASSET in first, "2011-02-02" in first, "mean of price" in first, "severe" in first) == (True,) * 4
    assert ("nulls of price" in second, ASSET in second, "0.0 %" in second) == (True, False, True)

    told = json.loads(freehold("anomalies", "list", ASSET, "--json", at=estate).stdout)["anomalies"]
    assert {(one["measure"], one["column"], one["value"]) for one in told} == {
        ("mean", "price", 400.0), ("nulls", "price", 0.0),
    }  # fmt: skip
    closed = freehold("anomalies", "close", told[0]["anomaly"], "--as", "expected", at=estate)
    assert closed.returncode == 0
    assert "Closed as expected" in closed.stderr

    left, every = (
        json.loads(freehold("anomalies", "list", *words, "--json", at=estate).stdout)["anomalies"]
        for words in ((), ("--all",))
    )
    assert [one["anomaly"] for one in left] == [told[1]["anomaly"]]
    assert [one["verdict"] for one in every if one["anomaly"] == told[0]["anomaly"]] == ["expected"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("list", "sales.orders.line"), 2, "Did you mean `sales.orders.lines`?"),
        (("list", "nowhere"), 2, "FH-D208"),
        (("close", "0123456789ab", "--as", "false"), 2, "FH-E301"),
        (("close", "0123456789ab", "--as", "nonsense"), 2, "'nonsense' is not one of"),
        (("close", "0123456789ab"), 2, "--as"),
    ],
)
def test_bad_words_are_refused(estate: Path, words: tuple[str, ...], code: int, says: str) -> None:
    """What is not there is told, and nothing is closed by chance."""
    done = freehold("anomalies", *words, at=estate)
    assert (done.returncode, says in done.stderr) == (code, True)


def test_of_an_asset_without_anomalies_that_is_said(tmp_path: Path) -> None:
    """An asset of the estate that was never unusual is no mistake."""
    shutil.copytree(BASE, tmp_path, dirs_exist_ok=True)
    done = freehold("anomalies", "list", ASSET, at=tmp_path)
    assert (done.returncode, f"Nothing is unusual about {ASSET}." in done.stderr) == (0, True), done.stderr

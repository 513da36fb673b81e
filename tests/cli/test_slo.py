"""`freehold slo`: how promises are kept and when data comes, as a person and a machine are told of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from freehold.estate import load_estate
from freehold.ledger import Event, Ledger

BASE = Path(__file__).parents[1] / "estate" / "base"
ASSET = "sales.orders.lines"
SLO = f"""\
apiVersion: openslo/v1
kind: SLO
metadata: {{name: lines-fresh}}
spec:
  service: {ASSET}
  indicatorRef: freshness
  timeWindow: [{{duration: 28d}}]
  budgetingMethod: Timeslices
  objectives: [{{target: 0.99, op: lte, value: 86400}}]
"""


def freehold(*words: str, at: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line as a process of its own, in a folder."""
    command = [sys.executable, "-m", "freehold", *words]
    wide = {**os.environ, "COLUMNS": "160"}
    return subprocess.run(command, cwd=at, capture_output=True, text=True, check=False, env=wide)


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    """Return an estate whose data came each morning of seven weeks, and grows old since two days ago."""
    shutil.copytree(BASE, tmp_path, dirs_exist_ok=True)
    (tmp_path / "slos.yaml").write_text(SLO, encoding="utf-8")
    today = datetime.now(ZoneInfo("Europe/London")).replace(hour=4, minute=0, second=0, microsecond=0)
    with Ledger.open(load_estate(tmp_path).state_url, root=tmp_path) as ledger:
        for back in range(2, 50):
            at = (today - timedelta(days=back)).astimezone(UTC)  # at four by the clock of the estate
            seen = {"asset": ASSET, "data_time": f"{at:%Y-%m-%dT%H:%M:%SZ}", "target_s": None}
            ledger.append(
                Event("freshness.observed", seen, occurred_at=at, env="prod", subject=ASSET),
                Event(
                    "asset.published", {"asset": ASSET, "deployment": "1"}, occurred_at=at, env="prod", subject=ASSET
                ),
            )
    return tmp_path


def test_what_is_promised_is_listed_and_shown(estate: Path) -> None:
    """A day of lateness is more than a hundredth of four weeks: the budget is gone, and both commands say so."""
    listed = freehold("slo", "list", at=estate)
    told = json.loads(freehold("slo", "list", "--product", "sales.orders", "--json", at=estate).stdout)["slos"]
    shown = freehold("slo", "show", "lines-fresh", at=estate)

    assert listed.returncode == 0, listed.stderr
    assert ("lines-fresh" in listed.stdout, "99 %, 28d" in listed.stdout, "exhausted" in listed.stdout) == (True,) * 3
    assert [(one["id"], one["state"], one["worst"], len(one["days"])) for one in told] == [
        ("lines-fresh", "exhausted", ASSET, 29),
    ]  # fmt: skip
    assert "It is exhausted:" in shown.stdout
    assert "It is bad since" in shown.stdout


def test_an_slo_that_is_not_there(estate: Path) -> None:
    """The near one is named, and the exit code says that it was asked wrongly."""
    found = freehold("slo", "show", "line-fresh", at=estate)

    assert (found.returncode, "FH-E313" in found.stderr, "lines-fresh" in found.stderr) == (2, True, True)


@pytest.mark.parametrize("group", ["slo", "alerts"])
def test_a_product_that_is_not_there_is_refused(estate: Path, group: str) -> None:
    """Where a name is mistyped, nothing is said to be in order."""
    (product,) = (one["product"] for one in json.loads(freehold("status", "--json", at=estate).stdout)["products"][:1])
    found = freehold(group, "list", "--product", product[:-1], at=estate)

    assert (found.returncode, "FH-D201" in found.stderr, product in found.stderr) == (2, True, True)


def test_when_data_comes_is_proposed_and_written(estate: Path) -> None:
    """The diff is on stdout and changes nothing; with --write the file promises it, and is still an estate."""
    contract = estate / "sales" / "orders" / "contracts" / "lines.odcs.yaml"
    before = contract.read_text(encoding="utf-8")
    proposed = freehold("slo", "propose", ASSET, at=estate)
    untouched = contract.read_text(encoding="utf-8")
    written = json.loads(freehold("slo", "propose", ASSET, "--write", "--json", at=estate).stdout)

    assert proposed.stdout.startswith("--- a/sales/orders/contracts/lines.odcs.yaml\n")
    assert '+  - {property: "freehold:arrives", value: {days: mon-sun, grace: "30m"}}' in proposed.stdout
    assert "of 48 that were due in that time, 0 would have been late" in proposed.stderr
    assert untouched == before
    assert (written["written"], written["diff"]) == (True, proposed.stdout)
    assert "freehold:arrives" in contract.read_text(encoding="utf-8")
    assert freehold("validate", at=estate).returncode == 0

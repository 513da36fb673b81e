"""`freehold alerts`, from the run that finds something to the verdict on it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from changing_estates import freehold, held_estate

FREEHOLD = Path(sys.executable).with_name("freehold")


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An estate whose last day was kept back."""
    made = tmp_path_factory.mktemp("alerts")
    subprocess.run([str(FREEHOLD), "init", str(made / "shop")], check=True, capture_output=True, timeout=120)
    assert freehold(made / "shop", "run").returncode == 0
    return held_estate(made / "shop", made / "held")


def told(root: Path, *words: str) -> dict[str, Any]:
    """Return what a command of alerts says as JSON."""
    ran = freehold(root, "alerts", *words, "--json")
    assert ran.returncode == 0, ran.stderr
    said: dict[str, Any] = json.loads(ran.stdout)
    return said


def test_a_run_raises_alerts_and_a_verdict_closes_them(held: Path) -> None:
    """What was held back is an alert that pages nobody, in the list and the digest, until somebody says what it was."""
    (found,) = [one for one in told(held, "list")["alerts"] if one["kind"] == "check" and one["severity"] == "warning"]
    assert (found["state"], found["page"], found["is_held"]) == ("firing", False, True)
    assert found["alert"] in str(told(held, "digest")["products"])
    assert "Consumers are kept from it" in freehold(held, "alerts", "show", found["alert"]).stdout

    silence = told(held, "silence", "product=shop.orders", "--for", "1h")["silence"]
    assert (told(held, "show", found["alert"])["silenced_by"], found["silenced_by"]) == ([silence], [])
    assert f"by {silence}: product" in freehold(held, "alerts", "show", found["alert"]).stdout
    assert "silenced" in freehold(held, "alerts", "list").stdout
    assert freehold(held, "alerts", "silences", "--end", silence).returncode == 0

    closed = freehold(held, "alerts", "close", found["alert"], "--as", "expected")
    assert closed.returncode == 0, closed.stderr
    assert found["alert"] not in str(told(held, "list"))
    assert found["alert"] in str(told(held, "list", "--all"))
    again = freehold(held, "alerts", "close", found["alert"], "--as", "false")
    assert (again.returncode, "FH-E333" in again.stderr) == (2, True)
    monitor = next(one for one in told(held, "monitors")["monitors"] if one["monitor"] == found["monitor"])
    assert (monitor["precision"], monitor["judged"]) == (1.0, 1)


def test_a_silence_is_set_and_ended(held: Path) -> None:
    """In the name of whoever is at the shell, with why."""
    made = told(held, "silence", "product=shop.orders", "--for", "1h", "--comment", "a move")
    (found,) = told(held, "silences")["silences"]
    assert (found["silence"], found["comment"]) == (made["silence"], "a move")
    assert found["by"].startswith("user:local/")
    assert freehold(held, "alerts", "silences", "--end", made["silence"]).returncode == 0
    assert told(held, "silences")["silences"] == []
    assert freehold(held, "alerts", "silence", "product=~.*").returncode == 2


def test_a_wrong_file_is_found_and_keeps_no_run_from_ending_well(held: Path) -> None:
    """`validate` says where; a run says that nobody watches, and is a run all the same."""
    file = held / "alerting.yaml"
    file.write_text(
        "apiVersion: freehold.dev/v1\nkind: Alerting\nmetadata: {id: a}\nspec: {route: {group_by: [prodct]}}\n"
    )
    wrong = freehold(held, "validate")
    assert (wrong.returncode, "FH-E330" in wrong.stderr, "alerting.yaml" in wrong.stderr) == (1, True, True)
    day = max((held / "landing" / "orders").iterdir())
    day.write_text(day.read_text(encoding="utf-8").replace(",-5,", ",5,"), encoding="utf-8")
    ran = freehold(held, "run")
    assert (ran.returncode, "Nobody watches" in ran.stderr) == (0, True), ran.stderr

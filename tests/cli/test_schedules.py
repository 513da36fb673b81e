"""`freehold schedule` and `freehold work` as a person uses them: processes, signals, lines."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PROGRAM = [sys.executable, "-c", "from freehold.cli import main; main()"]
NEVER = '{cron: "0 6 1 1 *", on: file}'
Done = subprocess.CompletedProcess[str]
Freehold = Callable[..., Done]


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    """The scaffold of an estate, whose product runs when a file comes."""
    made = tmp_path / "shop"
    subprocess.run([*PROGRAM, "init", str(made)], check=True, capture_output=True)
    schedule(made, NEVER)
    return made


def schedule(estate: Path, said: str) -> None:
    """Give the product a schedule."""
    file = estate / "shop" / "orders" / "product.odps.yaml"
    kept = re.sub(r"\n  - property: freehold:schedule\n.*", "", file.read_text())
    file.write_text(f"{kept.rstrip()}\n  - property: freehold:schedule\n    value: {said}\n")


@pytest.fixture
def freehold(estate: Path) -> Freehold:
    """Call a command there."""

    def call(*words: str) -> Done:
        environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "160"}
        return subprocess.run(
            [*PROGRAM, *words], cwd=estate, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    return call


@pytest.fixture
def worker(estate: Path) -> Iterator[subprocess.Popen[str]]:
    """A worker that goes on until it is stopped, telling lines of JSON."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([*PROGRAM, "work", "--for", "2m", "--json"], cwd=estate, text=True, **pipes)
    yield process
    process.kill()
    process.communicate()


def until(process: subprocess.Popen[str], event: str) -> dict[str, Any]:
    """Read what a worker tells up to an event."""
    assert process.stdout is not None
    for line in process.stdout:
        told: dict[str, Any] = json.loads(line)
        if told["event"] == event:
            return told
    raise AssertionError(f"`{event}` was never told: {process.stderr.read() if process.stderr else ''}")


def test_looking_makes_no_ledger(freehold: Freehold, estate: Path) -> None:
    """Before anything ran, the next times are shown, and asking leaves nothing behind."""
    done = freehold("schedule")

    assert done.returncode == 0
    assert "0 6 1 1 * Europe/London; on file" in done.stdout
    assert "No worker has looked yet" in done.stderr
    assert not (estate / ".freehold" / "state.db").exists()


def test_what_is_due_is_run_once(freehold: Freehold) -> None:
    """`work --once` runs it, tells it, and a second time finds nothing; `schedule` shows it."""
    first, second, shown = freehold("work", "--once"), freehold("work", "--once"), freehold("schedule", "--json")

    assert (first.returncode, second.returncode) == (0, 0)
    assert "success: 14 published" in first.stderr
    assert "Ended after 0 runs" in second.stderr
    (one,) = json.loads(shown.stdout)["schedules"]
    assert [(t["cause"], t["status"]) for t in one["past"]] == [("file", "success")]
    assert len(one["next"]) == 3
    assert freehold("audit", "verify").returncode == 0


def test_a_run_that_goes_wrong_ends_once_with_a_finding(freehold: Freehold, estate: Path) -> None:
    """A day whose rows break the contract: quarantined, told, exit 1."""
    day = sorted((estate / "landing" / "orders").glob("*.csv"))[-1]
    head, first, *rest = day.read_text().splitlines()
    day.write_text("\n".join([head, "," + first.partition(",")[2], *rest]) + "\n")
    done = freehold("work", "--once")

    assert done.returncode == 1
    assert "quarantined" in done.stderr
    assert "quarantined" in freehold("schedule").stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_ends_when_it_is_asked(worker: subprocess.Popen[str], number: signal.Signals) -> None:
    """It says so, and ends with 0, from its sleep; the ledger is signed."""
    assert until(worker, "finished")["status"] == "success"
    worker.send_signal(number)

    assert until(worker, "ended")["runs"] == 1
    assert worker.wait(60) == 0


def test_a_worker_wakes_when_a_file_comes(worker: subprocess.Popen[str], estate: Path) -> None:
    """The new day is published within moments of its coming."""
    until(worker, "finished")
    days = sorted((estate / "landing" / "orders").glob("*.csv"))
    corrected = days[0].read_text().splitlines()[:-1]
    fresh = days[0].with_suffix(".part")
    fresh.write_text("\n".join(corrected) + "\n")
    fresh.rename(days[0])

    assert until(worker, "due")["cause"] == "file"
    assert until(worker, "finished")["status"] == "success"


@pytest.mark.parametrize(
    ("said", "words", "code"),
    [
        pytest.param('{cron: "61 * * * *"}', ("validate",), "FH-V115", id="a minute that is none"),
        pytest.param("{after: upstream}", ("validate",), "FH-V116", id="nothing upstream"),
        pytest.param('{cron: "0 6 * * sat", calendar: england}', ("validate",), "FH-V116", id="never a worked day"),
        pytest.param("{on: file}", ("work", "--for", "soon"), "FH-C008", id="no length of time"),
        pytest.param("{on: file}", ("work", "--env", "prd"), "FH-C001", id="no such environment"),
    ],
)
def test_bad_input_is_told(freehold: Freehold, estate: Path, said: str, words: tuple[str, ...], code: str) -> None:
    """One clear error, before anything runs."""
    schedule(estate, said)
    done = freehold(*words)

    assert done.returncode in (1, 2)
    assert code in done.stderr
    assert "Fix: " in done.stderr

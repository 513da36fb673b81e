"""Real worker processes on one state: each due run is done once, whoever is killed or stopped, and when."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from schedule_worker import STATE_FILE, make_due, state_of
from shop import URL_FILE, open_warehouse

from freehold.ledger import Ledger
from live_postgres import LivePostgres

SCRIPT = Path(__file__).parent / "schedule_worker.py"
DEADLINE_S = 90.0


class Process:
    """A worker process; what it prints is read line by line, and it never outlives the test."""

    def __init__(self, root: Path, products: int, halts: str = "") -> None:
        command = [sys.executable, str(SCRIPT), str(root), str(products), halts]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self._process = subprocess.Popen(command, text=True, **pipes)
        self.pid = self._process.pid
        self.told: list[dict[str, Any]] = []
        self._timer = threading.Timer(DEADLINE_S, self._process.kill)
        self._timer.start()

    def until(self, event: str) -> dict[str, Any]:
        """Read on until something is told."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.told.append(json.loads(line))
            if self.told[-1]["event"] == event:
                return self.told[-1]
        raise AssertionError(f"`{event}` was never told: {self.told} {self._errors()}")

    def send(self, number: int) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def go_on(self) -> None:
        """Let it go on after a halt."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def end(self) -> list[str]:
        """Wait until it has ended well; return the kinds of what it told."""
        self.until("ended")
        assert self._process.wait() == 0, self._errors()
        return [line["event"] for line in self.told]

    def close(self) -> None:
        """End it, however it stands."""
        self._timer.cancel()
        self._process.kill()
        self._process.send_signal(signal.SIGCONT)
        self._process.communicate()

    def _errors(self) -> str:
        return self._process.stderr.read() if self._process.stderr is not None else ""


Start = Callable[..., Process]


@pytest.fixture
def root(tmp_path: Path, postgres: LivePostgres) -> Iterator[Path]:
    """A folder whose state and warehouse are in two databases of a server."""
    urls = [postgres.fresh(), postgres.fresh()]
    (tmp_path / STATE_FILE).write_text(urls[0])
    (tmp_path / URL_FILE).write_text(urls[1])
    yield tmp_path
    for url in urls:
        postgres.drop(url)


@pytest.fixture
def start() -> Iterator[Start]:
    """Start workers that end with the test."""
    started: list[Process] = []

    def start(*words: Any, **more: Any) -> Process:
        started.append(Process(*words, **more))
        return started[-1]

    yield start
    for process in started:
        process.close()


def due(root: Path, products: int) -> None:
    """Let the schedules of a folder be due."""
    with state_of(root) as ledger:
        make_due(ledger, products)


def is_done_once(root: Path, products: int) -> None:
    """Every due run was told, answered and published exactly once, and the ledger is whole."""
    subjects = [f"shop.p{n}" for n in range(products)]
    with state_of(root) as ledger:
        assert Counter(e.data["asset"] for e in ledger.read(types=("run.expected",))) == Counter(subjects)
        final = [e.data for e in ledger.read(types=("run.completed",)) if e.data.get("due_at") and e.data["final"]]
        assert Counter(d["asset"] for d in final) == Counter(subjects)
        assert {d["status"] for d in final} <= {"success", "skipped"}
        _agree(root, ledger, subjects)
        ledger.seal()
        assert ledger.verify().ok


def _agree(root: Path, ledger: Ledger, subjects: list[str]) -> None:
    """The warehouse and the ledger tell the same releases, one of each asset."""
    engine = open_warehouse(root)
    session = engine.session(ledger.caller, {"task": "test"})
    try:
        released = Counter(session.rows("select asset, deployment from freehold.release"))
        live = session.rows("select asset, epoch from freehold.publication order by asset")
        owed = session.rows("select count(*) from freehold.outbox")
    finally:
        session.close()
        engine.close()
    told = Counter((e.data["asset"], e.data["deployment"]) for e in ledger.read(types=("asset.published",)))
    assert told == released
    assert live == [(f"{s}.t", 1) for s in subjects]
    completed = Counter(e.data["deploy_id"] for e in ledger.read(types=("deploy.completed",)))
    assert {e.data["deploy_id"] for e in ledger.read(types=("deploy.started",))} == set(completed)
    assert set(completed.values()) == {1}
    assert owed in ([(0,)], [(1,)])  # the last deployment's events are forgotten by the next writer


def test_three_workers_share_what_is_due(root: Path, start: Start) -> None:
    """Eight schedules due at once, three workers started together: eight runs."""
    due(root, 8)
    workers = [start(root, 8) for _ in range(3)]
    ran = [worker.end().count("finished") for worker in workers]

    assert sum(ran) == 8
    is_done_once(root, 8)


@pytest.mark.parametrize("halts", ["step", "settle", "owed"])
def test_what_a_killed_worker_had_is_done_by_another(root: Path, start: Start, halts: str) -> None:
    """SIGKILL of the one that holds the lease: mid-run, inside the publishing transaction, before it was told."""
    due(root, 2)
    killed = start(root, 2, halts)
    killed.until("halted")
    other = start(root, 2)
    other.until("ready")
    killed.send(signal.SIGKILL)

    assert other.end().count("finished") == 2
    is_done_once(root, 2)


@pytest.mark.parametrize("halts", ["step", "settle", "owed"])
def test_a_stopped_worker_loses_what_it_had_and_does_nothing_twice(root: Path, start: Start, halts: str) -> None:
    """SIGSTOP of the one that holds the lease: another takes over; resumed, its tokens are refused."""
    due(root, 1)
    stopped = start(root, 1, halts)
    stopped.until("halted")
    stopped.send(signal.SIGSTOP)
    other = start(root, 1)

    assert other.end().count("finished") == 1
    stopped.go_on()
    stopped.send(signal.SIGCONT)
    assert "lost" in stopped.end()
    assert "finished" not in [line["event"] for line in stopped.told]
    is_done_once(root, 1)


def test_two_workers_on_one_machine_take_turns(tmp_path: Path, start: Start) -> None:
    """SQLite and DuckDB: while one has the warehouse file, the other says who, waits, and goes on when it is killed."""
    due(tmp_path, 2)
    first = start(tmp_path, 2, "step")
    first.until("halted")
    second = start(tmp_path, 2)

    assert str(first.pid) in second.until("waiting")["error"]
    first.send(signal.SIGKILL)
    assert second.end().count("finished") == 2
    is_done_once(tmp_path, 2)


def test_a_stopped_worker_keeps_the_file_and_finishes_when_it_wakes(tmp_path: Path, start: Start) -> None:
    """A DuckDB file has one owner process: nobody can take over, but whoever waits knows for whom."""
    due(tmp_path, 1)
    stopped = start(tmp_path, 1, "step")
    stopped.until("halted")
    stopped.send(signal.SIGSTOP)
    other = start(tmp_path, 1)

    assert str(stopped.pid) in other.until("waiting")["error"]
    stopped.go_on()
    stopped.send(signal.SIGCONT)
    kinds = stopped.end() + other.end()
    assert kinds.count("finished") == 1
    is_done_once(tmp_path, 1)

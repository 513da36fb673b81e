"""A run that is killed at any instant loses nothing that was acknowledged and publishes nothing twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from shop import MODELS, URL_FILE, Shop

DAYS = 16
WORKER = Path(__file__).parent / "crash_worker.py"
TABLES = ("raw", *MODELS)


def _start(root: Path, attempt: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(WORKER), str(root), str(DAYS), str(attempt)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def _tables(root: Path) -> dict[str, list[tuple[object, ...]]]:
    shop = Shop.open(root, seed=99)
    try:
        return {name: sorted(shop.rows(f"select * from shop_orders.{name}")) for name in TABLES}
    finally:
        shop.close()


@pytest.fixture(params=["duckdb", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Make folders of shops, their warehouses in DuckDB or in PostgreSQL."""
    made: list[str] = []
    server = request.getfixturevalue("postgres") if request.param == "postgres" else None

    def make(name: str) -> Path:
        root = tmp_path / name
        root.mkdir()
        if server is not None:
            made.append(server.fresh())
            (root / URL_FILE).write_text(made[-1])
        return root

    yield make
    for url in made:
        server.drop(url)


def _clean(root: Path) -> dict[str, list[tuple[object, ...]]]:
    process = _start(root, 0)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said.decode()
    return _tables(root)


def _kill_at_random(root: Path, kills: int, seed: int) -> None:
    """Start the worker again and again, killing it somewhere each time, then let it finish."""
    chosen = random.Random(seed)
    for attempt in range(kills):
        process = _start(root, attempt + 1)
        # Importing takes about a second, in which nothing happens; the interesting instants come after it.
        time.sleep(chosen.uniform(0.9, 2.2))
        process.send_signal(signal.SIGKILL)
        _, said = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), said.decode()
    process = _start(root, kills + 1)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said.decode()


def _is_consistent(root: Path) -> None:
    """Everything the warehouse released is told once by the ledger, and nothing else is."""
    shop = Shop.open(root, seed=98)
    try:
        shop.delivery.run()
        released = Counter(shop.rows("select asset, deployment from freehold.release"))
        told = Counter((e.data["asset"], e.data["deployment"]) for e in shop.ledger.read(types=("asset.published",)))
        assert told == released
        completed = Counter(e.data["deploy_id"] for e in shop.ledger.read(types=("deploy.completed",)))
        assert set(completed.values()) <= {1}
        assert {d for _, d in released} <= set(completed)
        started = {e.data["deploy_id"] for e in shop.ledger.read(types=("deploy.started",))}
        assert started == set(completed)
        shop.ledger.seal()
        assert shop.ledger.verify().ok
        candidates = shop.rows("select count(*) - count(distinct candidate) from freehold.candidate")
        assert candidates == [(0,)]
    finally:
        shop.close()


@pytest.mark.parametrize("seed", range(3))
def test_ten_kills_leave_the_tables_of_an_undisturbed_run(place: Callable[[str], Path], seed: int) -> None:
    """Thirty instants in all: identical tables, no lost and no double event."""
    clean = _clean(place("clean"))
    killed = place("killed")
    _kill_at_random(killed, 10, seed)
    assert _tables(killed) == clean
    _is_consistent(killed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10, 20))
def test_a_hundred_kills_leave_the_tables_of_an_undisturbed_run(place: Callable[[str], Path], seed: int) -> None:
    """The long suite: ten times ten instants."""
    clean = _clean(place("clean"))
    killed = place("killed")
    _kill_at_random(killed, 10, seed)
    assert _tables(killed) == clean
    _is_consistent(killed)


def test_a_stopped_writer_keeps_others_out_and_finishes_when_it_wakes(tmp_path: Path) -> None:
    """A paused process still owns the file: the second one is told who, and nothing is lost."""
    from freehold.engines import open_engine
    from freehold.foundation import FreeholdError

    root = tmp_path / "paused"
    root.mkdir()
    (tmp_path / "clean").mkdir()
    process = _start(root, 1)
    while not list((root / "landing").glob("*.csv")) if (root / "landing").exists() else True:
        time.sleep(0.05)
    process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(FreeholdError) as caught:
            open_engine("duckdb:///warehouse.db", root=str(root))
        assert caught.value.code == "FH-E101"
        assert str(process.pid) in caught.value.problem
    finally:
        os.kill(process.pid, signal.SIGCONT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said.decode()
    assert _tables(root) == _clean(tmp_path / "clean")

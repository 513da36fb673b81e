"""Jobs through the death of whatever does them: nothing that was asked for is lost, nothing is done twice."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from live_process import Server, freehold, served, until, with_days

DAYS = 9


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """An estate with sixteen days of orders, nothing of it built; to be copied. And how many orders there are."""
    root = tmp_path_factory.mktemp("fresh") / "shop"
    assert freehold(root.parent, "init", str(root)).returncode == 0
    return root, with_days(root, DAYS)


@pytest.fixture
def shop(fresh: tuple[Path, int], tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(fresh[0], tmp_path / "shop"))


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    """Servers that a test starts; all end with it."""
    started: list[Server] = []
    yield started
    for server in started:
        server.end(signal.SIGKILL)


def expect_whole(root: Path, orders: int) -> None:
    """Make sure that every order is live, once; that each release was told once; and that the ledger holds."""
    with duckdb.connect(str(root / ".freehold" / "warehouse.db"), read_only=True) as warehouse:
        live = warehouse.execute("SELECT count(*), count(DISTINCT order_id) FROM shop_orders.orders").fetchall()
    assert live == [(orders, orders)]
    with sqlite3.connect(root / ".freehold" / "state.db") as state:
        told = state.execute(
            "SELECT subject, json_extract(data, '$.epoch'), count(*) FROM ledger_event WHERE type = 'asset.published' "
            "GROUP BY 1, 2 HAVING count(*) > 1"
        ).fetchall()
    assert told == []
    assert freehold(root, "audit", "verify").returncode == 0


@pytest.mark.parametrize(
    ("whom", "steps"),
    [("server", 0), ("server", 1), ("server", 15), ("child", 5)],
    ids=lambda said: f"after {said} steps" if isinstance(said, int) else f"the {said} is killed",
)
def test_a_run_whose_process_is_killed_is_begun_again_and_ends_whole(
    whom: str, steps: int, shop: Path, fresh: tuple[Path, int], servers: list[Server]
) -> None:
    """Wherever it was: what it had published stays and is not published again, and everything else comes."""
    servers.append(Server(shop))
    first = servers[0]
    job = first.ask("run")
    child = until(first.child, "the job's process began")
    until(lambda: first.job(job)["done"] >= steps or first.job(job)["state"] != "running", f"{steps} steps")
    with suppress(ProcessLookupError):  # it had ended by itself
        os.kill(first.process.pid if whom == "server" else child, signal.SIGKILL)
    if whom == "server":
        first.process.wait()
        until(lambda: not Path(f"/proc/{child}").exists(), "the job's process ended with its server")
        servers.append(Server(shop))
    ended = servers[-1].ended(job)

    assert (ended["state"], ended["exit_code"]) == ("done", 0), servers[-1].said(job)
    assert ended["attempt"] in (1, 2)  # 1 only where it had ended before it was killed
    servers[-1].end()
    expect_whole(shop, fresh[1])


def test_a_server_that_is_told_to_end_hands_back_what_runs(shop: Path, servers: list[Server]) -> None:
    """What ends within the grace is done; the rest is queued, counts as no attempt, and is done by the next server."""
    servers.append(Server(shop))
    jobs = [servers[0].ask("run"), servers[0].ask("check"), servers[0].ask("run")]
    until(lambda: servers[0].job(jobs[0])["done"] > 0, "a step was done")

    assert servers[0].end() == 0
    servers.append(Server(shop))
    ended = [servers[1].ended(job) for job in jobs]
    assert [(job["state"], job["attempt"]) for job in ended] == [("done", 1)] * 3
    assert "Traceback" not in servers[0].log.read_text()


def test_a_job_that_kills_its_process_each_time_is_given_up(shop: Path, servers: list[Server]) -> None:
    """After three times; those behind it are done."""
    servers.append(Server(shop))
    job, next_ = servers[0].ask("run"), servers[0].ask("check")
    for attempt in (1, 2, 3):
        until(lambda n=attempt: servers[0].job(job)["attempt"] == n, f"attempt {attempt}")  # type: ignore[misc]
        os.kill(until(servers[0].child, "a process began"), signal.SIGKILL)

    assert servers[0].ended(job)["state"] == "lost"
    assert servers[0].ended(next_)["state"] in ("done", "failed")


@pytest.fixture(scope="module")
def twice_built(made_estate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An estate with two deployments of everything, nothing of which this process has open; to be copied."""
    root = Path(shutil.copytree(made_estate, tmp_path_factory.mktemp("twice") / "shop"))
    with_days(root, 1)
    assert freehold(root, "run").returncode == 0
    with_days(root, 2)
    assert freehold(root, "run").returncode == 0
    return root


@pytest.fixture
def built(twice_built: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(twice_built, tmp_path / "shop"))


def live(root: Path) -> list[tuple[object, ...]]:
    """Return what is live, by the epoch and deployment of each asset."""
    with duckdb.connect(str(root / ".freehold" / "warehouse.db"), read_only=True) as warehouse:
        return warehouse.execute("SELECT asset, epoch, deployment FROM freehold.publication ORDER BY 1").fetchall()


def test_a_rollback_that_is_begun_again_takes_back_nothing_more(built: Path, servers: list[Server]) -> None:
    """Where its server died after the effect and before it could say so: the same job answers the same.

    Another job for the same goes back one more.
    """
    servers.append(Server(built))
    job = servers[0].ask("rollback", product="shop.orders", why="prices in pence")
    first = servers[0].ended(job)
    assert (first["state"], first["attempt"]) == ("done", 1), servers[0].said(job)
    servers[0].end(signal.SIGKILL)
    taken_back = live(built)
    with sqlite3.connect(built / ".freehold" / "state.db") as state:  # as it stood an instant before it was told
        state.execute("UPDATE job SET state = 'running', ended_at = 0, exit_code = -1000 WHERE id = ?", (job,))
    state.close()
    servers.append(Server(built))
    ended = servers[1].ended(job)
    said = servers[1].said(job)

    assert (ended["state"], ended["exit_code"], ended["attempt"]) == ("done", 0, 2), said
    assert said.count("shop.orders is back at the deployment of") == 2
    servers[1].end()
    assert live(built) == taken_back
    servers.append(Server(built))
    assert servers[2].ended(servers[2].ask("rollback", product="shop.orders"))["state"] == "done"
    servers[2].end()
    assert live(built) != taken_back


def test_a_backfill_that_is_begun_again_builds_nothing_again(built: Path, servers: list[Server]) -> None:
    """What it had published is there; there is nothing to publish a second time."""
    servers.append(Server(built))
    job = servers[0].ask("backfill", select=["shop.orders.raw_orders"])
    assert servers[0].ended(job)["state"] == "done", servers[0].said(job)
    servers[0].end(signal.SIGKILL)
    published = live(built)
    with sqlite3.connect(built / ".freehold" / "state.db") as state:
        state.execute("UPDATE job SET state = 'running', ended_at = 0, exit_code = -1000 WHERE id = ?", (job,))
    state.close()
    servers.append(Server(built))

    assert servers[1].ended(job)["state"] == "done", servers[1].said(job)
    servers[1].end()
    assert live(built) == published


def test_two_servers_of_one_state_do_each_job_once(made_estate: Path, tmp_path: Path, postgres_url: str) -> None:
    """One at a time between them; where the one that works is killed, the other goes on."""
    roots = [Path(shutil.copytree(made_estate, tmp_path / name)) for name in ("one", "two")]
    for root in roots:
        file = root / "estate.yaml"
        file.write_text(file.read_text().replace("sqlite:///.freehold/state.db", f'"{postgres_url}"'))
    with served(roots[0]) as one, served(roots[1]) as two:
        jobs = [server.ask("check", explain=True) for server in (one, two, one)]
        ended = [two.ended(job) for job in jobs]
        assert {(job["state"], job["attempt"]) for job in ended} == {("done", 1)}
        begun = one.begun() + two.begun()
        assert sorted(begun) == sorted(jobs)
        spans = sorted((job["started_at"], job["ended_at"]) for job in ended)
        assert all(spans[i][1] <= spans[i + 1][0] for i in range(len(spans) - 1)), "one at a time"

        last = one.ask("check")
        worker = until(lambda: next((s for s in (one, two) if s.child()), None), "somebody works")
        worker.end(signal.SIGKILL)
        other = two if worker is one else one
        after = other.ended(last)
        assert after["state"] == "done"

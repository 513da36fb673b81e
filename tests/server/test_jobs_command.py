"""`freehold jobs`: what stands in the state is seen with a server and without one; what runs is stopped through it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from freehold.foundation import Caller
from freehold.ledger import Ledger
from freehold.opening import ledger_around
from live_process import freehold, served


@pytest.fixture
def root(made_estate: Path, tmp_path: Path) -> Path:
    """An estate of the test's own, with all its data published."""
    folder = tmp_path / "shop"
    shutil.copytree(made_estate, folder)
    return folder


def asked(root: Path, kind: str = "check", **arguments: Any) -> str:
    """Leave a job in the state, as a server does that takes it and ends; return its id."""
    with ledger_around(str(root)) as ledger:
        return ledger.jobs.ask(kind, arguments, Caller("user:idp/anna", assurance="oidc")).id


def said(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return the object that a command printed."""
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_jobs_are_seen_and_taken_back_without_a_server(root: Path) -> None:
    """The newest first, by the command that one would type; one that waits is taken back, once."""
    first, second = asked(root), asked(root, "rollback", product="shop.orders", why="wrong prices")
    listed = said(freehold(root, "jobs", "list", "--json"))["jobs"]
    listing = freehold(root, "jobs", "list")
    shown = listing.stdout
    followed = freehold(root, "jobs", "follow", second)
    cancelled = said(freehold(root, "jobs", "cancel", second[-12:], "--json"))["job"]

    assert [job["id"] for job in listed] == [second, first]
    assert {job["state"] for job in listed} == {"queued"}
    assert "rollback '--why=wrong prices'" in shown
    assert "the next one begins what waits" in listing.stderr
    assert (followed.returncode, "FH-C015" in followed.stderr) == (3, True)
    assert (cancelled["state"], cancelled["result"]["cancelled_by"]) == (
        "cancelled",
        Caller.at_the_shell().principal,
    )
    assert [j["id"] for j in said(freehold(root, "jobs", "list", "--state", "queued", "--json"))["jobs"]] == [first]


def test_what_ran_when_its_server_ended_is_not_said_to_run(root: Path) -> None:
    """It was left, and the next server begins it again."""
    id_ = asked(root)
    with Ledger.open("sqlite:///.freehold/state.db", root=root) as ledger, ledger.lease("jobs", "gone", 30) as lease:
        begun = ledger.jobs.claim(lease, "")
        listed = freehold(root, "jobs", "list", "--state", "running")
        assert begun is not None
        ledger.jobs.end(begun, "cancelled", None, {})

    assert id_[-12:] in listed.stdout
    assert "left" in listed.stdout
    assert "running" not in listed.stdout
    assert "again what ran" in listed.stderr


@pytest.mark.parametrize("id_", ["nope", "", "…"])
@pytest.mark.parametrize("what", ["show", "cancel", "follow"])
def test_what_is_no_job_is_told(root: Path, what: str, id_: str) -> None:
    """With the code of it, and where they are listed."""
    done = freehold(root, "jobs", what, id_)

    assert done.returncode == 2
    assert "FH-A154" in done.stderr


def test_a_job_is_followed_to_its_end_and_shown_afterwards(root: Path) -> None:
    """With the output and the exit code of its command, whether it runs, has ended, or its server has."""
    good, wrong = asked(root, everything=True), asked(root, "rollback", product="shop.nope")
    with served(root) as server:
        followed = freehold(root, "jobs", "follow", good)
        failed = freehold(root, "jobs", "follow", wrong[-12:])
        as_object = said(freehold(root, "jobs", "follow", good, "--json"))
        told = server.said(good)
    later = freehold(root, "jobs", "show", good)
    again = freehold(root, "jobs", "follow", wrong)

    assert followed.returncode == 0
    assert followed.stdout.strip()
    assert followed.stdout in told
    assert "".join(one["text"] for one in as_object["output"]) == told
    assert as_object["job"]["state"] == "done"
    assert (later.returncode, later.stdout) == (0, followed.stdout)
    assert (failed.returncode, again.returncode) == (2, 2)
    assert "FH-D201" in failed.stderr
    assert "FH-D201" in again.stderr


def test_the_servers_figures_tell_of_jobs(root: Path) -> None:
    """How many wait and run, how many ended and how, and how long they took; for what scrapes them."""
    ids = [asked(root), asked(root, "rollback", product="shop.nope")]
    token = freehold(root, "token", "create", "a scraper", "--scope", "server:observe").stdout.strip()
    with served(root) as server:
        for id_ in ids:
            server.ended(id_)
        figures = server.client.get("/metrics", headers={"Authorization": f"Bearer {token}"}).text

    assert 'freehold_jobs{state="queued"} 0.0' in figures
    assert 'freehold_jobs{state="running"} 0.0' in figures
    assert 'freehold_jobs_ended_total{kind="check",state="done"} 1.0' in figures
    assert 'freehold_jobs_ended_total{kind="rollback",state="failed"} 1.0' in figures
    assert 'freehold_job_seconds_count{kind="check"} 1.0' in figures

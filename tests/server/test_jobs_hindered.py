"""Jobs while the state takes nothing: they wait and say so, and go on once it does."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from freehold.cli.counter import Counter
from freehold.cli.handing import Shown
from freehold.foundation import Exit, FreeholdError
from freehold.foundation.owning import Owner
from live_process import until
from live_server import PAGE, Running

FULL = "The disk that holds `state.db` is full."


@pytest.fixture
def working(made_estate: Path, tmp_path: Path, serving: Callable[..., Running]) -> Running:
    """A server of its own, whose state stops taking anything as soon as a job is begun."""
    root = shutil.copytree(made_estate, tmp_path / "shop")
    return serving(root=root, rates={"read": 100_000, "write": 100_000, "sign_in": 100_000})


@contextmanager
def _counter(running: Running) -> Iterator[Counter]:
    """Give a server's counter, as commands of the user who started it reach it."""
    with running.app.state.served.door.open(running.root, running.settings):
        yield Counter(running.root, Owner(os.getpid(), running.url, "2025-01-01T00:00:00Z"))


class Disk:
    """Stands in for the disk of a server's state; it has room until a job is begun."""

    def __init__(self, running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_full = False
        store = running.app.state.served.jobs._ledger._store
        jobs = running.app.state.served.jobs._jobs
        self._write, self._claim = store.write, jobs.claim
        monkeypatch.setattr(store, "write", self._written)
        monkeypatch.setattr(jobs, "claim", self._claimed)

    @contextmanager
    def _written(self) -> Iterator[Any]:
        if self.is_full:
            raise FreeholdError("FH-L104", FULL, fix="Free some space.", exit_code=Exit.ENVIRONMENT)
        with self._write() as connection:
            yield connection

    def _claimed(self, *args: Any) -> Any:
        found = self._claim(*args)
        self.is_full = self.is_full or found is not None
        return found


def test_a_full_disk_keeps_a_job_waiting_and_says_so_everywhere(
    working: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its process is neither killed nor begun again; nothing new is taken; then all is told."""
    with working.signed_in() as person, _counter(working) as counter:
        disk = Disk(working, monkeypatch)
        id_ = person.post("/api/v1/jobs", json={"kind": "run"}).json()["id"]
        until(lambda: person.get(f"/api/v1/jobs/{id_}").json()["hindered"] == FULL, "what hinders it was told")
        page = person.get(f"/jobs/{id_}", headers=PAGE).text
        refused = person.post("/api/v1/jobs", json={"kind": "check"})
        with pytest.raises(FreeholdError) as by_command:
            counter.ask("check", {}, key="", terminal={})
        shown = Shown(with_bar=False)
        with person.stream("GET", f"/api/v1/jobs/{id_}/events") as told:
            lines = (line.removeprefix("data: ") for line in told.iter_lines() if line.startswith("data: "))
            for one in (json.loads(line) for line in lines):
                if "state" in one:
                    shown.stands(one["done"], one["total"], one["what"], one["hindered"])
                    disk.is_full = False
        job = person.get(f"/api/v1/jobs/{id_}").json()

    assert "Waits: The disk that holds" in page
    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (503, "FH-L104", "5")
    assert by_command.value.exit_code == Exit.ENVIRONMENT
    said = capsys.readouterr()
    assert f"Waits: {FULL}" in said.err
    assert said.out.count(FULL) == 1  # what the server logs
    assert (job["state"], job["attempt"], job["exit_code"], job["hindered"]) == ("done", 1, 0, "")

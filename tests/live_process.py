"""`freehold serve` in a process of its own, to be killed, and its jobs as this machine's user asks for them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx2

from freehold.foundation.owning import TOKEN_PLACE
from live_server import free_port

FREEHOLD = Path(sys.executable).with_name("freehold")
LONGEST_S = 120
OVER = ("done", "failed", "cancelled", "lost")
_HEADINGS = "order_id,ordered_at,customer,amount,state\n"


def freehold(root: Path, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command on an estate, and return what it said and how it ended."""
    command = [str(FREEHOLD), "-C", str(root), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONGEST_S, **options)


def with_days(root: Path, count: int, orders: int = 6) -> int:
    """Give an estate of `freehold init` so many more days of orders; return how many orders those are."""
    folder = root / "landing" / "orders"
    for i in range(count):
        day = date(2025, 1, 1) + timedelta(days=i)
        rows = (f"{day:%Y%m%d}-{n:03},{day} 09:00:0{n},c{n:04},{10 + n}.50,paid\n" for n in range(orders))
        (folder / f"{day}.csv").write_text(_HEADINGS + "".join(rows))
    return sum(len(path.read_text().splitlines()) - 1 for path in folder.iterdir())


def until(is_so: Callable[[], Any], what: str) -> Any:
    """Wait until something is so, and return it."""
    deadline = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline:
        if found := is_so():
            return found
        time.sleep(0.12)  # a server refuses who asks it more than ten times a second
    raise AssertionError(f"never: {what}")


class Server:
    """A server of an estate; what it says goes to a file beside the estate."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = free_port()
        self.log = root.with_name(f"{root.name}-{self.port}.log")
        with self.log.open("w") as log:
            command = [str(FREEHOLD), "-C", str(root), "serve", "--port", str(self.port)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        until(self._is_open, f"{root} was served: {self.log.read_text()[-2000:]}")
        token = json.loads((root / TOKEN_PLACE).read_text())["token"]
        self.client = httpx2.Client(
            base_url=f"http://127.0.0.1:{self.port}", headers={"Authorization": f"Bearer {token}"}, timeout=60
        )

    def _is_open(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return httpx2.get(f"http://127.0.0.1:{self.port}/health").status_code == 200
        except httpx2.TransportError:
            return False

    def ask(self, kind: str, **arguments: Any) -> str:
        """Ask for a job and return its id."""
        answer = self.client.post("/api/v1/jobs", json={"kind": kind, "arguments": arguments})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def job(self, id_: str) -> dict[str, Any]:
        """Return how a job stands."""
        answer = self.client.get(f"/api/v1/jobs/{id_}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def ended(self, id_: str) -> dict[str, Any]:
        """Wait for the end of a job and return how it stands then."""
        found: dict[str, Any] = until(
            lambda: (job := self.job(id_))["state"] in OVER and job, f"{id_} ended: {self.log.read_text()[-2000:]}"
        )
        return found

    def said(self, id_: str) -> str:
        """Return all that a job said, in the order it said it."""
        with self.client.stream("GET", f"/api/v1/jobs/{id_}/events") as answer:
            lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: ")]
        return "".join(json.loads(line).get("text", "") for line in lines)

    def child(self) -> int | None:
        """Return the process of the job at hand."""
        found = subprocess.run(
            ["pgrep", "-P", str(self.process.pid), "-f", "freehold.cli.job"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return int(found.stdout.split()[0]) if found.stdout.split() else None

    def begun(self) -> list[str]:
        """Return the ids of the jobs that it began, in order, as its log tells."""
        lines = (json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{"))
        return [line["id"] for line in lines if line.get("what") == "begun"]

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to end, and return its exit code."""
        if self.process.poll() is None:
            os.kill(self.process.pid, how)
        self.client.close()
        return self.process.wait(LONGEST_S)


@contextmanager
def served(root: Path) -> Iterator[Server]:
    """Serve an estate while the block runs."""
    server = Server(root)
    try:
        yield server
    finally:
        server.end(signal.SIGKILL)

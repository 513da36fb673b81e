"""`freehold serve` and `freehold token` as processes: starting, refusing, letting others write, ending."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from freehold.foundation.owning import Owner, owned, owner_of
from live_process import until
from live_server import PAGE, free_port

FREEHOLD = Path(sys.executable).with_name("freehold")
LINK = re.compile(r"http://\S+/sign-in/link/\S+")
LONGEST_S = 60


class Process:
    """A server in a process of its own, with what it says."""

    def __init__(self, root: Path, *words: str) -> None:
        self.port = free_port()
        command = [str(FREEHOLD), "-C", str(root), "serve", "--port", str(self.port), *words]
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def link(self) -> str:
        """Wait for the link and return it."""
        assert self.child.stderr is not None
        for line in self.child.stderr:
            if found := LINK.search(line):
                return found[0]
        raise AssertionError("it ended without a link")

    def answering(self) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + LONGEST_S
        while time.monotonic() < deadline:
            try:
                if httpx2.get(f"http://127.0.0.1:{self.port}/health").status_code == 200:
                    return
            except httpx2.TransportError:
                time.sleep(0.05)
        raise AssertionError("it never answered")

    def end(self, how: signal.Signals) -> tuple[int, str]:
        """Tell it to end; return its exit code and the rest of what it said."""
        self.child.send_signal(how)
        _, said = self.child.communicate(timeout=LONGEST_S)
        return self.child.returncode, said


@pytest.fixture
def process(made_estate: Path) -> Iterator[Process]:
    """A server of the shared estate."""
    made = Process(made_estate)
    yield made
    if made.child.poll() is None:
        made.child.kill()
    made.child.communicate()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_it_serves_until_told_to_stop_and_ends_well(process: Process, made_estate: Path, how: signal.Signals) -> None:
    """With 0; what it recorded is signed; the next one may start at once."""
    link = process.link()
    process.answering()
    with httpx2.Client(headers=PAGE) as client:
        assert client.get(link).status_code == 303
        assert client.get(f"http://127.0.0.1:{process.port}/products").status_code == 200
    code, said = process.end(how)

    assert (code, "Stopped." in said) == (0, True), said
    assert "Another browser:" in said
    assert "Traceback" not in said
    assert owner_of(made_estate) is None
    proved = subprocess.run(
        [str(FREEHOLD), "-C", str(made_estate), "audit", "verify"], capture_output=True, check=False
    )
    assert proved.returncode == 0


def test_logs_are_json_where_nobody_looks(process: Process) -> None:
    """One object a line, with the id that the answer carries."""
    process.link()
    process.answering()
    answer = httpx2.get(f"http://127.0.0.1:{process.port}/products")
    _, said = process.end(signal.SIGTERM)
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]

    mine = next(line for line in lines if line["request_id"] == answer.headers["x-request-id"])
    assert (mine["route"], mine["status"], mine["event"]) == ("/products", 401, "request")


def test_a_log_that_nobody_reads_keeps_no_page_waiting(process: Process) -> None:
    """A pipe holds some hundred lines; whoever started the server may have gone for lunch."""
    process.link()
    process.answering()
    with httpx2.Client(base_url=f"http://127.0.0.1:{process.port}") as client:
        statuses = {client.get("/products").status_code for _ in range(1_000)}
    code, said = process.end(signal.SIGTERM)

    assert (code, statuses <= {401, 429}) == (0, True)
    assert said.count('"event": "request"') == 1_000


def test_a_second_server_says_who_serves_already(process: Process, made_estate: Path) -> None:
    """Its process and address; nothing is disturbed."""
    process.link()
    second = subprocess.run(
        [str(FREEHOLD), "-C", str(made_estate), "serve", "--port", str(free_port())],
        capture_output=True, text=True, timeout=LONGEST_S, check=False,
    )  # fmt: skip

    assert second.returncode == 3
    assert "FH-A004" in second.stderr
    assert f"process {process.child.pid}" in second.stderr
    assert f"http://127.0.0.1:{process.port}" in second.stderr


def test_a_port_that_is_taken_is_told(made_estate: Path) -> None:
    """With another to take."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [str(FREEHOLD), "-C", str(made_estate), "serve", "--port", str(port)],
            capture_output=True, text=True, timeout=LONGEST_S, check=False,
        )  # fmt: skip

    assert done.returncode == 3
    assert "FH-A003" in done.stderr
    assert f"--port {port + 1}" in done.stderr


def test_others_are_not_let_in_unknown(made_estate: Path) -> None:
    """A public address without an identity provider does not start."""
    done = subprocess.run(
        [str(FREEHOLD), "-C", str(made_estate), "serve", "--host", "0.0.0.0", "--port", str(free_port())],
        capture_output=True, text=True, timeout=LONGEST_S, check=False,
    )  # fmt: skip

    assert (done.returncode, "FH-A001" in done.stderr) == (2, True)


def test_commands_write_while_a_server_reads(process: Process, made_estate: Path) -> None:
    """A run gets its warehouse although pages are asked for all the while."""
    link = process.link()
    process.answering()
    with httpx2.Client(headers=PAGE, base_url=f"http://127.0.0.1:{process.port}") as client:
        assert client.get(link).status_code == 303
        run = subprocess.Popen(
            [str(FREEHOLD), "-C", str(made_estate), "check"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        statuses = set()
        while run.poll() is None:
            statuses.add(client.get("/products").status_code)
            time.sleep(0.12)  # a server refuses who asks it more than ten times a second
        _, said = run.communicate()

    assert (run.returncode, statuses) == (0, {200}), said


def test_a_token_from_the_command_line_is_taken_at_once(process: Process, made_estate: Path) -> None:
    """Made, used, listed and revoked beside the running server."""

    def freehold(*words: str) -> dict[str, object]:
        done = subprocess.run(
            [str(FREEHOLD), "-C", str(made_estate), *words, "--json"], capture_output=True, text=True, check=True
        )
        told: dict[str, object] = json.loads(done.stdout)
        return told

    process.link()
    process.answering()
    made = freehold("token", "create", "nightly report", "--for", "2d")
    headers = {"authorization": f"Bearer {made['token']}"}
    place = f"http://127.0.0.1:{process.port}/api/v1/products"

    assert httpx2.get(place, headers=headers).status_code == 200
    listed = until(
        lambda: [t for t in freehold("token", "list")["tokens"] if t["id"] == made["id"] and t["used_at"]],  # type: ignore[attr-defined]
        "its use is written down",
    )
    assert (listed[0]["kind"], listed[0]["name"]) == ("user", "nightly report")
    assert str(made["token"]) not in json.dumps(freehold("token", "list"))
    assert freehold("token", "revoke", str(made["id"]))["revoked"] is True
    assert httpx2.get(place, headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["create", "x", "--scope", "everything"], "FH-A112"),
        (["create", "x", "--for", "soon"], "FH-C008"),
        (["create", "x", "--for", "500d"], "FH-A112"),
        (["revoke", "nosuchtoken0"], "FH-A111"),
    ],
)
def test_tokens_that_make_no_sense_are_refused(made_estate: Path, words: list[str], code: str) -> None:
    """On the command line as on the page."""
    done = subprocess.run(
        [str(FREEHOLD), "-C", str(made_estate), "token", *words], capture_output=True, text=True, check=False
    )

    assert (done.returncode, code in done.stderr) == (2, True), done.stderr


def test_the_lock_of_an_owner_ends_with_it(tmp_path: Path) -> None:
    """Held by one, told to the next, and free again however the first ended."""
    me = Owner(os.getpid(), "http://127.0.0.1:1", "2026-11-02 09:00:00")
    assert owner_of(tmp_path) is None
    with owned(tmp_path, me) as other:
        assert other is None
        assert owner_of(tmp_path) == me
        with owned(tmp_path, Owner(1, "x", "y")) as second:
            assert second == me
    assert owner_of(tmp_path) is None

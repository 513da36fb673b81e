"""A real server on loopback, in the process of the tests, and what tests do with it."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import structlog

from freehold.server import Settings, create_app
from freehold.server.entry.links import Links
from freehold.server.running import answering
from freehold.server.telemetry import Telemetry

PAGE = {"accept": "text/html"}


@dataclass
class Running:
    """A server that runs in this process."""

    settings: Settings
    root: Path
    links: Links
    log: list[dict[str, object]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    def link(self) -> str:
        """Return the path of a fresh one-time link."""
        return f"/sign-in/link/{self.links.new()}"

    def client(self, **headers: str) -> httpx2.Client:
        """Return a client that nobody signed in."""
        return httpx2.Client(base_url=self.url, headers=headers, timeout=30)

    @contextmanager
    def signed_in(self, **headers: str) -> Iterator[httpx2.Client]:
        """Give a client that has come in by a link."""
        with self.client(**headers) as client:
            got = client.get(self.link(), headers=PAGE)
            assert got.status_code == 303, got.text
            yield client


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def started(root: Path, settings: Settings) -> tuple[Running, Callable[[], None]]:
    """Start a server of an estate; return it and what ends it."""
    running = Running(settings, root, Links())
    capture = structlog.testing.LogCapture()
    capture.entries = running.log  # type: ignore[assignment]
    log = structlog.wrap_logger(None, processors=[capture])
    app = create_app(root, settings, links=running.links, telemetry=Telemetry(log))
    server = answering(app)
    listening = socket.create_server(("127.0.0.1", settings.port))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server ended while it started"
        time.sleep(0.01)

    def end() -> None:
        server.should_exit = True
        thread.join(10)

    return running, end


def made_token(client: httpx2.Client, *scopes: str, name: str = "a test") -> str:
    """Make a token by the form, as a person does, and return it."""
    said = {"name": name, "days": "7", "scopes": list(scopes)}
    page = client.post("/settings/tokens", data=said)
    found = re.search(r"fh_user_[0-9a-z]{12}_[0-9A-Za-z]{49}", page.text)
    assert found, page.text[:500]
    return found[0]

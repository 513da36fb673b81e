"""A real server on loopback, in the process of the tests, and what tests do with it."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import structlog
from starlette.applications import Starlette
from starlette.routing import Mount

from freehold.server import Settings, create_app
from freehold.server.entry.links import Links
from freehold.server.identity import SCOPES, Who
from freehold.server.running import answering
from freehold.server.telemetry import Telemetry

PAGE = {"accept": "text/html"}
T = TypeVar("T")


def awaited(ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in a thread of its own: tests that drive a browser leave a loop in that of the tests."""
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(lambda: asyncio.run(ask())).result()


@dataclass
class Running:
    """A server that runs in this process."""

    settings: Settings
    root: Path
    links: Links
    app: Starlette = field(repr=False)
    log: list[dict[str, object]] = field(default_factory=list, repr=False)
    end: Callable[[], None] = field(default=lambda: None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    def link(self) -> str:
        """Return the path of a fresh one-time link."""
        return f"/sign-in/link/{self.links.new()}"

    def cookie(self) -> dict[str, str]:
        """Return the cookie of a new session, as a browser keeps it: signed in without a look at a page."""
        with self.client() as client:
            assert client.get(self.link()).status_code == 303
            return {"name": self.settings.cookie, "value": client.cookies[self.settings.cookie], "url": self.url}

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


def known_as(running: Running, principal: str, *groups: str, **headers: str) -> httpx2.Client:
    """Return a client with the session of somebody whom an identity provider named; to be closed."""
    served = running.app.state.served
    who = Who(principal, principal.rpartition("/")[2], groups, "oidc", "session", "")
    client = running.client(**headers)
    client.cookies.set(served.settings.cookie, served.doorkeeper.open(who, "a test"))
    return client


def token_of(running: Running, principal: str, *groups: str, scopes: tuple[str, ...] = tuple(SCOPES)) -> str:
    """Return a token of somebody whom an identity provider named."""
    who = Who(principal, principal, groups, "oidc", "session", "")
    text: str = running.app.state.served.mint.make(who, "a test", scopes, timedelta(days=1))[0]
    return text


def read_at(routes: Iterable[Any], before: str = "") -> Iterator[str]:
    """Yield the paths that can be read, as the application has them: `/products/{id}`."""
    for route in routes:
        if isinstance(route, Mount):
            yield from read_at(route.routes, before + route.path)
        elif "GET" in (getattr(route, "methods", None) or ()):
            yield before + route.path


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def started(root: Path, settings: Settings) -> tuple[Running, Callable[[], None]]:
    """Start a server of an estate; return it and what ends it."""
    links, capture = Links(), structlog.testing.LogCapture()
    log = structlog.wrap_logger(None, processors=[capture])
    app = create_app(root, settings, links=links, telemetry=Telemetry(log))
    running = Running(settings, root, links, app, capture.entries)  # type: ignore[arg-type]
    server = answering(app)
    listening = socket.create_server(("127.0.0.1", settings.port))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server ended while it started"
        time.sleep(0.01)

    def end() -> None:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive(), "the server did not end"

    running.end = end
    return running, end


def made_token(client: httpx2.Client, *scopes: str, name: str = "a test") -> str:
    """Make a token by the form, as a person does, and return it."""
    said = {"name": name, "days": "7", "scopes": list(scopes)}
    page = client.post("/settings/tokens", data=said)
    found = re.search(r"fh_user_[0-9a-z]{12}_[0-9A-Za-z]{49}", page.text)
    assert found, page.text[:500]
    return found[0]

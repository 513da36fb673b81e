"""Running a server: the port, the owner's lock, the link for whoever started it, and a clean end."""

from __future__ import annotations

import errno
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from freehold.connect.traces import tracing
from freehold.foundation import Exit, FreeholdError
from freehold.foundation.memory import here_to_stay
from freehold.foundation.owning import Owner, owned
from freehold.server.application import Served, create_app
from freehold.server.entry.links import Links
from freehold.server.entry.local import LocalDoor
from freehold.server.settings import Settings
from freehold.server.telemetry import Telemetry, configure_logs

if TYPE_CHECKING:
    from starlette.applications import Starlette

_GRACE_S = 10  # for requests that are under way when the server is told to stop


def serve(root: Path, settings: Settings, tell: Callable[[str], None], opened: Callable[[str], None] | None) -> None:
    """Serve an estate until SIGTERM or Ctrl-C.

    Args:
        root: the folder that holds estate.yaml.
        settings: where to listen, and the rest.
        tell: what takes the link, and each that follows it.
        opened: what takes the first link once the server answers, to show it to somebody.

    Raises:
        FreeholdError: FH-A003 the port is taken; FH-A004 another process serves this estate; what `create_app` raises;
            FH-E378 traces are asked for, and OpenTelemetry is not installed.
    """
    with ExitStack() as closing:
        listening = closing.enter_context(_listening(settings))
        since = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
        other = closing.enter_context(owned(root, Owner(os.getpid(), settings.address, since)))
        if other is not None:
            raise _owned_by(other)
        door = LocalDoor()
        closing.enter_context(door.open(root, settings))
        configure_logs()
        links = Links(on_used=lambda secret: tell(f"Another browser: {link_of(settings, secret)}"))
        telemetry = Telemetry(traces=closing.enter_context(tracing()))
        app = create_app(root, settings, links=links, telemetry=telemetry, door=door)
        served: Served = app.state.served
        served.reckoning.begin(served.snapshots.now)
        if not settings.sign_in:
            first = link_of(settings, links.new())
            tell(f"Serving {root.name} at {settings.address}. To come in, once:\n\n    {first}\n")
        else:
            first = settings.address
            tell(f"Serving {root.name} at {first}.")
        if opened is not None:
            opened(first)
        here_to_stay()
        answering(app).run(sockets=[listening])
    tell("Stopped.")


class _Server(uvicorn.Server):
    """Ends by SIGTERM or Ctrl-C as by itself: what comes after it, the last signature for instance, is not skipped."""

    def __init__(self, config: uvicorn.Config, ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._ending = ending

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let watchers go first, who would be waited for otherwise."""
        self._ending()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals that mean an end while it runs; only a main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def answering(app: Starlette) -> uvicorn.Server:
    """Return what answers HTTP with an application: quiet, nameless, and trusting no header of a proxy."""
    config = uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    return _Server(config, app.state.served.jobs.hush)


def link_of(settings: Settings, secret: str) -> str:
    """Return the one-time link of a secret."""
    return f"{settings.address}/sign-in/link/{secret}"


def _listening(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # Named as TCP, so that asyncio sends what is written at once: each answer would wait 40 ms for an acknowledgement.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((settings.host, settings.port))
        made.listen(128)
    except OSError as error:
        made.close()
        raise _unbound(settings, error) from error
    return made


def _unbound(settings: Settings, error: OSError) -> FreeholdError:
    fix = f"Take another: freehold serve --port {settings.port % 65535 + 1}"
    if error.errno == errno.EADDRINUSE:
        problem = f"Port {settings.port} of {settings.host} is taken by another process."
    elif error.errno in (errno.EACCES, errno.EPERM):
        problem = f"Port {settings.port} may not be used by this user."
    else:
        problem = f"`{settings.host}:{settings.port}` cannot be listened on: {error.strerror or error}."
        fix = "Take an address of this machine: freehold serve --host 127.0.0.1"
    return FreeholdError("FH-A003", problem, fix=fix, exit_code=Exit.ENVIRONMENT)


def _owned_by(other: Owner) -> FreeholdError:
    who = f"process {other.pid}, at {other.url}, since {other.since} UTC" if other.pid else "another process"
    return FreeholdError(
        "FH-A004",
        f"This estate is served already by {who}.",
        fix=f"Use that one, or stop it: kill {other.pid}" if other.pid else "Use that one, or stop it.",
        exit_code=Exit.ENVIRONMENT,
    )

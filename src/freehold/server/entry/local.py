"""The way in for the commands of this machine's user: a token in a file that only that user can read.

It is made when the server starts and gone when it ends. Who can read it could as well run the command without a server,
so it gives what a shell gives: the user's own name, and `local` for how surely that is known.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.foundation import Caller
from freehold.foundation.owning import TOKEN_PLACE
from freehold.server.identity import Who

if TYPE_CHECKING:
    from freehold.server.settings import Settings

_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
_MAY = frozenset({"jobs:read", "jobs:start"})


class LocalDoor:
    """Knows the token of this machine's user; nobody else's, and none while it is closed."""

    def __init__(self) -> None:
        self._token = ""

    @contextmanager
    def open(self, root: Path, settings: Settings) -> Iterator[None]:
        """Keep the token in its file while the block runs."""
        self._token = f"fh_local_{secrets.token_urlsafe(32)}"
        path = root / TOKEN_PLACE
        host = next(iter(sorted(settings.hosts)))
        told = {"connect": _ANYWHERE.get(settings.host, settings.host), "port": settings.port, "host": host}
        _written(path, json.dumps(told | {"token": self._token}))
        try:
            yield
        finally:
            self._token = ""
            with suppress(FileNotFoundError):
                path.unlink()

    def known(self, shown: str) -> Who | None:
        """Return this machine's user, if they show the token."""
        if not self._token or not hmac.compare_digest(shown.encode(), self._token.encode()):
            return None
        principal = Caller.at_the_shell().principal
        return Who(principal, principal.rpartition("/")[2], (), "local", "token", "local", _MAY)


def _written(path: Path, text: str) -> None:
    """Write a file that nobody else could read at any moment, in place of one that a killed server left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, 0o600)
        file.write(text)
    fresh.replace(path)

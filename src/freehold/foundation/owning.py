"""One process at a time: a lock file in an estate's folder that says who holds it, since when, and where it listens."""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

PLACE = Path(".freehold") / "server.lock"
TOKEN_PLACE = Path(".freehold") / "server.token"  # where commands of the same user find the way in


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that serves an estate: its id, where it listens, and since when (ISO 8601, UTC)."""

    pid: int
    url: str
    since: str


@contextmanager
def owned(root: Path, owner: Owner) -> Iterator[Owner | None]:
    """Hold the lock of an estate while the block runs. Gives None if it is ours, else whoever holds it.

    The lock is the operating system's, so it ends with the process however that ends; the file only tells.
    """
    path = root / PLACE
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _locked(descriptor, patience_s=0.5):  # whoever only looks holds it for an instant
            yield _told(path) or Owner(0, "", "")
            return
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(owner)).encode(), 0)
        yield None
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def owner_of(root: Path) -> Owner | None:
    """Return the process that serves an estate now; None if none does."""
    path = root / PLACE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:  # nobody ever served it, or it is not ours to look at
        return None
    try:
        return None if _locked(descriptor) else _told(path)
    finally:
        os.close(descriptor)


def _locked(descriptor: int, patience_s: float = 0.0) -> bool:
    """Take the lock of an open file; say whether that was possible."""
    try:
        import fcntl
    except ImportError:  # pragma: no cover - Windows: there the port is the only lock
        return True
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.01)
        else:
            return True


def _told(path: Path) -> Owner | None:
    with suppress(OSError, ValueError, TypeError):
        return Owner(**json.loads(path.read_text(encoding="utf-8")))
    return None


def holder(name: str) -> str:
    """Return a name by which this process, and no other part of it, holds a lease: others can tell when it is gone."""
    return f"{name}-{secrets.token_hex(4)}@{socket.gethostname()}:{os.getpid()}"


def is_dead(holder: str) -> bool:
    """Say whether a holder was a process of this machine that is no more."""
    place, _, pid = holder.rpartition(":")
    if not place.endswith(f"@{socket.gethostname()}") or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it lives, and belongs to somebody else
        return False
    return False

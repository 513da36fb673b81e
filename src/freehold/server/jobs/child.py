"""The process of one job: begun, listened to, interrupted, ended. A crash of it is its own.

It is told on a pipe which job it does, and proves by what it is told there that it may act for whoever asked. It ends
with the pipe, so that it never outlives the server that answers for it.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from freehold.ledger.jobs import Job, Progress

COMMAND = (sys.executable, "-m", "freehold.cli.job")  # by its name: the command line is above the server
MOST_SAID = 16_000_000  # characters of output that are kept
ASKED_AGAIN_S = 3.0  # what was asked to stop and goes on
_PIECE = 65_536
_STREAMS = ("stdout", "stderr", "reports")


def proof_of(secret: str) -> str:
    """Return what is kept of a secret that a job's process proves itself by."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Child:
    """The running process of a job.

    Attributes:
        pieces: what it said since somebody took it (stream and text).
        progress: how far it said to be; None while it said nothing new.
        result: what it reported in the end.
    """

    def __init__(self, job: Job, root: Path, secret: str) -> None:
        self.pieces: list[tuple[str, str]] = []
        self.progress: Progress | None = None
        self.result: dict[str, Any] = {}
        self._said = 0
        self._report = ""
        self._interrupted_at: float | None = None
        self._asked_at: float | None = None  # last
        self._decoders = {name: codecs.getincrementaldecoder("utf-8")("replace") for name in _STREAMS}
        ours, theirs = os.pipe()
        self._reports = os.fdopen(ours, "rb", buffering=0)
        try:
            with _deaf():
                self._process = subprocess.Popen(
                    COMMAND,
                    cwd=root,
                    env=_environment(job.terminal),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    bufsize=0,
                    pass_fds=(theirs,),
                    start_new_session=True,  # Ctrl-C at the server's terminal is for the server
                )
        finally:
            os.close(theirs)
        assert self._process.stdin is not None
        greeting = {"job": job.id, "secret": secret, "reports": theirs}
        with suppress(BrokenPipeError):  # it is gone already, which the listener finds out
            self._process.stdin.write(json.dumps(greeting).encode() + b"\n")
        self._open = selectors.DefaultSelector()
        for name, stream in zip(_STREAMS, (self._process.stdout, self._process.stderr, self._reports), strict=True):
            assert stream is not None
            self._open.register(stream, selectors.EVENT_READ, name)

    def listen(self, timeout_s: float) -> bool:
        """Read what it says, for so long at most; False once it has ended and everything is read."""
        if not self._open.get_map():
            return self._process.poll() is None and self._paused(timeout_s)
        has_ended = self._process.poll() is not None
        ready = self._open.select(0 if has_ended else timeout_s)
        for key, _ in ready:
            read = os.read(key.fd, _PIECE)
            self._take(str(key.data), read)
            if not read:
                self._open.unregister(key.fileobj)
        return not has_ended or bool(ready)  # what it started may hold its streams open: that is not waited for

    def interrupt(self) -> None:
        """Ask it to stop, as Ctrl-C does; what it started is asked, too.

        Called again while it goes on, it is asked again every few seconds: a signal can come when nobody heeds it.
        """
        now = time.monotonic()
        if self._asked_at is None or now - self._asked_at >= ASKED_AGAIN_S:
            self._interrupted_at = self._interrupted_at or now
            self._asked_at = now
            self._signal(signal.SIGINT)

    @property
    def was_interrupted(self) -> bool:
        """Whether somebody asked it to stop."""
        return self._interrupted_at is not None

    def interrupted_for(self) -> float:
        """Return for how many seconds it has been asked to stop."""
        return 0.0 if self._interrupted_at is None else time.monotonic() - self._interrupted_at

    def kill(self) -> None:
        """End it at once."""
        self._signal(signal.SIGKILL)

    def close(self) -> int:
        """End it if it has not ended; return its exit code, negative for a signal that ended it."""
        if self._process.poll() is None:
            self.kill()
        code = self._process.wait()
        self._signal(signal.SIGKILL)  # what it started ends with it
        self._open.close()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr, self._reports):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()
        return code

    def _paused(self, timeout_s: float) -> bool:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
        return True

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _take(self, name: str, read: bytes) -> None:
        text = self._decoders[name].decode(read, not read)
        if name == "reports":
            self._report += text
            *lines, self._report = self._report.split("\n")
            for line in lines:
                self._heed(json.loads(line))
        elif text and self._said < MOST_SAID:
            self._said += len(text)
            more = f"\n(More was said than the {MOST_SAID:,} characters that are kept.)\n"
            self.pieces.append((name, text if self._said < MOST_SAID else text + more))

    def _heed(self, told: Mapping[str, Any]) -> None:
        if "total" in told:
            self.progress = Progress(int(told["done"]), int(told["total"]), str(told["what"])[:200])
        else:
            self.result |= told


@contextmanager
def _deaf() -> Iterator[None]:
    """Begin a process that hears no Ctrl-C until it says that it can: one that comes before waits, and ends it then."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # of this thread, which the process begins with
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _environment(terminal: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment of a job: the server's, but for what tells of its terminal."""
    own = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR")}
    own["PYTHONUNBUFFERED"] = "1"
    own["PYTHONIOENCODING"] = "utf-8"
    if terminal.get("columns"):
        own["COLUMNS"] = str(int(terminal["columns"]))
    own["FORCE_COLOR" if terminal.get("color") else "NO_COLOR"] = "1"
    return own

"""A journal of raw events: on disk at once, one sync for all who wait, sealed as segments some thousands at a time.

A segment pays for itself with thousands of events; whoever sends one wants to hear at once that it is kept. So events
go to a file that only grows, and what `append` promises is on disk when its future is done. Sealing begins a new file
and makes a segment of the old one. A file that a process left behind is sealed by the next that opens the journal: the
event that seals it has an id that follows from the file's name, so that a crash in between seals nothing twice.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.foundation import Exit, FreeholdError, Transient
from freehold.ledger.event import Event, from_micros, micros

if TYPE_CHECKING:
    from freehold.ledger.raw import RawSegments

_NAMES = uuid.UUID("0d8f2c1b-7f0e-4a52-9f1e-5a3d6c2b9e77")
_MOST_WAITING = 64_000_000  # bytes not on disk yet, before more are refused
_EACH = 2_500  # events of one segment: they are in memory together while it is made


@dataclass(slots=True)
class _Waiting:
    """Lines that somebody waits for."""

    lines: bytes
    events: int
    done: Future[None]


class _File:
    """A file that only grows, held against other processes until it is closed."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"{uuid.uuid4()}.jsonl"
        self.events = self.size = 0
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def write(self, lines: bytes, events: int) -> None:
        """Write lines and wait until they are on disk; of what fails nothing stays."""
        try:
            left = memoryview(lines)
            while left:
                left = left[os.write(self._descriptor, left) :]
            os.fdatasync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, self.size)
            raise
        self.size += len(lines)
        self.events += events

    def close(self) -> None:
        os.close(self._descriptor)


class Journal:
    """The journal of one raw type. It may be used from many threads; several processes have files of their own."""

    def __init__(self, raw: RawSegments, type: str, folder: Path) -> None:
        """Open it, and seal what processes that are gone have left.

        Raises:
            FreeholdError: FH-L113 when the folder cannot be written; what sealing raises.
        """
        self._raw = raw
        self._type = type
        self._folder = folder
        self._waiting: list[_Waiting] = []
        self._left: list[_File] = []  # full, and waiting for their segment
        self._bytes = 0
        self._is_closed = False
        self._arrived = threading.Condition()
        self._sealing = threading.Lock()
        self._writing = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = _File(folder)
        except OSError as error:
            raise _unwritable(folder, error) from error
        self._seal_left()
        self._writer = threading.Thread(target=self._write, name=f"journal of {type}", daemon=True)
        self._writer.start()

    @property
    def unsealed(self) -> int:
        """How many events are on disk and in no segment yet."""
        return sum(file.events for file in (*self._left, self._file))

    def append(self, events: Sequence[Event]) -> Future[None]:
        """Take events; the future is done when they are on disk, and raises FH-L113 where they could not be written.

        Every event has an id and a time. They were checked by whoever made them: what its type does not take would
        keep all of its file from being sealed.

        Raises:
            Transient: FH-L114 when more is waiting than the disk takes; nothing was taken.
        """
        lines = b"".join(_line(event) for event in events)
        done: Future[None] = Future()
        done.set_running_or_notify_cancel()  # nobody takes back what is on its way to the disk
        with self._arrived:
            if self._bytes + len(lines) > _MOST_WAITING or self._is_closed:
                raise _too_much()
            self._waiting.append(_Waiting(lines, len(events), done))
            self._bytes += len(lines)
            self._arrived.notify()
        return done

    def seal(self) -> tuple[int, ...]:
        """Make segments of everything that is on disk; return the numbers of the events that seal them.

        Raises:
            FreeholdError: FH-L104 a segment cannot be written; its events stay in the journal for the next time.
        """
        sealed: list[int] = []
        with self._sealing:
            with self._writing:
                if self._file.events:
                    fresh = _File(self._folder)
                    self._left.append(self._file)
                    self._file = fresh
            while self._left:
                sealed += self._sealed(self._left[0].path)
                self._left.pop(0).close()
        return tuple(sealed)

    def close(self) -> None:
        """Write what waits, seal everything and let go; closing twice is closing once."""
        with self._arrived:
            if self._is_closed:
                return
            self._is_closed = True
            self._arrived.notify()
        self._writer.join()
        self.seal()
        self._file.close()
        self._file.path.unlink(missing_ok=True)

    def _write(self) -> None:
        """Write whatever has arrived, all of it with one sync, until the journal is closed."""
        while True:
            with self._arrived:
                while not self._waiting and not self._is_closed:
                    self._arrived.wait()
                taken, self._waiting = self._waiting, []
                if not taken:
                    return
            try:
                with self._writing:
                    self._file.write(b"".join(one.lines for one in taken), sum(one.events for one in taken))
                error = None
            except OSError as failed:
                error = _unwritable(self._folder, failed)
            with self._arrived:
                self._bytes -= sum(len(one.lines) for one in taken)
            for one in taken:
                one.done.set_exception(error) if error else one.done.set_result(None)

    def _seal_left(self) -> None:
        for path in sorted(self._folder.glob("*.jsonl")):
            if path == self._file.path:
                continue
            with path.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    continue  # its process lives, and will seal it
                self._sealed(path)

    def _sealed(self, path: Path) -> tuple[int, ...]:
        """Make segments of a file, then take the file away."""
        events = _events(path, self._type)
        sealed: list[int] = []
        while some := list(islice(events, _EACH)):
            sealed.append(self._raw.append(self._type, some, id=_id(path, len(sealed))))
        path.unlink(missing_ok=True)
        return tuple(sealed)


def _line(event: Event) -> bytes:
    assert event.id, "an event of a journal has its id"
    assert event.occurred_at, "an event of a journal has its time"
    said = {"id": event.id, "occurred_at": micros(event.occurred_at), "env": event.env, "data": event.data}
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
    return b"%s %s\n" % (hashlib.blake2b(text, digest_size=8).hexdigest().encode(), text)


def _events(path: Path, type: str) -> Iterator[Event]:
    """Yield the events of a file up to the first line that is not whole: nobody was told that it is kept."""
    with path.open("rb") as file:
        for line in file:
            mark, _, text = line.rstrip(b"\n").partition(b" ")
            if not line.endswith(b"\n") or mark.decode() != hashlib.blake2b(text, digest_size=8).hexdigest():
                return
            said = json.loads(text)
            yield Event(type, said["data"], said["id"], from_micros(said["occurred_at"]), said["env"])


def _id(path: Path, part: int) -> str:
    return str(uuid.uuid5(_NAMES, f"{path.stem} {part}"))


def _unwritable(folder: Path, error: OSError) -> FreeholdError:
    return FreeholdError(
        "FH-L113",
        f"The journal in `{folder}` cannot be written: {error.strerror or error}.",
        fix="Free some space, or check the folder. What was not acknowledged is not kept: send it again.",
        exit_code=Exit.ENVIRONMENT,
    )


def _too_much() -> FreeholdError:
    return Transient(
        "FH-L114",
        "Events arrive faster than they can be written; these were not taken.",
        fix="Send them again in a few seconds.",
        exit_code=Exit.ENVIRONMENT,
    )

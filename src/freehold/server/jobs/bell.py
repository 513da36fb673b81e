"""Wakes whoever watches a job, from any thread: watchers are coroutines that wait for one bell, and cost no thread."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from freehold.ledger import Job

Ear = tuple[asyncio.AbstractEventLoop, asyncio.Event]


@dataclass(frozen=True, slots=True)
class Hearers:
    """Who is told by the server itself: `changed` before anybody hears that a job ended, `ended` of each that did."""

    changed: Callable[[], None] = lambda: None
    ended: Callable[[Job], None] = lambda _: None


NOBODY = Hearers()


class Bell:
    """One bell for each job that somebody watches."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._ears: defaultdict[str, set[Ear]] = defaultdict(set)
        self.is_over = False

    @contextmanager
    def heard(self, id: str) -> Iterator[asyncio.Event]:
        """Give the event that is set whenever the bell of a job rings; clear it before you look."""
        ear = (asyncio.get_running_loop(), asyncio.Event())
        with self._turn:
            self._ears[id].add(ear)
        try:
            yield ear[1]
        finally:
            with self._turn:
                self._ears[id].discard(ear)
                if not self._ears[id]:
                    del self._ears[id]

    def ring(self, id: str) -> None:
        """Wake who watches a job. May be called from any thread."""
        with self._turn:
            ears = list(self._ears.get(id, ()))
        for loop, event in ears:
            with suppress(RuntimeError):  # the loop has ended, and its watchers with it
                loop.call_soon_threadsafe(event.set)

    def end(self) -> None:
        """Wake everybody for the last time."""
        self.is_over = True
        self.ring_all()

    def ring_all(self) -> None:
        """Wake whoever watches any job. May be called from any thread."""
        with self._turn:
            ids = list(self._ears)
        for id_ in ids:
            self.ring(id_)

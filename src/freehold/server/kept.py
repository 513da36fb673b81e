"""What is made for one and given to all who would be given the same, so that many who ask cost what one costs.

`Kept` is for pages: it holds them for two seconds, and whoever changes something through this server has all of them
thrown away, so that they see their change with the next answer. `Slow` is for what no change is looked for in.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from freehold.server.newest import BOUND_S

T = TypeVar("T")
_MOST_BYTES = 32_000_000  # of all together
_LARGEST = 2_000_000  # of one; what is larger is made for each who asks
_AGE = 50  # how many times as old as making it takes something may be that takes long


class Slow(Generic[T]):
    """One thing that takes long to make and may be some time old: the longer it takes, the older.

    It costs a fiftieth of a processor at most, however many ask, for as long as they ask for the same. Nobody waits for
    another who makes it anew, but where there is none yet. Safe to use from many threads.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Take the time in seconds."""
        self._now = now
        self._turn = threading.Lock()
        self._made: _Made[T] | None = None

    def get(self, of: object, make: Callable[[], T]) -> T:
        """Return what was made lately of the very same object, or make it; who asks meanwhile is given the one before.

        Raises:
            Exception: whatever making it raised.
        """
        before = self._lately(of)
        if before is not None and (self._now() < before.until or not self._turn.acquire(blocking=False)):
            return before.made
        if before is None:
            self._turn.acquire()
        try:
            found = self._lately(of)
            if found is None or found is before:  # else by who was waited for
                found = self._made = self._made_now(of, make)
            return found.made
        finally:
            self._turn.release()

    def _lately(self, of: object) -> _Made[T] | None:
        made = self._made
        return made if made is not None and made.of is of else None

    def _made_now(self, of: object, make: Callable[[], T]) -> _Made[T]:
        began = self._now()
        made = make()
        ended = self._now()
        return _Made(of, made, ended + max(BOUND_S, _AGE * (ended - began)))


@dataclass(frozen=True, slots=True)
class _Made(Generic[T]):
    of: object
    made: T
    until: float


@dataclass(frozen=True, slots=True)
class _Held(Generic[T]):
    made: T
    began: float
    weight: int


class Kept(Generic[T]):
    """Keeps what was made lately, each under its key. Safe to use from many threads."""

    def __init__(self, weigh: Callable[[T], int], now: Callable[[], float] = time.monotonic) -> None:
        """Take what tells how many bytes one of them takes, and the time in seconds."""
        self._weigh = weigh
        self._now = now
        self._turn = threading.Lock()
        self._held: dict[Hashable, _Held[T]] = {}  # in the order they were made
        self._making: dict[Hashable, threading.Lock] = {}
        self._bytes = 0
        self._cleared = float("-inf")

    def there(self, key: Hashable) -> T | None:
        """Return what was made within the last two seconds; None where that is nothing. Waits for nobody."""
        held = self._held.get(key)
        return held.made if held is not None and self._now() - held.began < BOUND_S else None

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what was made lately, or make it: once, where several ask for the same at the same time."""
        found = self.there(key)
        if found is not None:
            return found
        with self._turn:
            making = self._making.setdefault(key, threading.Lock())
        try:
            with making:
                found = self.there(key)
                if found is None:
                    began = self._now()
                    found = make()
                    self._keep(key, _Held(found, began, self._weigh(found)))
                return found
        finally:
            with self._turn:
                self._making.pop(key, None)  # who waits for it has it in hand; whoever comes next finds what was made

    def clear(self) -> None:
        """Throw away all, and what is being made at the moment."""
        with self._turn:
            self._cleared = self._now()
            self._held.clear()
            self._bytes = 0

    def _keep(self, key: Hashable, held: _Held[T]) -> None:
        with self._turn:
            self._drop(key)
            oldest = self._now() - BOUND_S
            for other in [k for k, one in self._held.items() if one.began < oldest]:
                self._drop(other)
            if held.began <= self._cleared or held.weight > _LARGEST:
                return
            self._held[key] = held
            self._bytes += held.weight
            while self._bytes > _MOST_BYTES:
                self._drop(next(iter(self._held)))

    def _drop(self, key: Hashable) -> None:
        dropped = self._held.pop(key, None)
        if dropped is not None:
            self._bytes -= dropped.weight

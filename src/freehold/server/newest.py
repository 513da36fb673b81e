"""The newest of what takes long to make: handed out at once, while one thread looks whether it is so still.

Whoever asks is given what there is, unless that is older than a bound, or older than a change they must see; then they
wait for the round that tells. So a request waits neither for another one nor for whoever keeps the thread waiting.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
EVERY_S = 0.5  # between two looks
BOUND_S = 2.0  # how old may be what is handed out, where a round takes less than a quarter of that
LATELY_S = 10.0  # how old may be what is handed out to who asks all the time
_AWAKE_S = 60.0  # after which nobody looks any more, until somebody asks
_SHARE = 20  # the thread rests so many times as long as a look takes, since requests need its processor …
_REST_S, _LEAST_SHARE = 3.0, 2  # … but no longer than this, unless even twice as long is longer
_ROUNDS = 4  # how many rounds old something may be, where those take long


class Newest(Generic[T]):
    """Hands out the newest of one thing. Safe to use from many threads; its own begins with the first who asks."""

    def __init__(self, look: Callable[[T | None], T], name: str) -> None:
        """Take what makes it.

        Args:
            look: returns what there is now; given what there was, it returns that very object if it is so still.
            name: of the thread.
        """
        self._look = look
        self._name = name
        self._turn = threading.Condition()
        self._thread: threading.Thread | None = None
        self._there: T | None = None
        self._failed: Exception | None = None
        self._as_of = self._asked = self._wanted = float("-inf")  # when the last round began, and who waits for which
        self._took = self._idle = 0.0  # what the last round took, and the last one that found nothing new
        self._is_over = False

    def get(self) -> T:
        """Return the newest, waiting for the next round where what is there may be too old.

        Raises:
            Exception: whatever the last round raised.
        """
        with self._turn:
            self._asked = time.monotonic()
            return self._given(self._oldest(self._asked))

    def lately(self) -> T:
        """Return what `get` would, or what is ten seconds old: for who asks all the time and would keep it awake.

        What was changed meanwhile through `changed` is in it.

        Raises:
            Exception: whatever the last round raised.
        """
        with self._turn:
            return self._given(max(self._wanted, time.monotonic() - LATELY_S))

    def _given(self, wanted: float) -> T:
        """Return what a round made that began at an instant or later; in turn."""
        self._begin()
        if self._as_of < wanted:
            self._wanted = max(self._wanted, wanted)
            self._turn.notify_all()
            self._turn.wait_for(lambda: self._as_of >= wanted or self._is_over)
        if self._failed is not None:
            raise self._failed
        if self._there is not None:
            return self._there
        return self._look(None)  # it was closed before anybody looked

    def there(self) -> T | None:
        """Return what `get` would, where that would neither wait nor raise; else None."""
        if not self._turn.acquire(blocking=False):
            return None
        try:
            self._asked = time.monotonic()
            is_new = self._failed is None and self._as_of >= self._oldest(self._asked)
            return self._there if is_new else None
        finally:
            self._turn.release()

    def changed(self) -> None:
        """Say that something has changed which whoever asks from now on must see."""
        with self._turn:
            self._wanted = time.monotonic()
            self._turn.notify_all()

    def close(self) -> None:
        """End the thread; who waits is given what there is."""
        with self._turn:
            self._is_over = True
            self._turn.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _oldest(self, now: float) -> float:
        """Return when the round must have begun whose outcome may still be handed out."""
        return max(self._wanted, now - max(BOUND_S, _ROUNDS * self._took, 2 * self._rest()))

    def _rest(self) -> float:
        """Return how long the thread rests between two looks, in seconds."""
        return max(EVERY_S, min(_SHARE * self._idle, max(_REST_S, _LEAST_SHARE * self._idle)))

    def _begin(self) -> None:
        if self._thread is None and not self._is_over:
            self._thread = threading.Thread(target=self._keep_looking, name=self._name, daemon=True)
            self._thread.start()

    def _keep_looking(self) -> None:
        while self._is_due():
            began, failed, before = time.monotonic(), None, self._there
            found = before
            try:
                found = self._look(before)
            except Exception as error:  # raised to who asks: nobody looks at this thread
                failed = error
            with self._turn:
                self._there, self._failed, self._as_of = found, failed, began
                self._took = time.monotonic() - began
                if found is before:
                    self._idle = self._took
                self._turn.notify_all()

    def _is_due(self) -> bool:
        """Wait until it is time for a round: when somebody waits for it, else now and then. False when it is over."""
        with self._turn:
            rested = time.monotonic() + self._rest()
            while not self._is_over and self._as_of >= self._wanted:
                now = time.monotonic()
                is_awake = now - self._asked < _AWAKE_S
                if is_awake and now >= rested:
                    break
                self._turn.wait(rested - now if is_awake else None)
            return not self._is_over

"""What large readings do about the memory of the process."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_NEW_OBJECTS = 10_000  # that a walk of the newest waits for; Python's 700 are meant for small programs


def here_to_stay() -> None:
    """Take what is there, and lasts as long as the process, out of the garbage collector's walks; have fewer of them.

    A walk stops every thread. Of what a server has, nine tenths are its modules and routes: to walk them took a fifth
    of a second every ten seconds of a busy minute.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """Keep the garbage collector from walking, again and again, what is being built to stay: half of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()

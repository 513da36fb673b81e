"""What is said on a stream by a thread of its own: a pipe that nobody reads keeps no request waiting."""

from __future__ import annotations

import atexit
import errno
import json
import os
import queue
import threading

MOST_UNSAID = 10_000  # lines that wait for a reader; what comes on top of them is left out, and counted
_FULL = (errno.ENOSPC, errno.EDQUOT)  # of a log on a disk, which may have room again
_LAST_S = 2.0  # how long the last lines are waited for


class Said:
    """A stream as a logger wants one, which takes lines at once. Safe to use from many threads."""

    def __init__(self, descriptor: int) -> None:
        """Take where lines go. It is written to as it is: whoever is stuck in a buffer keeps others from its end."""
        self._descriptor = descriptor
        self._unsaid: queue.Queue[str | None] = queue.Queue(MOST_UNSAID)
        self._turn = threading.Lock()
        self._left_out = 0
        self._thread = threading.Thread(target=self._say, name="log", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def write(self, text: str) -> None:
        """Take a line, to be written soon."""
        with self._turn:
            try:
                if self._left_out:
                    said = {"event": "lines left out: nobody read them, or the disk was full", "count": self._left_out}
                    self._unsaid.put_nowait(f"{json.dumps(said)}\n")
                    self._left_out = 0
                self._unsaid.put_nowait(text)
            except queue.Full:
                self._left_out += 1

    def flush(self) -> None:
        """Leave it to the thread."""

    def close(self) -> None:
        """Write what waits, as long as somebody reads it."""
        try:
            self._unsaid.put(None, timeout=_LAST_S)
        except queue.Full:
            return
        self._thread.join(_LAST_S)

    def _say(self) -> None:
        while (text := self._unsaid.get()) is not None:
            left = text.encode("utf-8", "backslashreplace")
            try:
                while left:
                    left = left[os.write(self._descriptor, left) :]
            except OSError as error:
                if error.errno not in _FULL:  # whoever read it is gone, and there is nowhere left to say so
                    return
                with self._turn:
                    self._left_out += 1

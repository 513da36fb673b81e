"""The one-time link of single-user mode: whoever can read the terminal may come in, once for each link."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable


class Links:
    """Hands out links and takes each once. A link lives in this process alone, and only as its hash.

    When one was used, `on_used` is given the next, so that another browser can be let in.
    """

    def __init__(self, on_used: Callable[[str], None] = lambda _: None) -> None:
        self._on_used = on_used
        self._turn = threading.Lock()
        self._hashes: set[bytes] = set()

    def new(self) -> str:
        """Return the secret part of a fresh link: 43 characters, 256 random bits."""
        secret = secrets.token_urlsafe(32)
        with self._turn:
            self._hashes.add(_hash(secret))
        return secret

    def take(self, secret: str) -> bool:
        """Say whether a link lets its bearer in; it does so once."""
        shown = _hash(secret)
        with self._turn:
            found = next((h for h in self._hashes if hmac.compare_digest(h, shown)), None)
            if found is None:
                return False
            self._hashes.discard(found)
        self._on_used(self.new())
        return True


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()

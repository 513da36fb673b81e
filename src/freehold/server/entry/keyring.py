"""The keys that an issuer signs with, kept for a while: who shows tokens does not decide how often it is asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from freehold.foundation import Clock, FreeholdError
from freehold.server.entry.provider import UnknownKey, unreachable, verified

if TYPE_CHECKING:
    from joserfc.jwk import KeySet
    from joserfc.jwt import JWTClaimsRegistry, Token

_FRESH = timedelta(minutes=10)  # how long keys are taken for the issuer's without asking again
_STALE = timedelta(hours=6)  # and how long where it does not answer
_PAUSE = timedelta(seconds=15)  # between two questions for keys, whoever shows whatever
_TURN_S = 2.0


@dataclass(frozen=True, slots=True)
class _Known:
    keys: KeySet
    at: datetime


class Keyring:
    """The keys of an issuer, fetched seldom: nobody can have it asked more often by showing tokens.

    Args:
        fetch: asks the issuer; raises FH-A121 where that cannot be done.
        clock: what time it is.
    """

    def __init__(self, fetch: Callable[[], KeySet], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._turn = threading.Lock()
        self._known: _Known | None = None
        self._asked_at: datetime | None = None
        self._failure: FreeholdError | None = None

    def keys(self) -> KeySet:
        """Return the keys as they were a few minutes ago at most; older ones where the issuer does not answer.

        Raises:
            FreeholdError: FH-A121 it does not, and no keys of the last hours are known.
        """
        known, now = self._known, self._clock.now()
        if known is not None and now - known.at < _FRESH:
            return known.keys
        self._ask(_TURN_S if known is None else 0)
        known = self._known
        if known is None or now - known.at > _STALE:
            raise self._failure or unreachable("it is being asked for its keys")
        return known.keys

    def newer(self, than: KeySet) -> KeySet | None:
        """Return keys that came after others: the issuer may have changed them. None where there are no newer."""
        if self._known is not None and self._known.keys is than:
            self._ask(0)
        known = self._known
        return known.keys if known is not None and known.keys is not than else None

    def verified(self, text: str, wanted: JWTClaimsRegistry) -> Token:
        """Return a token whose signature is by one of the keys and whose claims hold; newer keys are asked for once.

        Raises:
            Forged: it does not hold; its words tell the kind of the refusal.
            FreeholdError: FH-A121 no keys are known.
        """
        keys = self.keys()
        try:
            return verified(text, keys, wanted)
        except UnknownKey:
            newer = self.newer(keys)
            if newer is None:
                raise
            return verified(text, newer, wanted)

    def _ask(self, patience_s: float) -> None:
        """Fetch the keys, unless somebody else does or did a moment ago."""
        if not self._turn.acquire(timeout=patience_s):
            return
        try:
            now = self._clock.now()
            if self._asked_at is not None and now - self._asked_at < _PAUSE:
                return
            self._asked_at = now
            self._known = _Known(self._fetch(), now)
            self._failure = None
        except FreeholdError as failure:
            self._failure = failure
        finally:
            self._turn.release()

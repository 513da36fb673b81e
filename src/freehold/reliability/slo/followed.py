"""How the SLOs of an environment stand, for all who ask in one process: the ledger is followed once for them."""

from __future__ import annotations

import threading
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from freehold.reliability.slo.attaining import Attainment, attainment
from freehold.reliability.slo.declared import Slo
from freehold.reliability.slo.observed import Observed

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger

_ANEW = timedelta(days=1)  # after which windows are read again, so that what has left them is let go of


class Followed:
    """What the ledger tells of SLOs: read again only where others are asked for. Safe to use from many threads."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._turn = threading.Lock()
        self._of: tuple[str, tuple[Slo, ...], datetime] | None = None  # an environment, its SLOs, and since when
        self._observed = Observed(ledger, "", ())

    def attained(
        self, estate: Estate, env: str, slos: tuple[Slo, ...], now: datetime, chosen: Collection[Slo] | None = None
    ) -> tuple[Attainment, ...]:
        """Return how the SLOs of an environment stand at an instant: all, or those that are chosen."""
        with self._turn:
            if self._of is None or self._of[:2] != (env, slos) or not timedelta() <= now - self._of[2] < _ANEW:
                self._of, self._observed = (env, slos, now), Observed(self._ledger, env, slos)
            self._observed.follow(now)
            return tuple(attainment(one, self._observed, estate, now) for one in (slos if chosen is None else chosen))

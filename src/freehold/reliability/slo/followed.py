"""How the SLOs of an environment stand, for all who ask in one process: the ledger is followed once for them."""

from __future__ import annotations

import threading
from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

from freehold.delivery.graph import default_environment
from freehold.reliability.slo.attaining import Attainment, attainment
from freehold.reliability.slo.declared import Slo
from freehold.reliability.slo.observed import Observed

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger


class Followed:
    """What the ledger tells of SLOs: read again only where others are asked for. Safe to use from many threads."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._turn = threading.Lock()
        # an environment, the one that consumers read, and its SLOs; and since when they are followed
        self._of: tuple[tuple[str, str, tuple[Slo, ...]], datetime] | None = None
        self._observed = Observed(ledger, "", (), "")

    def attained(
        self, estate: Estate, env: str, slos: tuple[Slo, ...], now: datetime, chosen: Collection[Slo] | None = None
    ) -> tuple[Attainment, ...]:
        """Return how the SLOs of an environment stand at an instant: all, or those that are chosen."""
        with self._turn:
            usual = default_environment(estate)
            if self._of is None or self._of[0] != (env, usual, slos) or now < self._of[1]:
                self._of = (env, usual, slos), now
                self._observed = Observed(self._ledger, env, slos, usual)
            self._observed.follow(now)
            return tuple(attainment(one, self._observed, estate, now) for one in (slos if chosen is None else chosen))

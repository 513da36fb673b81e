"""SLOs as an asker may see them: how those of the products they see stand at this moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold.foundation import Exit, FreeholdError, near
from freehold.reliability.slo import Attainment, slos_of

if TYPE_CHECKING:
    from freehold.server.application import Served
    from freehold.server.snapshots import Snapshot
    from freehold.server.web.showing import Asked


def attained(asked: Asked, *, product: str = "", slo: str = "") -> tuple[Attainment, ...]:
    """Return how the SLOs stand that an asker may see: of a product, or one alone, where it is named.

    Raises:
        FreeholdError: FH-E313 there is no such SLO, or none that may be seen.
    """
    return attained_in(asked.served, asked.snapshot, product=product, slo=slo)


def attained_in(served: Served, snapshot: Snapshot, *, product: str = "", slo: str = "") -> tuple[Attainment, ...]:
    """Return how the SLOs stand that a snapshot shows; see `attained`."""
    whole, seen = snapshot.whole or snapshot, snapshot.seen
    slos = whole.derived("slos", lambda: slos_of(whole.estate))
    chosen = [one for one in slos.values() if (seen is None or one.product in seen) and product in ("", one.product)]
    if slo:
        known = [one.id for one in chosen]
        if slo not in known:
            fix = near(slo, known) or "See: freehold slo list"
            raise FreeholdError("FH-E313", f"There is no SLO `{slo}`.", fix=fix, exit_code=Exit.USAGE)
        chosen = [slos[slo]]
    if not chosen:
        return ()
    now = served.snapshots.clock.now()
    every = tuple(slos.values())
    return served.promises.attained(whole.estate, whole.env, every, now, chosen)

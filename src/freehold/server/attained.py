"""SLOs as an asker may see them: how those of the products they see stand at this moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from freehold.foundation import Exit, FreeholdError, near
from freehold.reliability.slo import Attainment, slos_of

if TYPE_CHECKING:
    from freehold.server.application import Served
    from freehold.server.snapshots import Snapshot
    from freehold.server.web.showing import Asked

_STEP = timedelta(minutes=1)


def attained(asked: Asked, *, product: str = "", slo: str = "") -> tuple[Attainment, ...]:
    """Return how the SLOs stand that an asker may see: of a product, or one alone, where it is named.

    Raises:
        FreeholdError: FH-E313 there is no such SLO, or none that may be seen.
    """
    return attained_in(asked.served, asked.snapshot, product=product, slo=slo)


def attained_in(served: Served, snapshot: Snapshot, *, product: str = "", slo: str = "") -> tuple[Attainment, ...]:
    """Return how the SLOs stand that a snapshot shows, as of when it was taken; see `attained`."""
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
    at, every = _as_of(snapshot, served.snapshots.clock.now()), tuple(slos.values())
    return served.promises.attained(whole.estate, whole.env, every, at, chosen)


def _as_of(snapshot: Snapshot, now: datetime) -> datetime:
    """Return the instant that is told of: the same for as long as nothing changes, a minute at most.

    A snapshot that cannot be taken anew, because its files are in error or its warehouse is written to, grows old;
    promises do not wait for it.
    """
    return snapshot.taken_at + max(now - snapshot.taken_at, timedelta()) // _STEP * _STEP

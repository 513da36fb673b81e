"""How often what was promised held: which versions passed at once, each counted once."""

from __future__ import annotations

from collections.abc import Iterable

from freehold.ledger import Recorded

_TRIED = ("success", "quarantined", "failed")


def promises_kept(told: Iterable[Recorded]) -> dict[str, tuple[int, int]]:
    """Count by product the versions that passed at once, and all that were tried.

    Of an asset that is built by interval a day is one promise: the first time it was tried counts, and neither what
    mended it nor what builds it again. Of others each version is one. A backfill promises nothing: all of it was tried
    before.

    Args:
        told: the events `run.completed` of a stretch of time, the oldest first.
    """
    seen: set[tuple[str, str]] = set()
    counts: dict[str, tuple[int, int]] = {}
    for event in told:
        status, interval = event.data["status"], event.data.get("interval_start")
        promise = (event.subject, str(interval))
        if status not in _TRIED or event.data.get("trigger") == "backfill" or (interval and promise in seen):
            continue
        seen.add(promise)
        kept, tried = counts.get(event.product, (0, 0))
        counts[event.product] = (kept + (status == "success"), tried + 1)
    return counts

"""What nothing can reach any more: decided from roots, as values, before anything is dropped.

Roots are what every environment serves, the last releases of every asset, the epochs that live views read, candidates
in quarantine (replaced ones for 90 days), and everything too young for its reader to have finished.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from freehold.delivery.release import Candidate, Membership, Release

GRACE = timedelta(hours=1)  # longer than any query we let run
QUARANTINE_KEPT = timedelta(days=90)  # so that what was caught can still be looked at after it was replaced


@dataclass(frozen=True, slots=True)
class Garbage:
    """What may go: tables whole, batches of tables that stay, and the candidates and releases that named them."""

    tables: tuple[str, ...] = ()
    batches: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    candidates: tuple[int, ...] = ()
    releases: tuple[Release, ...] = ()
    rows: int = 0


def garbage(
    candidates: Iterable[Candidate],
    members: Sequence[Membership],
    releases: Sequence[Release],
    open_candidates: Iterable[int],
    now: datetime,
    keep: int,
) -> Garbage:
    """Return what may go when `keep` releases of every asset in every environment can be gone back to.

    `releases` are given newest first; `open_candidates` are those in quarantine that nothing has replaced.
    """
    kept = _kept(releases, keep)
    floors = _floors(kept)
    reachable = {m.candidate for m in members if m.to_epoch is None or m.to_epoch > floors.get((m.env, m.asset), 0)}
    reachable.update(open_candidates)
    dead: list[Candidate] = []
    alive: list[Candidate] = []
    for c in candidates:
        grace = QUARANTINE_KEPT if c.state == "quarantined" else GRACE
        (alive if c.id in reachable or c.built_at > now - grace else dead).append(c)
    used = {c.physical for c in alive}
    tables = tuple(sorted({c.physical for c in dead if c.physical} - used))
    batches: dict[str, tuple[int, ...]] = {}
    for c in dead:
        if c.physical in used and c.interval is not None:
            batches[c.physical] = (*batches.get(c.physical, ()), c.id)
    named = {(r.env, r.asset, r.epoch) for r in kept}
    gone = tuple(r for r in releases if (r.env, r.asset, r.epoch) not in named)
    return Garbage(tables, batches, tuple(c.id for c in dead), gone, sum(c.rows for c in dead))


def _kept(releases: Sequence[Release], keep: int) -> list[Release]:
    """Return the last releases of every asset of every environment, and the ones that they restore."""
    seen: dict[tuple[str, str], int] = {}
    kept, restored = [], set()
    for release in releases:
        key = (release.env, release.asset)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] <= keep or (*key, release.epoch) in restored:
            kept.append(release)
            if release.restores is not None:
                restored.add((*key, release.restores))
    return kept


def _floors(kept: Iterable[Release]) -> dict[tuple[str, str], int]:
    """Return the lowest epoch of every asset that something kept still reads."""
    floors: dict[tuple[str, str], int] = {}
    for release in kept:
        for asset, epoch in ((release.asset, release.epoch), *release.reads):
            key = (release.env, asset)
            floors[key] = min(floors.get(key, epoch), epoch)
    return floors

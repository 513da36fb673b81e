"""The partition states of interval assets: what is known of the rows that are live, so that they need no second look.

A state is kept with each candidate. Merged states are remembered as long as an asset only grows, and read again when an
interval was replaced.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from freehold.delivery.asset import Asset
from freehold.delivery.overlay import Overlay
from freehold.delivery.publication import Publication
from freehold.delivery.release import Candidate
from freehold.engines import Session
from freehold.quality import TableState


class States:
    """The merged states of the standing candidates of each asset."""

    def __init__(self, publication: Publication) -> None:
        self._publication = publication
        self._of: dict[int, TableState] = {}
        self._merged: dict[str, tuple[frozenset[int], TableState]] = {}

    def keep(self, candidate: int, state: TableState) -> None:
        """Remember the state of a candidate that was just judged."""
        self._of[candidate] = state

    def beside(
        self, session: Session, asset: Asset, candidate: Candidate, overlay: Overlay, audit: str
    ) -> TableState | None:
        """Return the merged state of the rows that would stay live beside a candidate, if it can be relied on.

        Every one of them must have been judged by the very checks that judge now; and counts of duplicates hold only
        for an asset that grew without replacing anything, unless there were none.
        """
        others = [c for interval, c in overlay.standing(asset.id).items() if interval != candidate.interval]
        if not others or any(c.audit != audit or c.physical != candidate.physical for c in others):
            return None
        merged = self._merge(session, asset.id, frozenset(c.id for c in others))
        if merged is None or (any(merged.tallies.values()) and not _grew(others)):
            return None
        return merged

    def _merge(self, session: Session, asset: str, wanted: frozenset[int]) -> TableState | None:
        known, merged = self._merged.get(asset, (frozenset[int](), TableState()))
        if not known <= wanted:
            known, merged = frozenset(), TableState()
        new = wanted - known
        self._read(session, new - self._of.keys())
        if not new <= self._of.keys():
            return None
        for id_ in sorted(new):
            merged = TableState.merge(merged, self._of.pop(id_))
        self._merged[asset] = (wanted, merged)
        return merged

    def _read(self, session: Session, candidates: Iterable[int]) -> None:
        for id_, profile in self._publication.profiles(session, candidates):
            self._of[id_] = TableState.from_json(json.loads(profile))


def _grew(members: Iterable[Candidate]) -> bool:
    """Say whether intervals were built in the order of time, so that each was judged beside exactly those before it."""
    ids = [c.id for c in sorted(members, key=lambda c: c.interval.start if c.interval else c.built_at)]
    return ids == sorted(ids)

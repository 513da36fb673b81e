"""Restatements: what readers had in front of them of some intervals, and now is something else.

An interval that comes for the first time is news, and one that comes late is late. One that was live and is published
again with other rows changes numbers that somebody may have told others: that is an event of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from freehold.delivery.evidence import Evidence
    from freehold.delivery.graph import Graph
    from freehold.delivery.publication import Publication
    from freehold.delivery.release import Candidate, Live, Move
    from freehold.engines import Session
    from freehold.ledger import Event


def restated(
    evidence: Evidence,
    graph: Graph,
    moves: Iterable[Move],
    before: Mapping[str, Live],
    after: Mapping[str, Iterable[Candidate]],
) -> Iterator[Event]:
    """Yield an event for each asset of which intervals are published again with something else in them.

    Args:
        evidence: of the deployment that publishes them.
        graph: the assets.
        moves: what it moves.
        before: what was live, by asset.
        after: the candidates that will be, by asset.
    """
    for move in moves:
        was = {one.interval: one for one in before[move.asset].members} if move.asset in before else {}
        pairs = [(was[one.interval], one) for one in after.get(move.asset, ()) if one.interval and one.interval in was]
        changed = [(old, new) for old, new in pairs if old.id != new.id and not _is_same(old, new)]
        if changed:
            yield evidence.restated(move, graph.assets[move.asset].product.id, changed)


def restated_by_return(
    publication: Publication, session: Session, evidence: Evidence, graph: Graph, moves: Sequence[Move]
) -> Iterator[Event]:
    """Yield an event for each asset of which intervals will show again what an earlier release showed."""
    live = publication.live(session)
    known = {one.id: one for one in publication.waiting(session)}
    known |= {member.id: member for one in live.values() for member in one.members}
    after = {
        move.asset: [known[id_] for id_ in publication.members_at(session, move.asset, move.restores) if id_ in known]
        for move in moves
        if move.restores
    }
    return restated(evidence, graph, moves, live, after)


def _is_same(old: Candidate, new: Candidate) -> bool:
    """Say whether two candidates are known to hold the same rows: both follow from the same."""
    return old.origin is not None and old.origin == new.origin

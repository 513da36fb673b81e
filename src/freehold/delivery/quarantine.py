"""What an environment was told to be in quarantine, and when that is over though nothing was judged for it.

A candidate is told of once, however many runs find it still there. Once what is live is what would be built, as after a
change is taken back, nobody waits for it any more: that is told, too, and were it wanted again it would be news.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from freehold.delivery.interval import Interval
from freehold.delivery.step import Status, StepOutcome

if TYPE_CHECKING:
    from freehold.delivery.asset import Asset
    from freehold.delivery.evidence import Evidence
    from freehold.delivery.release import Candidate
    from freehold.ledger import Event, Ledger

_KEPT = "quarantined"


class Quarantine:
    """What an environment was told of; read when a run begins, and kept by it.

    `waiting` are all candidates that are not live. Where nothing was ever kept, those in quarantine count as told.
    """

    def __init__(self, ledger: Ledger, env: str, waiting: Iterable[Candidate]) -> None:
        self._state, self._env = ledger.state, env
        kept: Mapping[str, Any] | None = self._state.get(_KEPT, env)
        held = (c for c in waiting if c.state == "quarantined") if kept is None else ()
        self._told: dict[str, Any] = dict(kept or {}) | {str(c.id): _place(c.asset, c.interval) for c in held}

    def knows(self, candidate: Candidate) -> bool:
        """Whether it was told that a candidate is in quarantine, and nothing since that this is over."""
        return str(candidate.id) in self._told

    def take(self, outcomes: Iterable[StepOutcome]) -> None:
        """Keep which candidates are about to be told of."""
        held = (o for o in outcomes if o.status is Status.QUARANTINED and o.candidate)
        if fresh := {str(o.candidate): _place(o.asset, o.interval) for o in held}:
            self._put(self._told | fresh)

    def close(
        self,
        evidence: Evidence,
        assets: Mapping[str, Asset],
        selected: Iterable[str],
        steps: Iterable[StepOutcome],
        stands: Callable[[Asset, Interval | None], bool],
    ) -> Iterator[Event]:
        """Yield what is over, of the assets that a run was to build and of those that are there no more; forget it.

        `steps` are those of the run: what was judged anew in its place, and published, is told of by that.
        `stands` says whether what is live of an asset, or of an interval of it, is what would be built.
        """
        over: dict[str, Any] = {}
        chosen = frozenset(selected)
        judged = {(one.asset, one.interval) for one in steps if one.status is Status.PUBLISHED and one.results}
        for id_, place in self._told.items():
            name, interval = str(place["asset"]), _interval(place)
            asset = assets.get(name)
            if asset is None or (name in chosen and stands(asset, interval)):
                over[id_] = place
                if (name, interval) in judged:
                    continue
                yield evidence.discarded(name, int(id_), asset.product.id if asset else "", interval, is_unwanted=True)
        if over:
            self._put({id_: place for id_, place in self._told.items() if id_ not in over})

    def __bool__(self) -> bool:
        """Whether anything is told to be there."""
        return bool(self._told)

    def _put(self, told: dict[str, Any]) -> None:
        self._told = told
        self._state.put(_KEPT, self._env, told)


def _place(asset: str, interval: Interval | None) -> dict[str, Any]:
    return {"asset": asset, "interval": [one.isoformat() for one in interval] if interval else None}


def _interval(place: Mapping[str, Any]) -> Interval | None:
    said = place["interval"]
    return Interval(*(datetime.fromisoformat(one) for one in said)) if said else None

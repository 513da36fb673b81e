"""What happened that makes runs due: publications in the ledger, files in the landing. Read, never written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

from freehold.delivery.files import Landing
from freehold.delivery.graph import Graph
from freehold.delivery.scheduling.board import Scheduled
from freehold.delivery.scheduling.noticing import Signals
from freehold.delivery.scheduling.state import State
from freehold.ledger import Ledger


class Triggers:
    """Looks for publications and files. An event is read once, and a file again only when it changed."""

    def __init__(self, ledger: Ledger, env: str) -> None:
        self._ledger = ledger
        self._env = env
        self._newest: dict[str, tuple[int, datetime]] = {}  # by asset: the number and instant of its last publication
        self._base = self._read = 0  # the numbers after which, and up to which, they were read

    def signals(
        self, board: Sequence[Scheduled], states: Mapping[str, State], graph: Graph, landing: Landing
    ) -> dict[str, Signals]:
        """Return what came for each schedule since it was last looked at."""
        newest = next(self._ledger.read(newest_first=True, limit=1), None)
        head = newest.seq if newest else 0
        waiting = [one for one in board if one.schedule.after_upstream and one.subject in states]
        if waiting:
            self._catch_up(min(states[one.subject].cursor for one in waiting), head)
        return {
            one.subject: Signals(
                head,
                self._published(one, states[one.subject]) if one in waiting else None,
                _names_of(one, graph, landing) if one.schedule.on_file else "",
            )
            for one in board
        }

    def _catch_up(self, since: int, head: int) -> None:
        if since < self._base or not self._read:
            self._newest, self._base, self._read = {}, since, since
        for event in self._ledger.read(types=("asset.published",), env=self._env, after=self._read, upto=head):
            self._newest[str(event.data["asset"])] = (event.seq, event.occurred_at)
        self._read = head

    def _published(self, one: Scheduled, state: State) -> datetime | None:
        newest = (self._newest.get(name) for name in one.reads)
        return max((at for seq, at in filter(None, newest) if seq > state.cursor), default=None)


def _names_of(one: Scheduled, graph: Graph, landing: Landing) -> str:
    """Return a name for the versions of all files that a schedule's sources have; empty where there is none."""
    versions = sorted(v.name for name in one.sources for v in landing.arrived(graph.assets[name]).values())
    return hashlib.sha256("\n".join(versions).encode()).hexdigest()[:32] if versions else ""

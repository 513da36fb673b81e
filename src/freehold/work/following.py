"""The items of a ledger, kept in memory: each look reads what was recorded since the last one, and no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from freehold.work.item import EVENTS, Item, folded_on

if TYPE_CHECKING:
    from freehold.estate.operating import Workflow
    from freehold.ledger import Ledger


class Following:
    """Follows the items of one ledger, for one thread."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.read = 0  # the number of the last event that was taken in
        self.items: dict[str, Item] = {}

    def look(self, workflows: Mapping[str, Workflow]) -> frozenset[str]:
        """Bring the items up to date, and return the ids of those that changed.

        Args:
            workflows: by type; where an event does not say in which state its item began, they do.
        """
        changed = set[str]()
        for event in self._ledger.read(types=EVENTS, after=self.read):
            self.read, id_ = event.seq, str(event.data["item"])
            workflow = workflows.get(str(event.data.get("type") or ""))
            item = folded_on(self.items.get(id_), (event,), workflow.start if workflow else "")
            if item is not None:
                self.items[id_] = item
                changed.add(id_)
        return frozenset(changed)

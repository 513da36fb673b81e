"""Which work items were decided, and by which decisions, as the ledger tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from freehold.ledger import Ledger


def decided_items(ledger: Ledger) -> Mapping[str, tuple[str, ...]]:
    """Return the decisions that stand of each item: what is only proposed, or no longer holds, decides nothing.

    A workflow may record a decision of its own; that goes by the id of its item.
    """
    standing: dict[str, tuple[str, ...]] = {}
    for event in ledger.read(types=("decision.recorded",)):
        said = event.data
        is_standing = said.get("status") in (None, "accepted", "rejected")
        items = dict.fromkeys(filter(None, (said.get("item"), *(said.get("settles") or ()))))
        standing[str(said["decision"])] = tuple(items) if is_standing else ()
    found: dict[str, tuple[str, ...]] = {}
    for decision, items_ in standing.items():
        for item in items_:
            found[item] = (*found.get(item, ()), decision)
    return found

"""The turn of an item: who holds it moves the item, and nobody else meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold.foundation.owning import holder, is_dead

if TYPE_CHECKING:
    from freehold.ledger import Ledger
    from freehold.ledger.kept import Lease

_LEASE_S = 30.0


def turn(ledger: Ledger, id: str) -> Lease:
    """Take the turn of an item; that of a process of this machine that is no more is free.

    Raises:
        FreeholdError: FH-L201 somebody else is moving it.
    """
    return ledger.lease(f"work/{id}", holder("work"), _LEASE_S, is_gone=is_dead)

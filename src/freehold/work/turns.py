"""The turn of an item: who holds it moves the item, and nobody else meanwhile."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from freehold.foundation import FreeholdError
from freehold.foundation.owning import holder, is_dead

if TYPE_CHECKING:
    from freehold.ledger import Ledger
    from freehold.ledger.kept import Lease

_LEASE_S = 30.0
_WAIT_S = 5.0  # for another move of the item, which takes some hundredths of a second
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.005, 0.1
_TAKEN = "FH-L201"


def turn(ledger: Ledger, id: str) -> Lease:
    """Take the turn of an item, after whoever has it; that of a process of this machine that is no more is free.

    Raises:
        FreeholdError: FH-L201 somebody else has been moving it for seconds.
    """
    last, pause = time.monotonic() + _WAIT_S, _FIRST_PAUSE_S
    while True:
        try:
            return ledger.lease(f"work/{id}", holder("work"), _LEASE_S, is_gone=is_dead)
        except FreeholdError as error:
            if error.code != _TAKEN:
                raise
            if time.monotonic() > last:
                problem, fix = f"`{id}` is being moved by somebody else.", "Look at it again, and try once more."
                raise FreeholdError(_TAKEN, problem, fix=fix, exit_code=error.exit_code) from error
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_S)

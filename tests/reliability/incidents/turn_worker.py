"""A process that gathers incidents, and kills itself before or after one of the appends of that turn."""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from troubled import START, Troubled

from freehold.foundation import SimulatedClock
from freehold.ledger import Ledger


def main(root: Path, dies_at: int, *, after: bool) -> None:
    """Gather; die at the append of that number, before it or after it."""
    shop = Troubled(root, clock=SimulatedClock(START))
    own, done = Ledger.append_drafted, 0

    def counted(self, *args, **said):  # type: ignore[no-untyped-def]
        nonlocal done
        done += 1
        if done == dies_at and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        found = own(self, *args, **said)
        if done == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    Ledger.append_drafted = counted  # type: ignore[method-assign]
    shop.turn()
    shop.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), after=sys.argv[3] == "after")

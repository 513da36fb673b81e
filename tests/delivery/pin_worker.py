"""A process that pins a product, or lets go of it, and is killed before it can tell."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from shop import Shop

from freehold.ledger import Ledger


def main(root: Path, does: str) -> None:
    """Do it; die when the ledger is to be told."""
    shop, own = Shop.open(root, seed=11), Ledger.append

    def killed(self: Ledger, *events: Any, **said: Any) -> Any:
        if any(event.type in ("deploy.pinned", "deploy.unpinned") for event in events):
            os.kill(os.getpid(), signal.SIGKILL)
        return own(self, *events, **said)

    Ledger.append = killed  # type: ignore[method-assign, assignment]
    getattr(shop.delivery, does)("shop.orders")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

"""A process that applies a new major version and is killed at one named point of it."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from shop import START, Shop
from versions_of_daily import first, second

from freehold.delivery import applying
from freehold.delivery.publication import Publication
from freehold.foundation import SeededIds
from freehold.ledger import Ledger

POINTS: dict[str, tuple[Any, str, bool]] = {
    "before the intent": (Ledger, "drafted", False),
    "before it settles": (Publication, "settle", False),
    "in the transaction, before the views": (Publication, "_point", False),
    "in the transaction, after the views": (Publication, "_owe", False),
    "after it is settled": (Publication, "settle", True),
    "after the ledger knows": (applying, "judge_anew", False),
}


def kill_at(point: str) -> None:
    """Have this process killed when it comes to a point: before the named method, or after it."""
    owner, name, is_after = POINTS[point]
    plain: Callable[..., Any] = getattr(owner, name)

    def deadly(*args: Any, **more: Any) -> Any:
        if is_after:
            plain(*args, **more)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, deadly)


def main(root: Path, point: str) -> None:
    """Put version 2 of `daily` in force."""
    shop = Shop.open(root, first(root), seed=int.from_bytes(point.encode()[-4:], "big"))
    delivery = shop.with_estate(second(root))
    delivery.ids = SeededIds(1000 + list(POINTS).index(point), START)  # those of no other process
    kill_at(point)
    outcome = applying.publish_change(delivery, list(delivery.graph.assets), "c-2")
    assert not outcome.is_refused, outcome
    shop.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

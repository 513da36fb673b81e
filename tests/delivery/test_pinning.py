"""Keeping what is live as it is: told, also by who comes after one that was killed, and not called a rollback."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from shop import Shop, days, ordinary_day, write_day
from test_outdated import _of, _two_products

WORKER = Path(__file__).with_name("pin_worker.py")


@pytest.fixture
def live(opened: Shop) -> Shop:
    """A shop with four days."""
    for index, on in enumerate(days(4)):
        write_day(opened.root, on, ordinary_day(index))
    assert opened.delivery.run().exit_code == 0
    return opened


def test_what_is_pinned_as_it_is_was_not_rolled_back(live: Shop) -> None:
    """What another product built from it is behind, and no more; a rollback of the same makes it wrong."""
    both = live.with_estate(_two_products(live))
    both.run()
    live.clock.advance(timedelta(hours=1))
    write_day(live.root, days(5)[4], ordinary_day(4))
    both.run(["shop.orders"])
    both.pin("shop.orders")

    board, orders = _of(both, "shop.board"), _of(both, "shop.orders")
    assert board.safe == "stale"
    assert not any("rolled back" in reason for reason in (*board.reasons, *orders.reasons))
    assert any("not built from what is live of shop.orders" in reason for reason in board.reasons)
    assert any(reason.startswith("pinned as it is") for reason in orders.reasons)
    assert [a for a in orders.assets if a.taken_back] == []

    both.unpin("shop.orders")
    both.run()
    both.rollback("shop.orders")
    board, orders = _of(both, "shop.board"), _of(both, "shop.orders")
    assert board.safe == "no"
    assert any(reason.startswith("rolled back and pinned") for reason in orders.reasons)


@pytest.mark.parametrize(("does", "told"), [("pin", "deploy.pinned"), ("unpin", "deploy.unpinned")])
def test_who_was_killed_before_it_was_told_leaves_that_to_the_next(tmp_path: Path, does: str, told: str) -> None:
    """It holds, so it is told: once, by whatever is done next in the environment."""
    shop = Shop.open(tmp_path)
    write_day(shop.root, days(1)[0], ordinary_day(0))
    shop.delivery.run()
    if does == "unpin":
        shop.delivery.pin("shop.orders")
    shop.close()
    done = subprocess.run([sys.executable, str(WORKER), str(tmp_path), does], timeout=120, check=False)
    assert done.returncode == -9

    shop = Shop.open(tmp_path, seed=12)
    assert getattr(shop.delivery, does)("shop.orders") == ()
    events = list(shop.ledger.read(types=(told,)))
    assert [(event.product, "shop.orders.daily" in event.data["assets"]) for event in events] == [("shop.orders", True)]
    shop.close()

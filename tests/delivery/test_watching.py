"""A watched change is taken back by itself when what it made live fails soon after; nothing else is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from shop import DAILY_CONTRACT, MODELS, RAW, Shop, shop

from freehold.delivery import Delivery
from freehold.delivery.applying import publish_change
from freehold.delivery.watching import take_back
from freehold.quality import Evaluation

DEARER = MODELS["lines"].replace("quantity * price as", "quantity * price * 2 as")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The rollback itself is tried on every engine elsewhere."""
    return tmp_path


def _delivery(live: Shop, watch: str | None, maximum: int, **models: str) -> Delivery:
    """Return a delivery whose daily revenue may not pass a maximum."""
    columns = [
        replace(p, options={"maximum": maximum}) if p.name == "revenue" else p
        for p in DAILY_CONTRACT.objects[0].properties
    ]
    tight = replace(DAILY_CONTRACT, objects=(replace(DAILY_CONTRACT.objects[0], properties=tuple(columns)),))
    estate = shop(live.root, MODELS | models, (RAW, tight))
    return live.with_estate(replace(estate, defaults={"tiers": {1: {"watch": watch} if watch else {}}}))


def _judged(
    live: Shop, watch: str | None, *, is_change: bool = True, later: timedelta = timedelta()
) -> tuple[Delivery, dict[str, Evaluation]]:
    """Apply a change that doubles revenue, then judge what is live by a contract that no longer bears it."""
    (live.root / "estate.yaml").write_text("# kept\n")
    changed = _delivery(live, watch, 10_000, lines=DEARER)
    if is_change:
        publish_change(changed, [f"shop.orders.{n}" for n in MODELS], "c-1")
    else:
        changed.run()
    live.clock.advance(later)
    strict = _delivery(live, watch, 1, lines=DEARER)
    return strict, strict.check()


def _revenue(live: Shop) -> float:
    return float(live.rows("SELECT sum(revenue) FROM shop_orders.daily")[0][0])


def test_a_watched_change_is_taken_back(live: Shop) -> None:
    """The product goes back to what it was before the change, pinned, and the ledger says why."""
    before = _revenue(live)
    delivery, judged = _judged(live, "24h")
    assert _revenue(live) == 2 * before
    (back,) = take_back(delivery, judged)
    assert back.product == "shop.orders"
    assert _revenue(live) == before
    (event,) = live.ledger.read(types=("deploy.rolled_back",))
    kept = live.ledger.side.get(str(event.data["reason"]))
    assert kept is not None
    assert "Taken back by itself" in str(kept.payload)
    assert take_back(delivery, delivery.check()) == (), "once is enough"


@pytest.mark.parametrize(
    ("watch", "is_change", "later"),
    [
        pytest.param(None, True, timedelta(), id="a tier that nobody watches"),
        pytest.param("24h", False, timedelta(), id="new data"),
        pytest.param("24h", True, timedelta(days=2), id="an old change"),
    ],
)
def test_nothing_else_is(live: Shop, watch: str | None, is_change: bool, later: timedelta) -> None:
    """What fails stays live, and is told as bad."""
    delivery, judged = _judged(live, watch, is_change=is_change, later=later)
    assert any(r.blocks for e in judged.values() for r in e.results)
    assert take_back(delivery, judged) == ()

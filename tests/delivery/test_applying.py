"""A change is published whole or not at all, in one deployment that says which change it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from shop import DAILY_CONTRACT, MODELS, RAW, Shop, days, ordinary_day, shop, write_day

from freehold.delivery import Delivery, RunOutcome, Status
from freehold.delivery.applying import publish_change
from freehold.delivery.plan.versions import last_applied
from freehold.foundation import FreeholdError

SHOUTED = MODELS["lines"].replace("sku, buyer,", "sku, upper(buyer) as buyer,")
DEARER = MODELS["lines"].replace("quantity * price as", "quantity * price * 1000 as")
ALL = tuple(f"shop.orders.{name}" for name in MODELS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Publication itself is tried on every engine elsewhere."""
    return tmp_path


def _applied(live: Shop, *names: str, **models: str) -> tuple[Delivery, RunOutcome]:
    (live.root / "estate.yaml").write_text("# files are kept as they are\n")
    estate = shop(live.root, MODELS | models)
    estate = replace(estate, hashes=dict(estate.hashes) | {"changed": str(sorted(models.items()))})
    delivery = live.with_estate(estate)
    return delivery, publish_change(delivery, [f"shop.orders.{n}" for n in names or models], "c-1")


def _events(live: Shop, type_: str) -> list[dict[str, object]]:
    return [dict(e.data) for e in live.ledger.read(types=(type_,))]


def test_a_change_is_one_deployment_that_names_it(live: Shop) -> None:
    """All intervals and all assets move at once, and the events of the deployment say which change it was."""
    _, outcome = _applied(live, "lines", "buyers", lines=SHOUTED)
    assert len(outcome.deployments) == 1
    assert outcome.exit_code == 0
    ended = [e for e in _events(live, "deploy.completed") if e["change_ids"] == ["c-1"]]
    assert [e["status"] for e in ended] == ["success"]
    assert live.rows("SELECT count(*) FROM shop_orders.lines WHERE buyer = upper(buyer)") == [(15,)]


def test_a_change_that_fails_its_audit_changes_nothing(live: Shop) -> None:
    """One asset that fails keeps the whole change back: nothing moves, the earlier estate stays in force."""
    before = {name: live.rows(f"SELECT * FROM shop_orders.{name} ORDER BY ALL") for name in MODELS}
    applied = last_applied(live.ledger, "prod")
    _, outcome = _applied(live, *MODELS, lines=DEARER)
    assert outcome.is_refused
    assert outcome.exit_code == 1
    assert not outcome.deployments
    assert {s.status for s in outcome.steps} >= {Status.QUARANTINED, Status.HELD}
    assert not outcome.of(Status.PUBLISHED)
    for name in MODELS:
        assert live.rows(f"SELECT * FROM shop_orders.{name} ORDER BY ALL") == before[name]
    assert last_applied(live.ledger, "prod") == applied
    assert [e["status"] for e in _events(live, "deploy.completed")][-1] == "failed"


def test_a_model_that_cannot_be_built_changes_nothing(live: Shop) -> None:
    """A model the engine refuses keeps the change back, and says why."""
    _, outcome = _applied(live, "lines", "totals", lines=SHOUTED, totals="select nowhere from {{ ref('lines') }}")
    assert outcome.is_refused
    assert [s.asset for s in outcome.of(Status.FAILED)] == ["shop.orders.totals"]
    assert live.rows("SELECT count(*) FROM shop_orders.lines WHERE buyer = upper(buyer)") == [(0,)]


def test_a_bad_day_does_not_keep_a_first_estate_back(opened: Shop) -> None:
    """What was never live is published as far as it is good: bad data of one day is no fault of the change."""
    for index, on in enumerate(days(3)):
        write_day(opened.root, on, ordinary_day(index) if index != 1 else [("a", "b", 1, 1.0)])
    _, outcome = _applied(opened, "raw", *MODELS)
    assert not outcome.is_refused
    assert len(outcome.of(Status.QUARANTINED)) == 1
    assert opened.rows("SELECT count(*) FROM shop_orders.lines") == [(6,)]


def test_what_only_words_change_is_in_force_without_a_deployment(live: Shop) -> None:
    """A change that builds nothing is recorded all the same."""
    before = last_applied(live.ledger, "prod")
    outcome = _words(live)
    assert not outcome.steps
    after = last_applied(live.ledger, "prod")
    assert before is not None
    assert after is not None
    assert after.seq > before.seq


def _words(live: Shop) -> RunOutcome:
    (live.root / "estate.yaml").write_text("# other words\n")
    estate = shop(live.root)
    return publish_change(live.with_estate(replace(estate, hashes=dict(estate.hashes) | {"words": "1"})), (), "c-2")


def test_a_tightened_promise_is_judged_when_it_is_applied(live: Shop) -> None:
    """Other checks judge what is live at once, and a failure is a finding."""
    (live.root / "estate.yaml").write_text("# tighter\n")
    columns = [
        replace(p, options={"maximum": 1}) if p.name == "revenue" else p for p in DAILY_CONTRACT.objects[0].properties
    ]
    tight = replace(DAILY_CONTRACT, objects=(replace(DAILY_CONTRACT.objects[0], properties=tuple(columns)),))
    estate = shop(live.root, contracts=(RAW, tight))
    delivery = live.with_estate(replace(estate, hashes=dict(estate.hashes) | {"tight": "1"}))
    outcome = publish_change(delivery, (), "c-3")
    assert outcome.exit_code == 1
    assert "shop.orders.daily" in outcome.judged


def test_what_a_rollback_keeps_is_not_changed(live: Shop) -> None:
    """A pinned asset refuses a change of it, and the command that frees it is named."""
    write_day(live.root, days(6)[-1], ordinary_day(5))
    live.delivery.run()
    live.delivery.rollback("shop.orders")
    with pytest.raises(FreeholdError) as caught:
        _applied(live, "lines", "buyers", lines=SHOUTED)
    assert caught.value.code == "FH-D213"
    assert "--unpin" in caught.value.fix


def test_a_change_goes_back_whole(live: Shop) -> None:
    """A rollback after a change takes all of it back at once."""
    before = live.rows("SELECT * FROM shop_orders.buyers ORDER BY ALL")
    delivery, _ = _applied(live, "lines", "buyers", lines=SHOUTED)
    delivery.rollback("shop.orders")
    assert live.rows("SELECT * FROM shop_orders.buyers ORDER BY ALL") == before
    assert live.rows("SELECT count(*) FROM shop_orders.lines WHERE buyer = upper(buyer)") == [(0,)]

"""What is live, judged again: when asked, when its contract changed, and until it is good."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from shop import DAILY_CONTRACT, RAW, Shop, column, contract, days, ordinary_day, shop, write_day

from freehold.delivery import Delivery
from freehold.estate.model import Contract, Estate


def _daily(most: int) -> Contract:
    columns = [
        column("sold_on", "date", required=True, unique=True),
        column("revenue", "number", required=True, options={"maximum": most}),
        column("lines", "integer"),
    ]
    return contract("shop.orders.daily", columns)


def _estate(live: Shop, daily: Contract) -> Estate:
    return shop(live.root, contracts=(RAW, daily))


def _safe(delivery: Delivery) -> str:
    return delivery.status()[0].safe


def _live_verdicts(live: Shop) -> list[str]:
    told = live.ledger.read(types=("check.completed",), subject="shop.orders.daily")
    return [e.data["status"] for e in told if e.data["target"] == "live"]


def test_a_tightened_contract_is_judged_by_the_next_run_once(live: Shop) -> None:
    """Rows that today's checks never saw are judged, recorded and shown; a second run has nothing to add."""
    tight = live.with_estate(_estate(live, _daily(25)))
    assert _safe(tight) == "yes"  # nobody has looked yet

    first, second = tight.run(), tight.run()

    assert {a: [r.check.id for r in e.results if r.blocks] for a, e in first.judged.items()} == {
        "shop.orders.daily": ["shop.orders.daily.revenue:range"]
    }
    assert (first.exit_code, second.exit_code, dict(second.judged)) == (1, 0, {})
    status = tight.status()[0]
    assert status.safe == "no"
    assert any("shop.orders.daily as it is live fails 1 of its checks" in r for r in status.reasons)
    assert live.rows('SELECT count(*) FROM "shop_orders"."daily"') == [(5,)]  # nothing is taken from consumers


def test_a_contract_taken_back_is_judged_again(live: Shop) -> None:
    """The verdict of a contract that is no more does not stay."""
    live.with_estate(_estate(live, _daily(25))).run()

    back = live.with_estate(_estate(live, DAILY_CONTRACT))

    assert back.run().exit_code == 0
    assert _safe(back) == "yes"


def test_mended_data_clears_a_failure_of_what_is_live(live: Shop) -> None:
    """What failed is judged again when its rows change, without anybody asking."""
    tight = live.with_estate(_estate(live, _daily(25)))
    tight.run()
    assert _safe(tight) == "no"

    for on in days(5):  # as ordinary days, but cheaper
        write_day(live.root, on, [("a", "b1", 1, 2.5), ("b", "b1", 1, 1.0)])
    mended = tight.run()

    assert not [r for e in mended.judged.values() for r in e.results if r.blocks]
    assert _safe(tight) == "yes"


def test_a_check_that_was_asked_for_is_remembered_unless_told_otherwise(live: Shop) -> None:
    """`check` shows in `status`, and leaves nothing behind when it acts as though it were another day."""
    tight = live.with_estate(_estate(live, _daily(25)))

    tight.check(["daily"], remember=False)
    assert (_live_verdicts(live), _safe(tight)) == ([], "yes")

    found = tight.check(["daily"])
    assert len(_live_verdicts(live)) == len(found["shop.orders.daily"].results)
    assert _safe(tight) == "no"
    assert not tight.run().judged  # it was judged by these checks already


def test_status_counts_each_check_once(live: Shop) -> None:
    """However many days a run brought and whatever was rolled back, a check counts once."""
    expected = {a: len(live.delivery.auditor.judged(live.delivery.graph.assets[a])) for a in live.delivery.graph.assets}
    counted = {a.asset: sum(a.checks.values()) for a in live.delivery.status()[0].assets}
    assert counted == expected

    live.clock.advance(timedelta(days=1))
    write_day(live.root, days(6)[5], ordinary_day(5))
    live.delivery.run()
    live.delivery.rollback("shop.orders")

    counted = {a.asset: sum(a.checks.values()) for a in live.delivery.status()[0].assets}
    assert counted == expected


def test_what_a_process_judges_by_is_the_same_in_the_next(tmp_path: Path) -> None:
    """A fingerprint of checks does not hang on the order in which a process keeps its sets."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from shop import *\n"
        "from dataclasses import replace\n"
        "rule = QualityRule('sql', HERE, query='SELECT count(*) FROM {object}', operator='mustBe', threshold=0)\n"
        "said = replace(RAW, objects=(replace(RAW.objects[0], quality=(rule,), physical_name='raw_of_shop'),))\n"
        "open_ = Shop.open(Path(sys.argv[2]), shop(Path(sys.argv[2]), contracts=(said, DAILY_CONTRACT)))\n"
        "print([open_.delivery.auditor.fingerprint(a) for a in open_.delivery.graph.assets.values()])\n"
        "open_.close()\n"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path)],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in (1, 2, 3, 4)
    }
    assert len(found) == 1

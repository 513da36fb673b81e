"""The order of a run: interval assets and whole ones in turn, each after all it reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from shop import DAILY_CONTRACT, MODELS, RAW, Shop, column, contract, days, ordinary_day, shop, write_day

from freehold.delivery.phases import phases, waits_for
from freehold.estate.model import Relationship
from freehold.foundation import Where

MICROBATCH = MODELS["lines"].strip().splitlines()[0]
KINDS = "select * from (values ('a', 'food'), ('b', 'food'), ('c', 'drink')) as v (sku, kind)"
LINES = f"""{MICROBATCH}
select sold_on, l.sku, coalesce(k.kind, 'unknown') as kind, buyer, quantity, price, quantity * price as amount
from {{{{ source('orders', 'raw') }}}} l left join {{{{ ref('kinds') }}}} k on l.sku = k.sku
"""
SHARES = f"""{MICROBATCH}
select l.sold_on, l.sku, l.amount / t.revenue as share
from {{{{ ref('lines') }}}} l join {{{{ ref('totals') }}}} t on l.sku = t.sku
"""


def _shop(root: Path, models: dict[str, str], *contracts: Any) -> Shop:
    running = Shop.open(root, shop(root, models, (RAW, *contracts)))
    for index, on in enumerate(days(3)):
        write_day(root, on, ordinary_day(index))
    return running


def test_intervals_wait_for_a_whole_table_they_read(tmp_path: Path) -> None:
    """The first run already reads the table, and a second one finds nothing to do."""
    running = _shop(tmp_path, {"kinds": KINDS, "lines": LINES, "daily": MODELS["daily"]}, DAILY_CONTRACT)
    assert running.delivery.run().exit_code == 0
    kinds = running.rows("SELECT DISTINCT sku, kind FROM shop_orders.lines ORDER BY ALL")
    assert kinds == [("a", "food"), ("b", "food"), ("c", "drink")]
    assert running.delivery.run().nothing_to_do
    running.close()


def test_intervals_that_read_what_is_built_from_intervals(tmp_path: Path) -> None:
    """A whole table in the middle waits for all days, and the days after it wait for the table."""
    running = _shop(tmp_path, {"kinds": KINDS, "lines": LINES, "totals": MODELS["totals"], "shares": SHARES})
    outcome = running.delivery.run()
    assert outcome.exit_code == 0
    (shares,) = running.rows("SELECT count(*), sum(share) FROM shop_orders.shares")
    assert shares == (9, pytest.approx(3.0))
    assert running.delivery.run().nothing_to_do
    write_day(tmp_path, days(4)[3], ordinary_day(9))
    assert running.delivery.run().exit_code == 0
    assert running.rows("SELECT sum(share) FROM shop_orders.shares") == [(pytest.approx(3.0),)]
    assert running.delivery.run().nothing_to_do
    running.close()


def test_one_deployment_moves_all_phases_of_a_day(tmp_path: Path) -> None:
    """When one day is new, everything that it changes becomes live at once."""
    running = _shop(tmp_path, {"kinds": KINDS, "lines": LINES, "totals": MODELS["totals"], "daily": MODELS["daily"]})
    running.delivery.run()
    write_day(tmp_path, days(4)[3], ordinary_day(9))
    assert len(running.delivery.run().deployments) == 1
    running.close()


def test_a_reference_waits_for_what_it_refers_to(tmp_path: Path) -> None:
    """What a check refers to is brought up to date before the check is asked, in the very first run."""
    to_kinds = Relationship(("sku",), "shop.orders.kinds", ("sku",), Where("shop.yaml", 1, 1))
    kinds = contract("shop.orders.kinds", [column("sku", "string", unique=True), column("kind", "string")])
    lines = contract("shop.orders.lines", [column("sku", "string", relationships=(to_kinds,))])
    running = _shop(tmp_path, {"kinds": KINDS, "lines": MODELS["lines"]}, kinds, lines)
    outcome = running.delivery.run()
    assert outcome.exit_code == 0
    found = [r for step in outcome.steps for r in step.results if r.check.kind == "reference"]
    assert [(str(r.verdict), r.failing) for r in found] == [("pass", 0)] * 3
    running.close()


def test_the_phases_of_a_graph(tmp_path: Path) -> None:
    """Whole and interval phases alternate; what waits for nothing comes first."""
    running = _shop(tmp_path, {"kinds": KINDS, "lines": LINES, "totals": MODELS["totals"], "shares": SHARES})
    graph = running.delivery.graph
    found = phases(graph, waits_for(graph, {}))
    short = [(p.by_interval, [a.rpartition(".")[2] for a in p.assets]) for p in found]
    assert short == [(False, ["kinds"]), (True, ["raw", "lines"]), (False, ["totals"]), (True, ["shares"])]
    running.close()


def test_a_reference_to_what_is_built_from_it_waits_for_nothing(tmp_path: Path) -> None:
    """A check may refer downstream; the order stays one in which everything can be built."""
    running = _shop(tmp_path, {"kinds": KINDS, "lines": LINES, "totals": MODELS["totals"]})
    graph = running.delivery.graph
    assert waits_for(graph, {"shop.orders.lines": {"shop.orders.totals"}}) == waits_for(graph, {})
    running.close()


def test_data_is_as_new_as_what_an_asset_was_built_from(live: Shop) -> None:
    """A day that is in quarantine further down makes nothing newer that does not hold it."""
    write_day(live.root, days(6)[5], [("a", "b1", 1, 9_000.0), ("b", "b1", 2, 9_000.0)])  # over the daily limit
    live.delivery.run()
    until = {a.asset.rpartition(".")[2]: a.data_until for p in live.delivery.status() for a in p.assets}
    newest = max(d for d in until.values() if d)
    assert until["lines"] == newest
    assert until["daily"] is not None
    assert until["daily"] < newest
    assert until["latest"] == until["daily"]

"""What a change does not reach is not built again, whatever was rebuilt above it."""

from pathlib import Path

import pytest
from shop import MODELS, Shop, days, ordinary_day, shop, write_day

from freehold.delivery import RunOutcome, Status

SHOUTED = MODELS["lines"].replace("sku, buyer,", "sku, upper(buyer) as buyer,")


def _built(outcome: RunOutcome) -> dict[str, int]:
    counted: dict[str, int] = {}
    for step in outcome.of(Status.PUBLISHED):
        name = step.asset.rpartition(".")[2]
        counted[name] = counted.get(name, 0) + 1
    return counted


def _changed(live: Shop, **models: str) -> RunOutcome:
    return live.with_estate(shop(live.root, MODELS | models)).run()


@pytest.mark.parametrize(
    ("models", "built"),
    [
        pytest.param({"lines": SHOUTED}, {"lines": 5, "buyers": 1}, id="only what reads a changed column"),
        pytest.param(
            {"lines": MODELS["lines"].replace("quantity * price", "price * quantity * 2")},
            {"lines": 5, "daily": 5, "totals": 1, "buyers": 1, "latest": 1},
            id="everything that reads a changed column",
        ),
        pytest.param(
            {"lines": MODELS["lines"].replace("quantity * price as amount", "quantity * price as amount, 1 as one")},
            {"lines": 5},
            id="nothing below a column that came",
        ),
        pytest.param({"lines": MODELS["lines"].replace(", ", "\n  , ")}, {}, id="nothing for another layout"),
        pytest.param(
            {"totals": f"with grouped as ({MODELS['totals']}) select sku, quantity, revenue from grouped"},
            {},
            id="nothing for the same meaning in other words",
        ),
    ],
)
def test_a_change_builds_only_what_it_reaches(live: Shop, models: dict[str, str], built: dict[str, int]) -> None:
    """What does not read a changed column stays as it stands, with the rows it had."""
    before = live.rows("SELECT * FROM shop_orders.daily ORDER BY ALL")
    outcome = _changed(live, **models)
    assert _built(outcome) == built
    if "daily" not in built:
        assert live.rows("SELECT * FROM shop_orders.daily ORDER BY ALL") == before
    again = _changed(live, **models)
    assert again.nothing_to_do, "what was reused is as it should be"


@pytest.mark.parametrize(
    "reader",
    [
        pytest.param("select * from {{ ref('base') }} where columns(*) is not null", id="columns of all"),
        pytest.param("select count(distinct x) as n from {{ ref('base') }} x", id="a row as a value"),
        pytest.param("select max(to_json(x)) as j from {{ ref('base') }} x", id="a row in a function"),
        pytest.param("select sku from (select * from {{ ref('base') }} order by all limit 3)", id="order by all"),
        pytest.param("select * from (pivot {{ ref('base') }} on sku using count(*))", id="a pivot that stands alone"),
        pytest.param(
            "select sku from {{ ref('base') }} where (sku, buyer) in (select * from {{ ref('base') }})", id="in"
        ),
    ],
)
def test_what_reads_every_column_is_built_again_when_one_comes(live: Shop, reader: str) -> None:
    """A query that names no column reads all of them: one more, or another order, changes it."""
    base = "select sku, buyer from {{ ref('lines') }}"
    _changed(live, base=base, reader=reader)
    wider = "select sku, buyer, price from {{ ref('lines') }}" if " in (" not in reader else base
    other = wider if wider != base else "select buyer, sku from {{ ref('lines') }}"
    outcome = _changed(live, base=other, reader=reader)
    built = {s.asset.rpartition(".")[2] for s in outcome.steps}
    assert {"base", "reader"} <= built


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """These are decisions about versions, the same on every engine."""
    return tmp_path


def test_a_new_day_goes_on_from_what_was_reused(live: Shop) -> None:
    """After a change that reached only some assets, a new day is built once, in all of them."""
    _changed(live, lines=SHOUTED)
    on = days(6)[-1]
    write_day(live.root, on, ordinary_day(5))
    outcome = _changed(live, lines=SHOUTED)
    assert _built(outcome) == dict.fromkeys(("raw", "lines", "daily", "totals", "buyers", "latest"), 1)
    assert live.rows("SELECT count(*) FROM shop_orders.daily") == [(6,)]
    assert live.rows("SELECT count(DISTINCT buyer) FROM shop_orders.buyers WHERE buyer <> upper(buyer)") == [(0,)]


def test_other_words_go_on_in_the_same_table(live: Shop) -> None:
    """A model said in other words keeps the table that is live: a new day joins the others there."""
    said = MODELS["lines"].replace("select sold_on", "select   sold_on").replace("as amount", "as AMOUNT")
    write_day(live.root, days(6)[-1], ordinary_day(5))
    outcome = _changed(live, lines=said, daily=MODELS["daily"].replace("count(*)", "count( * )"))
    assert _built(outcome).get("lines") == 1, outcome.steps
    assert live.rows("SELECT count(*) FROM shop_orders.daily") == [(6,)]


def test_status_calls_nothing_stale_that_was_reused(live: Shop) -> None:
    """An asset that stands on an earlier version of its input, and would be the same on the new one, is up to date."""
    delivery = live.with_estate(shop(live.root, MODELS | {"lines": SHOUTED}))
    delivery.run()
    with delivery.reading() as session:
        assert delivery.outdated(session, delivery.overlay(session)) == {}


def test_a_corrected_file_reaches_everything(live: Shop) -> None:
    """Other rows in a file are another origin: everything that reads them is built again."""
    _changed(live, lines=SHOUTED)
    write_day(live.root, days(5)[2], ordinary_day(9))
    assert set(_built(_changed(live, lines=SHOUTED))) >= {"raw", "lines", "daily", "totals", "buyers"}

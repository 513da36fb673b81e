"""The publication tables: what is live, who may change it, and what readers see meanwhile."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from shop import START, Shop, days, ordinary_day, write_day

from freehold.delivery.publication import Move, Settlement
from freehold.engines import Relation
from freehold.foundation import FreeholdError


def _move(live: Shop, asset: str = "shop.orders.daily") -> Move:
    with live.delivery.reading() as session:
        entry = live.delivery.publication.live(session)[asset]
    relation = live.delivery.graph.assets[asset].relation
    return Move(asset, relation, entry.physical, entry.view_sql, entry.epoch, removed=(entry.members[-1].id,))


def test_a_writer_that_was_replaced_publishes_nothing(live: Shop) -> None:
    """It was paused, another took over and published; its token is refused and no pointer moves."""
    publication = live.delivery.publication
    session = live.delivery.session("zombie")
    zombie = publication.take(session)
    prepared = _move(live)
    write_day(live.root, days(6)[5], ordinary_day(5))
    live.delivery.run()
    before = live.rows("select * from shop_orders.daily order by 1")
    with pytest.raises(FreeholdError) as caught:
        publication.settle(session, Settlement("late", (prepared,)), zombie, START)
    assert caught.value.code == "FH-D101"
    assert live.rows("select * from shop_orders.daily order by 1") == before
    assert live.rows("select count(*) from freehold.outbox where deployment = 'late'") == [(0,)]


def test_a_plan_made_against_an_older_epoch_is_refused(live: Shop) -> None:
    """Two deployments planned against the same state: the second does not overwrite the first."""
    publication = live.delivery.publication
    session = live.delivery.session("second")
    token = publication.take(session)
    stale = _move(live)
    publication.settle(session, Settlement("first", (stale,)), token, START)
    with pytest.raises(FreeholdError) as caught:
        publication.settle(session, Settlement("second", (stale,)), token, START)
    assert caught.value.code == "FH-D102"
    assert live.rows("select count(*) from freehold.release where deployment = 'second'") == [(0,)]


def test_two_writers_of_one_instant_do_not_both_publish(live: Shop) -> None:
    """Both read the same token; the warehouse lets one of them commit."""
    publication = live.delivery.publication
    session = live.delivery.session("a")
    token = publication.take(session)
    move = _move(live)
    failures: list[FreeholdError] = []

    def settle(name: str) -> None:
        own = live.delivery.session(name)
        try:
            publication.settle(own, Settlement(name, (move,)), token, START)
        except FreeholdError as error:
            failures.append(error)
        finally:
            own.close()

    threads = [threading.Thread(target=settle, args=(n,)) for n in ("a", "b", "c", "d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failures) == 3
    assert {f.code for f in failures} <= {"FH-D102", "FH-E110"}
    assert live.rows("select count(*) from freehold.release where deployment in ('a','b','c','d')") == [(1,)]


def test_a_failure_in_the_middle_of_a_settlement_moves_nothing(live: Shop) -> None:
    """The second of two moves cannot be made, so the first is not made either."""
    publication = live.delivery.publication
    session = live.delivery.session("broken")
    token = publication.take(session)
    good = _move(live)
    bad = Move("shop.orders.totals", Relation("shop_orders", "totals", "view"), "gone", "SELECT * FROM nowhere.gone", 1)
    before = live.rows("select * from shop_orders.daily order by 1")
    with pytest.raises(FreeholdError):
        publication.settle(session, Settlement("half", (good, bad)), token, START)
    assert live.rows("select * from shop_orders.daily order by 1") == before
    assert live.rows("select count(*) from freehold.release where deployment = 'half'") == [(0,)]


def test_readers_never_see_two_assets_of_different_deployments(tmp_path: Path) -> None:
    """A thousand swaps of two interval assets and a table, with a reader that joins them all the while."""
    write_day(tmp_path, days(1)[0], ordinary_day(0))
    opened = Shop.open(tmp_path)
    try:
        opened.delivery.run()
        _swap_while_reading(opened, 1000)
    finally:
        opened.close()


def _swap_while_reading(opened: Shop, swaps: int) -> None:
    publication = opened.delivery.publication
    session = opened.delivery.session("writer")
    token = publication.take(session)
    with opened.delivery.reading() as reading:
        live = publication.live(reading)
    lines, daily, totals = (live[f"shop.orders.{n}"] for n in ("lines", "daily", "totals"))
    relation = opened.delivery.graph.assets[totals.asset].relation
    session.run('CREATE TABLE freehold_data."empty" AS SELECT * FROM shop_orders.totals WHERE false')
    stop, seen, errors = threading.Event(), set(), []

    def read() -> None:
        own = opened.delivery.session("reader")
        query = (
            "SELECT (SELECT count(*) > 0 FROM shop_orders.lines), (SELECT count(*) > 0 FROM shop_orders.daily), "
            "(SELECT count(*) > 0 FROM shop_orders.totals)"
        )
        while not stop.is_set():
            try:
                seen.update(own.rows(query))
            except FreeholdError as error:
                errors.append(str(error))
        own.close()

    reader = threading.Thread(target=read)
    reader.start()
    for index in range(swaps):
        gone = index % 2 == 0
        moves = [
            Move(
                entry.asset,
                opened.delivery.graph.assets[entry.asset].relation,
                entry.physical,
                entry.view_sql,
                entry.epoch + index,
                **{"removed" if gone else "added": tuple(m.id for m in entry.members)},
            )
            for entry in (lines, daily)
        ]
        view = 'SELECT * FROM freehold_data."empty"' if gone else totals.view_sql
        moves.append(Move(totals.asset, relation, totals.physical, view, totals.epoch + index))
        publication.settle(session, Settlement(f"swap-{index}", tuple(moves)), token, START + timedelta(seconds=index))
    stop.set()
    reader.join()
    assert errors == []
    assert seen <= {(True, True, True), (False, False, False)}
    assert len(seen) == 2


def test_what_nothing_reaches_is_collected_and_nothing_else(live: Shop) -> None:
    """After many corrections old batches and tables go; live data, kept releases and the way back stay."""
    for round_ in range(6):
        live.clock.advance(timedelta(hours=3))
        write_day(live.root, days(5)[2], [*ordinary_day(2), ("x", "b1", round_ + 1, 2.0)])
        live.delivery.run()
    live.clock.advance(timedelta(hours=3))
    before = live.rows("select * from shop_orders.lines order by all")
    told = live.delivery.collect(keep=2, dry_run=True)
    assert live.delivery.collect(keep=2) == told
    assert told.tables
    assert told.batches
    assert live.rows("select * from shop_orders.lines order by all") == before
    assert live.rows("select count(*) from shop_orders.latest") == [(3,)]
    live.delivery.rollback("shop.orders")
    assert live.rows("select sum(quantity) from shop_orders.lines where sku = 'x'") == [(5,)]
    assert live.delivery.collect(keep=2).candidates == ()


def test_a_quarantined_candidate_is_not_collected(live: Shop) -> None:
    """It stays until something replaces it or somebody discards it."""
    write_day(live.root, days(6)[5], [("a", "b0", 5, 100.0)])
    live.delivery.run()
    (waiting,) = live.delivery.quarantined()
    live.clock.advance(timedelta(days=300))
    live.delivery.collect(keep=1)
    assert [c.id for c in live.delivery.quarantined()] == [waiting.id]
    assert live.rows(f'select count(*) from freehold_data."{waiting.physical}" where _batch = {waiting.id}') == [(1,)]

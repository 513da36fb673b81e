"""The publication tables: what is live, who may change it, and what readers see meanwhile."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from shop import START, URL_FILE, Shop, days, ordinary_day, write_day

from freehold.delivery.release import Move, Settlement
from freehold.engines import Relation
from freehold.foundation import FreeholdError
from live_postgres import LivePostgres


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


@pytest.mark.parametrize(
    ("readers", "swaps"), [pytest.param(1, 1000, id="one reader"), pytest.param(40, 150, id="forty readers")]
)
def test_readers_never_see_two_assets_of_different_deployments(opened: Shop, readers: int, swaps: int) -> None:
    """Swaps of two interval assets and a table, with readers that join them all the while, each on its own session."""
    write_day(opened.root, days(1)[0], ordinary_day(0))
    opened.delivery.run()
    _swap_while_reading(opened, swaps, readers)


@pytest.mark.long
@pytest.mark.parametrize("warehouse", ["duckdb", "postgres"])
def test_a_thousand_readers_see_no_torn_deployment(tmp_path: Path, warehouse: str) -> None:
    """A thousand open sessions read two assets and a table while these are swapped: never a mixture, never an error."""
    with ExitStack() as closing:
        if warehouse == "postgres":
            server = closing.enter_context(LivePostgres("", max_connections="1100"))
            (tmp_path / URL_FILE).write_text(server.fresh())
        opened = Shop.open(tmp_path)
        closing.callback(opened.close)
        write_day(opened.root, days(1)[0], ordinary_day(0))
        opened.delivery.run()
        _swap_while_reading(opened, 20, 20, sessions_each=50)


def _swap_while_reading(opened: Shop, swaps: int, readers: int, sessions_each: int = 1) -> None:
    publication = opened.delivery.publication
    session = opened.delivery.session("writer")
    token = publication.take(session)
    with opened.delivery.reading() as reading:
        live = publication.live(reading)
    lines, daily, totals = (live[f"shop.orders.{n}"] for n in ("lines", "daily", "totals"))
    relation = opened.delivery.graph.assets[totals.asset].relation
    session.run('CREATE TABLE freehold_data."empty" AS SELECT * FROM shop_orders.totals WHERE false')
    stop, seen, errors = threading.Event(), set(), []
    ready = threading.Barrier(readers + 1)

    def read() -> None:
        own = [opened.delivery.session("reader") for _ in range(sessions_each)]
        ready.wait()
        query = (
            "SELECT (SELECT count(*) > 0 FROM shop_orders.lines), (SELECT count(*) > 0 FROM shop_orders.daily), "
            "(SELECT count(*) > 0 FROM shop_orders.totals)"
        )
        while not stop.is_set():
            try:
                for session in own:
                    seen.update(session.rows(query))
            except FreeholdError as error:
                errors.append(str(error))
        for session in own:
            session.close()

    threads = [threading.Thread(target=read) for _ in range(readers)]
    for thread in threads:
        thread.start()
    ready.wait()
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
    for thread in threads:
        thread.join()
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
    before = sorted(live.rows("select * from shop_orders.lines"))
    told = live.delivery.collect(keep=2, dry_run=True)
    assert live.delivery.collect(keep=2) == told
    assert told.tables
    assert told.batches
    assert sorted(live.rows("select * from shop_orders.lines")) == before
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


def test_a_long_reader_keeps_a_settlement_waiting_and_no_other_reader(live: Shop, folder: Path) -> None:
    """Where a view cannot change under a reader, the publisher comes again; who comes to read meanwhile is served."""
    publication = live.delivery.publication
    session = live.delivery.session("writer")
    token = publication.take(session)
    totals = live.delivery.graph.assets["shop.orders.totals"].relation
    with live.delivery.reading() as reading:
        entry = publication.live(reading)["shop.orders.totals"]
    view = entry.view_sql + " WHERE sku <> 'a'"
    move = Move(entry.asset, totals, entry.physical, view, entry.epoch)
    slow = live.delivery.session("slow reader")

    with ThreadPoolExecutor(1) as publisher:
        with slow.transaction():
            before = slow.rows("select count(*) from shop_orders.totals")
            settling = publisher.submit(publication.settle, session, Settlement("swap", (move,)), token, START)
            if (folder / URL_FILE).exists():
                for _ in range(20):  # each is served, though a settlement has been waiting since before the first
                    assert live.rows("select count(*) from shop_orders.totals") == before
                assert not settling.done()
            assert slow.rows("select count(*) from shop_orders.totals") == before
        assert settling.result() == {"shop.orders.totals": entry.epoch + 1}
    assert live.rows("select count(*) from shop_orders.totals") == [(before[0][0] - 1,)]


KILLED_IN_SETTLEMENT = """
import os, sys
sys.path[:0] = [{tests!r}, {here!r}]
from pathlib import Path
from shop import Shop, days, ordinary_day, write_day
from freehold.delivery.publication import Publication
shop = Shop.open(Path(sys.argv[1]), seed=11)
write_day(shop.root, days(6)[5], ordinary_day(5))
settle, sent = Publication.settle, Publication.sent
if sys.argv[2] == "before it is settled":
    Publication._owe = lambda *_: os.kill(os.getpid(), 9)
else:
    Publication.settle = lambda *words: (settle(*words), os.kill(os.getpid(), 9))
shop.delivery.run()
"""


@pytest.mark.parametrize("instant", ["before it is settled", "after it is settled"])
def test_a_publisher_killed_in_its_transaction_leaves_one_truth(live: Shop, instant: str) -> None:
    """SIGKILL between the moves and the commit, and between the commit and the ledger: readers see one or the other,
    and the next run brings warehouse and ledger to the same.
    """
    before = sorted(live.rows("select * from shop_orders.lines"))
    live.close()
    here = Path(__file__).parent
    code = KILLED_IN_SETTLEMENT.format(tests=str(here.parent), here=str(here))
    said = subprocess.run(
        [sys.executable, "-c", code, str(live.root), instant], capture_output=True, text=True, check=False
    )
    assert said.returncode == -9, said.stderr

    shop = Shop.open(live.root, seed=12)
    try:
        found = sorted(shop.rows("select * from shop_orders.lines"))
        assert (found == before) == (instant == "before it is settled")
        assert shop.delivery.run().exit_code == 0
        assert len(shop.rows("select * from shop_orders.lines")) == len(before) + 3
        released = Counter(shop.rows("select asset, deployment from freehold.release"))
        told = Counter((e.data["asset"], e.data["deployment"]) for e in shop.ledger.read(types=("asset.published",)))
        assert told == released
        assert set(released.values()) == {1}
    finally:
        shop.close()

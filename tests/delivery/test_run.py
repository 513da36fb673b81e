"""What a run does with what it finds."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from shop import DAILY_CONTRACT, MODELS, RAW, START, Shop, column, contract, days, ordinary_day, shop, write_day

from freehold.delivery import Status, parse_interval
from freehold.foundation import FreeholdError
from freehold.ledger import Event


def _told(outcome):
    return [(s.asset.rpartition(".")[2], str(s.interval) if s.interval else "", str(s.status)) for s in outcome.steps]


def test_every_kind_of_asset_is_built_and_can_be_read(live: Shop) -> None:
    """Interval, whole, by-key and view assets all show the same five days."""
    assert live.rows("select count(*), sum(amount) from shop_orders.lines") == [(15, 127.5)]
    assert live.rows("select sum(revenue) from shop_orders.daily") == [(127.5,)]
    assert live.rows("select sum(revenue) from shop_orders.totals") == [(127.5,)]
    assert live.rows("select sum(spent) from shop_orders.buyers") == [(127.5,)]
    assert live.rows("select count(*) from shop_orders.latest") == [(3,)]


def test_the_batch_column_is_never_shown(live: Shop) -> None:
    """Consumers see the columns of the contract and no others."""
    session = live.delivery.session("test")
    assert [c.name for c in session.columns_of("select * from shop_orders.raw")] == [
        *("sold_on", "sku", "buyer", "quantity", "price")
    ]


def test_a_second_run_with_nothing_new_does_nothing(live: Shop) -> None:
    """No step, no deployment, no event."""
    before = list(live.ledger.read())
    outcome = live.delivery.run()
    assert outcome.nothing_to_do
    assert outcome.steps == ()
    assert outcome.deployments == ()
    assert list(live.ledger.read()) == before


def test_a_new_process_finds_nothing_to_do_either(live: Shop) -> None:
    """What is done is known from the warehouse, not from memory."""
    live.close()
    again = Shop.open(live.root, seed=8)
    try:
        assert again.delivery.run().nothing_to_do
    finally:
        again.close()


def test_a_corrected_day_replaces_its_rows_everywhere(live: Shop) -> None:
    """Also in a by-key asset, whose vanished keys vanish."""
    write_day(live.root, days(5)[2], [("a", "b0", 5, 100.0), ("z", "zz", 1, 1)])
    outcome = live.delivery.run()
    assert ("lines", "2024-01-03", "published") in _told(outcome)
    expected = live.rows("select buyer, sum(amount), count(*) from shop_orders.lines group by 1 order by 1")
    assert live.rows("select buyer, spent, lines from shop_orders.buyers order by 1") == expected
    assert live.rows("select revenue from shop_orders.daily where sold_on = '2024-01-03'") == [(501.0,)]


def test_only_the_changed_day_is_built_again(live: Shop) -> None:
    """A corrected file makes three interval steps and the three whole assets, and no others."""
    write_day(live.root, days(5)[2], [("a", "b0", 5, 100.0), ("z", "zz", 1, 1)])
    assert len(live.delivery.run().steps) == 6


def test_a_failing_day_is_kept_aside_and_the_last_good_version_stays(live: Shop) -> None:
    """The candidate is quarantined, what reads it is held, consumers see no change."""
    before = sorted(live.rows("select * from shop_orders.lines"))
    write_day(live.root, days(5)[3], [("a", "b0", 5, 100.0)])
    outcome = live.delivery.run()
    assert outcome.exit_code == 1
    assert _told(outcome) == [
        *(("raw", "2024-01-04", "quarantined"), ("lines", "2024-01-04", "held"), ("daily", "2024-01-04", "held"))
    ]
    assert outcome.steps[0].kept
    assert sorted(live.rows("select * from shop_orders.lines")) == before


def test_a_day_missing_through_quarantine_holds_whatever_would_silently_lack_it(live: Shop) -> None:
    """Totals without a day would be wrong, so they wait; they go on when the day comes."""
    write_day(live.root, days(6)[5], [("a", "b0", 5, 100.0)])
    assert ("totals", "", "held") in _told(live.delivery.run())
    write_day(live.root, days(7)[6], ordinary_day(6))
    outcome = live.delivery.run()
    assert ("lines", "2024-01-07", "published") in _told(outcome)
    assert ("totals", "", "held") in _told(outcome)
    assert live.rows("select sum(revenue) from shop_orders.totals") == [(127.5,)]
    write_day(live.root, days(6)[5], ordinary_day(5))
    assert ("totals", "", "published") in _told(live.delivery.run())
    assert live.rows("select sum(revenue) from shop_orders.totals") == live.rows(
        "select sum(amount) from shop_orders.lines"
    )


def test_a_quarantined_day_is_not_tried_again_until_something_changes(live: Shop) -> None:
    """The run says what waits, and that it said so before; no event is written twice."""
    write_day(live.root, days(6)[5], [("a", "b0", 5, 100.0)])
    live.delivery.run()
    before = list(live.ledger.read())
    outcome = live.delivery.run()
    assert outcome.nothing_to_do
    assert outcome.steps[0].repeated
    assert outcome.exit_code == 1
    assert list(live.ledger.read()) == before


def test_a_loosened_contract_lets_the_same_candidate_pass_without_building_it_again(live: Shop) -> None:
    """What was built is judged anew when the checks change."""
    write_day(live.root, days(6)[5], [("a", "b0", 5, 100.0)])
    live.delivery.run()
    (waiting,) = live.delivery.quarantined()
    loose = RAW.__class__(
        **{**_fields(RAW), "objects": (RAW.objects[0].__class__(**{**_fields(RAW.objects[0]), "quality": ()}),)}
    )
    outcome = live.with_estate(shop(live.root, contracts=(loose, DAILY_CONTRACT))).run()
    step = next(s for s in outcome.steps if s.asset.endswith("raw"))
    assert (step.status, step.candidate) == (Status.PUBLISHED, waiting.id)


def _fields(value):
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def test_a_bad_file_that_is_taken_back_leaves_nothing_in_quarantine(live: Shop) -> None:
    """The good file returns byte for byte: what is live is right again, and status says so."""
    path = live.root / "landing" / f"{days(5)[3]}.csv"
    good = path.read_bytes()
    write_day(live.root, days(5)[3], [("a", "b0", 5, 100.0)])
    live.delivery.run()
    assert len(live.delivery.quarantined()) == 1
    path.write_bytes(good)
    assert live.delivery.run().exit_code == 0
    assert live.delivery.quarantined() == ()
    assert live.delivery.status()[0].safe == "yes"


def test_a_warehouse_of_another_version_is_refused_untouched(live: Shop) -> None:
    """Its tables are not guessed at."""
    live.rows("update freehold.format set version = 99")
    live.close()
    again = Shop.open(live.root, seed=8)
    try:
        with pytest.raises(FreeholdError) as caught:
            again.delivery.run()
        assert (caught.value.code, int(caught.value.exit_code)) == ("FH-D104", 3)
    finally:
        again.close()


def test_a_discarded_candidate_holds_nothing_back(live: Shop) -> None:
    """Somebody decided to do without the day: totals are built without it, and the decision is remembered."""
    write_day(live.root, days(6)[5], [("a", "b0", 5, 100.0)])
    live.delivery.run()
    (waiting,) = live.delivery.quarantined()
    live.delivery.discard(waiting.id, "the shop was closed")
    assert live.delivery.run().exit_code == 0
    assert live.delivery.quarantined() == ()
    (event,) = live.ledger.read(types=("candidate.discarded",))
    assert "closed" not in str(event.data)


def test_a_changed_model_is_published_once_all_its_days_are_there(live: Shop) -> None:
    """A new definition builds every day anew beside the old table, and moves in one deployment."""
    models = {
        **MODELS,
        "lines": MODELS["lines"].replace("quantity * price as amount", "quantity * price * 2 as amount"),
    }
    outcome = live.with_estate(shop(live.root, models)).run()
    assert len(outcome.deployments) == 1
    assert live.rows("select sum(amount) from shop_orders.lines") == [(255.0,)]
    assert live.rows("select sum(spent) from shop_orders.buyers") == [(255.0,)]


def test_prose_and_layout_rebuild_nothing(live: Shop) -> None:
    """Comments, line breaks and upper case leave the meaning as it is."""
    models = {
        **MODELS,
        "totals": "-- by article\n" + MODELS["totals"].replace("select", "SELECT").replace(", ", ",\n  "),
    }
    assert live.with_estate(shop(live.root, models)).run().nothing_to_do


def test_selecting_an_asset_builds_it_and_no_other(live: Shop) -> None:
    """`--select raw` takes the new file in and leaves what reads it for later."""
    write_day(live.root, days(6)[5], ordinary_day(5))
    assert _told(live.delivery.run(select=("raw",))) == [("raw", "2024-01-06", "published")]
    assert ("lines", "2024-01-06", "published") in _told(live.delivery.run())


def test_an_interval_limits_the_days(opened: Shop) -> None:
    """Only the days asked for are built."""
    for index, on in enumerate(days(5)):
        write_day(opened.root, on, ordinary_day(index))
    opened.delivery.run(interval=parse_interval("2024-01-02..2024-01-03"))
    assert opened.rows("select distinct sold_on from shop_orders.lines order by 1") == [
        *((date(2024, 1, 2),), (date(2024, 1, 3),))
    ]


def test_jobs_side_by_side_give_the_same_tables(tmp_path: Path) -> None:
    """Parallel steps publish what steps in a row publish."""
    found = []
    for jobs in (1, 4):
        root = tmp_path / str(jobs)
        root.mkdir()
        for index, on in enumerate(days(12)):
            write_day(root, on, ordinary_day(index))
        opened = Shop.open(root, jobs=jobs)
        try:
            assert opened.delivery.run().exit_code == 0
            found.append([sorted(opened.rows(f"select * from shop_orders.{n}")) for n in ("raw", *MODELS)])
        finally:
            opened.close()
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        pytest.param("", "FH-D302", "empty", id="an empty file"),
        pytest.param("sold_on,sku,buyer,qty,price\n", "FH-D303", "quantity", id="a column under another name"),
        pytest.param(
            "sold_on,sku,buyer,quantity,price\n2024-01-06,a,b,many,1\n", "FH-E201", "many", id="a word for a number"
        ),
        pytest.param(
            'sold_on,sku,buyer,quantity,price\n2024-01-06,"a,b,1,1\n', "FH-E201", "", id="a quote that never ends"
        ),
        pytest.param("sold_on,sku,buyer,quantity,price\n2024-01-06,a,b,1\n", "FH-E201", "", id="a line cut short"),
        pytest.param(
            b"sold_on,sku,buyer,quantity,price\n2024-01-06,\xff\xfe,b,1,1\n",
            "FH-D304",
            "not UTF-8",
            id="bytes that are not UTF-8",
        ),
    ],
)
def test_a_file_that_breaks_its_contract_is_quarantined_with_a_reason(
    live: Shop, content: str | bytes, code: str, said: str
) -> None:
    """Nothing of it is loaded, nothing crashes, and the reason names the file."""
    path = live.root / "landing" / "2024-01-06.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    outcome = live.delivery.run()
    step = outcome.steps[0]
    assert (step.status, step.code) == (Status.QUARANTINED, code)
    assert "landing/2024-01-06.csv" in step.reason
    assert said in step.reason
    assert live.rows("select count(*) from shop_orders.raw") == [(15,)]


def test_other_columns_than_the_contract_promises_are_an_event_of_their_own(live: Shop) -> None:
    """What is missing and what came instead, once, and whether anybody had given notice of it."""
    (live.root / "landing" / "2024-01-06.csv").write_text("sold_on,sku,buyer,qty,price\n")
    for _ in range(2):
        live.delivery.run()
    said = {"notice": "n-1", "topic": "shop.orders.raw", "effective_at": "2024-01-01T00:00:00Z"}
    live.ledger.append(Event("notice.sent", said))
    (live.root / "landing" / "2024-01-07.csv").write_text("sold_on,sku,buyer,qty,price\n")
    live.delivery.run()
    first, second = (event.data for event in live.ledger.read(types=("schema.observed",)))

    assert (first["source"], first["asset"]) == ("landing/2024-01-06.csv", "shop.orders.raw")
    assert first["diff"] == {"missing": ["quantity"], "extra": ["qty"]}
    assert (first["breaking"], first["announced"], second["announced"]) == (True, False, True)


def test_a_model_that_fails_holds_what_reads_it(live: Shop) -> None:
    """The error names the model's file; the run goes on with everything else."""
    models = {**MODELS, "totals": "select nothing_there from {{ ref('lines') }}"}
    outcome = live.with_estate(shop(live.root, models)).run()
    (step,) = outcome.steps
    assert step.status is Status.FAILED
    assert "models/totals.sql" in step.reason
    assert "nothing_there" in step.reason


def test_two_runs_at_once_are_refused_by_name(live: Shop) -> None:
    """The second names the holder instead of waiting for ever or writing beside the first."""
    with live.delivery.writing(), pytest.raises(FreeholdError) as caught:
        live.delivery.run()
    assert caught.value.code == "FH-L201"


def test_a_selector_that_names_nothing_lists_what_is_near(live: Shop) -> None:
    """A typing error is answered with the word that was meant."""
    with pytest.raises(FreeholdError, match="totls") as caught:
        live.delivery.run(select=("totls",))
    assert "totals" in caught.value.fix


def test_status_says_whether_a_product_is_safe_to_use(live: Shop) -> None:
    """Yes when all is live; stale, with the reason, when something waits."""
    (before,) = live.delivery.status()
    assert (before.safe, before.reasons) == ("yes", ())
    write_day(live.root, days(6)[5], [("a", "b0", 5, 100.0)])
    live.delivery.run()
    (after,) = live.delivery.status()
    assert after.safe == "stale"
    assert "2024-01-06" in after.reasons[0]


def test_live_data_is_judged_without_building(live: Shop) -> None:
    """`check` gives a verdict on every check of every live asset."""
    found = live.delivery.check()
    assert {str(r.verdict) for r in found["shop.orders.raw"].results} == {"pass"}
    assert live.delivery.clock.now() - timedelta(0) == live.clock.now()


def test_what_is_live_passes_the_checks_it_was_published_by(live: Shop) -> None:
    """A check of one interval judges each that is live, so good days stay good together."""
    found = live.delivery.check()["shop.orders.raw"]
    (counted,) = [r for r in found.results if r.check.kind == "row_count"]
    assert (counted.verdict, counted.value, counted.reason) == ("pass", 3, "")
    assert [r for r in found.results if r.blocks] == []


def test_a_bad_interval_among_the_live_is_named(live: Shop) -> None:
    """The verdict over all intervals is the worst, and says which they are."""
    stricter = replace(RAW.objects[0].quality[0], threshold=4)
    harder = replace(RAW, objects=(replace(RAW.objects[0], quality=(stricter,)),))
    write_day(live.root, days(6)[5], [*ordinary_day(5), ("d", "b1", 1, 1.0)])
    live.delivery.run()
    judged = live.with_estate(shop(live.root, contracts=(harder, DAILY_CONTRACT))).check(["raw"])["shop.orders.raw"]
    (counted,) = [r for r in judged.results if r.check.kind == "row_count"]
    assert counted.verdict == "fail"
    assert counted.reason.startswith("in 5 of 6 intervals: 2024-01-01, 2024-01-02, 2024-01-03 and 2 more")


def test_an_instant_with_an_offset_is_kept_as_utc(tmp_path: Path) -> None:
    """What a text says of its zone is not dropped; one that says nothing is UTC."""
    events = contract("shop.orders.raw", [column("n", "integer"), column("seen", "timestamp")], path="in/{date}.csv")
    models = {"seen": "select * from {{ source('orders', 'raw') }}"}
    running = Shop.open(tmp_path, shop(tmp_path, models, (events,)))
    (tmp_path / "in").mkdir()
    texts = ("2024-01-01T23:30:00-05:00", "2024-01-01 23:30:00", "2024-01-01T23:30:00Z", "2024-01-01 00:30:00+02:00")
    lines = "".join(f"{n},{text}\n" for n, text in enumerate(texts))
    (tmp_path / "in/2024-01-01.csv").write_text("n,seen\n" + lines)
    assert running.delivery.run().exit_code == 0
    found = [str(row[0]) for row in running.rows("SELECT seen FROM shop_orders.seen ORDER BY n")]
    assert found == ["2024-01-02 04:30:00", "2024-01-01 23:30:00", "2024-01-01 23:30:00", "2023-12-31 22:30:00"]
    running.close()


def test_files_dated_later_than_asked_wait(live: Shop) -> None:
    """A file of a day that has not come is left where it is, and named."""
    write_day(live.root, date(2031, 1, 1), ordinary_day(0))
    outcome = live.delivery.run(until=START + timedelta(days=30))
    assert outcome.nothing_to_do
    assert outcome.later == ("landing/2031-01-01.csv",)


BY_DAY = MODELS["lines"].strip().splitlines()[0]
TOTALS_BY_DAY = f"""{BY_DAY}
select sold_on, sku, sum(quantity) as quantity, 2 * sum(amount) as revenue from {{{{ ref('lines') }}}} group by 1, 2
"""


def test_a_whole_table_may_become_one_of_intervals(live: Shop) -> None:
    """The new table replaces the old one as soon as it has every interval."""
    later = live.with_estate(shop(live.root, {**MODELS, "totals": TOTALS_BY_DAY}))
    outcome = later.run()
    assert outcome.exit_code == 0
    assert len(outcome.deployments) == 1
    assert live.rows("SELECT sum(revenue) FROM shop_orders.totals") == [(2 * 127.5,)]
    assert later.run().nothing_to_do


def test_the_size_of_batches_may_change(live: Shop) -> None:
    """Days become months, and nothing is published before the month is there."""
    monthly = MODELS["daily"].replace("batch_size='day'", "batch_size='month'")
    later = live.with_estate(shop(live.root, {**MODELS, "daily": monthly}))
    assert later.run().exit_code == 0
    assert live.rows("SELECT sum(revenue) FROM shop_orders.daily") == [(127.5,)]
    assert later.run().nothing_to_do


def test_part_of_a_new_table_is_held_and_says_so(live: Shop) -> None:
    """Rebuilding one interval of a changed model publishes nothing, ends as a finding, and names what lacks."""
    doubled = MODELS["lines"].replace("quantity * price", "2 * quantity * price")
    later = live.with_estate(shop(live.root, {**MODELS, "lines": doubled}))
    outcome = later.run(interval=parse_interval("2024-01-05"))
    assert outcome.exit_code == 1
    assert outcome.deployments == ()
    (lines,) = [s for s in outcome.steps if s.asset == "shop.orders.lines"]
    assert lines.status is Status.HELD
    assert lines.reason == "it goes to a new table, which lacks 2024-01-01, 2024-01-02, 2024-01-03 and 1 more yet"
    assert live.rows("SELECT sum(amount) FROM shop_orders.lines") == [(127.5,)]
    assert later.run().exit_code == 0
    assert live.rows("SELECT sum(amount) FROM shop_orders.lines") == [(255.0,)]


def test_what_is_no_file_has_not_arrived(live: Shop) -> None:
    """A folder, a link that leads nowhere and a pipe, named like a day, neither stop a run nor hang it."""
    sixth, seventh, eighth, ninth = days(9)[5:]
    (live.root / f"landing/{sixth}.csv").mkdir()
    (live.root / f"landing/{seventh}.csv").symlink_to("/nowhere/at/all.csv")
    os.mkfifo(live.root / f"landing/{eighth}.csv")
    write_day(live.root, ninth, ordinary_day(8))
    outcome = live.delivery.run()
    assert outcome.exit_code == 0
    assert {str(s.interval) for s in outcome.steps if s.interval} == {str(ninth)}


def test_a_column_that_the_contract_forbids_keeps_a_file_out(live: Shop) -> None:
    """Where the contract says so, a file with more columns is quarantined; elsewhere they are left out."""
    closed = replace(RAW.objects[0], custom={"freehold:extra_columns": "forbid"})
    strict = live.with_estate(shop(live.root, contracts=(replace(RAW, objects=(closed,)), DAILY_CONTRACT)))
    path = write_day(live.root, days(6)[5], ordinary_day(5))
    head, *lines = path.read_text().splitlines()
    path.write_text("\n".join([f"{head},note", *(f"{line},x" for line in lines)]) + "\n")
    outcome = strict.run()
    (raw,) = [s for s in outcome.steps if s.asset == "shop.orders.raw" and str(s.interval) == "2024-01-06"]
    assert raw.status is Status.QUARANTINED
    assert "`note`" in raw.reason


def test_a_run_after_one_that_broke_starts_from_what_is_live(live: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that ends between two settlements leaves the next one of the same object nothing stale to go by."""
    for index in (5, 6):
        write_day(live.root, days(7)[index], ordinary_day(index))
    settle, settled = live.delivery.publication.settle, []

    def once(*words: object) -> dict[str, int]:
        if settled:
            raise KeyboardInterrupt
        settled.append(1)
        return settle(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(live.delivery.publication, "settle", once)
    with pytest.raises(KeyboardInterrupt):
        live.delivery.run()
    monkeypatch.undo()
    assert live.delivery.run().exit_code == 0
    assert live.rows("SELECT count(*) FROM shop_orders.daily") == [(7,)]


def test_a_run_after_another_command_starts_from_what_is_live(live: Shop) -> None:
    """A rollback and its end by the same object move what is live: the next run goes by that."""
    for index in (5, 6):
        write_day(live.root, days(7)[index], ordinary_day(index))
        assert live.delivery.run().exit_code == 0
        live.delivery.rollback("shop.orders")
        live.delivery.unpin("shop.orders")
    assert live.delivery.run().exit_code == 0
    assert live.rows("SELECT count(*) FROM shop_orders.daily") == [(7,)]

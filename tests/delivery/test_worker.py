"""A worker, in this process and by a clock of our own: what it runs, what it tells, what it leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from shop import DAILY_CONTRACT, MODELS, RAW, Shop, ordinary_day, write_day
from shop import shop as estate_of

from freehold.delivery import Delivery
from freehold.delivery.graph import Graph
from freehold.delivery.scheduling import Standing, Worker, board_of, schedule_findings, standings_of
from freehold.estate.model import Estate, ModelFile, Port, Product
from freehold.foundation import Exit, FreeholdError, Transient, Where
from freehold.insight import Asking, Period, compute, items

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HERE = Where("shop.yaml", 1, 1)
MORNING = {"cron": "0 6 * * *"}


def scheduled(estate: Estate, **said: Any) -> Estate:
    """Return the estate with a schedule on its product."""
    product = estate.products["shop.orders"]
    custom = {"freehold:schedule": said}
    return replace(estate, products={**estate.products, product.id: replace(product, custom=custom)}, hashes=custom)


def with_board(estate: Estate, **said: Any) -> Estate:
    """Return the estate with a second product that reads the first, and a schedule on that."""
    product = Product(
        "shop.board", HERE, version="1.0.0", status="active", domain="shop", tier=2, custom={"freehold:schedule": said}
    )
    product = replace(product, output_ports=(Port("best", HERE),))
    text = "select max(revenue) as best from {{ ref('shop.orders', 'daily') }}"
    model = ModelFile("shop.board.best", "shop.board", "board/best.sql", "sql", text)
    return replace(
        estate,
        products={**estate.products, "shop.board": product},
        models={**estate.models, "shop.board.best": model},
        hashes={**estate.hashes, "board": str(said)},
    )


class Here:
    """The shop as the source of a worker; `breaks` are raised by the next runs, one each."""

    def __init__(self, shop: Shop, estate: Estate) -> None:
        self.shop, self.now, self.breaks = shop, estate, list[FreeholdError]()
        self.on_step: Any = None

    def estate(self) -> Estate:
        return self.now

    @contextmanager
    def delivery(self, estate: Estate) -> Iterator[Delivery]:
        if self.breaks:
            raise self.breaks.pop(0)
        yield self.shop.with_estate(estate)


class Told(list[tuple[str, Mapping[str, Any]]]):
    """What a worker told."""

    def __call__(self, kind: str, about: Mapping[str, Any]) -> None:
        self.append((kind, about))

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self]

    @property
    def ended(self) -> list[tuple[str, str]]:
        return [(about["schedule"], about["status"]) for kind, about in self if kind == "finished"]


class Setting:
    """A shop, its estate with a schedule, and a worker on it."""

    def __init__(self, shop: Shop, estate: Estate) -> None:
        self.shop, self.here, self.told = shop, Here(shop, estate), Told()
        self.worker = self.another()

    def another(self) -> Worker:
        return Worker(
            *(self.here, self.shop.ledger, "prod", self.shop.engine.capabilities.dialect),
            clock=self.shop.clock,
            tell=self.told,
            share=lambda: 0.5,
        )

    def at(self, instant: datetime) -> Told:
        """Look and work at an instant; return what was told."""
        self.shop.clock.move_to(instant)
        self.told.clear()
        self.worker.step()
        return self.told

    def standing(self, days: int = 400) -> Standing:
        graph = Graph.of(self.here.now, "prod", self.shop.engine.capabilities.dialect)
        states = self.worker.look()
        now = self.shop.clock.now()
        board = board_of(self.here.now, graph)
        return standings_of(board, states, self.shop.ledger, "prod", now, timedelta(days=days))[0]


def setting(shop: Shop, **said: Any) -> Setting:
    """Return a worker that has looked at a schedule of the shop once, with a day of files."""
    write_day(shop.root, BEGIN.date(), ordinary_day(0))
    made = Setting(shop, scheduled(estate_of(shop.root), **said))
    made.at(BEGIN)
    return made


def test_what_is_due_is_run_and_remembered(opened: Shop) -> None:
    """Expected when it was due, completed by the schedule, published; a second look does nothing."""
    made = setting(opened, **MORNING)
    told = made.at(BEGIN + timedelta(hours=6, minutes=1))

    assert told.kinds == ["due", "started", "finished"]
    assert told.ended == [("shop.orders", "success")]
    assert opened.rows("select count(*) from shop_orders.lines") == [(3,)]
    (expected,) = opened.ledger.read(types=("run.expected",), subject="schedule/shop.orders")
    (completed,) = opened.ledger.read(types=("run.completed",), subject="schedule/shop.orders")
    assert expected.occurred_at == BEGIN + timedelta(hours=6)
    assert completed.data["due_at"] == expected.data["due_at"]
    assert (completed.data["trigger"], completed.data["attempt"], completed.data["final"]) == ("schedule", 1, True)
    steps = list(opened.ledger.read(types=("run.completed",), subject="shop.orders.lines"))
    assert {s.data["trigger"] for s in steps} == {"schedule"}
    assert steps[0].run_id == completed.run_id
    assert made.at(BEGIN + timedelta(hours=7)).kinds == []


def test_a_run_with_nothing_new_was_not_needed(opened: Shop) -> None:
    """It is skipped, which is not a failure."""
    made = setting(opened, **MORNING)
    made.at(BEGIN + timedelta(hours=6))

    assert made.at(BEGIN + DAY + timedelta(hours=6)).ended == [("shop.orders", "skipped")]


def test_a_worker_sleeps_until_the_next_deadline(opened: Shop) -> None:
    """It asks to be woken when something is due, and at least every minute, to see changed schedules."""
    made = setting(opened, **MORNING)
    slept: list[float] = []

    def wait(seconds: float) -> None:
        slept.append(seconds)
        opened.clock.advance(timedelta(seconds=max(seconds, 0.001)))

    opened.clock.move_to(BEGIN + timedelta(hours=5, minutes=58, seconds=30))
    made.worker.work(wait, until=BEGIN + timedelta(hours=6, seconds=30))

    assert slept[:2] == [60.0, 30.0]
    assert made.told.ended == [("shop.orders", "success")]


def test_times_without_a_worker_are_missed_and_the_latest_is_made_up(opened: Shop) -> None:
    """Three mornings pass: each is told as due when it was, two as missed, the third is run late in the day."""
    made = setting(opened, **MORNING)
    told = made.at(BEGIN + 2 * DAY + timedelta(hours=20))

    assert told.kinds == ["missed", "missed", "due", "started", "finished"]
    events = list(opened.ledger.read(types=("run.expected",), subject="schedule/shop.orders"))
    assert [e.data["missed"] for e in events] == [True, True, False]
    assert [e.occurred_at for e in events] == [BEGIN + n * DAY + timedelta(hours=6) for n in range(3)]
    past = made.standing().past
    assert [t.status for t in past] == ["missed", "missed", "success"]


def test_all_are_made_up_one_by_one(opened: Shop) -> None:
    """Where the file says so, three mornings are three runs; those after the first find nothing new."""
    made = setting(opened, **MORNING, catch_up="all")

    assert [status for _, status in made.at(BEGIN + 2 * DAY + timedelta(hours=20)).ended] == [
        "success",
        "skipped",
        "skipped",
    ]


def test_looking_records_what_was_missed_and_runs_nothing(opened: Shop) -> None:
    """Whoever looks first tells it, once; the worker that comes later runs what is open."""
    made = setting(opened, **MORNING)
    opened.clock.move_to(BEGIN + DAY + timedelta(hours=7))
    made.told.clear()
    made.another().look()
    made.another().look()

    assert made.told.kinds == ["missed", "due"]
    assert [t.status for t in made.standing().past] == ["missed", "open"]
    assert made.at(BEGIN + DAY + timedelta(hours=8)).kinds == ["started", "finished"]


def test_success_of_pipelines_counts_what_was_missed(opened: Shop) -> None:
    """K26 on real events: of ten mornings one is missed, one comes too late, one is quarantined, the rest are well."""
    made = setting(opened, **MORNING, grace="2h")
    for n in range(10):
        write_day(opened.root, (BEGIN + n * DAY).date(), ordinary_day(n)[:1] if n == 7 else ordinary_day(n))
        if n == 7:
            made.at(BEGIN + n * DAY + timedelta(hours=6))
            write_day(opened.root, (BEGIN + n * DAY).date(), ordinary_day(n))
        elif n == 4:
            made.at(BEGIN + n * DAY + timedelta(hours=9))  # made up, and too late
        elif n != 3:
            made.at(BEGIN + n * DAY + timedelta(hours=6))
    period, until = Period(BEGIN, BEGIN + 10 * DAY), BEGIN + 10 * DAY
    found = compute("pipeline-success", opened.ledger, period, until)
    by_tier = compute("pipeline-success", opened.ledger, period, until, Asking(where="tier = 1"))

    assert (found.numerator, found.denominator) == (7, 10)
    assert found.value == pytest.approx(0.7)
    missed = [i.item[-16:-6] for i in items("pipeline-success", opened.ledger, period, until) if not i.numerator]
    assert missed == [
        "2024-01-04",
        "2024-01-05",
        "2024-01-08",
    ]
    assert (by_tier.numerator, by_tier.denominator) == (7, 10)


def test_an_error_that_may_pass_is_tried_again(opened: Shop) -> None:
    """Each attempt is an event; only the last is final; the pause grows, and a worker does not come back before."""
    made = setting(opened, **MORNING)
    passing = Transient("FH-E110", "The warehouse is away.", exit_code=Exit.ENVIRONMENT)
    made.here.breaks = [passing, passing]
    six = BEGIN + timedelta(hours=6)

    assert made.at(six).kinds == ["due", "started", "retried"]
    assert made.at(six + timedelta(seconds=20)).kinds == []
    assert made.at(six + timedelta(seconds=23)).kinds == ["started", "retried"]
    assert made.at(six + timedelta(seconds=60)).kinds == []
    assert made.at(six + timedelta(seconds=70)).ended == [("shop.orders", "success")]
    told = [e.data for e in opened.ledger.read(types=("run.completed",), subject="schedule/shop.orders")]
    assert [(d["attempt"], d["final"], d["status"], d["code"]) for d in told] == [
        (1, False, "failed", "FH-E110"),
        (2, False, "failed", "FH-E110"),
        (3, True, "success", None),
    ]


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        pytest.param(FreeholdError("FH-M001", "The model is wrong."), 1, id="a lasting error is not tried again"),
        pytest.param(Transient("FH-E110", "Away."), 3, id="a passing one three times"),
    ],
)
def test_a_run_that_fails_ends(opened: Shop, error: FreeholdError, attempts: int) -> None:
    """After the last attempt the run is over, with the code of what ended it."""
    made = setting(opened, **MORNING)
    made.here.breaks = [error] * 5
    for hour in range(6, 10):
        made.at(BEGIN + timedelta(hours=hour))

    told = [e.data for e in opened.ledger.read(types=("run.completed",), subject="schedule/shop.orders")]
    assert len(told) == attempts
    assert (told[-1]["final"], told[-1]["status"], told[-1]["code"]) == (True, "failed", error.code)


def test_what_somebody_else_has_is_waited_for(opened: Shop) -> None:
    """A run that finds the environment held has not begun: no attempt is counted, and it comes back soon."""
    made = setting(opened, **MORNING)
    six = BEGIN + timedelta(hours=6)
    with opened.ledger.lease("deliver:prod", "user:local/ana@elsewhere:1", 60):
        assert made.at(six).kinds == ["due", "started", "waiting"]
    told = made.at(six + timedelta(seconds=5))

    assert told.ended == [("shop.orders", "success")]
    (event,) = opened.ledger.read(types=("run.completed",), subject="schedule/shop.orders")
    assert event.data["attempt"] == 1


def test_a_worker_that_is_asked_to_stop_leaves_the_rest_to_the_next(opened: Shop) -> None:
    """It ends after the step at hand, publishes no half of a wave, and frees what it held; another goes on at once."""
    made = setting(opened, **MORNING)
    opened.clock.move_to(BEGIN + timedelta(hours=6))
    stopping = made.another()
    finished = stopping._between_steps

    def stop(*words: Any) -> None:
        stopping.stop()
        finished(*words)

    stopping._between_steps = stop  # type: ignore[method-assign]
    made.told.clear()
    stopping.work(lambda _: None)
    assert made.told.kinds == ["due", "started", "stopped"]
    assert not list(opened.ledger.read(types=("run.completed",), subject="schedule/shop.orders"))

    assert made.at(BEGIN + timedelta(hours=6)).kinds == ["started", "finished"]
    assert opened.rows("select count(*) from shop_orders.lines") == [(3,)]
    assert len(list(opened.ledger.read(types=("asset.published",)))) == 6


def test_a_schedule_that_another_worker_has_is_left_to_it(opened: Shop) -> None:
    """While its lease is held, nobody else tells or runs anything of it."""
    made = setting(opened, **MORNING)
    with opened.ledger.lease("schedule:prod shop.orders", "user:local/ana@elsewhere:1", 60):
        assert made.at(BEGIN + timedelta(hours=6)).kinds == []

    assert made.at(BEGIN + timedelta(hours=6)).ended == [("shop.orders", "success")]


def test_a_worker_that_lost_its_lease_records_nothing(opened: Shop) -> None:
    """Its token is refused in the transaction of what it would write; the other's word stands alone."""
    made = setting(opened, **MORNING)
    opened.clock.move_to(BEGIN + timedelta(hours=6))
    made.told.clear()
    other = made.another()

    def lose(*_: Any) -> None:
        lease = opened.ledger.lease("schedule:prod shop.orders", "other", 60, is_gone=lambda _: True)
        lease.release()
        made.worker._between_steps = type(made.worker)._between_steps.__get__(made.worker)  # type: ignore[method-assign]

    made.worker._between_steps = lose  # type: ignore[method-assign]
    made.worker.step()
    other.step()

    assert "lost" in made.told.kinds
    (event,) = opened.ledger.read(types=("run.completed",), subject="schedule/shop.orders")
    assert event.data["status"] == "skipped"  # what the first had published before was there already


def test_a_file_that_comes_makes_a_run_due(opened: Shop) -> None:
    """End to end: a file arrives or is corrected, and is published; nothing comes, and nothing runs."""
    made = setting(opened, on="file")

    assert opened.rows("select count(*) from shop_orders.lines") == [(3,)]
    assert made.at(BEGIN + DAY).kinds == []
    write_day(opened.root, (BEGIN + DAY).date(), ordinary_day(1))
    assert made.at(BEGIN + 2 * DAY).ended == [("shop.orders", "success")]
    write_day(opened.root, (BEGIN + DAY).date(), [*ordinary_day(1), ("x", "b5", 1, 3.0)])
    assert made.at(BEGIN + 2 * DAY + timedelta(hours=1)).ended == [("shop.orders", "success")]
    assert opened.rows("select count(*) from shop_orders.lines") == [(7,)]
    causes = {e.data["schedule"] for e in opened.ledger.read(types=("run.expected",), subject="schedule/shop.orders")}
    assert causes == {"on file"}


def test_a_publication_makes_what_reads_it_due(opened: Shop) -> None:
    """End to end: the morning run of one product is followed by that of another, in the same look; and not again."""
    write_day(opened.root, BEGIN.date(), ordinary_day(0))
    made = Setting(opened, with_board(scheduled(estate_of(opened.root), **MORNING), after="upstream"))
    made.at(BEGIN)
    told = made.at(BEGIN + timedelta(hours=6))

    assert told.ended == [("shop.orders", "success"), ("shop.board", "success")]
    assert opened.rows("select best from shop_board.best") == [(23.5,)]
    assert made.at(BEGIN + DAY + timedelta(hours=6)).ended == [("shop.orders", "skipped")]
    (event,) = opened.ledger.read(types=("run.expected",), subject="schedule/shop.board")
    assert event.data["schedule"] == "after upstream"


def test_what_is_read_runs_before_what_reads_it(opened: Shop) -> None:
    """Both due at six: the one above first; while it is tried again, the one below waits."""
    write_day(opened.root, BEGIN.date(), ordinary_day(0))
    made = Setting(opened, with_board(scheduled(estate_of(opened.root), **MORNING), **MORNING))
    made.at(BEGIN)
    made.here.breaks = [Transient("FH-E110", "Away.")]

    assert made.at(BEGIN + timedelta(hours=6)).kinds == ["due", "due", "started", "retried"]
    assert made.at(BEGIN + timedelta(hours=6, minutes=1)).ended == [
        ("shop.orders", "success"),
        ("shop.board", "success"),
    ]


def test_an_asset_runs_by_a_schedule_of_its_own(opened: Shop) -> None:
    """It runs with what it reads of its product; the schedule of the product leaves it out."""
    schema = replace(DAILY_CONTRACT.objects[0], custom={"freehold:schedule": {"cron": "0 7 * * *"}})
    contracts = (RAW, replace(DAILY_CONTRACT, objects=(schema,)))
    estate = scheduled(estate_of(opened.root, MODELS, contracts), **MORNING)
    graph = Graph.of(estate, "prod", "duckdb")
    board = {one.subject: one for one in board_of(estate, graph)}

    assert board["shop.orders.daily"].assets == ("shop.orders.raw", "shop.orders.lines", "shop.orders.daily")
    assert "shop.orders.daily" not in board["shop.orders"].assets
    assert set(board["shop.orders"].assets) == {
        f"shop.orders.{n}" for n in ("raw", "lines", "totals", "buyers", "latest")
    }


def test_a_changed_schedule_counts_from_when_it_is_seen(opened: Shop) -> None:
    """New times do not reach back; files that errors keep from being read leave the schedules as they were."""
    made = setting(opened, **MORNING)
    made.at(BEGIN + timedelta(hours=6))
    made.here.now = scheduled(estate_of(opened.root), cron="0 * * * *")

    assert made.at(BEGIN + timedelta(hours=12, minutes=30)).kinds == []
    assert made.at(BEGIN + timedelta(hours=13)).kinds == ["due", "started", "finished"]


def test_an_estate_in_error_leaves_the_schedules_as_they_were(opened: Shop) -> None:
    """The worker says so and goes on with what it had."""
    made = setting(opened, **MORNING)

    def broken() -> Estate:
        raise FreeholdError("FH-V101", "`corn` is no key of it.")

    made.here.estate = broken  # type: ignore[method-assign]

    assert made.at(BEGIN + timedelta(hours=6)).kinds == ["unread", "due", "started", "finished"]


@pytest.mark.parametrize(
    ("said", "mode", "why"),
    [
        pytest.param({"after": "upstream"}, "publish", "reads nothing of another product", id="nothing upstream"),
        pytest.param({"cron": "0 6 * * *"}, "watch", "mode watch", id="built by others"),
    ],
)
def test_a_schedule_that_never_runs_anything_is_found(opened: Shop, said: dict[str, str], mode: str, why: str) -> None:
    """Before anybody waits for it."""
    estate = scheduled(estate_of(opened.root), **said)
    product = replace(estate.products["shop.orders"], mode=mode)
    estate = replace(estate, products={"shop.orders": product})
    (error,) = schedule_findings(estate, Graph.of(estate, "prod", "duckdb"))

    assert error.code == "FH-V116"
    assert why in error.problem

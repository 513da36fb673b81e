"""Tables that others fill: one question a minute, told as runs tell; so they are late and unusual by the same ways."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import filled_estate
from filled_estate import FEED
from freehold.delivery.graph import Graph
from freehold.engines import Engine, Session, open_engine
from freehold.estate import load_estate
from freehold.foundation import LOCAL, FreeholdError, SimulatedClock
from freehold.ledger import Event, Ledger
from freehold.reliability import anomalies, watch
from freehold.reliability.slo import Watch
from freehold.reliability.slo.watch import arrivals_of
from freehold.reliability.tables import look_at_tables, looked

START = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday


class Bench:
    """An estate, its ledger under a clock that is moved by hand, and a warehouse that somebody else writes."""

    def __init__(self, root: Path, engine: Engine) -> None:
        filled_estate.write(root)
        self.estate = load_estate(root)
        self.graph = Graph.of(self.estate, "prod", "duckdb")
        self.clock = SimulatedClock(START)
        self.ledger = Ledger.open("sqlite:///state.db", root=root, clock=self.clock)
        self.engine, self.questions = engine, 0
        self.writer = engine.session(LOCAL)
        self.write("CREATE SCHEMA landing", "CREATE TABLE landing.feed (id INTEGER, sold VARCHAR)",
                   "CREATE TABLE landing.names (id INTEGER)")  # fmt: skip

    @property
    def is_counted(self) -> bool:
        """Whether the warehouse counts what is written."""
        return not self.engine.capabilities.exact_count

    def write(self, *statements: str) -> None:
        """Do what somebody else does in the warehouse."""
        for statement in statements:
            self.writer.run(statement)
        if self.is_counted:  # else it is counted within a second
            self.writer.rows("SELECT pg_stat_force_next_flush()")

    def fill(self, rows: int) -> None:
        """Add rows to the feed."""
        self.write(f"INSERT INTO landing.feed SELECT n, 'x' FROM generate_series(1, {rows}) AS s(n)")

    @contextmanager
    def opened(self) -> Iterator[Session]:
        with closing(self.engine.session(LOCAL)) as session:
            yield session
            self.questions += session.cost.queries

    def look(self, opened: Any = None) -> list[tuple[str, str]]:
        """Look, and return the types and assets of what is told."""
        found = look_at_tables(
            self.estate, self.graph, self.ledger, "prod", self.clock.now(), opened or self.opened
        )  # fmt: skip
        return [(event.type, event.subject.rpartition(".")[2]) for event in found]

    def at(self, day: int, hour: float) -> Bench:
        """Let time pass until an hour of a day after the first."""
        midnight = START.replace(hour=0)
        self.clock.advance(midnight + timedelta(days=day, hours=hour) - self.clock.now())
        return self

    def day(self, number: int, rows: int) -> None:
        """A day on which rows come at six in the morning, with looks around midnight and then."""
        self.at(number, 0.02).look()
        if rows:
            self.fill(rows)
        self.at(number, 6).look()
        self.at(number, 23.5).look()

    def told(self, type_: str, asset: str = FEED) -> list[dict[str, Any]]:
        """Return what events of a type hold."""
        return [dict(event.data) for event in self.ledger.read(types=(type_,), subject=asset)]

    def turn(self) -> Any:
        """Take a turn of watching."""
        return watch(self.estate, self.ledger, "prod", lambda: self.graph, self.clock)


@pytest.fixture(params=["duckdb", "postgres"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """The estate over each engine."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else "duckdb:///shop.db"
    engine = open_engine(url, root=str(tmp_path))
    made = Bench(tmp_path, engine)
    yield made
    made.ledger.close()
    engine.close()


def test_one_question_a_minute_tells_what_changed_and_nothing_else(bench: Bench) -> None:
    """The first look tells columns; a second within the minute asks nothing; rows are told when they come."""
    assert bench.look() == [("schema.observed", "feed"), ("schema.observed", "names")]
    one = bench.questions
    assert bench.look() == []
    assert bench.questions == one
    bench.clock.advance(timedelta(minutes=1))
    assert bench.look() == []
    assert bench.questions == 2 * one
    assert one == (3 + 1 if bench.is_counted else 1)  # and three settings, that the question ends in time

    bench.fill(10)
    bench.clock.advance(timedelta(minutes=1))
    now = bench.clock.now()
    assert bench.look() == [("freshness.observed", "feed")]
    (said,) = bench.told("freshness.observed")
    assert (datetime.fromisoformat(said["data_time"]), said["target_s"], said["age_s"]) == (now, 7200, 0)
    assert arrivals_of(bench.ledger, "prod", FEED) == (now,)


def test_rows_that_come_all_the_time_are_bundled_and_the_last_is_told(bench: Bench) -> None:
    """Told at once, then after five minutes of those that were promised, with the time of the newest."""
    bench.look()
    for _ in range(7):
        bench.fill(1)
        bench.clock.advance(timedelta(minutes=1))
        bench.look()
    last = bench.clock.now()
    for _ in range(9):
        bench.clock.advance(timedelta(minutes=1))
        bench.look()
    times = [datetime.fromisoformat(one["data_time"]) for one in bench.told("freshness.observed")]
    first = START + timedelta(minutes=1)
    assert times == [first, first + timedelta(minutes=5), last]


def test_a_table_that_stops_growing_is_late_and_unusual(bench: Bench) -> None:
    """Twelve days with rows and one without: the batch of nothing is an anomaly, and what was due by seven is late."""
    bench.look()
    watching = Watch(bench.estate, bench.graph, bench.ledger, "prod", bench.clock.now())
    bench.at(0, 23.5).look()
    for number in range(1, 13):
        bench.day(number, 100 + number % 3)
    assert [one["rows"] for one in bench.told("profile.observed")] == [100 + number % 3 for number in range(1, 12)]
    assert bench.turn().anomalies == ()

    bench.at(13, 0.02).look()
    assert watching.late(bench.at(13, 7.4).clock.now()) == ()
    bench.at(13, 23.5).look()
    (late,) = watching.late(bench.clock.now())
    assert (late.asset, late.due_at) == (FEED, datetime(2026, 3, 15, 7, tzinfo=UTC))
    bench.at(14, 0.02).look()
    (found,) = bench.turn().anomalies
    assert (found.asset, found.measure.name, found.value, found.grade) == (FEED, "rows", 0, "severe")
    assert found == anomalies(bench.ledger, "prod")[0]


def test_columns_that_changed_raise_an_alert_until_they_are_back(bench: Bench) -> None:
    """What the contract promises is missing: a breach that consumers read. One more column is none."""
    bench.look()
    bench.turn()
    bench.write("ALTER TABLE landing.feed ADD COLUMN more VARCHAR")
    bench.clock.advance(timedelta(minutes=1))
    assert bench.look() == [("schema.observed", "feed")]
    assert bench.turn().alerts.raised == ()

    bench.write("ALTER TABLE landing.feed RENAME COLUMN sold TO sold_at")
    bench.clock.advance(timedelta(minutes=1))
    bench.look()
    said = bench.told("schema.observed")[-1]
    assert (said["breaking"], said["contract"]) == (True, FEED)
    assert said["diff"] == {"missing": ["sold"], "extra": ["sold_at", "more"], "of another type": []}
    (raised,) = bench.turn().alerts.raised
    (alert,) = bench.told("alert.raised")
    assert alert["reason"].startswith("the columns are not those of the contract")
    assert "missing sold" in alert["reason"]
    assert alert["page"]

    bench.write("ALTER TABLE landing.feed RENAME COLUMN sold_at TO sold")
    bench.clock.advance(timedelta(minutes=1))
    bench.look()
    bench.turn()
    bench.clock.advance(timedelta(hours=1))
    bench.turn()
    assert [one["alert_id"] for one in bench.told("alert.resolved")] == [raised]


def test_without_a_contract_columns_are_compared_with_those_there_were(bench: Bench) -> None:
    """Another type, and a table that is gone; one that was never there is not told at all."""
    bench.look()
    bench.write("ALTER TABLE landing.names ALTER COLUMN id TYPE BIGINT")
    bench.clock.advance(timedelta(minutes=1))
    bench.look()
    bench.write("DROP TABLE landing.names")
    bench.clock.advance(timedelta(minutes=1))
    bench.look()
    told = bench.told("schema.observed", "shop.orders.names")
    assert [(one["breaking"], one["contract"]) for one in told] == [(False, None), (True, None), (True, None)]
    assert [one["diff"]["of another type"] for one in told] == [[], ["id"], []]
    assert told[-1]["diff"]["missing"] == ["id"]


def test_a_day_that_was_not_watched_whole_is_not_told(bench: Bench) -> None:
    """The first, which was begun at noon, and those around a pause of the looks over a midnight."""
    bench.look()
    bench.at(0, 23.5).look()
    bench.day(1, 100)
    bench.day(2, 100)
    bench.at(4, 1).look()  # nobody looked for a night and a day
    bench.at(4, 23.5).look()
    bench.day(5, 50)
    bench.at(6, 0.02).look()
    told = [(one["interval_start"], one["rows"]) for one in bench.told("profile.observed")]
    assert told == [("2026-03-03T00:00:00Z", 100), ("2026-03-07T00:00:00Z", 50)]


def test_a_look_that_breaks_off_is_made_again_whole(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told and what is kept are recorded together: killed before, all is told by the next; after, nothing."""
    bench.look()
    bench.fill(5)
    bench.clock.advance(timedelta(minutes=1))
    with monkeypatch.context() as broken:
        broken.setattr(Ledger, "append", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            bench.look()
    assert bench.look() == [("freshness.observed", "feed")]
    assert bench.look() == []


def test_who_looks_beside_another_leaves_it_to_them(bench: Bench) -> None:
    """While one asks, a second is told that it is done elsewhere; and then has nothing to do."""

    @contextmanager
    def opened() -> Iterator[Session]:
        with pytest.raises(FreeholdError, match="FH-L201"):
            bench.look()
        with bench.opened() as session:
            yield session

    assert len(bench.look(opened)) == 2
    assert bench.look() == []


def test_a_warehouse_that_does_not_answer_is_asked_less_and_less_often(bench: Bench) -> None:
    """After two minutes, four, eight, then every quarter of an hour; when it answers it is as if nothing had been."""
    bench.look()

    @contextmanager
    def opened() -> Iterator[Session]:
        with closing(open_engine("postgresql://nobody@127.0.0.1:1/none")) as engine:
            yield engine.session(LOCAL)

    bench.clock.advance(timedelta(minutes=1))
    for wait in (2, 4, 8, 15, 15):
        with pytest.raises(FreeholdError) as caught:
            bench.look(opened)
        state = looked(bench.ledger, "prod")
        assert state is not None
        assert state.next_at == bench.clock.now() + timedelta(minutes=wait)
        assert caught.value.code in state.problem
        assert (state.at, bench.look(opened)) == (START, [])
        bench.clock.advance(timedelta(minutes=wait))
    bench.fill(3)
    assert bench.look() == [("freshness.observed", "feed")]
    state = looked(bench.ledger, "prod")
    assert state is not None
    assert (state.failed, state.problem) == (0, "")


def test_counters_that_began_anew_tell_nothing(tmp_path: Path, postgres_url: str) -> None:
    """A server that forgot its counters did not get rows; the day of which something is unknown is not told."""
    engine = open_engine(postgres_url)
    bench = Bench(tmp_path, engine)
    bench.look()
    bench.at(0, 23.5).look()
    bench.day(1, 100)
    bench.at(2, 0.02).look()
    told = len(bench.told("freshness.observed"))
    bench.writer.rows("SELECT pg_stat_reset()")
    bench.at(2, 1)
    assert bench.look() == []
    bench.fill(7)
    bench.at(2, 23.5).look()
    bench.at(3, 0.02).look()
    assert len(bench.told("freshness.observed")) == told + 1
    assert [one["rows"] for one in bench.told("profile.observed")] == [100]
    bench.ledger.close()
    engine.close()


def test_what_we_build_comes_when_it_is_published_and_not_when_its_age_is_told(bench: Bench) -> None:
    """Only of a table that others fill does its freshness say that something came."""
    said = {"asset": "shop.orders.own", "data_time": "2026-03-01T00:00:00Z"}
    bench.ledger.append(
        Event(
            "asset.published", {"asset": "shop.orders.own", "deployment": "d"}, env="prod", subject="shop.orders.own"
        ),
        Event("freshness.observed", said, env="prod", subject="shop.orders.own"),
    )
    assert arrivals_of(bench.ledger, "prod", "shop.orders.own") == (START,)

"""What falls due between two looks: pure decisions, however often anybody looks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.delivery.scheduling import Due, Open, Scheduled, Signals, State, notice
from freehold.delivery.scheduling.noticing import AT_ONCE, is_ready, pause, put_off
from freehold.delivery.scheduling.state import from_json, to_json
from freehold.estate.schedules import Schedule, due_times
from freehold.foundation import Where

HERE = Where("product.odps.yaml", 1, 1)
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
HOURS = timedelta(hours=1)
NOTHING = Signals()


def hourly(catch_up: str = "latest", **more: object) -> Scheduled:
    """Return a schedule that is due every hour."""
    schedule = Schedule(HERE, cron="0 * * * *", catch_up=catch_up, **more)  # type: ignore[arg-type]
    return Scheduled("shop.orders", "shop.orders", schedule)


def looked(one: Scheduled, at: datetime, state: State | None = None, signals: Signals = NOTHING) -> State:
    """Return the state after a look."""
    return notice(one, state, at, signals).state


@pytest.mark.parametrize(
    ("catch_up", "hours", "opened", "missed"),
    [
        pytest.param("latest", 1.0, 1, 0, id="one time is run"),
        pytest.param("latest", 3.5, 1, 2, id="latest makes up the newest of three"),
        pytest.param("all", 3.5, 3, 0, id="all makes up all three"),
        pytest.param("none", 3.0, 1, 2, id="none runs what is due now"),
        pytest.param("none", 3.5, 0, 3, id="none makes up nothing half an hour later"),
        pytest.param("latest", 0.5, 0, 0, id="nothing is due yet"),
    ],
)
def test_what_passed_is_made_up_as_declared(catch_up: str, hours: float, opened: int, missed: int) -> None:
    """Every time is told; which of them are run is the schedule's word."""
    one = hourly(catch_up)
    found = notice(one, looked(one, MONDAY), MONDAY + hours * HOURS, Signals())

    assert len(found.state.open) == opened
    assert sum(given_up for _, given_up in found.due) == missed
    assert len(found.due) == opened + missed


def test_a_first_look_finds_nothing_due() -> None:
    """A schedule counts from when it is first seen; so does one that reads otherwise than before."""
    one, other = hourly(), Scheduled("shop.orders", "shop.orders", Schedule(HERE, cron="*/5 * * * *"))
    state = looked(one, MONDAY)

    assert state.open == ()
    assert notice(other, state, MONDAY + 2 * HOURS, Signals()).due == ()


def test_a_run_has_until_the_next_time_or_as_long_as_it_is_given() -> None:
    """The deadline is declared, or the next due time, also of the newest."""
    found = notice(hourly(), looked(hourly(), MONDAY), MONDAY + HOURS, Signals()).due
    given_ = hourly(grace=timedelta(minutes=20))
    shorter = notice(given_, looked(given_, MONDAY), MONDAY + HOURS, Signals()).due

    assert found == ((Due(MONDAY + HOURS, MONDAY + 2 * HOURS), False),)
    assert shorter[0][0].deadline_at == MONDAY + 1.5 * HOURS - timedelta(minutes=10)


def test_what_nobody_took_in_time_is_given_up_where_nothing_is_made_up() -> None:
    """A time that was told when it came, and waited for a worker for ten minutes, is not run after all."""
    one = hourly("none")
    state = looked(one, MONDAY + HOURS, looked(one, MONDAY))

    assert len(state.open) == 1
    assert looked(one, MONDAY + HOURS + timedelta(minutes=10), state).open == ()


def test_a_newer_time_takes_the_place_of_one_that_is_still_open() -> None:
    """What was not run by the next time is missed; its attempts do not count against the newer one."""
    one = hourly()
    state = put_off(looked(one, MONDAY + HOURS, looked(one, MONDAY)), (), MONDAY, 0.0)
    state = put_off(state, state.open, MONDAY + HOURS, 0.5)
    later = looked(one, MONDAY + 2 * HOURS, state)

    assert [o.due.due_at for o in later.open] == [MONDAY + 2 * HOURS]
    assert later.open[0].attempts == 0


@given(
    st.lists(st.integers(0, 36 * 3600), max_size=8),
    st.sampled_from(("0 * * * *", "30 1 * * *", "*/20 0-4 * * *")),
    st.sampled_from(("latest", "all", "none")),
)
@settings(max_examples=100, deadline=None)
def test_the_same_times_are_told_however_often_somebody_looks(cuts: list[int], cron: str, catch_up: str) -> None:
    """Through the night in which the clock is set back: none lost, none twice, in order."""
    one = Scheduled("a", "a", Schedule(HERE, cron=cron, zone="Europe/London", catch_up=catch_up))
    first = datetime(2026, 10, 24, 14, tzinfo=UTC)
    last = first + timedelta(hours=36)
    state, told = looked(one, first), []
    for at in [*sorted(first + timedelta(seconds=s) for s in cuts), last]:
        found = notice(one, state, at, Signals())
        state = from_json(to_json(found.state))
        told += [due.due_at for due, _ in found.due]

    assert told == list(due_times(one.schedule, None, first, last))


def test_years_of_times_are_told_some_at_a_time() -> None:
    """More than a thousand times are told in several transactions, and only the very newest is run."""
    one = Scheduled("a", "a", Schedule(HERE, cron="*/10 * * * *"))
    state, told, now = looked(one, MONDAY), 0, MONDAY + timedelta(days=20)
    for _ in range(10):
        found = notice(one, state, now, Signals())
        state, told = found.state, told + len(found.due)
        assert len(found.due) <= AT_ONCE
        if not found.is_more:
            break

    assert told == 20 * 24 * 6
    assert [o.due.due_at for o in state.open] == [now]


def triggered(**more: bool) -> Scheduled:
    """Return a schedule that waits for something."""
    return Scheduled("shop.board", "shop.board", Schedule(HERE, **more), reads=frozenset({"shop.orders.orders"}))


def test_a_publication_makes_a_run_due_once() -> None:
    """What is published while the run is open is left to it; what comes after makes another due."""
    one = triggered(after_upstream=True)
    state = looked(one, MONDAY, None, Signals(head=7))
    first = notice(one, state, MONDAY + HOURS, Signals(9, MONDAY + HOURS / 2))
    again = notice(one, first.state, MONDAY + HOURS, Signals(12, MONDAY + HOURS))

    assert [due.cause for due, _ in first.due] == ["upstream"]
    assert first.due[0][0].due_at == MONDAY + HOURS / 2
    assert first.state.cursor == 9
    assert again.due == ()
    assert again.state == first.state


def test_files_that_are_there_at_first_have_come() -> None:
    """The first look runs what lies there; later ones run what differs, and nothing else."""
    one = triggered(on_file=True)
    first = notice(one, None, MONDAY, Signals(files="a"))
    done = State(one.schedule.told, MONDAY, 0, "a")

    assert [due.cause for due, _ in first.due] == ["file"]
    assert notice(one, done, MONDAY + HOURS, Signals(files="a")).due == ()
    assert len(notice(one, done, MONDAY + HOURS, Signals(files="b")).due) == 1


@pytest.mark.parametrize(
    ("above", "mine", "ready"),
    [
        pytest.param([0], [0], False, id="both due at once: what is read goes first"),
        pytest.param([], [0], True, id="nothing above is due"),
        pytest.param([1], [0], True, id="what is above is due later"),
        pytest.param([-1], [0], False, id="what is above is still at it"),
    ],
)
def test_what_is_read_runs_first(above: list[int], mine: list[int], ready: bool) -> None:
    """A schedule waits for those it reads that are due before it or with it."""

    def state(hours: list[int]) -> State:
        return State("", MONDAY, open=tuple(Open(Due(MONDAY + h * HOURS, MONDAY)) for h in hours))

    one = Scheduled("b", "b", Schedule(HERE), above=frozenset({"a"}))

    assert is_ready(one, {"a": state(above), "b": state(mine)}, MONDAY + HOURS) is ready


@pytest.mark.parametrize("attempts", range(8))
def test_pauses_grow_and_differ(attempts: int) -> None:
    """Doubling up to ten minutes, at least half of it, the rest at random."""
    least, most = pause(attempts, 0.0), pause(attempts, 1.0)

    assert most == min(timedelta(seconds=30 * 2**attempts), timedelta(minutes=10))
    assert least == most / 2

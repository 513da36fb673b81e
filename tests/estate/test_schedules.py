"""When something runs by itself: cron in a zone, days that do not count, and files that say it wrongly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.estate import load_estate
from freehold.estate.calendars import Days
from freehold.estate.schedules import Schedule, due_times, next_due, schedule_from
from freehold.foundation import Problems, Where

HERE = Where("product.odps.yaml", 1, 1)
LONDON = "Europe/London"


def at(text: str) -> datetime:
    """Read an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def due(cron: str, zone: str, first: str, last: str, days: Days | None = None) -> list[str]:
    """Return the times due after one instant and until another, to the minute, in UTC."""
    schedule = Schedule(HERE, cron=cron, zone=zone)
    return [f"{t:%m-%d %H:%M}" for t in due_times(schedule, days, at(first), at(last))]


@pytest.mark.parametrize(
    ("cron", "zone", "first", "last", "expected"),
    [
        pytest.param(
            *("45 5 * * *", LONDON, "2026-01-01", "2026-01-03"),
            ["01-01 05:45", "01-02 05:45"],
            id="winter is UTC there",
        ),
        pytest.param(
            *("45 5 * * *", LONDON, "2026-07-01", "2026-07-03"), ["07-01 04:45", "07-02 04:45"], id="summer is not"
        ),
        pytest.param(
            *("45 5 * * 1-5", LONDON, "2026-11-20", "2026-11-24T12:00"),
            ["11-20 05:45", "11-23 05:45", "11-24 05:45"],
            id="Friday, then Monday",
        ),
        pytest.param(
            *("30 1 * * *", LONDON, "2026-03-28T12:00", "2026-03-30T12:00"),
            ["03-29 01:00", "03-30 00:30"],
            id="a time that does not exist comes at the first minute that does",
        ),
        pytest.param(
            *("0,30 1 * * *", LONDON, "2026-03-28T12:00", "2026-03-29T12:00"),
            ["03-29 01:00"],
            id="two that do not exist come once",
        ),
        pytest.param(
            *("30 1 * * *", LONDON, "2026-10-24T12:00", "2026-10-26T12:00"),
            ["10-25 00:30", "10-26 01:30"],
            id="a time that exists twice comes the first time",
        ),
        pytest.param(
            *("30 1 * * *", LONDON, "2026-10-25T01:10", "2026-10-26T12:00"),
            ["10-26 01:30"],
            id="and not again when looked for in the second hour",
        ),
        pytest.param(
            *("0 * * * *", LONDON, "2026-10-24T23:30", "2026-10-25T03:30"),
            ["10-25 00:00", "10-25 01:00", "10-25 02:00", "10-25 03:00"],
            id="every hour follows real time through the hour that comes twice",
        ),
        pytest.param(
            *("*/30 * * * *", LONDON, "2026-03-29T00:10", "2026-03-29T01:40"),
            ["03-29 00:30", "03-29 01:00", "03-29 01:30"],
            id="and through the hour that is left out",
        ),
        pytest.param(
            *("0 0 * * *", "Africa/Cairo", "2025-04-23T12:00", "2025-04-25T12:00"),
            ["04-23 22:00", "04-24 22:00"],
            id="a midnight that does not exist comes an hour later by the wall",
        ),
        pytest.param(
            *("0 6 L * *", "UTC", "2026-01-30", "2026-03-01"), ["01-31 06:00", "02-28 06:00"], id="last of the month"
        ),
        pytest.param(
            *("0 6 * * mon#1", "UTC", "2026-01-01", "2026-03-01"), ["01-05 06:00", "02-02 06:00"], id="first Monday"
        ),
    ],
)
def test_cron_is_wall_time(cron: str, zone: str, first: str, last: str, expected: list[str]) -> None:
    """Due times are those of the wall clock in the zone, and where that jumps, those of the documented rule."""
    assert due(cron, zone, first, last) == expected


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        pytest.param(None, ["12-24 06:00", "12-25 06:00", "12-26 06:00"], id="without a calendar every day counts"),
        pytest.param(Days(frozenset(range(7))), ["12-24 06:00", "12-25 06:00", "12-26 06:00"], id="all days worked"),
        pytest.param(
            Days(country="GB", subdivision="ENG"), ["12-24 06:00"], id="holidays and the weekend are left out"
        ),
    ],
)
def test_days_that_are_not_worked_are_left_out(days: Days | None, expected: list[str]) -> None:
    """A time on a holiday, or on a day that is not worked, is skipped, not moved."""
    assert due("0 6 * * *", "UTC", "2026-12-24", "2026-12-27", days) == expected


def test_the_day_is_that_of_the_zone() -> None:
    """One in the morning in Tokyo on Monday is Sunday in UTC, and it is worked."""
    assert due("0 1 * * *", "Asia/Tokyo", "2026-11-20T20:00", "2026-11-23T20:00", Days()) == [
        "11-22 16:00",
        "11-23 16:00",
    ]


ZONES = (LONDON, "UTC", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Sao_Paulo", "Pacific/Apia")
FIELD = st.sampled_from
CRONS = st.builds(
    lambda *parts: " ".join(parts),
    FIELD(("0", "30", "*/7", "*", "5,50", "59")),
    FIELD(("*", "0", "1", "2", "*/2", "0,1,2,3", "23")),
    FIELD(("*", "*", "1", "L", "29-31")),
    FIELD(("*", "*", "3,4", "10-11")),
    FIELD(("*", "*", "0", "1-5", "mon#1")),
)
INSTANTS = st.integers(0, 640 * 86_400).map(lambda s: at("2024-03-01") + timedelta(seconds=s))


@given(CRONS, st.sampled_from(ZONES), INSTANTS, st.lists(st.integers(0, 9 * 86_400), max_size=6), st.booleans())
@settings(max_examples=150, deadline=None)
def test_times_increase_and_none_is_lost(
    cron: str, zone: str, first: datetime, cuts: list[int], has_days: bool
) -> None:
    """However the time between two looks is cut, the same times are due, in order, each once."""
    schedule = Schedule(HERE, cron=cron, zone=zone)
    days = Days() if has_days else None
    last = first + timedelta(days=9)
    whole = list(due_times(schedule, days, first, last))
    looks = [first, *sorted(first + timedelta(seconds=s) for s in cuts), last]
    pieces = [t for a, b in pairwise(looks) for t in due_times(schedule, days, a, b)]

    assert whole == pieces
    assert all(a < b for a, b in pairwise(whole))
    assert all(first < t <= last for t in whole)


@pytest.mark.parametrize("around", ["2026-03-29T01:00", "2026-10-25T01:00"])
def test_no_cut_around_a_change_of_the_clock_loses_a_time(around: str) -> None:
    """Looked at every seven minutes through the change, at any offset, the same times are due."""
    schedule = Schedule(HERE, cron="0,30 0,1,2 * * *", zone=LONDON)
    first, last = at(around) - timedelta(hours=4), at(around) + timedelta(hours=4)
    whole = list(due_times(schedule, None, first, last))
    looks = [first + timedelta(minutes=7 * n) for n in range(69)] + [last]

    assert whole == [t for a, b in pairwise(looks) for t in due_times(schedule, None, a, b)]


def test_a_time_that_is_years_away_is_found() -> None:
    """The next leap day is four years off."""
    schedule = Schedule(HERE, cron="0 0 29 2 *", zone="UTC")

    assert next_due(schedule, None, at("2024-03-01")) == at("2028-02-29")


def test_a_schedule_reads_in_a_line() -> None:
    """What a file says is told in the words of the file."""
    said = {"cron": "45 5 * * 1-5", "calendar": "england", "after": "upstream", "on": "file", "grace": "90m"}
    schedule = schedule_from(said, HERE, LONDON)

    assert schedule.told == "45 5 * * 1-5 Europe/London, on days worked in england; after upstream; on file"
    assert schedule.grace == timedelta(minutes=90)


ESTATE = """apiVersion: freehold.dev/v1
kind: Estate
metadata: {id: e}
spec:
  connections: {w: {url: "duckdb:///w.db"}}
  environments: {prod: {connection: w}}
"""
CALENDAR = """apiVersion: freehold.dev/v1
kind: Calendar
metadata: {id: england}
spec: {country: GB, subdivision: ENG}
"""
PRODUCT = """apiVersion: v1.0.0
kind: DataProduct
id: shop.orders
version: 1.0.0
status: active
customProperties:
  - property: freehold:schedule
    value: SCHEDULE
"""


@pytest.mark.parametrize(
    ("schedule", "code", "place", "said", "fix"),
    [
        pytest.param(
            *('{cron: "45 25 * * *"}', "FH-V115", "8:23", "`25` is no hour of a cron", "0 to 23"), id="no such hour"
        ),
        pytest.param(
            *('{cron: "0 6 * * mon-fru"}', "FH-V115", "8:28", "`mon-fru` is no day of the week", "Did you mean `fri`?"),
            id="a misspelt day",
        ),
        pytest.param(*('{cron: "@dayly"}', "FH-V115", "8:19", "no cron expression", "0 0 * * *"), id="a nickname"),
        pytest.param(*('{cron: "0 0 6 * * *"}', "FH-V115", "8:19", "no cron expression", "no seconds"), id="seconds"),
        pytest.param(*('{cron: ""}', "FH-V115", "8:19", "no cron expression", "five fields"), id="empty"),
        pytest.param(*('{cron: "0 6 30 2 *"}', "FH-V115", "8:19", "never comes", "day of the month"), id="30 February"),
        pytest.param(*("{timezone: Europe/London}", "FH-V115", "8:12", "neither when nor", "cron"), id="neither"),
        pytest.param(
            *("{on: file, timezone: UTC}", "FH-V115", "8:23", "no `cron`", "leave"), id="a zone without times"
        ),
        pytest.param(
            *('{cron: "0 6 * * *", timezone: Europe/Lodnon}', "FH-V104", "8:42", "Europe/Lodnon", "Europe/London"),
            id="a misspelt zone",
        ),
        pytest.param(
            *('{cron: "0 6 * * *", calendar: engalnd}', "FH-V202", "8:42", "calendar `engalnd`", "`england`"),
            id="a misspelt calendar",
        ),
        pytest.param(*("{after: upstraem}", "FH-V104", "8:20", "upstraem", "upstream"), id="a misspelt trigger"),
        pytest.param(*("{corn: 1}", "FH-V101", "8:13", "`corn`", "`cron`"), id="a misspelt key"),
        pytest.param(*("{cron: 5}", "FH-V103", "8:19", "must be text", "5"), id="a number"),
        pytest.param(*("{on: file, grace: 2x}", "FH-V105", "8:30", "2x", "90m"), id="no length of time"),
    ],
)
def test_a_wrong_schedule_is_told_at_its_place(
    tmp_path: Path, schedule: str, code: str, place: str, said: str, fix: str
) -> None:
    """The code, the line and column of the very field, what is wrong with it, and what was meant."""
    (tmp_path / "estate.yaml").write_text(ESTATE)
    (tmp_path / "calendar.yaml").write_text(CALENDAR)
    (tmp_path / "product.odps.yaml").write_text(PRODUCT.replace("SCHEDULE", schedule))

    with pytest.raises(Problems) as caught:
        load_estate(tmp_path)

    (error,) = caught.value.errors
    assert (error.code, str(error.where)) == (code, f"product.odps.yaml:{place}")
    assert said in error.problem
    assert fix in error.fix

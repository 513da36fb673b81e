"""Reporting periods: what a name means in a zone, and which one was before."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.foundation import FreeholdError
from freehold.insight import Period, last_periods, period_named
from freehold.insight.periods import GRAINS, holding, zone_of

ZONES = ["UTC", "Europe/London", "Asia/Kolkata", "America/St_Johns", "Pacific/Apia"]
NAMED = [
    ("2011", "UTC", "2011-01-01T00:00", "2012-01-01T00:00"),
    ("2011-Q4", "UTC", "2011-10-01T00:00", "2012-01-01T00:00"),
    ("2011-12", "UTC", "2011-12-01T00:00", "2012-01-01T00:00"),
    ("2011-W01", "UTC", "2011-01-03T00:00", "2011-01-10T00:00"),
    ("2009-W53", "UTC", "2009-12-28T00:00", "2010-01-04T00:00"),
    ("2011-03-07", "UTC", "2011-03-07T00:00", "2011-03-08T00:00"),
    ("2011-03-07..2011-03-09", "UTC", "2011-03-07T00:00", "2011-03-10T00:00"),
    ("2011-03", "Europe/London", "2011-03-01T00:00", "2011-03-31T23:00"),
    ("2011-04-03", "Asia/Kolkata", "2011-04-02T18:30", "2011-04-03T18:30"),
]


@pytest.mark.parametrize(("name", "zone", "start", "end"), NAMED, ids=[f"{n[0]} in {n[1]}" for n in NAMED])
def test_a_name_means_a_stretch_of_time(name: str, zone: str, start: str, end: str) -> None:
    """From its first midnight in the zone up to the one after its last."""
    found = period_named(name, zone)

    assert found == Period(
        datetime.fromisoformat(start).replace(tzinfo=UTC), datetime.fromisoformat(end).replace(tzinfo=UTC), name,
        found.grain,
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "2011-13",
        "2011-Q5",
        "2011-W60",
        "yesterday",
        "2011-02-30",
        "2011-03-09..2011-03-07",
        "",
        "11-03",
        "0001-01-01",
        "9999-12-31",
        "0001",
        "0001-01-01..0001-01-02",
    ],
)
def test_what_is_no_period_is_refused(text: str) -> None:
    """With the forms there are."""
    with pytest.raises(FreeholdError, match="is no period") as refused:
        period_named(text)
    assert "2011-Q2" in refused.value.fix


@given(
    day=st.dates(date(1990, 1, 1), date(2090, 1, 1)),
    grain=st.sampled_from(GRAINS),
    zone=st.sampled_from(ZONES),
    count=st.integers(1, 14),
)
def test_periods_of_a_kind_adjoin(day: date, grain: str, zone: str, count: int) -> None:
    """None overlaps the next, none is left out, each is found by its name, and the last holds the day."""
    last = holding(day, grain, zone)

    found = last_periods(last, count, zone)

    assert found[-1] == last
    assert len(found) == count
    assert all(before.end == after.start for before, after in pairwise(found))
    assert [period_named(period.name, zone) for period in found] == list(found)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone))
    assert last.start <= noon < last.end or noon.astimezone(UTC).astimezone(ZoneInfo(zone)).date() != day


def test_nobody_knows_what_was_before_a_stretch_of_ones_own() -> None:
    """Fourteen days may be followed by a month."""
    with pytest.raises(FreeholdError, match="not known"):
        last_periods(period_named("2011-03-01..2011-03-14"), 2)


def test_a_zone_that_is_none_is_refused() -> None:
    """With the near ones."""
    with pytest.raises(FreeholdError, match="no time zone `Europe/Londn`") as refused:
        zone_of("Europe/Londn")
    assert "Europe/London" in refused.value.fix

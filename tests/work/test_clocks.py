"""Working time, against a table of cases and against itself."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.estate.calendars import ALL_DAY, Days
from freehold.work import Span, WorkingTime, span

LONDON = ZoneInfo("Europe/London")
OFFICE = Days(hours=(time(9), time(17)), country="GB", subdivision="ENG")
NIGHT = Days(hours=(time(22), time(6)))
ROUND = Days(hours=ALL_DAY)


@pytest.mark.parametrize(
    ("days", "start", "length", "expected"),
    [
        (OFFICE, "2011-03-07T10:00", "2bd", "2011-03-09T10:00"),
        (OFFICE, "2011-03-04T16:00", "1bd", "2011-03-07T16:00"),
        (OFFICE, "2011-03-04T18:00", "2bd", "2011-03-08T17:00"),
        (OFFICE, "2011-03-05T12:00", "1bd", "2011-03-07T17:00"),
        (OFFICE, "2011-03-07T08:00", "1bd", "2011-03-07T17:00"),
        (OFFICE, "2011-04-21T10:00", "1bd", "2011-04-26T10:00"),
        (OFFICE, "2011-03-07T16:00", "3bh", "2011-03-08T11:00"),
        (OFFICE, "2011-03-07T16:00", "8h", "2011-03-08T00:00"),
        (OFFICE, "2011-03-26T12:00", "1d", "2011-03-27T13:00"),
        (OFFICE, "2011-03-25T16:00", "2bh", "2011-03-28T10:00"),
        (OFFICE, "2011-03-07T10:00", "0bd", "2011-03-07T10:00"),
        (NIGHT, "2011-03-07T23:00", "2bh", "2011-03-08T01:00"),
        (NIGHT, "2011-03-07T23:00", "1bd", "2011-03-08T23:00"),
        (ROUND, "2011-03-04T12:00", "1bd", "2011-03-07T12:00"),
        (ROUND, "2011-03-07T12:00", "30m", "2011-03-07T12:30"),
        (Days(frozenset({6})), "2011-03-26T12:00", "1bd", "2011-03-28T00:00"),
    ],
    ids=[
        "from within a day", "over a weekend", "from after hours", "from a weekend", "from before hours",
        "over Easter", "hours over a night", "wall time by night", "a wall day in which clocks go forward",
        "hours over a change of clocks", "no time at all", "a night shift", "a whole night shift",
        "days without hours", "wall minutes", "a day of 23 hours is one day",
    ],
)  # fmt: skip
def test_a_length_of_time_ends_when_people_say_it_does(days: Days, start: str, length: str, expected: str) -> None:
    """Business days and hours pass while people work, wall time always."""
    began, ends = (datetime.fromisoformat(text).replace(tzinfo=LONDON) for text in (start, expected))

    assert WorkingTime(days, LONDON).after(began.astimezone(UTC), span(length)) == ends.astimezone(UTC)


INSTANTS = st.integers(0, 375 * 86_400).map(lambda s: datetime(2010, 12, 20, tzinfo=UTC) + timedelta(seconds=s))
SPANS = st.builds(Span, st.fractions(0, 15, max_denominator=50), st.sampled_from(["s", "bd", "bh"]))


@given(st.sampled_from([OFFICE, NIGHT, ROUND]), INSTANTS, SPANS)
def test_what_was_added_has_passed(days: Days, start: datetime, length: Span) -> None:
    """As much time has passed at the end as was added, and a microsecond earlier it had not."""
    working = WorkingTime(days, LONDON)
    end = working.after(start, length)

    assert working.passed(start, end, length.unit) >= length.amount
    assert working.passed(start, end - timedelta(microseconds=1), length.unit) < length.amount or end == start


@given(st.sampled_from([OFFICE, NIGHT, ROUND]), INSTANTS, INSTANTS, INSTANTS, st.sampled_from(["s", "bd", "bh"]))
def test_time_adds_up(days: Days, one: datetime, two: datetime, three: datetime, unit: str) -> None:
    """What passes from first to last is what passes to and from any instant between: no pause gains or loses time."""
    first, middle, last = sorted((one, two, three))
    working = WorkingTime(days, LONDON)

    parts = working.passed(first, middle, unit) + working.passed(middle, last, unit)
    assert parts == working.passed(first, last, unit)


@pytest.mark.parametrize("text", ["2", "bd", "2 bd", "-1h", "2y", "1.5h", ""])
def test_what_is_no_length_is_refused(text: str) -> None:
    """Only whole numbers with a known unit are lengths of time."""
    with pytest.raises(ValueError, match="no duration"):
        span(text)


def test_a_length_is_exact() -> None:
    """Days and hours are kept as fractions, so that no pause rounds anything away."""
    assert span("2bd") == Span(Fraction(2), "bd")
    assert span("8h") == Span(Fraction(28_800), "s")

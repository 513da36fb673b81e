"""Instants as files and events tell them, and the time zones there are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from freehold.foundation.times import instant_if, instant_of, time_zones

SIX = datetime(2011, 3, 7, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2011-03-07T06:00:00Z", SIX, id="in UTC"),
        pytest.param("2011-03-07 06:00:00", SIX, id="without a zone it is UTC"),
        pytest.param("2011-03-07T07:00:00+01:00", SIX, id="with a zone"),
        pytest.param("2011-03-07", SIX.replace(hour=0), id="a day begins at midnight"),
    ],
)
def test_an_instant_is_read(text: str, expected: datetime) -> None:
    """With a zone always, so that two can be compared."""
    assert instant_of(text) == instant_if(text) == expected
    assert instant_of(text).tzinfo is not None


def test_a_zone_stays_as_it_was_told() -> None:
    """It is the same instant, and whoever shows it shows what was said."""
    assert instant_of("2011-03-07T07:00:00+01:00").tzinfo == timezone(timedelta(hours=1))


@pytest.mark.parametrize("text", ["", None])
def test_no_text_is_no_instant(text: str | None) -> None:
    """Where there may be none; otherwise it is refused."""
    assert instant_if(text) is None
    with pytest.raises(ValueError, match="Invalid isoformat"):
        instant_of(text)


def test_what_tells_no_instant_is_refused() -> None:
    """By both."""
    for read in (instant_of, instant_if):
        with pytest.raises(ValueError, match="soon"):
            read("soon")


def test_the_zones_are_those_of_the_system() -> None:
    """By their names of the IANA."""
    assert {"UTC", "Europe/London"} <= time_zones()
    assert time_zones() is time_zones()

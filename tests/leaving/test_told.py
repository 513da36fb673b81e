"""Who is told of what goes, and when again: pure, over moments written down."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from freehold.leaving.leaving import Leaving
from freehold.leaving.told import Told

LAST = date(2011, 6, 30)


def at(days_before: int) -> datetime:
    """Return noon, so many days before the last day."""
    return datetime(2011, 6, 30, 12, tzinfo=UTC) - timedelta(days=days_before)


@pytest.mark.parametrize(
    ("told", "now", "reminded"),
    [
        (90, 40, False), (90, 30, True), (90, 12, True), (29, 12, False), (29, 7, True), (6, 3, False), (6, 1, True),
        (1, 0, False), (6, 0, True), (90, -1, False), (10, 9, False),
    ],
    ids=[
        "long before", "a month before", "two weeks before, and never since", "reminded at a month", "a week before",
        "reminded at a week", "the day before", "reminded the day before", "on the last day", "once it is over",
        "announced late",
    ],
)  # fmt: skip
def test_who_has_not_answered_is_reminded_a_month_a_week_and_a_day_before(told: int, now: int, reminded: bool) -> None:
    """Once at each, and not where they were told since."""
    moment = at(told)
    found = Told("n", {"user:a": moment, "user:b": moment}, {"user:a": moment, "user:b": moment}, {"user:b": "moved"})

    assert found.to_remind(LAST, at(now)) == (("user:a",) if reminded else ())
    assert found.silent == ("user:a",)


@pytest.mark.parametrize(
    ("leaving", "sentence"),
    [
        (Leaving("asset:a.b.c", "a.b"), "`a.b.c` is deprecated."),
        (Leaving("asset:a.b.c", "a.b", sunset=LAST), "`a.b.c` is deprecated; its last day is 2011-06-30."),
        (
            Leaving("metric:s.m", "", sunset=LAST, replaced_by="metric:s.n"),
            "`s.m` is deprecated; its last day is 2011-06-30. Use `s.n`.",
        ),
        (Leaving("metric:s.m", "", sunset=date(2011, 1, 1)), "`s.m` is deprecated; its last day was 2011-01-01."),
    ],
    ids=["without a day", "with one", "with a replacement", "one that is over"],
)  # fmt: skip
def test_what_goes_is_told_in_a_sentence(leaving: Leaving, sentence: str) -> None:
    """What, until when, and what to use instead, as far as it was said."""
    assert leaving.sentence(date(2011, 3, 1)) == sentence

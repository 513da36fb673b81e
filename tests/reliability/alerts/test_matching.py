"""Matchers and time intervals are read as Alertmanager reads them, and what is none is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from freehold.foundation import FreeholdError
from freehold.reliability.alerts.intervals import interval_from
from freehold.reliability.alerts.matching import matcher

case = pytest.param


@pytest.mark.parametrize(
    ("text", "value", "fits"),
    [
        ("product=sales.orders", "sales.orders", True),
        ('product = "sales.orders"', "sales.orders", True),
        ("product=sales.orders", "sales.orders2", False),
        ("product!=sales.orders", "hr", True),
        ("product!=sales.orders", "", True),
        ('product=""', "", True),
        ("product=~sales", "sales.orders", False),
        ("product=~sales.*", "sales.orders", True),
        ("product=~sales|hr", "hr", True),
        ("product=~sales|hr", "hrx", False),
        ("product!~sales.*", "sales.orders", False),
        ("product!~sales.*", "hr", True),
        ("product=~.*", "", True),
    ],
)
def test_a_matcher(text: str, value: str, fits: bool) -> None:
    """Expressions match the whole of a value; a label that is not there is empty."""
    assert matcher(text).matches({"product": value} if value else {}) is fits
    assert matcher(str(matcher(text))) == matcher(text)


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("product", "Write:"),
        ("product=~(", "RE2"),
        ("product=~(?=a)", "RE2"),
        ("prodcut=a", "product"),
        ("=a", "Write:"),
        ("product=" + "a" * 300, "Write:"),
    ],
)
def test_what_is_no_matcher(text: str, fix: str) -> None:
    """It is refused, with what would be one; expressions that could take for ever are none."""
    with pytest.raises(FreeholdError, match="FH-E331") as error:
        matcher(text)
    assert fix in str(error.value)


@pytest.mark.parametrize(
    ("said", "at", "holds"),
    [
        case({}, "2026-11-02T08:00", True, id="what says nothing is always"),
        case({"times": [{"start_time": "09:00", "end_time": "17:00"}]}, "2026-11-02T09:00", True, id="begins in it"),
        case({"times": [{"start_time": "09:00", "end_time": "17:00"}]}, "2026-11-02T17:00", False, id="ends before"),
        case({"times": [{"start_time": "17:00", "end_time": "24:00"}]}, "2026-11-02T23:59", True, id="midnight"),
        case({"weekdays": ["monday:friday"]}, "2026-11-06T08:00", True, id="Friday is in the week"),
        case({"weekdays": ["monday:friday"]}, "2026-11-07T08:00", False, id="Saturday is not"),
        case({"weekdays": ["saturday", "sunday"]}, "2026-11-08T08:00", True, id="days one by one"),
        case({"days_of_month": ["1:5"]}, "2026-11-05T08:00", True, id="both ends are in a range"),
        case({"days_of_month": ["-1"]}, "2026-11-30T08:00", True, id="the last day"),
        case({"days_of_month": ["-1"]}, "2026-11-29T08:00", False, id="not the last day"),
        case({"days_of_month": ["25:-1"]}, "2026-02-28T08:00", True, id="from a day to the last"),
        case({"days_of_month": ["1:31"]}, "2026-02-28T08:00", True, id="a range is cut to the month"),
        case({"months": ["november:december"]}, "2026-11-02T08:00", True, id="months by name"),
        case({"months": ["1:3"]}, "2026-11-02T08:00", False, id="months by number"),
        case({"years": ["2026:2027"]}, "2026-11-02T08:00", True, id="years"),
        case({"years": ["2027"]}, "2026-11-02T08:00", False, id="another year"),
        case({"times": [{"start_time": "00:00", "end_time": "01:00"}], "location": "Europe/Berlin"},
                     "2026-11-02T23:30", True, id="by the clock of its place"),
        case({"weekdays": ["tuesday"], "times": [{"start_time": "00:00", "end_time": "01:00"}],
                      "location": "Europe/Berlin"}, "2026-11-02T23:30", True, id="and by its day"),
        case({"weekdays": ["monday"], "months": ["may"]}, "2026-11-02T08:00", False, id="all parts have to hold"),
    ],
)  # fmt: skip
def test_an_interval(said: dict[str, object], at: str, holds: bool) -> None:
    """An instant is in it where it is in one of each of its parts."""
    assert interval_from(said, "UTC").holds(datetime.fromisoformat(at).replace(tzinfo=UTC)) is holds


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"weekdays": ["friday:monday"]}, "ends before"),
        ({"weekdays": ["mo"]}, "is none of"),
        ({"times": [{"start_time": "22:00", "end_time": "06:00"}]}, "say 22:00 to 24:00, and 00:00 to 06:00"),
        ({"times": [{"start_time": "09:00", "end_time": "09:00"}]}, "ends before"),
        ({"days_of_month": ["0"]}, "days of a month"),
        ({"days_of_month": ["-1:1"]}, "ends before"),
        ({"days_of_month": ["5:1"]}, "ends before"),
        ({"months": ["13"]}, "is none of"),
        ({"years": ["x"]}, "no range"),
        ({"location": "Mars/North"}, "no time zone"),
    ],
)
def test_what_is_no_interval(said: dict[str, object], problem: str) -> None:
    """It is refused, and says which part."""
    with pytest.raises(ValueError, match=problem):
        interval_from(said, "UTC")

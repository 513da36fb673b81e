"""SLOs as they are declared: in files as OpenSLO has them, and in contracts without one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from freehold.foundation import FreeholdError
from freehold.reliability.slo import Indicator, slo_findings, slo_named, slos_of
from freehold.reliability.slo.declared import TimeWindow

from .shop import ASSET, CONTRACTS, OTHER, estate, slo_file


def test_what_a_contract_promises_is_an_slo_without_a_file(tmp_path: Path) -> None:
    """Latency is freshness at 99 % over 30 days, or as the contract says; availability brings its own target."""
    said = CONTRACTS["shop/contracts/days.odcs.yaml"] + "  - {property: availability, value: 99.5, unit: percent}\n"
    said += 'customProperties: [{property: "freehold:objective", value: {target: 0.95, window: 2w}}]\n'
    found = slos_of(estate(tmp_path, {"shop/contracts/days.odcs.yaml": said}))

    assert [(one.id, one.target, one.window.length.days, one.assets) for one in found.values()] == [
        (f"{OTHER}.availability", 0.995, 14, (OTHER,)),
        (f"{OTHER}.freshness", 0.95, 14, (OTHER,)),
        (f"{ASSET}.freshness", 0.99, 30, (ASSET,)),
    ]


def test_a_file_is_read_as_openslo_has_it(tmp_path: Path) -> None:
    """A product stands for its outputs; a target in percent is a share; the calendar gives the hours."""
    text = slo_file(service="shop.orders", window="1M", calendar=True, hours="office", value=7200)
    found = slo_named(estate(tmp_path, {"orders.yaml": text.replace("target: 0.99", "targetPercent: 99.5")}), "orders")

    assert (found.assets, found.product) == ((ASSET, OTHER), "shop.orders")
    assert (found.indicator, found.target, found.limit_s) == (Indicator.FRESHNESS, 0.995, 7200)
    assert (found.hours, str(found.window), str(found.where)) == ("office", "this month", "orders.yaml:4:9")


def test_an_slo_over_a_query_of_another_tool_is_left_alone(tmp_path: Path) -> None:
    """OpenSLO files with an indicator of their own lie beside ours, and are none of the estate."""
    text = "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: api}\nspec: {service: api, indicator: {spec: {}}}\n"

    assert estate(tmp_path, {"api.yaml": text}).resources == {}


@pytest.mark.parametrize(
    ("text", "code", "problem", "place", "fix"),
    [
        pytest.param(
            slo_file(service="shop.order"), "FH-E310", "The service `shop.order` is no product and no asset.",
            "orders.yaml:6:12", "shop.orders", id="a service that is not there",
        ),
        pytest.param(
            slo_file("checks", method="Timeslices"), "FH-E311",
            "`Timeslices` does not fit checks, of which each one counts.", "orders.yaml:9:20",
            "Occurrences", id="time of what occurs",
        ),
        pytest.param(
            slo_file("freshness", method="Occurrences"), "FH-E311",
            "`Occurrences` does not fit freshness, of which time is judged.", "orders.yaml:9:20", "Timeslices",
            id="a count of time",
        ),
        pytest.param(
            slo_file(window="28d", calendar=True), "FH-E312", "No calendar has a period of 28d.", "orders.yaml:8:27",
            "1M", id="a calendar without such a period",
        ),
        pytest.param(
            slo_file("runs", value=60), "FH-E312", "A value is an age, and runs has none.", "orders.yaml:10:47",
            "Leave", id="the age of a run",
        ),
        pytest.param(
            slo_file(hours="offices"), "FH-E312", "`offices` gives freshness no hours.", "orders.yaml:5:37", "office",
            id="a calendar that is not there",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_where_it_stands(
    tmp_path: Path, text: str, code: str, problem: str, place: str, fix: str
) -> None:
    """Each finding names the line and what to write instead."""
    (found,) = slo_findings(estate(tmp_path, {"orders.yaml": text}))

    assert (found.code, found.problem, str(found.where)) == (code, problem, place)
    assert fix in found.fix


def test_an_indicator_that_is_none_is_told_with_those_there_are(tmp_path: Path) -> None:
    """The schema refuses what it does not know, where it stands."""
    with pytest.raises(FreeholdError, match="latency"):
        estate(tmp_path, {"orders.yaml": slo_file("latency")})


def test_an_slo_that_is_not_there_is_told_with_near_ones(tmp_path: Path) -> None:
    """FH-E313 names what was meant."""
    with pytest.raises(FreeholdError, match="order") as caught:
        slo_named(estate(tmp_path, {"orders.yaml": slo_file()}), "order")

    assert (caught.value.code, "orders" in caught.value.fix) == ("FH-E313", True)


@pytest.mark.parametrize(
    ("window", "start"),
    [
        pytest.param(TimeWindow(timedelta(days=28)), datetime(2011, 3, 2, 22, 30, tzinfo=UTC), id="one that rolls"),
        pytest.param(TimeWindow(timedelta(days=1), "day"), datetime(2011, 3, 30, 22, tzinfo=UTC), id="a day"),
        pytest.param(TimeWindow(timedelta(days=7), "week"), datetime(2011, 3, 27, 22, tzinfo=UTC), id="a week"),
        pytest.param(TimeWindow(timedelta(days=90), "quarter"), datetime(2010, 12, 31, 23, tzinfo=UTC), id="a quarter"),
    ],
)
def test_a_window_of_a_calendar_begins_at_midnight_there(window: TimeWindow, start: datetime) -> None:
    """It is 00:30 of the 31st in Berlin when it is 22:30 of the 30th in UTC; the clocks went forward on the 27th."""
    assert window.start(datetime(2011, 3, 30, 22, 30, tzinfo=UTC), "Europe/Berlin") == start

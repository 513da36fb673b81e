"""What keeps an alert quiet: silences that match it, and time intervals that mute all of its routes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import watched_estate
from freehold.estate import load_estate
from freehold.reliability.alerts import Alert, Quieting, Silence, matcher
from freehold.reliability.signals import SignalKind

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
INTERVALS = """
  time_intervals:
    - name: nights
      time_intervals: [{times: [{start_time: "20:00", end_time: "24:00"}]}]
    - name: office
      time_intervals: [{times: [{start_time: "09:00", end_time: "17:00"}]}]
"""
TWO_WAYS = "{routes: [{active_time_intervals: [office], continue: true}, {matchers: [kind=check]}]}"


def alert(page: bool = True) -> Alert:
    """Return an alert that stands."""
    at = NOON - timedelta(hours=2)
    return Alert("a1", "shop.orders.lines", "shop.orders", SignalKind.CHECK, "rows", at, at, 1, page=page)


def quieting(tmp_path: Path, route: str, at: datetime, *silences: Silence) -> Quieting:
    """Return what an estate with a route keeps quiet at an instant."""
    kind = "apiVersion: freehold.dev/v1\nkind: Alerting\nmetadata: {id: alerting}\nspec:\n"
    root = watched_estate.write(tmp_path, **{"alerting.yaml": f"{kind}  route: {route}{INTERVALS}"})
    return Quieting(load_estate(root), silences, at)


@pytest.mark.parametrize(
    ("route", "at", "muted"),
    [
        pytest.param("{routes: [{mute_time_intervals: [nights]}]}", NOON, (), id="outside of a mute interval"),
        pytest.param(
            "{routes: [{mute_time_intervals: [nights]}]}",
            NOON.replace(hour=21),
            ("nights",),
            id="within a mute interval",
        ),
        pytest.param(
            "{routes: [{active_time_intervals: [office]}]}",
            NOON.replace(hour=18),
            ("office",),
            id="out of active hours",
        ),
        pytest.param("{routes: [{active_time_intervals: [office]}]}", NOON, (), id="within active hours"),
        pytest.param(TWO_WAYS, NOON.replace(hour=18), (), id="one of its two routes notifies"),
    ],
)
def test_it_is_muted_where_no_route_notifies(tmp_path: Path, route: str, at: datetime, muted: tuple[str, ...]) -> None:
    """An alert is muted by the intervals of its routes, and only where each of them is quiet."""
    quiet = quieting(tmp_path, route, at).of(alert())
    assert (quiet.intervals, quiet.word) == (muted, "muted" if muted else "")


def test_what_pages_nobody_is_muted_by_nothing(tmp_path: Path) -> None:
    """It takes no route, so none of them keeps it quiet."""
    assert quieting(tmp_path, "{mute_time_intervals: [office]}", NOON).of(alert(page=False)).to_json() == {
        "silenced_by": [], "muted_by": []
    }  # fmt: skip


def test_it_is_silenced_by_what_matches_it_now(tmp_path: Path) -> None:
    """By a silence that holds, of its labels; by none that has not begun, or is of something else."""
    ends_at = NOON + timedelta(hours=1)
    ids = {"holds": ("product=shop.orders", NOON), "another": ("product=shop.stock", NOON),
           "later": ("product=shop.orders", NOON + timedelta(minutes=30))}  # fmt: skip
    silences = [Silence(id_, (matcher(of),), begins, ends_at, "user:local/ada") for id_, (of, begins) in ids.items()]
    found = quieting(tmp_path, "{}", NOON, *silences).of(alert())
    assert (found.to_json()["silenced_by"], found.word) == (["holds"], "silenced")

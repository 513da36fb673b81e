"""The file of kind Alerting is read as it says, and says what is wrong with it; who answers is read from teams."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import watched_estate
from freehold.estate import load_estate
from freehold.foundation import FreeholdError, Problems
from freehold.reliability.alerts import alerting_findings
from freehold.reliability.alerts.answering import answering
from freehold.reliability.alerts.routing import Routing
from freehold.reliability.alerts.settings import settings_of
from watched_estate import START

HEAD = "apiVersion: freehold.dev/v1\nkind: Alerting\nmetadata: {id: alerting}\nspec:\n"
WHOLE = f"""{HEAD}\
  keep_firing_for: 10m
  route:
    group_by: [product, severity]
    group_wait: 10s
    routes:
      - matchers: [severity=critical]
        repeat_interval: 1h
        continue: true
      - matchers: [team=data]
        mute_time_intervals: [nights]
  inhibit_rules:
    - {{source_matchers: [kind=run], target_matchers: [kind=late], equal: [product]}}
  time_intervals:
    - name: nights
      time_intervals: [{{times: [{{start_time: "22:00", end_time: "24:00"}}], location: Europe/London}}]
"""


def test_the_file_is_read_as_it_says(tmp_path: Path) -> None:
    """Routes have what those above them say, but for what they match and when they are quiet."""
    settings = settings_of(load_estate(watched_estate.write(tmp_path, **{"alerting.yaml": WHOLE})))
    root, (critical, data) = settings.routing.route, settings.routing.route.routes

    assert settings.steady_for == timedelta(minutes=10)
    assert (root.group_by, root.group_wait) == (("product", "severity"), timedelta(seconds=10))
    assert (critical.group_wait, critical.repeat_interval, critical.goes_on) == (
        timedelta(seconds=10), timedelta(hours=1), True,
    )  # fmt: skip
    assert (data.repeat_interval, data.goes_on, data.mute) == (timedelta(hours=4), False, ("nights",))
    assert settings.routing.is_quiet(data, datetime(2026, 11, 2, 22, 30, tzinfo=UTC))
    assert [rule.equal for rule in settings.routing.inhibitions] == [("product",)]


def test_without_a_file_the_usual_holds(tmp_path: Path) -> None:
    """One group a product, 30 s, 5 m and 4 h, and what is above in the lineage keeps what is below quiet."""
    settings = settings_of(load_estate(watched_estate.write(tmp_path)))
    route = settings.routing.route

    assert settings.routing == Routing()
    assert (route.group_by, route.group_wait.seconds, route.group_interval, route.repeat_interval) == (
        ("product",), 30, timedelta(minutes=5), timedelta(hours=4),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("said", "code", "told", "place"),
    [
        pytest.param("  route: {mute_time_intervals: [night]}\n", "FH-E330", "`night` is no time", "5:33",
                     id="an interval"),
        pytest.param("  route: {routes: [{group_by: [produkt]}]}\n", "FH-E330", "Did you mean `product`", "5:32",
                     id="a label"),
        pytest.param('  route: {receiver: "channel:pager"}\n', "FH-E330", "the channel `pager`", "5:21",
                     id="a channel"),
        pytest.param("  route: {matchers: [severity=info, sevrity=low]}\n", "FH-E331", "no label `sevrity`", "5:37",
                     id="a matcher"),
        pytest.param("  route: {matchers: [severity=critcal]}\n", "FH-E331", "Did you mean `critical`", "5:22",
                     id="a value"),
        pytest.param("  route: {repeat_interval: 0s}\n", "FH-E330", "without an end", "5:28", id="without a pause"),
        pytest.param("  inhibit_rules: [{equal: [produkt]}]\n", "FH-E330", "Did you mean `product`", "5:28",
                     id="what has to be the same"),
        pytest.param("  inhibit_rules: [{target_matchers: [kind=~(]}]\n", "FH-E331", "regular expression", "5:38",
                     id="an expression"),
        pytest.param("  time_intervals: [{name: x, time_intervals: [{weekdays: [mo]}]}]\n", "FH-E330", "`mo` is none",
                     "5:47", id="a day"),
        pytest.param("  time_intervals:\n" + 2 * "    - {name: x, time_intervals: [{weekdays: [monday]}]}\n", "FH-E330",
                     "declared twice", "7:14", id="a name for two"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_file_is_told(tmp_path: Path, said: str, code: str, told: str, place: str) -> None:
    """With its place and how to mend it; a turn is not taken by a file that is wrong."""
    estate = load_estate(watched_estate.write(tmp_path, **{"alerting.yaml": HEAD + said}))
    (found,) = alerting_findings(estate)

    assert (found.code, str(found.where)) == (code, f"alerting.yaml:{place}")
    assert told in str(found)
    with pytest.raises((FreeholdError, Problems)):
        settings_of(estate)


def test_two_files_are_one_too_many(tmp_path: Path) -> None:
    """Which would hold, nobody could tell."""
    other = HEAD.replace("id: alerting", "id: other") + "  keep_firing_for: 1h\n"
    made = watched_estate.write(tmp_path, **{"alerting.yaml": WHOLE, "other.yaml": other})
    assert ["second file" in one.problem for one in alerting_findings(load_estate(made))] == [True]


@pytest.mark.parametrize(
    ("at", "first", "then"),
    [
        pytest.param(timedelta(0), "ana", "ben", id="the first turn"),
        pytest.param(timedelta(days=6, hours=22), "ana", "ben", id="until its week is over"),
        pytest.param(timedelta(days=6, hours=23), "ben", "ana", id="at five in the morning the second begins"),
        pytest.param(timedelta(days=14), "ana", "ben", id="and the first again"),
        pytest.param(-timedelta(days=30), "ana", "ben", id="before the rota began the first answers"),
    ],
)
def test_a_rota_names_who_is_on_call(tmp_path: Path, at: timedelta, first: str, then: str) -> None:
    """Turns change at the same time of day; who has the next one is paged after whoever has this."""
    found = answering(load_estate(watched_estate.write(tmp_path)), "shop.orders", START + at)
    assert (found.responder, found.escalation) == (f"user:idp/{first}", f"user:idp/{then}")


@pytest.mark.parametrize(
    ("spec", "first", "then"),
    [
        pytest.param('{roles: {owner: ["user:idp/olga"], steward: ["user:idp/sam"]}}', "user:idp/olga", "user:idp/sam",
                     id="without a rota the owner, then the steward"),
        pytest.param('{on_call: {rota: "pagerduty:P1"}}', "team:data", None, id="without anybody the team"),
        pytest.param('{on_call: {escalation: "user:idp/eve"}, roles: {owner: ["user:idp/olga"]}}', "user:idp/olga",
                     "user:idp/eve", id="then whom the file names"),
    ],
)  # fmt: skip
def test_who_answers_without_a_rota(tmp_path: Path, spec: str, first: str, then: str | None) -> None:
    """Whoever the team names, in the order of what they are."""
    teams = f"apiVersion: freehold.dev/v1\nkind: Team\nmetadata: {{id: data}}\nspec: {spec}\n"
    found = answering(load_estate(watched_estate.write(tmp_path, **{"teams.yaml": teams})), "shop.orders", START)
    assert (found.responder, found.escalation, found.tier) == (first, then, 1)


@pytest.mark.parametrize(
    ("at", "is_out"),
    [
        (datetime(2026, 11, 2, 8, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 2, 9, tzinfo=UTC), False),
        (datetime(2026, 11, 2, 17, tzinfo=UTC), True),
        (datetime(2026, 11, 7, 12, tzinfo=UTC), True),
    ],
)
def test_outside_working_hours(tmp_path: Path, at: datetime, is_out: bool) -> None:
    """Without a calendar, Monday to Friday from nine to five are working hours."""
    assert answering(load_estate(watched_estate.write(tmp_path)), "shop.orders", at).out_of_hours is is_out


@pytest.mark.parametrize(
    ("at", "is_out"),
    [
        (datetime(2026, 11, 2, 21, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 2, 5, tzinfo=UTC), True),
        (datetime(2026, 11, 2, 22, tzinfo=UTC), False),
        (datetime(2026, 11, 7, 5, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 7, 23, tzinfo=UTC), True),
    ],
)
def test_working_hours_over_midnight(tmp_path: Path, at: datetime, is_out: bool) -> None:
    """A night that begins on a working day is worked until it ends, on Saturday morning, too."""
    calendar = """\
apiVersion: freehold.dev/v1
kind: Calendar
metadata: {id: nights}
spec: {working_days: mon-fri, hours: "22:00-06:00"}
"""
    root = watched_estate.write(tmp_path, **{"nights.yaml": calendar})
    file = root / "estate.yaml"
    file.write_text(file.read_text("utf-8") + "  defaults: {calendar: nights}\n", encoding="utf-8")
    assert answering(load_estate(root), "shop.orders", at).out_of_hours is is_out


def test_a_product_that_nobody_declares_has_nobody(tmp_path: Path) -> None:
    """What other tools tell of is of no team, and of the lowest tier."""
    found = answering(load_estate(watched_estate.write(tmp_path)), "", START)
    assert (found.responder, found.owner, found.tier) == (None, None, 3)

"""Routing does what the documentation of Alertmanager says: of routes, groups, repeats, inhibition, silences, time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.reliability.alerts.intervals import interval_from
from freehold.reliability.alerts.matching import Labels, matcher
from freehold.reliability.alerts.routing import Dispatch, Firing, Inhibition, Route, Routing

case = pytest.param
START = datetime(2026, 11, 2, 8, tzinfo=UTC)  # a Monday
ROOT = Route(group_by=("product",))
NO_RULES = Routing(ROOT, inhibitions=())
Told = list[tuple[int, str, str, str]]


def labels(text: str) -> dict[str, str]:
    """Read labels: `product=a severity=critical`."""
    return dict(part.split("=") for part in text.split())


@dataclass
class Bench:
    """Alerts that begin and end at given seconds, and what is notified of them; looked at every ten seconds."""

    routing: Routing = NO_RULES
    above: Sequence[tuple[str, str]] = ()
    restarts: bool = False
    alerts: dict[str, tuple[dict[str, str], int, int]] = field(default_factory=dict)
    silenced: list[tuple[str, int, int]] = field(default_factory=list)

    def alert(self, name: str, of: str = "product=a", *, at: int = 0, until: int = 10**9) -> Bench:
        """Add an alert that stands from a second until another."""
        self.alerts[name] = (labels(of), at, until)
        return self

    def run(self, until: int, step: int = 10) -> Told:
        """Return what was notified: when, why, which alerts stand, which are over."""
        dispatch, found = self._dispatch({}), []
        for second in range(0, until + 1, step):
            now = START + timedelta(seconds=second)
            standing = [
                Firing(name, of, START + timedelta(seconds=at))
                for name, (of, at, end) in self.alerts.items()
                if at <= second < end
            ]
            if self.restarts:
                dispatch = self._dispatch(json.loads(json.dumps(dispatch.to_json())))
            dispatch.take(standing, now)
            quiet = [text for text, start, end in self.silenced if start <= second < end]
            notified = dispatch.due(standing, lambda of, quiet=quiet: any(_is(of, text) for text in quiet), now)
            found += [
                (second, "end" if one.is_quiet else one.reason, ",".join(one.alerts), ",".join(one.resolved))
                for one in notified
            ]
        return found

    def _dispatch(self, kept: dict[str, object]) -> Dispatch:
        return Dispatch(self.routing, kept, lambda one, other: (one, other) in self.above)


def _is(of: Labels, text: str) -> bool:
    return labels(text).items() <= of.items()


@pytest.mark.parametrize("restarts", [False, True], ids=["in one process", "begun anew at each look"])
@pytest.mark.parametrize(
    ("alerts", "until", "told"),
    [
        case([("x", 0, 10**9)], 60, [(30, "first", "x", "")], id="a new group waits for group_wait"),
        case([("x", 0, 10**9), ("y", 20, 10**9)], 60, [(30, "first", "x,y", "")],
                     id="what comes within group_wait is in the first notification"),
        case([("x", 0, 10**9), ("y", 40, 10**9)], 400, [(30, "first", "x", ""), (330, "new", "x,y", "")],
                     id="what comes later waits for group_interval, with what was told before"),
        case([("x", 0, 20)], 400, [], id="what is over within group_wait is told to nobody"),
        case([("x", 0, 60)], 400, [(30, "first", "x", ""), (330, "resolved", "", "x")],
                     id="that all is over is told at the next group_interval"),
        case([("x", 0, 10**9), ("y", 0, 60)], 400, [(30, "first", "x,y", ""), (330, "new", "x", "y")],
                     id="that some is over is told with what stands"),
        case([("x", 0, 10**9)], 15_000, [(30, "first", "x", ""), (14_730, "repeat", "x", "")],
                     id="the same is repeated at the first group_interval after repeat_interval"),
        case([("x", 0, 60), ("y", 100, 10**9)], 400, [(30, "first", "x", ""), (330, "new", "y", "x")],
                     id="one that begins as another ends is new"),
        case([("x", 0, 60), ("y", 700, 10**9)], 800,
                     [(30, "first", "x", ""), (330, "resolved", "", "x"), (730, "first", "y", "")],
                     id="a group of which all was told to be over begins anew"),
        case([("x", -100, 10**9)], 60, [(0, "first", "x", "")],
                     id="what has stood for longer than group_wait waits no more"),
    ],
)  # fmt: skip
def test_a_group_is_told(alerts: list[tuple[str, int, int]], until: int, told: Told, restarts: bool) -> None:
    """When a group is told, and why; whether the process lives on or is begun anew makes no difference."""
    bench = Bench(restarts=restarts)
    for name, at, end in alerts:
        bench.alert(name, at=at, until=end)

    assert bench.run(until) == told


def test_alerts_of_other_labels_are_told_apart() -> None:
    """`group_by` makes a group of what has the same labels; `...` one of each alert."""
    bench = Bench().alert("x", "product=a").alert("y", "product=a").alert("z", "product=b")
    alone = (
        Bench(Routing(replace(ROOT, group_by=("...",)), ())).alert("x", "product=a column=c").alert("y", "product=a")
    )

    assert [one[2] for one in bench.run(30)] == ["x,y", "z"]
    assert [one[2] for one in alone.run(30)] == ["x", "y"]


def test_who_wants_no_resolved_ones_is_told_of_none() -> None:
    """Without `send_resolved` neither that all is over is told, nor that some is; that it ended is recorded."""
    routing = Routing(replace(ROOT, send_resolved=False), ())
    bench = Bench(routing).alert("x", until=60).alert("y", until=700)

    assert bench.run(1_000) == [(30, "first", "x,y", ""), (930, "end", "", "")]


PAGER, CHAT = "pager", "chat"


def route(receiver: str, *texts: str, **more: object) -> Route:
    """Return a route to a receiver of what matches."""
    return Route(receiver=receiver, matchers=tuple(map(matcher, texts)), **more)  # type: ignore[arg-type]


TREE = route(
    "root",
    routes=(
        route(PAGER, "severity=critical", routes=(route("sales", "product=~sales[.].*"),)),
        route(CHAT, "team=data", goes_on=True),
        route("tier", "tier!=3"),
    ),
)


@pytest.mark.parametrize(
    ("of", "receivers"),
    [
        case("severity=info tier=3", ["root"], id="what no route takes stays at the root"),
        case("severity=critical product=hr", [PAGER], id="the first that matches takes it"),
        case("severity=critical product=sales.orders", ["sales"], id="the deepest that matches takes it"),
        case("severity=critical team=data", [PAGER], id="without continue no sibling is asked"),
        case("team=data tier=1", [CHAT, "tier"], id="with continue the siblings after it are asked, too"),
        case("team=data tier=3", [CHAT], id="continue alone gives nothing to the root"),
        case("severity=info", ["tier"], id="a label that is not there is empty, and so not equal"),
    ],
)
def test_a_route_takes(of: str, receivers: list[str]) -> None:
    """Each alert goes down the tree to the deepest route that matches."""
    assert [one.receiver for one in TREE.taking(labels(of))] == receivers


def test_an_alert_may_be_told_to_two() -> None:
    """With `continue` there is a group at each of both routes, and each is told."""
    told = Bench(Routing(TREE, ())).alert("x", "team=data tier=1 product=a").run(30)
    assert told == [(30, "first", "x", ""), (30, "first", "x", "")]


def rule(source: str = "", target: str = "", equal: Iterable[str] = (), *, upstream: bool = False) -> Inhibition:
    """Return a rule of inhibition."""
    of, to = (tuple(map(matcher, side.split())) for side in (source, target))
    return Inhibition(of, to, tuple(equal), upstream)


SOURCE, TARGET = "severity=critical product=a asset=up", "severity=warning product=a asset=down"


@pytest.mark.parametrize(
    ("inhibition", "target", "told"),
    [
        case(rule("severity=critical", "severity=warning"), TARGET, "x", id="a source keeps its target quiet"),
        case(rule("severity=critical", "severity=warning", ["product"]), TARGET, "x", id="if equal labels are"),
        case(rule("severity=critical", "severity=warning", ["asset"]), TARGET, "x,y", id="and not if they are not"),
        case(rule("severity=critical", "severity=warning", ["column"]), TARGET, "x",
                     id="labels that neither has are equal"),
        case(rule("product=a", "product=a"), TARGET, "x,y", id="what matches both sides inhibits not its like"),
        case(rule("product=a", "severity=warning"), TARGET, "x", id="a source may match more than the target"),
        case(rule("severity=info", "severity=warning"), TARGET, "x,y", id="no source, no inhibition"),
        case(rule(upstream=True), TARGET, "x", id="what is above in the lineage keeps what is below quiet"),
        case(rule(upstream=True), TARGET.replace("down", "aside"), "x,y", id="and nothing else"),
    ],
)  # fmt: skip
def test_an_inhibition(inhibition: Inhibition, target: str, told: str) -> None:
    """What stands keeps others quiet, as long as it stands."""
    bench = Bench(Routing(ROOT, (inhibition,)), above=[("up", "down")])
    assert bench.alert("x", SOURCE).alert("y", target).run(30)[0][2] == told


def test_what_was_inhibited_is_told_once_its_source_is_over() -> None:
    """An inhibition ends with its source; whatever still stands then is told at the next group_interval."""
    bench = Bench(Routing(ROOT, (rule(upstream=True),)), above=[("up", "down")])
    told = bench.alert("x", SOURCE, until=100).alert("y", TARGET).run(700)

    assert told == [(30, "first", "x", ""), (330, "new", "y", "x")]


def test_a_silence_keeps_alerts_from_being_told_and_ends() -> None:
    """What is silenced is told to nobody; once the silence is over it is, and repeats do not count meanwhile."""
    bench = Bench().alert("x")
    bench.silenced.append(("product=a", 0, 400))

    assert bench.run(700) == [(630, "first", "x", "")]


def test_a_silence_after_the_first_notification_tells_of_nothing() -> None:
    """That an alert is silenced is not told as its end; and it is no news when the silence ends."""
    bench = Bench().alert("x")
    bench.silenced.append(("product=a", 40, 700))

    assert bench.run(2_000) == [(30, "first", "x", "")]


QUIET = {"nights": (interval_from({"times": [{"start_time": "08:00", "end_time": "08:10"}]}, "UTC"),)}


@pytest.mark.parametrize(
    ("quiet", "told"),
    [
        case({"mute": ("nights",)}, [(630, "first", "x", "")], id="muted: told once the interval is over"),
        case({"active": ("nights",)}, [(30, "first", "x", "")], id="active: told within it"),
    ],
)
def test_time_intervals(quiet: dict[str, tuple[str, ...]], told: Told) -> None:
    """A route is quiet in its mute intervals, and outside its active ones."""
    assert Bench(Routing(replace(ROOT, **quiet), (), QUIET)).alert("x").run(1_000) == told  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ["muted", "silenced", "inhibited"])
def test_a_group_that_ends_while_it_is_quiet_has_ended(how: str) -> None:
    """What was told is over is told to be, whatever keeps it quiet by then: the next of its like is another."""
    rules = (rule("severity=critical", "severity=warning"),) if how == "inhibited" else ()
    quiet = {"nights": (interval_from({"times": [{"start_time": "08:01", "end_time": "08:20"}]}, "UTC"),)}
    mute = ("nights",) if how == "muted" else ()
    bench = Bench(Routing(replace(ROOT, mute=mute), rules, quiet), restarts=True)
    bench.alert("x", "product=a severity=warning", until=200).alert("y", "product=a severity=warning", at=2_000)
    if how == "silenced":
        bench.silenced.append(("product=a", 60, 1_000))
    if how == "inhibited":
        bench.alert("z", "product=b severity=critical", at=60, until=1_000)
    told = [one for one in bench.run(2_100) if "z" not in one[2] + one[3]]

    assert told == [(30, "first", "x", ""), (330, "resolved", "", "x"), (2_030, "first", "y", "")]


def test_outside_its_active_interval_nobody_is_told_of_what_is_new() -> None:
    """What comes after the active interval waits for the next."""
    bench = Bench(Routing(replace(ROOT, active=("nights",)), (), QUIET)).alert("x").alert("y", at=700)
    assert bench.run(2_000) == [(30, "first", "x", "")]


def handed_over(before: Route, after: Route, x: Firing, *, told: bool = True) -> list[tuple[str, str]]:
    """Return who is told of an alert, and why, once a file has other routes than when it began."""
    old = Dispatch(Routing(before, ()), {}, lambda *_: False)
    old.take([x], START)
    if told:
        assert len(list(old.due([x], lambda _: False, START + timedelta(seconds=30)))) == 1
    new = Dispatch(Routing(after, ()), json.loads(json.dumps(old.to_json())), lambda *_: False)
    later = START + timedelta(hours=5)
    new.take([x], later)
    return [(one.receiver, one.reason) for one in new.due([x], lambda _: False, later)]


A, B = route("team-a", "product=a"), route("team-b", "product=b")
AT_A = Firing("x", {"product": "a"}, START)


def test_a_route_that_is_no_more_notifies_nobody() -> None:
    """Groups of a route that the file no longer has are over; their alerts find another."""
    assert handed_over(route("", routes=(A,)), route("root"), AT_A, told=False) == [("root", "first")]
    assert handed_over(route("", routes=(A,)), route("root"), AT_A) == [("", "resolved"), ("root", "first")]


def test_a_route_is_the_same_wherever_it_stands() -> None:
    """Another one that is written before it takes none of its alerts; what was told is not told as new."""
    assert handed_over(route("", routes=(A,)), route("", routes=(B, A)), AT_A) == [("team-a", "repeat")]
    assert handed_over(route("", routes=(A, B)), route("", routes=(B,)), AT_A) == [("", "resolved"), ("", "first")]


def test_what_another_route_takes_by_now_is_over_where_it_was() -> None:
    """The route is still there, and one before it takes the alert: who was told hears that it is over for them."""
    every = route("", routes=(route("all", "product=~.*"), A))
    assert sorted(handed_over(route("", routes=(A,)), every, AT_A)) == [("all", "first"), ("team-a", "resolved")]


def test_routes_that_say_the_same_are_two() -> None:
    """Such as one for the day and one for the night, of the same alerts to the same channel."""
    twice = route("", routes=(replace(A, goes_on=True), replace(A, repeat_interval=timedelta(days=1))))
    assert len(Bench(Routing(twice, ())).alert("x").run(30)) == 2


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 60)), min_size=1, max_size=6), st.integers(1, 7))
def test_every_alert_that_stands_long_enough_is_told_and_none_twice_as_new(
    spans: list[tuple[int, int]], step: int
) -> None:
    """However alerts come and go and however seldom one looks: what stands at the end was told, and once as new."""
    bench = Bench(restarts=True)
    for number, (at, length) in enumerate(spans):
        bench.alert(f"a{number}", at=at * 10, until=10**9 if number == 0 else (at + length) * 10)
    told = bench.run(3_000, step * 10)
    seen: set[str] = set()
    for _, reason, firing, _ in told:
        new = set(firing.split(",")) - seen - {""}
        assert reason in ("first", "new", "resolved") if new else reason in ("new", "resolved", "repeat")
        seen |= new
    assert "a0" in seen

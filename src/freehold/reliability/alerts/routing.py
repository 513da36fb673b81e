"""Who is notified of which alerts, and when: groups, inhibition and repeats, as Alertmanager does it.

A state machine without a clock, a ledger or a network: it is told what stands now, and gives what is to be notified.
Its state is plain JSON, so that it can be kept and gone on with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from freehold.reliability.alerts.intervals import Interval
from freehold.reliability.alerts.matching import Labels, Matcher, match

FIRST, NEW, REPEAT, RESOLVED = "first", "new", "repeat", "resolved"
IsAbove = Callable[[str, str], bool]
"""Whether the first asset is above the second one in the lineage."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where alerts go that match, unless one of its own routes takes them.

    Attributes:
        receiver: a channel; empty where it is whoever answers for the product.
        group_by: labels whose alerts are notified together; `...` keeps each alert by itself.
        group_wait: how long a new group waits for what belongs to it.
        group_interval: how long until what is new in a group is told.
        repeat_interval: how long until the same is told again.
        goes_on: whether the routes after it are asked, too.
        mute, active: names of time intervals in which nothing is notified, or only then.
    """

    receiver: str = ""
    matchers: tuple[Matcher, ...] = ()
    group_by: tuple[str, ...] = ("product",)
    group_wait: timedelta = timedelta(seconds=30)
    group_interval: timedelta = timedelta(minutes=5)
    repeat_interval: timedelta = timedelta(hours=4)
    send_resolved: bool = True
    goes_on: bool = False
    mute: tuple[str, ...] = ()
    active: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()

    def taking(self, labels: Labels) -> list[Route]:
        """Return the routes that alerts of such labels take: the deepest that match; none where this does not."""
        if not match(self.matchers, labels):
            return []
        found: list[Route] = []
        for one in self.routes:
            taken = one.taking(labels)
            found += taken
            if taken and not one.goes_on:
                break
        return found or [self]


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While an alert that matches `source` stands, none is notified that matches `target` and is equal to it in labels.

    Attributes:
        upstream: whether the asset of the source has to be above that of the target in the lineage.
    """

    source: tuple[Matcher, ...] = ()
    target: tuple[Matcher, ...] = ()
    equal: tuple[str, ...] = ()
    upstream: bool = False


@dataclass(frozen=True, slots=True)
class Routing:
    """The routes and what keeps them quiet."""

    route: Route = field(default_factory=Route)
    inhibitions: tuple[Inhibition, ...] = (Inhibition(upstream=True),)
    intervals: Mapping[str, tuple[Interval, ...]] = field(default_factory=dict)

    def is_quiet(self, route: Route, now: datetime) -> bool:
        """Whether a route notifies nobody at an instant."""
        return bool(self.muting(route, now))

    def muting(self, route: Route, now: datetime) -> tuple[str, ...]:
        """Return the names of the time intervals by which a route notifies nobody at an instant: it is in, or out."""
        within = {name for name in (*route.mute, *route.active) if any(i.holds(now) for i in self.intervals[name])}
        return tuple(one for one in route.mute if one in within) or (() if within & {*route.active} else route.active)


@dataclass(frozen=True, slots=True)
class Firing:
    """An alert that stands, as far as routes look at it."""

    id: str
    labels: Labels
    since: datetime


@dataclass(frozen=True, slots=True)
class Notification:
    """That somebody is to be told now.

    Attributes:
        group: which one: its receiver and labels.
        alerts: that stand; resolved: that are over; ids of alerts.
        reason: `first`, `new` (alerts, or resolved ones beside some that stand), `repeat` or `resolved` (all are).
        is_quiet: whether it is over, and nobody is told: so says its route.
    """

    group: str
    receiver: str
    labels: Labels
    alerts: tuple[str, ...]
    resolved: tuple[str, ...]
    reason: str
    is_quiet: bool = False


@dataclass(slots=True)
class Group:
    """Alerts that are notified together.

    Attributes:
        members: by id; the value is when it ended, or None while it stands.
        flush_at: when it is looked at next.
        told: alerts that stood, and were over, when somebody was notified last.
    """

    route: Route
    labels: dict[str, str]
    flush_at: datetime
    has_flushed: bool = False
    members: dict[str, datetime | None] = field(default_factory=dict)
    known: dict[str, dict[str, str]] = field(default_factory=dict)  # the labels of members
    told: tuple[frozenset[str], frozenset[str]] | None = None
    told_at: datetime | None = None


class Dispatch:
    """The groups there are, and when each is looked at next."""

    def __init__(self, routing: Routing, kept: Mapping[str, Any], is_above: IsAbove) -> None:
        self._routing, self._is_above = routing, is_above
        routes = dict(_named(routing.route))
        self._names = {id(route): name for name, route in routes.items()}
        self.groups: dict[str, Group] = {}
        self._ended: list[Notification] = []  # of routes that a file no longer has, as it was
        for key, said in kept.items():
            if (route := routes.get(said["route"])) is not None:
                self.groups[key] = _group_from(said, route)
            elif said["told"] and said["told"][0]:
                over = tuple(sorted(said["members"]))
                self._ended.append(Notification(key, "", dict(said["labels"]), (), over, RESOLVED))

    def take(self, standing: Iterable[Firing], now: datetime) -> None:
        """Take what stands now into the groups; members that are not among it, or go elsewhere by now, are over."""
        there = {one.id: (one, self._routing.route.taking(one.labels)) for one in standing}
        for group in self.groups.values():
            for id_, ended in group.members.items():
                if ended is None and (id_ not in there or all(one is not group.route for one in there[id_][1])):
                    group.members[id_] = now
        for one, routes in there.values():
            for route in routes:
                self._add(one, route, now)

    def _add(self, one: Firing, route: Route, now: datetime) -> None:
        by = one.labels if "..." in route.group_by else {n: one.labels.get(n, "") for n in sorted(route.group_by)}
        key = _key(self._names[id(route)], dict(by))
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = Group(route, dict(by), now + route.group_wait)
        if not group.has_flushed and one.since + route.group_wait < now:
            group.flush_at = min(group.flush_at, now)
        group.members[one.id] = None
        group.known[one.id] = dict(one.labels)

    def due(
        self, standing: Sequence[Firing], silenced: Callable[[Labels], bool], now: datetime
    ) -> Iterator[Notification]:
        """Yield what is to be notified now, and set each group that was looked at to its next time.

        Of each group that was told and is no more, it is told that it is over, whatever kept it quiet meanwhile.
        """
        yield from self._ended
        self._ended.clear()
        for key in [key for key, group in self.groups.items() if group.flush_at <= now]:
            group = self.groups[key]
            stood = bool(group.told and group.told[0])
            found = self._flushed(key, group, standing, silenced, now)
            group.flush_at, group.has_flushed = now + group.route.group_interval, True
            if found is not None:
                yield found
            over = tuple(sorted(id_ for id_, ended in group.members.items() if ended is not None))
            for id_ in over:
                del group.members[id_], group.known[id_]
            if not group.members:
                del self.groups[key]
                if stood and found is None:
                    yield _end(key, group, over)

    def _flushed(
        self, key: str, group: Group, standing: Sequence[Firing], silenced: Callable[[Labels], bool], now: datetime
    ) -> Notification | None:
        if self._routing.is_quiet(group.route, now):
            return None
        loud = [
            i for i, labels in group.known.items() if not silenced(labels) and not self._inhibited(labels, standing)
        ]
        firing = frozenset(i for i in loud if group.members[i] is None)
        over = frozenset(i for i in loud if group.members[i] is not None)
        reason = _reason(group, firing, over, now) if loud else ""
        if not reason:
            return None
        group.told, group.told_at = (firing, over), now
        if reason == RESOLVED:
            return _end(key, group, tuple(sorted(over)))
        shown = tuple(sorted(over)) if group.route.send_resolved else ()
        return Notification(key, group.route.receiver, group.labels, tuple(sorted(firing)), shown, reason)

    def _inhibited(self, labels: Labels, standing: Sequence[Firing]) -> bool:
        return any(
            match(rule.target, labels) and self._is_held_back(rule, labels, one)
            for rule in self._routing.inhibitions
            for one in standing
        )

    def _is_held_back(self, rule: Inhibition, labels: Labels, source: Firing) -> bool:
        """Whether a source inhibits a target; what matches both sides of a rule does not inhibit its like."""
        if not match(rule.source, source.labels) or any(
            labels.get(n, "") != source.labels.get(n, "") for n in rule.equal
        ):
            return False
        if rule.upstream:
            return self._is_above(source.labels.get("asset", ""), labels.get("asset", ""))
        return not (match(rule.target, source.labels) and match(rule.source, labels))

    @property
    def next_at(self) -> datetime | None:
        """When something may be due next."""
        return min((group.flush_at for group in self.groups.values()), default=None)

    def to_json(self) -> dict[str, Any]:
        """Return the groups as they are kept."""
        return {key: _kept(group, self._names[id(group.route)]) for key, group in sorted(self.groups.items())}


def _reason(group: Group, firing: frozenset[str], over: frozenset[str], now: datetime) -> str:
    """Return why somebody is told of a group now; empty where nobody is."""
    if group.told is None:
        return FIRST if firing else ""
    told_firing, told_over = group.told
    if not firing <= told_firing:
        return NEW
    if not firing:
        return RESOLVED if told_firing else ""
    if group.route.send_resolved and not over <= told_over:
        return NEW
    assert group.told_at is not None, "who was told was told at some time"
    return REPEAT if group.told_at + group.route.repeat_interval < now else ""


def _end(key: str, group: Group, over: tuple[str, ...]) -> Notification:
    """Return that a group is over."""
    route = group.route
    shown = over if route.send_resolved else ()
    return Notification(key, route.receiver, group.labels, (), shown, RESOLVED, not route.send_resolved)


def _key(name: str, labels: Mapping[str, str]) -> str:
    said = ",".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
    return f"{name}:{{{said}}}"


def _named(root: Route) -> Iterator[tuple[str, Route]]:
    """Yield each route with a name: what it matches, whom it tells, and how it groups, wherever it stands in a file."""
    seen: dict[str, int] = {}
    for above, route in _walked(root, ""):
        name = f"{above} to {route.receiver or 'who answers'} by {','.join(sorted(route.group_by))}"
        seen[name] = seen.get(name, 0) + 1
        yield (name if seen[name] == 1 else f"{name} #{seen[name]}"), route


def _walked(route: Route, above: str) -> Iterator[tuple[str, Route]]:
    here = f"{above}/{{{','.join(map(str, route.matchers))}}}"
    yield here, route
    for one in route.routes:
        yield from _walked(one, here)


def _kept(group: Group, route: str) -> dict[str, Any]:
    return {
        "route": route,
        "labels": group.labels,
        "flush_at": group.flush_at.isoformat(),
        "has_flushed": group.has_flushed,
        "members": {i: ended.isoformat() if ended else None for i, ended in group.members.items()},
        "known": group.known,
        "told": [sorted(part) for part in group.told] if group.told else None,
        "told_at": group.told_at.isoformat() if group.told_at else None,
    }


def _group_from(said: Mapping[str, Any], route: Route) -> Group:
    told = said["told"]
    return Group(
        route=route,
        labels=dict(said["labels"]),
        flush_at=datetime.fromisoformat(said["flush_at"]),
        has_flushed=said["has_flushed"],
        members={i: datetime.fromisoformat(ended) if ended else None for i, ended in said["members"].items()},
        known={i: dict(labels) for i, labels in said["known"].items()},
        told=(frozenset(told[0]), frozenset(told[1])) if told else None,
        told_at=datetime.fromisoformat(said["told_at"]) if said["told_at"] else None,
    )

"""What an estate says about notifying: its file of kind `Alerting`, or what holds without one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from freehold.delivery.arrival import duration
from freehold.foundation import FreeholdError, Problems, near
from freehold.reliability.alerts.intervals import Interval, interval_from
from freehold.reliability.alerts.matching import LABELS, Matcher, matcher
from freehold.reliability.alerts.routing import Inhibition, Route, Routing

if TYPE_CHECKING:
    from freehold.estate.model import Estate, Resource
    from freehold.foundation import Where

KIND = "Alerting"
_LENGTHS = ("group_wait", "group_interval", "repeat_interval")
_CHANNEL = "channel:"


@dataclass(frozen=True, slots=True)
class Settings:
    """How alerts are kept and notified.

    Attributes:
        steady_for: how long things have to be right before an alert is over (`keep_firing_for`).
    """

    steady_for: timedelta = timedelta(minutes=30)
    routing: Routing = field(default_factory=Routing)


def settings_of(estate: Estate) -> Settings:
    """Return what the estate says; what holds without a file where there is none.

    Raises:
        Problems: what is wrong with the file.
    """
    files = _files(estate)
    if wrong := alerting_findings(estate):
        raise Problems(wrong)
    return _settings(files[0], _zone(estate)) if files else Settings()


def alerting_findings(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return what is wrong with the files of kind `Alerting`: FH-E330 a name or a time, FH-E331 a matcher."""
    files = _files(estate)
    found = list(_wrong(estate, files))
    if not found and files:
        try:
            _settings(files[0], _zone(estate))
        except FreeholdError as error:
            found.append(FreeholdError(error.code, error.problem, where=files[0].where, fix=error.fix))
        except ValueError as error:
            found.append(_finding(f"{error}.", files[0].where, "`freehold schema Alerting` says what it may be."))
    return tuple(found)


def _files(estate: Estate) -> list[Resource]:
    return [one for (kind, _), one in sorted(estate.resources.items()) if kind == KIND]


def _zone(estate: Estate) -> str:
    return str(estate.defaults.get("timezone", "UTC"))


def _settings(said: Resource, zone: str) -> Settings:
    spec, usual = said.spec, Routing()
    intervals = {one["name"]: tuple(_intervals(one, zone)) for one in spec.get("time_intervals", ())}
    rules = spec.get("inhibit_rules")
    routing = Routing(
        route=_route(spec.get("route", {}), Route()),
        inhibitions=usual.inhibitions if rules is None else tuple(map(_inhibition, rules)),
        intervals=intervals,
    )
    steady = spec.get("keep_firing_for")
    return Settings(duration(steady) if steady else Settings().steady_for, routing)


def _intervals(said: Mapping[str, Any], zone: str) -> Iterator[Interval]:
    for one in said["time_intervals"]:
        try:
            yield interval_from(one, zone)
        except ValueError as error:
            raise ValueError(f"The time interval `{said['name']}`: {error}") from None


def _route(said: Mapping[str, Any], above: Route) -> Route:
    """Return a route; what it does not say is as in the one above, but for what it matches and when it is quiet."""
    lengths = {name: duration(said[name]) for name in _LENGTHS if name in said}
    own = replace(
        above,
        receiver=str(said.get("receiver", above.receiver)).removeprefix(_CHANNEL),
        matchers=_matchers(said.get("matchers", ())),
        group_by=tuple(said.get("group_by", above.group_by)),
        send_resolved=bool(said.get("send_resolved", above.send_resolved)),
        goes_on=bool(said.get("continue", False)),
        mute=tuple(said.get("mute_time_intervals", ())),
        active=tuple(said.get("active_time_intervals", ())),
        routes=(),
        **lengths,
    )
    return replace(own, routes=tuple(_route(one, own) for one in said.get("routes", ())))


def _inhibition(said: Mapping[str, Any]) -> Inhibition:
    source, target = (_matchers(said.get(f"{side}_matchers", ())) for side in ("source", "target"))
    return Inhibition(source, target, tuple(said.get("equal", ())), bool(said.get("upstream", False)))


def _matchers(said: Any) -> tuple[Matcher, ...]:
    return tuple(matcher(str(one)) for one in said)


def _wrong(estate: Estate, files: list[Resource]) -> Iterator[FreeholdError]:
    for one in files[1:]:
        problem = f"`{one.id}` is a second file of kind {KIND}; an estate has one, here `{files[0].id}`."
        yield _finding(problem, one.where, "Bring both into one file.")
    for one in files[:1]:
        known = {said["name"] for said in one.spec.get("time_intervals", ())}
        channels = {id_ for kind, id_ in estate.resources if kind == "Channel"}
        for said in _routes(one.spec.get("route", {})):
            for name in (*said.get("mute_time_intervals", ()), *said.get("active_time_intervals", ())):
                if name not in known:
                    fix = near(name, known) or "Say it under `time_intervals`."
                    yield _finding(f"`{name}` is no time interval.", one.where, fix)
            for name in said.get("group_by", ()):
                if name not in (*LABELS, "..."):
                    fix = near(name, LABELS) or f"Use some of: {', '.join(LABELS)}."
                    yield _finding(f"Alerts have no label `{name}`.", one.where, fix)
            channel = str(said.get("receiver", "")).removeprefix(_CHANNEL)
            if channel and channel not in channels:
                fix = near(channel, channels) or "Declare it: `freehold schema Channel`."
                yield _finding(f"No file declares the channel `{channel}`.", one.where, fix)


def _routes(said: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield said
    for one in said.get("routes", ()):
        yield from _routes(one)


def _finding(problem: str, where: Where, fix: str) -> FreeholdError:
    return FreeholdError("FH-E330", problem, where=where, fix=fix)

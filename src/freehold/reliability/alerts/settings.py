"""What an estate says about notifying: its file of kind `Alerting`, or what holds without one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from freehold.delivery.arrival import duration
from freehold.foundation import Problems
from freehold.reliability.alerts.checking import CHANNEL, KIND, alerting_findings
from freehold.reliability.alerts.intervals import interval_from
from freehold.reliability.alerts.matching import Matcher, matcher
from freehold.reliability.alerts.routing import Inhibition, Route, Routing

if TYPE_CHECKING:
    from freehold.estate.model import Estate, Resource

_LENGTHS = ("group_wait", "group_interval", "repeat_interval")


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
    files = estate.resources_of(KIND)
    if wrong := alerting_findings(estate):
        raise Problems(wrong)
    return _settings(files[0], _zone(estate)) if files else Settings()


def _zone(estate: Estate) -> str:
    return str(estate.defaults.get("timezone", "UTC"))


def _settings(said: Resource, zone: str) -> Settings:
    spec, usual = said.spec, Routing()
    intervals = {
        named["name"]: tuple(interval_from(one, zone) for one in named["time_intervals"])
        for named in spec.get("time_intervals", ())
    }
    rules = spec.get("inhibit_rules")
    routing = Routing(
        route=_route(spec.get("route", {}), Route()),
        inhibitions=usual.inhibitions if rules is None else tuple(map(_inhibition, rules)),
        intervals=intervals,
    )
    steady = spec.get("keep_firing_for")
    return Settings(duration(steady) if steady else Settings().steady_for, routing)


def _route(said: Mapping[str, Any], above: Route) -> Route:
    """Return a route; what it does not say is as in the one above, but for what it matches and when it is quiet."""
    lengths = {name: duration(said[name]) for name in _LENGTHS if name in said}
    own = replace(
        above,
        receiver=str(said.get("receiver", above.receiver)).removeprefix(CHANNEL),
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

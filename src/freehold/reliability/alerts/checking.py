"""What is wrong with the files of kind `Alerting`, each with its place: names, matchers, lengths and times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from freehold.delivery.arrival import duration
from freehold.foundation import FreeholdError, near
from freehold.reliability.alerts.intervals import interval_from
from freehold.reliability.alerts.matching import LABELS, matcher
from freehold.reliability.alerts.values import expect_values

if TYPE_CHECKING:
    from freehold.estate.model import Estate, Resource
    from freehold.foundation import Where

KIND = "Alerting"
CHANNEL = "channel:"
_QUIET = ("mute_time_intervals", "active_time_intervals")
_ABOVE_ZERO = ("group_interval", "repeat_interval")

Step = str | int


def alerting_findings(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return what is wrong with the files of kind `Alerting`: FH-E330 a name or a time, FH-E331 a matcher."""
    files = estate.resources_of(KIND)
    found: list[FreeholdError] = []
    for one in files[1:]:
        problem = f"`{one.id}` is a second file of kind {KIND}; an estate has one, here `{files[0].id}`."
        found.append(_finding(problem, one.where, "Bring both into one file."))
    for one in files[:1]:
        found += _Checking(estate, one).findings()
    return tuple(found)


class _Checking:
    """Checks one file."""

    def __init__(self, estate: Estate, said: Resource) -> None:
        self._estate, self._said = estate, said
        self._zone = str(estate.defaults.get("timezone", "UTC"))
        self._channels = {one.id for one in estate.resources_of("Channel")}
        self._intervals = [one["name"] for one in said.spec.get("time_intervals", ())]

    def findings(self) -> Iterator[FreeholdError]:
        """Yield what is wrong, in the order of the file."""
        spec = self._said.spec
        for route, path in _routes(spec.get("route", {}), ("route",)):
            yield from self._of_route(route, path)
        for n, rule in enumerate(spec.get("inhibit_rules", ())):
            for side in ("source_matchers", "target_matchers"):
                yield from self._of_matchers(rule, ("inhibit_rules", n, side))
            yield from self._of_names(rule, ("inhibit_rules", n, "equal"), LABELS)
        yield from self._of_intervals(spec.get("time_intervals", ()))

    def _of_route(self, route: Mapping[str, Any], path: tuple[Step, ...]) -> Iterator[FreeholdError]:
        channel = str(route.get("receiver", "")).removeprefix(CHANNEL)
        if channel and channel not in self._channels:
            fix = near(channel, self._channels) or "Declare it: `freehold schema Channel`."
            yield _finding(f"No file declares the channel `{channel}`.", self._at(*path, "receiver"), fix)
        yield from self._of_matchers(route, (*path, "matchers"))
        yield from self._of_names(route, (*path, "group_by"), (*LABELS, "..."))
        for name in _ABOVE_ZERO:
            if name in route and not duration(route[name]):
                problem = f"`{name}: {route[name]}` would tell the same without an end."
                yield _finding(problem, self._at(*path, name), "Write more than 0.")
        for side in _QUIET:
            for n, name in enumerate(route.get(side, ())):
                if name not in self._intervals:
                    fix = near(name, self._intervals) or "Say it under `time_intervals`."
                    yield _finding(f"`{name}` is no time interval.", self._at(*path, side, n), fix)

    def _of_matchers(self, said: Mapping[str, Any], path: tuple[Step, ...]) -> Iterator[FreeholdError]:
        for n, text in enumerate(said.get(str(path[-1]), ())):
            try:
                expect_values((matcher(text),), self._estate)
            except FreeholdError as error:
                yield FreeholdError(error.code, error.problem, where=self._at(*path, n), fix=error.fix)

    def _of_names(
        self, said: Mapping[str, Any], path: tuple[Step, ...], known: Collection[str]
    ) -> Iterator[FreeholdError]:
        for n, name in enumerate(said.get(str(path[-1]), ())):
            if name not in known:
                fix = near(name, known) or f"Use some of: {', '.join(known)}."
                yield _finding(f"Alerts have no label `{name}`.", self._at(*path, n), fix)

    def _of_intervals(self, every: Collection[Mapping[str, Any]]) -> Iterator[FreeholdError]:
        seen: Counter[str] = Counter()
        for n, named in enumerate(every):
            seen[named["name"]] += 1
            if seen[named["name"]] == 2:
                problem = f"The time interval `{named['name']}` is declared twice."
                yield _finding(problem, self._at("time_intervals", n, "name"), "Give one of them another name.")
            for m, said in enumerate(named["time_intervals"]):
                try:
                    interval_from(said, self._zone)
                except ValueError as error:
                    problem = f"The time interval `{named['name']}`: {error}."
                    place = self._at("time_intervals", n, "time_intervals", m)
                    yield _finding(problem, place, "`freehold schema Alerting` says what it may be.")

    def _at(self, *path: Step) -> Where:
        return self._said.at("spec", *path)


def _routes(
    said: Mapping[str, Any], path: tuple[Step, ...]
) -> Iterator[tuple[Mapping[str, Any], tuple[Step, ...]]]:  # fmt: skip
    yield said, path
    for n, one in enumerate(said.get("routes", ())):
        yield from _routes(one, (*path, "routes", n))


def _finding(problem: str, where: Where, fix: str) -> FreeholdError:
    return FreeholdError("FH-E330", problem, where=where, fix=fix)

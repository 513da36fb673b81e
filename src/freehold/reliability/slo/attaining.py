"""How an SLO stands: what was good, what is left of its budget, how fast it burns, and when nothing will be left."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from freehold.delivery.graph import default_environment
from freehold.reliability.slo.budget import Budget, Burning, Tally, burn_rules, exhausted_in, fired, projected
from freehold.reliability.slo.declared import Slo, slos_of
from freehold.reliability.slo.observed import Observed, Occurred, Timeline
from freehold.reliability.slo.spans import Lengths, common, union
from freehold.work.clocks import WorkingTime, working_time

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger

DAY = timedelta(days=1)
STRIP = 30  # days that are shown one by one


@dataclass(frozen=True, slots=True)
class Day:
    """One day of an SLO, in UTC: the share of what was judged that was bad; None where nothing was."""

    start: datetime
    bad_share: float | None


@dataclass(frozen=True, slots=True)
class Attainment:
    """How an SLO stands at an instant.

    Attributes:
        budget: of its window, in seconds of judged time, or in number of what occurred.
        burn: the rate by length of time up to now; lengths in which nothing was judged are left out.
        fired: the rules of two windows that fire, the most urgent first.
        bad_since: since when it is bad now, of time; the first bad one that the burn counts, of what occurs.
        exhausted_at: when the budget is gone at the rate of now; None where it stays, or is gone.
        worst: the asset of which most was bad; the first where nothing was.
        evidence: the id of an event that tells of it; empty where nothing is told.
    """

    slo: Slo
    now: datetime
    since: datetime
    budget: Budget
    burn: dict[timedelta, float]
    fired: tuple[Burning, ...]
    bad_since: datetime | None
    exhausted_at: datetime | None
    worst: str
    evidence: str
    days: tuple[Day, ...] = field(default=(), repr=False)

    @property
    def state(self) -> str:
        """`not instrumented`, `exhausted`, `burning` or `kept`."""
        if not self.budget.tally.judged:
            return "not instrumented"
        return "exhausted" if self.budget.is_gone else "burning" if self.fired else "kept"

    @property
    def burns(self) -> bool:
        """Whether anything was bad lately: within the shortest length in which anything was judged."""
        return next(iter(self.burn.values()), 0.0) > 0

    @property
    def good_share(self) -> float | None:
        """The share of what was judged that was good; None where nothing was."""
        tally = self.budget.tally
        return 1 - tally.bad / tally.judged if tally.judged else None

    def level(self, day: Day) -> int:
        """Return how bad a day was: 0 not at all, 1 within the target, 2 to five times that, 3 to half, 4 more."""
        share, allowed = day.bad_share or 0.0, 1 - self.slo.target
        return 0 if not share else 1 if share <= allowed else 2 if share <= 5 * allowed else 3 if share <= 0.5 else 4

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it: shares, rates, and instants in UTC."""
        slo, burnt = self.slo, self.budget.burnt
        return {
            "id": slo.id, "name": slo.name, "service": slo.service, "product": slo.product,
            "assets": list(slo.assets), "indicator": str(slo.indicator), "method": slo.indicator.method,
            "target": slo.target, "window": str(slo.window), "since": self.since.isoformat(),
            "until": self.now.isoformat(), "state": self.state, "good": _rounded(self.good_share),
            "budget": _rounded(self.budget.allowed), "bad": _rounded(self.budget.tally.bad),
            "judged": _rounded(self.budget.tally.judged), "burnt": _rounded(burnt),
            "left": _rounded(1 - burnt) if burnt is not None else None,
            "unit": "seconds" if slo.indicator.is_of_time else "times",
            "burn": {spelled(length): _rounded(rate) for length, rate in self.burn.items()},
            "fires": [{"long": spelled(r.long), "short": spelled(r.short), "threshold": _rounded(r.threshold),
                       "urgent": r.is_urgent} for r in self.fired],
            "bad_since": self.bad_since.isoformat() if self.bad_since else None,
            "exhausted_at": self.exhausted_at.isoformat() if self.exhausted_at else None,
            "worst": self.worst if self.budget.tally.bad else None,
            "days": [{"day": f"{d.start:%Y-%m-%d}", "bad": _rounded(d.bad_share)} for d in self.days],
            "where": str(slo.where),
        }  # fmt: skip


def attainments(
    estate: Estate, ledger: Ledger, env: str, now: datetime, slos: Iterable[Slo] | None = None
) -> tuple[Attainment, ...]:
    """Return how the SLOs of an estate (or some of them) stand in an environment, in their order."""
    chosen = tuple(slos_of(estate).values() if slos is None else slos)
    observed = Observed(ledger, env, chosen, default_environment(estate))
    observed.follow(now)
    return tuple(attainment(slo, observed, estate, now) for slo in chosen)


def attainment(slo: Slo, observed: Observed, estate: Estate, now: datetime) -> Attainment:
    """Return how one SLO stands by what was observed."""
    zone = str(estate.defaults.get("timezone", "UTC"))
    since = slo.window.start(now, zone)
    of = _OfTime if slo.indicator.is_of_time else _OfTimes
    judge = of(slo, observed, working_time(estate, slo.hours) if slo.hours else None, since, now)
    budget = Budget(slo.target, judge.between(since, now))
    rules = burn_rules(slo.target, slo.window.length)

    def lately(length: timedelta) -> Tally:
        return judge.between(max(now - length, since), now)

    burning = {length: lately(length).burn(slo.target) for rule in rules for length in (rule.long, rule.short)}
    asset = judge.worst()
    return Attainment(
        slo=slo,
        now=now,
        since=since,
        budget=budget,
        burn={length: rate for length, rate in sorted(burning.items()) if rate is not None},
        fired=fired(rules, lately, slo.target),
        bad_since=judge.bad_since(),
        exhausted_at=None if budget.is_gone else judge.exhausted_at(budget, lately),
        worst=asset,
        evidence=observed.evidence(slo, asset, now),
        days=tuple(_days(judge.between, since, now)),
    )


class _OfTime:
    """Judges time: what of it was bad, in the hours that count."""

    def __init__(self, slo: Slo, observed: Observed, hours: WorkingTime | None, since: datetime, now: datetime) -> None:
        self._slo, self._hours, self._since, self._now = slo, hours, since, now
        worked = union(hours.windows(since, now)) if hours else [(since, now)]
        lines = {asset: observed.timeline(slo, asset, now) for asset in slo.assets}
        self._by_asset = {asset: _within(line, worked) for asset, line in lines.items()}
        self._judged = Lengths(union(span for line in self._by_asset.values() for span in line.judged))
        self._bad = Lengths(union(span for line in self._by_asset.values() for span in line.bad))

    def between(self, start: datetime, end: datetime) -> Tally:
        """Return how many seconds were judged, and bad: of a product, where some output of it was."""
        return Tally(self._bad.between(start, end).total_seconds(), self._judged.between(start, end).total_seconds())

    def worst(self) -> str:
        """Return the asset that was bad for longest."""
        lengths = {
            asset: Lengths(line.bad).between(self._since, self._now).total_seconds()
            for asset, line in self._by_asset.items()
        }
        return max(lengths, key=lambda one: lengths[one], default="")

    def bad_since(self) -> datetime | None:
        """Return since when it is bad now."""
        return self._bad.spans[-1][0] if self._bad.holds(self._now) else None

    def exhausted_at(self, budget: Budget, lately: Callable[[timedelta], Tally]) -> datetime | None:
        """Return when the budget is gone: all time is bad from now on where it is bad now, else as in three days."""
        recent = lately(min(3 * DAY, self._slo.window.length))
        share = 1.0 if self.bad_since() else recent.bad / recent.judged if recent.judged else 0.0
        return projected(budget, share, self._now, self._after)

    def _after(self, start: datetime, length: timedelta) -> datetime:
        if self._hours is None:
            return start + length
        left = length
        for opens, closes in self._hours.windows(start, start + 3 * self._slo.window.length + 366 * DAY):
            here = closes - max(opens, start)
            if here >= left:
                return max(opens, start) + left
            left -= here
        return start + length


class _OfTimes:
    """Counts what occurred, and what of it was bad."""

    def __init__(self, slo: Slo, observed: Observed, _: WorkingTime | None, since: datetime, now: datetime) -> None:
        self._slo, self._since, self._now = slo, since, now
        self._by_asset: dict[str, list[Occurred]] = {
            asset: [one for one in observed.occurred(slo, asset, now) if one.at >= since] for asset in slo.assets
        }
        self._all = [one for found in self._by_asset.values() for one in found]

    def between(self, start: datetime, end: datetime) -> Tally:
        """Return how many there were, and how many of them bad."""
        found = [one for one in self._all if start <= one.at <= end]
        return Tally(float(sum(not one.is_good for one in found)), float(len(found)))

    def worst(self) -> str:
        """Return the asset with most that were bad."""
        return max(self._slo.assets, key=lambda a: sum(not one.is_good for one in self._by_asset[a]), default="")

    def bad_since(self) -> datetime | None:
        """Return when the first bad one of three days was, where the newest is bad."""
        newest = max(self._all, key=lambda one: (one.at, one.seq), default=None)
        if newest is None or newest.is_good:
            return None
        since = min(newest.at, self._now - 3 * DAY)
        return min(one.at for one in self._all if not one.is_good and one.at >= since)

    def exhausted_at(self, budget: Budget, lately: Callable[[timedelta], Tally]) -> datetime | None:
        """Return when the budget is gone, if as many occur, and as many of them are bad, as in the last three days."""
        span = min(3 * DAY, self._slo.window.length)
        recent = lately(span)
        more = exhausted_in(budget, recent.bad / recent.judged) if recent.judged else None
        return self._now + span * (more / recent.judged) if more is not None else None


def _within(line: Timeline, worked: list[tuple[datetime, datetime]]) -> Timeline:
    judged = common(line.judged, worked)
    return Timeline(judged, common(line.bad, judged))


def _days(between: Callable[[datetime, datetime], Tally], since: datetime, now: datetime) -> Iterable[Day]:
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for back in reversed(range(STRIP)):
        start = midnight - back * DAY
        if start + DAY > since:
            tally = between(max(start, since), min(start + DAY, now))
            yield Day(start, tally.bad / tally.judged if tally.judged else None)


def spelled(length: timedelta) -> str:
    """Return a length of time as rules name it: 5m, 6h, 3d."""
    minutes = length // timedelta(minutes=1)
    return f"{minutes}m" if minutes < 60 else f"{minutes // 60}h" if minutes < 1_440 else f"{minutes // 1_440}d"


def _rounded(value: float | None) -> float | None:
    return round(value, 6) if value is not None else None

"""What the ledger tells of the indicators of SLOs, kept up to date event by event: nothing is read twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from freehold.foundation.times import instant_if
from freehold.reliability.slo.declared import Indicator, Slo
from freehold.reliability.slo.spans import Span, common, union
from freehold.work.incidents import LINKS, STATES, Incident, Incidents, begun, is_of_environment

if TYPE_CHECKING:
    from freehold.ledger import Ledger, Recorded

_TYPES = {
    Indicator.FRESHNESS: ("freshness.observed",),
    Indicator.AVAILABILITY: (*STATES, "incident.judged", LINKS),
    Indicator.CHECKS: ("check.completed",),
    Indicator.RUNS: ("run.completed", "run.expected"),
}
_LATELY = timedelta(days=7)  # in which most assets were observed: they are read at once, others one by one
_TRIMMED = timedelta(hours=1)  # how often what has left all windows is let go of
_GOOD = {"pass", "warn", "success"}
_BAD = {"fail", "error", "failed", "quarantined"}


@dataclass(frozen=True, slots=True)
class Seen:
    """How old data was at an instant: `data_time` is None where that could not be read, `target_s` where nothing is
    promised.
    """

    at: datetime
    seq: int
    event: str
    data_time: datetime | None
    target_s: float | None
    in_service: bool


@dataclass(frozen=True, slots=True)
class Occurred:
    """One verdict, or the last attempt of one run."""

    at: datetime
    seq: int
    event: str
    is_good: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """What was judged of an asset, and what of that was bad, in order."""

    judged: list[Span]
    bad: list[Span]


class Observed:
    """What is known of some SLOs in one environment; `follow` before asking.

    What names no environment, as incidents that were opened as work items, is of the `usual` one, which consumers read.
    """

    def __init__(self, ledger: Ledger, env: str, slos: Iterable[Slo], usual: str) -> None:
        self._ledger, self._env, self._slos, self._usual = ledger, env, tuple(slos), usual
        self._upto: int | None = None
        self._trimmed_at: datetime | None = None
        self._first: dict[str, datetime | None] = {}
        self._freshness: dict[str, list[Seen]] = defaultdict(list)
        self._occurred: dict[tuple[Indicator, str], list[Occurred]] = defaultdict(list)
        self._incidents = Incidents(begun)

    def follow(self, now: datetime) -> None:
        """Read what is new; at first as far back as the longest window reaches."""
        newest = next(self._ledger.read(newest_first=True, limit=1), None)
        head = newest.seq if newest else 0
        if not self._slos or head == self._upto:
            return
        for types, since in self._types(now):
            if self._upto is None:
                told = self._ledger.read(types=types, since=since, upto=head)
            else:
                told = self._ledger.read(types=types, after=self._upto, upto=head)
            self._take_all(told)
        self._upto = head
        self._trim(now)

    def _trim(self, now: datetime) -> None:
        """Let go of what has left all windows, but for what data grows old from."""
        if self._trimmed_at is not None and now - self._trimmed_at < _TRIMMED:
            return
        self._trimmed_at, since = now, self._since(now)
        for asset, seen in self._freshness.items():
            before = sorted((s for s in seen if s.at < since), key=lambda s: (s.at, s.seq))
            lasting = {id(s) for s in (*before[-1:], *[s for s in before if s.target_s is not None][-1:])}
            self._freshness[asset] = [s for s in seen if s.at >= since or id(s) in lasting]
        for key, occurred in self._occurred.items():
            self._occurred[key] = [one for one in occurred if one.at >= since]

    def _since(self, now: datetime) -> datetime:
        """Return where the longest window begins.

        It is twice as long, since a period of a calendar may be longer than what its name stands for.
        """
        return now - 2 * max(slo.window.length for slo in self._slos)

    def _types(self, now: datetime) -> Iterator[tuple[tuple[str, ...], datetime | None]]:
        """Yield the types of event that are read, and since when at first: incidents from the first one on."""
        since = self._since(now)
        for indicator in sorted({slo.indicator for slo in self._slos}):
            if self._upto is None and indicator is Indicator.FRESHNESS:
                self._begin(since)
            yield _TYPES[indicator], None if indicator is Indicator.AVAILABILITY else since

    def _take_all(self, told: Iterable[Recorded]) -> None:
        for event in told:
            if event.type in _TYPES[Indicator.AVAILABILITY]:
                self._incidents.take([event])  # its first event alone tells of which environment one is
            elif self._is_here(event.env):
                self._take(event)

    def _is_here(self, env: str | None) -> bool:
        return is_of_environment(env, self._env, self._usual)

    def _stopping(self, asset: str) -> Iterator[Incident]:
        """Yield the incidents here by which nobody should use an asset, and those that are over."""
        for one in self._incidents.by_id.values():
            if one.stops and self._is_here(one.env) and one.touches({asset}):
                yield one

    def timeline(self, slo: Slo, asset: str, now: datetime) -> Timeline:
        """Return what was judged of an asset up to now, and what of it was bad, by an indicator of time."""
        if slo.indicator is Indicator.FRESHNESS:
            return self._fresh(slo, asset, now)
        first = self._began(asset)
        judged = union([(first, now)]) if first else []
        bad = [(one.began_at, min(one.resolved_at or now, now)) for one in self._stopping(asset)]
        return Timeline(judged, common(judged, union(bad)))

    def occurred(self, slo: Slo, asset: str, now: datetime) -> list[Occurred]:
        """Return what occurred to an asset up to now, by an indicator that counts."""
        found = list(self._occurred.get((slo.indicator, asset), ()))
        if slo.indicator is Indicator.RUNS:  # a run of the whole product that nobody made is missing here, too
            found += [one for one in self._occurred.get((slo.indicator, slo.product), ()) if not one.is_good]
        return sorted((one for one in found if one.at <= now), key=lambda one: (one.at, one.seq))

    def evidence(self, slo: Slo, asset: str, now: datetime) -> str:
        """Return the id of the newest event that tells how an asset stands; empty where nothing does."""
        if slo.indicator is Indicator.FRESHNESS:
            return max(((s.at, s.seq, s.event) for s in self._freshness.get(asset, ()) if s.at <= now),
                       default=(now, 0, ""))[2]  # fmt: skip
        if slo.indicator is Indicator.AVAILABILITY:
            return max(((one.began_at, one.event) for one in self._stopping(asset)), default=(now, ""))[1]
        bad = [one.event for one in self.occurred(slo, asset, now) if not one.is_good]
        return bad[-1] if bad else ""

    def _begin(self, since: datetime) -> None:
        """Read the last observation of each asset before all windows: data goes on growing old from it."""
        read, types = self._ledger.read, ("freshness.observed",)
        first = next(read(types=types, env=self._env, limit=1), None)
        if first is None or first.occurred_at >= since:
            return
        self._take_all(read(types=types, since=since - _LATELY, until=since))
        for asset in {a for slo in self._slos for a in slo.assets} - self._freshness.keys():
            self._take_all(read(types=types, subject=asset, env=self._env, until=since, newest_first=True, limit=1))

    def _began(self, asset: str) -> datetime | None:
        """Return when something of an asset was first published: nobody could use it before."""
        if self._first.get(asset) is None:
            told = self._ledger.read(types=("asset.published",), subject=asset, env=self._env, limit=1)
            self._first[asset] = next((event.occurred_at for event in told), None)
        return self._first[asset]

    def _take(self, event: Recorded) -> None:
        said = event.data
        if event.type == "freshness.observed":
            seen = Seen(event.occurred_at, event.seq, event.id, instant_if(said.get("data_time")), said.get("target_s"),
                        said.get("in_service") is not False)  # fmt: skip
            self._freshness[said["asset"]].append(seen)
        elif event.type == "run.expected":
            if said.get("missed"):
                self._count(Indicator.RUNS, event, is_good=False)
        elif said["status"] in _GOOD | _BAD:
            if event.type == "check.completed":
                self._count(Indicator.CHECKS, event, is_good=said["status"] in _GOOD)
            elif said.get("final") is not False and said.get("trigger") != "backfill":
                self._count(Indicator.RUNS, event, is_good=said["status"] in _GOOD)

    def _count(self, indicator: Indicator, event: Recorded, *, is_good: bool) -> None:
        self._occurred[indicator, event.data["asset"]].append(Occurred(event.occurred_at, event.seq, event.id, is_good))

    def _fresh(self, slo: Slo, asset: str, now: datetime) -> Timeline:
        """Return when data was judged, and when too old: its age grows by the clock between two observations."""
        seen = [(s, slo.limit_s or s.target_s) for s in self._freshness.get(asset, ()) if s.at <= now]
        told = sorted(((s, limit) for s, limit in seen if limit is not None), key=lambda one: (one[0].at, one[0].seq))
        ends = [*(s.at for s, _ in told[1:]), now]
        judged, bad = [], []
        for (s, limit), end in zip(told, ends, strict=False):
            if s.in_service:
                stale_at = s.data_time + timedelta(seconds=limit) if s.data_time and limit else s.at
                judged.append((s.at, end))
                bad.append((max(s.at, stale_at), end))
        return Timeline(union(judged), union(bad))

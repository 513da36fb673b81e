"""What SLOs and deadlines tell of one environment, as signals: what is late, and whose error budget burns.

It follows the ledger: what came is kept beside the event up to which it was read, so that a process that is killed
loses nothing, and two that watch at once tell the same. Of sources with a file for each day the folder says what came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from freehold.delivery.evidence import expectation
from freehold.delivery.expecting import Expectations, comes_by_day
from freehold.delivery.files import Landing
from freehold.reliability.signals import Signal, SignalKind
from freehold.reliability.slo.attaining import Attainment
from freehold.reliability.slo.declared import slos_of
from freehold.reliability.slo.followed import Followed
from freehold.reliability.slo.lateness import Lateness
from freehold.reliability.slo.rhythm import Declared, rhythms_of

if TYPE_CHECKING:
    from freehold.delivery.arrival import Expected
    from freehold.delivery.graph import Graph
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger, Recorded

# Of the kept state: when each data set came last, by which event (none: since when it is waited for, since it never
# came), and up to where that was read.
KEPT, CURSOR = "arrival", "arrivals"
ARRIVAL, GAP = "arrival", "gap"  # monitors: the newest that was due has not come; it has, and one before it has not
_ANEW = timedelta(minutes=1)  # how old an answer about budgets may be
_MANY = 10_000  # events after which it is kept that they were read, though nothing came by them
_FILLED = "freshness.observed"  # of what others fill: rows came. What we build is told to be published, too
_TYPES = ("asset.published", "run.completed", _FILLED)


class Watch:
    """Watches the promises of one environment. Cheap to ask while nothing happens and no deadline passes."""

    def __init__(
        self, estate: Estate, graph: Graph, ledger: Ledger, env: str, now: datetime, followed: Followed | None = None
    ) -> None:
        """Begin where whoever watched before has stopped; what was never seen to come is waited for from now on.

        `followed` is what the ledger tells of SLOs, where others follow it, too.
        """
        self._estate, self._graph, self._ledger, self._env = estate, graph, ledger, env
        landing = Landing(estate.root)
        self._expectations = Expectations(estate, graph, landing, ledger, env)
        self._rhythms = {one.asset: one for one in rhythms_of(estate, graph)}
        self._by_day = {
            name for name, one in self._rhythms.items()
            if one.schedule is None and name in graph.assets and comes_by_day(graph.assets[name])
        }  # fmt: skip
        self._of_others = {asset.id for asset in graph.assets.values() if asset.is_of_others}
        self._upto = int((ledger.state.get(CURSOR, env) or {}).get("upto") or 0)
        kept = {key.removeprefix(f"{env} "): (datetime.fromisoformat(at), event)
                for key, (at, event) in ledger.state.many(KEPT, f"{env} ").items()}  # fmt: skip
        self._came = {name: one for name, one in kept.items() if one[1]}
        self._follow()
        others = [one for name, one in self._rhythms.items() if name not in self._by_day]
        waited = {one.asset: kept.get(one.asset, (now, ""))[0] for one in others if one.asset not in self._came}
        fresh = {(KEPT, f"{env} {name}"): [at.isoformat(), ""] for name, at in waited.items() if name not in kept}
        ledger.append(keep=fresh)
        self._lateness = Lateness(others, {name: at for name, (at, _) in self._came.items()}, now, waited)
        # Of files it is the folder that is asked, when a deadline passes and for as long as something is missing.
        self._files = Lateness((self._rhythms[name] for name in self._by_day), {}, now)
        self._missing = self._expectations.late(now) if self._by_day else ()
        self._remember(now)
        self._slos = tuple(slos_of(estate).values())
        self._followed = followed or Followed(ledger)
        self._attained: tuple[datetime, tuple[Attainment, ...]] | None = None

    @property
    def wake_at(self) -> datetime | None:
        """The next instant at which something may become late; None where nothing is waited for."""
        return min((at for at in (self._lateness.wake_at, self._files.wake_at) if at is not None), default=None)

    def late(self, now: datetime) -> tuple[Expected, ...]:
        """Return the deliveries that are missing at an instant, by asset, the oldest first."""
        for asset, at in self._follow():
            self._lateness.arrived(asset, at)
        self._lateness.pass_to(now)
        passed = self._files.pass_to(now)
        if passed or self._missing:
            self._missing = self._expectations.late(now)
        if passed:
            self._remember(now)
        return (*self._missing, *(one for found in self._lateness.missing.values() for one in found))

    def attained(self, now: datetime) -> tuple[Attainment, ...]:
        """Return how each SLO stands, as computed within the last minute."""
        if self._attained is None or now - self._attained[0] >= _ANEW:
            self._attained = (now, self._followed.attained(self._estate, self._env, self._slos, now))
        return self._attained[1]

    def signals(self, now: datetime) -> tuple[Signal, ...]:
        """Return what is late, and whose budget burns or is gone, at an instant."""
        return (*self._late_signals(now), *_slo_signals(self.attained(now), now))

    def told(self, now: datetime) -> tuple[Signal, ...]:
        """Return what no event of its own tells of: budgets, and what is late of data that others build.

        Of sources with a file for each day `run.expected` is in the ledger.
        """
        return tuple(one for one in self.signals(now) if one.kind is SignalKind.SLO or one.asset not in self._by_day)

    def budgets(self, now: datetime) -> dict[str, float]:
        """Return the share of its error budgets that is left, the least of each product, and of each asset with one."""
        left: dict[str, float] = {}
        for one in self.attained(now):
            if one.budget.burnt is not None:
                for name in (one.slo.product, one.slo.service):
                    left[name] = min(left.get(name, 1.0), max(0.0, 1 - one.budget.burnt))
        return left

    def _late_signals(self, now: datetime) -> Iterator[Signal]:
        by_asset: dict[str, list[Expected]] = {}
        for one in self.late(now):
            by_asset.setdefault(one.asset, []).append(one)
        for asset, missing in by_asset.items():
            rhythm = self._rhythms[asset]
            lasting = _newest(rhythm, missing, now)
            for monitor, found in ((ARRIVAL, lasting), (GAP, missing[: len(missing) - len(lasting)])):
                if found:
                    yield Signal(SignalKind.LATE, asset, rhythm.product, monitor, found[0].due_at, now,
                                 self._evidence(found[0]), _missing(found), is_breach=True)  # fmt: skip

    def _evidence(self, due: Expected) -> str:
        """Return the event that says that data was due, or of what others build the one that says what came last."""
        if due.asset in self._by_day:
            id_ = expectation(self._env, self._graph.assets[due.asset], due).id or ""
            return id_ if self._ledger.get(id_) else ""  # what was due before anything was done here is not recorded
        return self._came[due.asset][1] if due.asset in self._came else ""

    def _remember(self, now: datetime) -> None:
        if self._missing:
            self._expectations.remember(now)

    def _follow(self) -> list[tuple[str, datetime]]:
        """Read what came since the last time, keep it, and return it."""
        newest = next(self._ledger.read(newest_first=True, limit=1), None)
        if newest is None or newest.seq == self._upto or not self._rhythms.keys() - self._by_day:
            return []
        came: list[tuple[str, datetime]] = []
        for event in self._ledger.read(types=_TYPES, env=self._env, after=self._upto, upto=newest.seq):
            at = _came_at(event)
            for asset in _arrived(event):
                if event.type == _FILLED and asset not in self._of_others:
                    continue
                if asset in self._rhythms and (asset not in self._came or at >= self._came[asset][0]):
                    self._came[asset] = (at, event.id)
                    came.append((asset, at))
        was, self._upto = self._upto, newest.seq
        if came or self._upto - was >= _MANY:
            fresh = {asset: self._came[asset] for asset, _ in came}
            kept = {(KEPT, f"{self._env} {asset}"): [at.isoformat(), id_] for asset, (at, id_) in fresh.items()}
            self._ledger.append(keep={**kept, (CURSOR, self._env): {"upto": self._upto}})
        return came


def signals(estate: Estate, graph: Graph, ledger: Ledger, env: str, now: datetime) -> tuple[Signal, ...]:
    """Return what is late, and whose error budget burns or is gone, for whoever looks once."""
    return Watch(estate, graph, ledger, env, now).signals(now)


def arrivals_of(ledger: Ledger, env: str, asset: str) -> tuple[datetime, ...]:
    """Return when data of an asset came, as far as the ledger tells, the oldest first."""
    own = list(ledger.read(types=("asset.published",), subject=asset, env=env))
    filled = () if own else ledger.read(types=(_FILLED,), subject=asset, env=env)
    others = ledger.read(types=("run.completed",), env=env)
    return tuple(sorted(_came_at(e) for e in (*own, *filled, *others) if asset in _arrived(e)))


def _newest(rhythm: Declared, missing: Sequence[Expected], now: datetime) -> Sequence[Expected]:
    """Return those of the missing deliveries that nothing came after, the oldest first."""
    following = next(rhythm.after(missing[-1].due_at), None)
    if following is not None and following.late_at <= now:
        return ()
    first = len(missing) - 1
    while first > 0 and next(rhythm.after(missing[first - 1].due_at)).due_at == missing[first].due_at:
        first -= 1
    return missing[first:]


def _missing(found: Sequence[Expected]) -> str:
    more = f", nor have {len(found) - 1} after it" if len(found) > 1 else ""
    return f"what was due {found[0].due_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC has not come{more}"


def _slo_signals(found: Iterable[Attainment], now: datetime) -> Iterator[Signal]:
    for one in found:
        if one.budget.is_gone or one.fired:
            # of its first asset, whichever is worst now: as long as it burns, it is the same
            yield Signal(
                SignalKind.SLO, one.slo.assets[0], one.slo.product, one.slo.id, one.bad_since or one.since, now,
                one.evidence, _reason(one), is_breach=_breaks(one),
            )  # fmt: skip


def _breaks(one: Attainment) -> bool:
    """Whether consumers are let down now: a budget that went long ago wakes nobody while nothing more is bad."""
    return (one.budget.is_gone and one.burns) or any(rule.is_urgent for rule in one.fired)


def _reason(one: Attainment) -> str:
    """Say whose budget burns, how fast, and until when it lasts."""
    of = f", most of it by {one.worst}" if len(one.slo.assets) > 1 else ""
    if one.budget.is_gone:
        return f"nothing is left of the error budget of {one.slo}{of}"
    rate = one.burn[one.fired[0].long]
    gone = f", and it is gone by {one.exhausted_at:%Y-%m-%d %H:%M}" if one.exhausted_at else ""
    return f"the error budget of {one.slo} burns {rate:.1f} times as fast as it may{gone}{of}"


def _came_at(event: Recorded) -> datetime:
    """Return when data came: of what others fill that is told later, and bundled."""
    said = event.data.get("data_time") if event.type == _FILLED else None
    return datetime.fromisoformat(said) if said else event.occurred_at


def _arrived(event: Recorded) -> Iterable[str]:
    """Return the assets of which an event tells that data came."""
    if event.type != "run.completed":
        return (str(event.data["asset"]),)
    return event.data.get("outputs") or () if event.data["status"] == "success" else ()

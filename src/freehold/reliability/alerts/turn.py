"""One turn of the alerts of an environment: what is new in the ledger becomes alerts, and those notifications.

Events are read some at a time, and what comes of them is recorded with what is kept of it in one transaction, under a
lease: a process that is killed between any two statements leaves nothing half told, and of two beside each other one
takes the turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from freehold.foundation import FreeholdError
from freehold.foundation.owning import holder, is_dead
from freehold.foundation.times import instant_if
from freehold.ledger.event import Event
from freehold.reliability.alerts.alert import Alert, State
from freehold.reliability.alerts.answering import answering
from freehold.reliability.alerts.condition import Condition
from freehold.reliability.alerts.folding import Fold
from freehold.reliability.alerts.neighbours import Inputs, Neighbours
from freehold.reliability.alerts.outcomes import Demoted, restored
from freehold.reliability.alerts.routing import Dispatch, Firing, Notification
from freehold.reliability.alerts.settings import Settings, settings_of
from freehold.reliability.alerts.sights import TYPES, Beside, sights
from freehold.reliability.alerts.silences import silences
from freehold.reliability.signals import Signal

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger, Recorded
    from freehold.ledger.kept import Lease

KEPT = "alerts"  # of the kept state of an environment: up to where the ledger was read, when something is due, groups
_ASSETS = "alerts/assets/"  # with the environment: what stands, by asset
_AT_ONCE = 2_000  # events that are read before what comes of them is recorded
_LEASE_S = 30.0
_TAKEN, _LOST, _OTHERWISE = "FH-L201", "FH-L202", "FH-L003"


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn came to.

    Attributes:
        raised, resolved: ids of alerts.
        notified: who is to be told of what.
        next_at: when the next turn has something to do though nothing is told; None where nothing is awaited.
    """

    raised: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()
    notified: tuple[Notification, ...] = ()
    next_at: datetime | None = None


def take_turn(
    estate: Estate,
    ledger: Ledger,
    env: str,
    inputs: Callable[[], Inputs],
    now: datetime,
    burning: Iterable[Signal] | None = None,
) -> Turn:
    """Fold what is new into alerts, and notify of them; where another is at it, that one does it.

    Args:
        estate: says who answers, which alerts go where, and when nobody is notified.
        ledger: what happened.
        env: the environment.
        inputs: reads the lineage; called only where it matters.
        now: the time.
        burning: all that SLOs and deadlines tell now, of which there are no events; None where nobody looked.

    Raises:
        Problems: FH-E330, FH-E331 the file of kind Alerting is wrong.
    """
    kept = ledger.state.get(KEPT, env) or {}
    held = None if burning is None else {one.fingerprint: one for one in burning}
    if not _is_due(ledger, env, kept, held, now):
        return Turn(next_at=instant_if(kept.get("next_at")))
    settings = settings_of(estate)
    for is_again in (False, True):
        try:
            with (
                ledger.lease(f"alerts/{env}", holder("alerts"), _LEASE_S, is_gone=is_dead) as lease,
                lease.kept_alive(),
            ):
                return _Turn(estate, ledger, env, Neighbours(inputs), now, settings, lease, is_again).go(held)
        except FreeholdError as error:
            if error.code in (_TAKEN, _LOST):  # whoever has it sees what we saw
                break
            if error.code != _OTHERWISE:  # somebody closed an alert that was to be closed here: what they said stays
                raise
    return Turn(next_at=instant_if(kept.get("next_at")))


def with_right_since(ledger: Ledger, env: str, found: Iterable[Alert]) -> tuple[Alert, ...]:
    """Return alerts with since when those that fire are right again, as the last turn saw it.

    One is over once that has lasted for `keep_firing_for`, so that what flaps is one alert.
    """
    every = tuple(found)
    if not any(one.state is State.FIRING for one in every):
        return every
    kept = ledger.state.many(_ASSETS + env)
    right = {c["alert"]: instant_if(c["right_since"]) for one in kept.values() for c in one["conditions"].values()}
    return tuple(
        replace(one, right_since=since) if one.state is State.FIRING and (since := right.get(one.id)) else one
        for one in every
    )


def _is_due(ledger: Ledger, env: str, kept: Any, held: Any, now: datetime) -> bool:
    at = instant_if(kept.get("next_at"))
    if (at is not None and at <= now) or (held is not None and _burning(held) != (kept.get("burning") or {})):
        return True
    return next(ledger.read(types=TYPES, env=env, after=int(kept.get("upto") or 0), limit=1), None) is not None


class _Turn:
    """Does it, with the lease in hand."""

    def __init__(
        self,
        estate: Estate,
        ledger: Ledger,
        env: str,
        neighbours: Neighbours,
        now: datetime,
        settings: Settings,
        lease: Lease,
        is_again: bool,
    ) -> None:
        self._ledger, self._env, self._neighbours, self._now = ledger, env, neighbours, now
        self._settings, self._lease = settings, lease
        self._kept: dict[str, Any] = dict(ledger.state.get(KEPT, env) or {})
        self._told = set() if self._kept and not is_again else _told_before(ledger, env)
        self._fold = Fold(
            env,
            ledger.state.many(_ASSETS + env),
            answer=cache(partial(answering, estate)),
            neighbours=neighbours,
            demoted=Demoted(ledger, env),
            steady_for=settings.steady_for,
            now=now,
        )
        self._shares = partial(_shares_warehouse, estate, env)
        self._events: list[Event] = []

    def go(self, held: dict[str, Signal] | None) -> Turn:
        upto, beside = int(self._kept.get("upto") or 0), Beside(self._ledger, self._env, self._shares)
        for part in _parts(self._ledger.read(types=TYPES, env=self._env, after=upto)):
            for event in part:
                self._fold.take(sights(event, beside))
            self._kept["upto"] = part[-1].seq
            self._record()
        if held is not None:
            self._fold.hold(held.values())
            self._kept["burning"] = _burning(held)
        self._fold.pass_time()
        notified = self._notify()
        self._record(notified)
        raised, resolved = (self._ids(type_) for type_ in ("alert.raised", "alert.resolved"))
        return Turn(raised, resolved, tuple(notified), instant_if(self._kept["next_at"]))

    def _notify(self) -> Sequence[Notification]:
        """Return what is to be notified of what stands now, and keep the groups as they are then."""
        dispatch = Dispatch(self._settings.routing, self._kept.get("groups", {}), self._neighbours.is_above)
        standing = [_firing(one) for one in self._fold.standing() if one.page]
        dispatch.take(standing, self._now)
        quiet = silences(self._ledger, self._env, self._now) if dispatch.groups else ()
        notified = list(
            dispatch.due(standing, lambda labels: any(one.silences(labels, self._now) for one in quiet), self._now)
        )
        times = [at for at in (dispatch.next_at, self._fold.next_at()) if at is not None]
        self._kept |= {"groups": dispatch.to_json(), "next_at": min(times).isoformat() if times else None}
        return notified

    def _record(self, notified: Sequence[Notification] = ()) -> None:
        fold = self._fold
        events = [one for one in fold.events if one.id not in self._told]
        events += restored(self._ledger, self._env, events)
        events += [_notification(one, self._env, self._now) for one in notified]
        keep = {(_ASSETS + self._env, asset): fold.assets[asset].to_json() for asset in sorted(fold.changed)}
        self._ledger.append(*events, fence=self._lease, keep={**keep, (KEPT, self._env): self._kept})
        self._events += events
        fold.events.clear()
        fold.changed.clear()

    def _ids(self, type_: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(str(one.data["alert_id"]) for one in self._events if one.type == type_))


def _parts(events: Iterator[Recorded]) -> Iterator[list[Recorded]]:
    """Yield events some at a time."""
    while part := list(islice(events, _AT_ONCE)):
        yield part


def _burning(held: Mapping[str, Signal]) -> dict[str, bool]:
    """Return what is looked for and found, by fingerprint, and whether each breaks a promise."""
    return {mark: one.is_breach for mark, one in sorted(held.items())}


def _told_before(ledger: Ledger, env: str) -> set[str]:
    """Return the ids of what was told of alerts: where the kept state was lost and all is read again, or by others."""
    return {event.id for event in ledger.read(types=("alert.raised", "alert.resolved", "alert.closed"), env=env)}


def _shares_warehouse(estate: Estate, env: str, other: str) -> bool:
    """Whether two environments are in one warehouse."""
    one, two = estate.environment(env), estate.environment(other)
    return one is not None and two is not None and one.connection == two.connection


def _firing(one: Condition) -> Firing:
    return Firing(one.alert, one.labels, one.raised_at)


def _notification(one: Notification, env: str, now: datetime) -> Event:
    said = {
        "group": one.group, "receiver": one.receiver or None, "labels": dict(one.labels), "alerts": list(one.alerts),
        "resolved": list(one.resolved), "reason": one.reason, "is_quiet": one.is_quiet,
    }  # fmt: skip
    return Event("alert.notified", said, occurred_at=now, env=env, product=one.labels.get("product", ""))

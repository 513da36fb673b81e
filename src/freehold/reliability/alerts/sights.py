"""What events tell of right and wrong: one event, read as what is wrong, right again, expected, or come. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from freehold.foundation.times import instant_if
from freehold.quality.judging import OPERATORS, holds
from freehold.reliability.signals import Signal, SignalKind

if TYPE_CHECKING:
    from freehold.ledger import Ledger, Recorded

TYPES = (
    "check.completed", "run.completed", "run.expected", "schema.observed", "profile.observed", "candidate.discarded",
    "anomaly.found", "anomaly.closed", "alert.closed", "asset.published",
)  # fmt: skip
ALL_LIVE, ANY = "live", ""  # keys of what is not of one interval
_PUBLISHED = "published"  # begins the keys of what consumers read
_AGE = "freshness"
_BAD = {"fail", "error", "warn"}
_OPERATORS = {
    "mustBe": "be", "mustNotBe": "not be", "mustBeGreaterThan": "be more than", "mustBeLessThan": "be less than",
    "mustBeGreaterOrEqualTo": "be at least", "mustBeLessOrEqualTo": "be at most", "mustBeBetween": "be within",
    "mustNotBeBetween": "be outside of",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something is wrong. `key` tells what of it: an interval, a batch; the signal is over when none of it is left."""

    signal: Signal
    key: str


@dataclass(frozen=True, slots=True)
class Right:
    """Something is as it should be.

    Attributes:
        monitor: what says so; None for all of its kind.
        keys: what of it; None for all, but for `but`.
        verdict: what it was, as far as this shows: `fixed`, or what somebody said.
        is_said: whether somebody said so, which needs no time to hold.
        held_only: whether it is only about what consumers were kept from.
        of_live: whether it is about all that consumers read, whichever interval of it was wrong.
    """

    kind: SignalKind
    asset: str
    at: datetime
    evidence: str
    monitor: str | None = None
    column: str | None = None
    keys: frozenset[str] | None = None
    but: frozenset[str] = frozenset()
    verdict: str = ""
    is_said: bool = False
    held_only: bool = False
    of_live: bool = False

    def ends(self, keys: Collection[str]) -> frozenset[str]:
        """Return those of some keys that are right by it."""
        if self.keys is None:
            return frozenset(keys) - self.but
        return frozenset(one for one in keys if one in self.keys or (self.of_live and one.startswith(_PUBLISHED)))


@dataclass(frozen=True, slots=True)
class Due:
    """Something is to come by a deadline; None where that is when the next of it is due."""

    signal: Signal
    key: str
    deadline: datetime | None


@dataclass(frozen=True, slots=True)
class Came:
    """Something came, in time or not; `keys` are what it may have been expected as."""

    asset: str
    at: datetime
    evidence: str
    keys: frozenset[str]
    ended: datetime


@dataclass(frozen=True, slots=True)
class Closed:
    """Somebody said what an alert was."""

    alert: str
    asset: str


Sight = Wrong | Right | Due | Came | Closed


class Beside:
    """What other events tell of the same run or candidate, asked for only where something is wrong or was not judged.

    `shares` says of an environment whether it is in the same warehouse: what was found of a candidate there is so here.
    """

    def __init__(self, ledger: Ledger, env: str, shares: Callable[[str], bool] = lambda _: False) -> None:
        self._read = partial(ledger.read, env=env)
        self._read_all = ledger.read
        self._is_here = lambda event: event.env == env or shares(str(event.env))
        self._held: dict[str, frozenset[str]] = {}

    def is_held(self, asset: str, candidate: str) -> bool:
        """Whether a candidate of an asset went into quarantine."""
        if asset not in self._held:
            told = self._read(types=("candidate.quarantined",), subject=asset)
            self._held[asset] = frozenset(str(event.data["candidate"]) for event in told)
        return candidate in self._held[asset]

    def anomalies(self, asset: str, batches: Collection[str]) -> frozenset[str]:
        """Return the ids of what was unusual of some batches of an asset."""
        told = self._read(types=("anomaly.found",), subject=asset)
        return frozenset(str(one.data["anomaly"]) for one in told if str(one.data["batch"]) in batches)

    def unusual(self, asset: str, batches: Collection[str], upto: int) -> Iterator[Recorded]:
        """Yield what was unusual of some batches before an event of the ledger, each measure once, but what was right.

        Right is what somebody said is; what was over since another batch came in its place is not.
        """
        told = self._read(types=("anomaly.found", "anomaly.closed"), subject=asset, upto=upto, newest_first=True)
        right, seen = set[str](), set[tuple[str, ...]]()
        for one in told:
            said = one.data
            if one.type == "anomaly.closed":
                right |= set() if said.get("batch") or said["verdict"] == "fixed" else {str(said["anomaly"])}
                continue
            of = (str(said["batch"]), str(said["measure"]), str(said.get("column") or ""))
            if of[0] in batches and of not in seen and said["anomaly"] not in right:
                yield one
            seen.add(of)

    def judged(self, asset: str, run: str) -> frozenset[str]:
        """Return the candidates of an asset that a run judged."""
        told = self._read(types=("check.completed",), subject=asset, run_id=run) if run else ()
        return frozenset(str(one.data.get("candidate")) for one in told)

    def verdicts(self, asset: str, candidates: Collection[str], upto: int) -> Iterator[Recorded]:
        """Yield what was found of some candidates when each was judged last, before an event of the ledger."""
        runs: dict[str, str] = {}
        wanted = frozenset(candidates)
        told = self._read_all(types=("check.completed",), subject=asset, upto=upto, newest_first=True)
        for one in filter(self._is_here, told if wanted else ()):
            candidate = str(one.data.get("candidate"))
            if candidate in wanted and runs.setdefault(candidate, one.run_id) == one.run_id:
                yield one
            elif runs.keys() == wanted and one.run_id not in runs.values():
                return

    def has_failed(self, run: str) -> bool:
        """Whether a step of a run is told to have failed."""
        told = self._read(types=("run.completed",), run_id=run)
        return any(one.data["status"] == "failed" and not one.data.get("due_at") for one in told)


def sights(event: Recorded, beside: Beside) -> Iterator[Sight]:
    """Yield what an event tells of right and wrong; nothing where it tells of neither."""
    yield from _READ[event.type](event, beside)


def _check(event: Recorded, beside: Beside) -> Iterator[Sight]:
    said = event.data
    asset, status, blocks = str(said["asset"]), said["status"], bool(said.get("blocking"))
    of_all = said.get("target") == ALL_LIVE
    # how old the newest rows are is no matter of an interval: whichever comes next tells it anew
    interval = ANY if said.get("kind") == _AGE else _instant_text(said.get("interval_start"))
    monitor, column = _monitor(str(said["check_id"]), asset)
    if status == "pass":
        of_it = {ALL_LIVE} if of_all else {interval, ANY, _published(interval), _published(ANY)}
        keys, verdict = frozenset(of_it), "fixed" if blocks else ""
        yield Right(SignalKind.CHECK, asset, event.occurred_at, event.id, monitor, column, keys, verdict=verdict,
                    of_live=of_all)  # fmt: skip
    elif status in _BAD:
        held = not of_all and (blocks or beside.is_held(asset, str(said.get("candidate"))))
        yield Wrong(
            Signal(
                SignalKind.CHECK, asset, event.product, monitor, since=event.occurred_at, seen_at=event.occurred_at,
                evidence=event.id, reason=_reason(monitor, said), column=column, is_held=held,
                is_breach=status != "warn" and not held,
            ),
            ALL_LIVE if of_all else interval if held else _published(interval),
        )  # fmt: skip


def _run(event: Recorded, beside: Beside) -> Iterator[Sight]:
    said, at = event.data, event.occurred_at
    asset, status, due = str(said["asset"]), said["status"], _instant_text(said.get("due_at"))
    if not said.get("final", True) or (status == "skipped" and not due):
        return
    monitor, interval = ("schedule" if due else "run"), _instant_text(said.get("interval_start"))
    yield Came(asset, at, event.id, frozenset({due} if due else {interval, ANY}), _instant(said.get("ended")) or at)
    key = ANY if due else interval
    if status != "failed":
        yield Right(SignalKind.RUN, asset, at, event.id, monitor, "", frozenset({key, ANY}), verdict="fixed")
    elif not due or (said.get("code") and not beside.has_failed(event.run_id)):
        reason = f"the {'scheduled ' if due else ''}run failed" + (f" ({said['code']})" if said.get("code") else "")
        since = _instant(said.get("ended")) or at
        signal = Signal(SignalKind.RUN, asset, event.product, monitor, since, at, event.id, reason, is_held=True)
        yield Wrong(signal, key)
    if status == "success":
        yield Right(SignalKind.SCHEMA, asset, at, event.id, but=frozenset({event.run_id}), verdict="fixed")


def _expected(event: Recorded, _: Beside) -> Iterator[Sight]:
    said = event.data
    asset, due = str(said["asset"]), _instant(said["due_at"]) or event.occurred_at
    is_run = bool(said.get("schedule"))
    deadline = due if said.get("missed") else _instant(said.get("deadline_at"))
    key = _instant_text(said.get("interval_start")) or due.isoformat()
    what = f"the run due {due:%Y-%m-%d %H:%M} UTC" if is_run else f"the delivery due {due:%Y-%m-%d %H:%M} UTC"
    monitor = "schedule" if is_run else "delivery"
    since = deadline or due
    yield Due(Signal(SignalKind.LATE, asset, event.product, monitor, since, since, event.id, f"{what} has not come"),
              key, deadline)  # fmt: skip


def _schema(event: Recorded, _: Beside) -> Iterator[Sight]:
    said = event.data
    asset = str(said.get("asset") or event.subject)
    if asset and not said.get("breaking") and not event.run_id:  # of a table that was looked at, which no run mends
        yield Right(SignalKind.SCHEMA, asset, event.occurred_at, event.id, verdict="fixed")
    if not asset or not said.get("breaking") or said.get("announced"):
        return
    diff = said.get("diff")
    differs = diff if isinstance(diff, Mapping) else {}
    told = "; ".join(f"{how} {', '.join(map(str, names))}" for how, names in differs.items() if names)
    is_held, as_is = bool(event.run_id), "of the contract" if event.run_id or said.get("contract") else "they were"
    signal = Signal(
        SignalKind.SCHEMA, asset, event.product, "columns", event.occurred_at, event.occurred_at, event.id,
        f"the columns are not those {as_is}{f': {told}' if told else ''}", is_held=is_held,
        is_breach=bool(said.get("contract")) and not is_held,
    )  # fmt: skip
    yield Wrong(signal, event.run_id)


def _anomaly(event: Recorded, beside: Beside) -> Iterator[Sight]:
    said = event.data
    asset, value, expected = str(said["asset"]), said.get("value"), said.get("expected")
    off = "" if value is None or expected is None else "high" if value > expected else "low"
    column = str(said.get("column") or "")
    reason = f"{said['measure']}{f' of {column}' if column else ''} " + (
        f"was {_number(value)}, {'more' if off == 'high' else 'less'} than the {_number(expected)} to be expected"
        if off
        else "was not what was to be expected"
    )
    signal = Signal(
        SignalKind.ANOMALY, asset, event.product, str(said["measure"]), event.occurred_at, event.occurred_at, event.id,
        reason, column, off, is_held=beside.is_held(asset, str(said["batch"])), deviations=said.get("deviations"),
    )  # fmt: skip
    yield Wrong(signal, str(said["anomaly"]))


def _anomaly_closed(event: Recorded, _: Beside) -> Iterator[Sight]:
    said = event.data
    asset, keys, is_said = (
        str(said.get("asset") or event.subject),
        frozenset({str(said["anomaly"])}),
        not said.get("batch"),
    )
    verdict = str(said["verdict"])
    yield Right(SignalKind.ANOMALY, asset, event.occurred_at, event.id, keys=keys, verdict=verdict, is_said=is_said)


def _profile(event: Recorded, _: Beside) -> Iterator[Sight]:
    """Yield that what was unusual of earlier batches is so no more; what is of this one is told after it."""
    yield Right(SignalKind.ANOMALY, str(event.data["asset"]), event.occurred_at, event.id)


def _published_instead(event: Recorded, beside: Beside) -> Iterator[Sight]:
    """Yield what is right or wrong where other rows are live instead, though nothing was built or judged for it.

    What was unusual of batches that went is so no more. Of those that came, it is as it was when they were judged and
    looked at; what another environment found to be wrong is told there.
    """
    said, at = event.data, event.occurred_at
    asset, removed, added = str(said["asset"]), _ids(said, "batches_removed"), _ids(said, "batches_added")
    if removed and (keys := beside.anomalies(asset, removed)):
        yield Right(SignalKind.ANOMALY, asset, at, event.id, keys=keys)
    for told in beside.unusual(asset, added, event.seq) if added else ():
        yield from (_anew(one, event) for one in _anomaly(told, beside) if isinstance(one, Wrong))
    unjudged = added - beside.judged(asset, event.run_id) if added else added
    for told in beside.verdicts(asset, unjudged, event.seq):
        for one in _check(told, beside) if told.data.get("kind") != _AGE or _is_young(told, at) else ():
            if isinstance(one, Right):
                keys = frozenset(key for key in one.keys or () if key.startswith(_PUBLISHED))
                yield replace(one, keys=keys, at=at, evidence=event.id)
            elif isinstance(one, Wrong) and not one.signal.is_held and event.env == told.env:
                yield _anew(one, event)


def _anew(one: Wrong, event: Recorded) -> Wrong:
    """Return what was wrong before as it is since an event."""
    at = event.occurred_at
    return replace(one, signal=replace(one.signal, since=at, seen_at=at, evidence=event.id))


def _is_young(event: Recorded, at: datetime) -> bool:
    """Whether rows that were young enough when they were judged are so at an instant. Ages are in seconds."""
    said = event.data
    age, operator = said.get("value"), str(said.get("operator"))
    if said["status"] != "pass" or not isinstance(age, int | float) or operator not in OPERATORS:
        return False
    return holds(operator, age + (at - event.occurred_at).total_seconds(), said.get("threshold"))


def _ids(said: Mapping[str, Any], name: str) -> frozenset[str]:
    return frozenset(map(str, said.get(name) or ()))


def _discarded(event: Recorded, beside: Beside) -> Iterator[Sight]:
    """Yield that nobody waits for what was kept from consumers: somebody does without it, or it is not wanted now."""
    said, at = event.data, event.occurred_at
    asset, key = str(said["asset"]), _instant_text(said.get("interval_start"))
    verdict = "fixed" if said.get("why") == "unwanted" else ""
    right = partial(Right, asset=asset, at=at, evidence=event.id, verdict=verdict, held_only=True)
    for kind in (SignalKind.CHECK, SignalKind.RUN):
        yield right(kind, keys=frozenset({key}))
    for told in beside.verdicts(asset, {str(said["candidate"])}, event.seq):
        if told.data.get("kind") == _AGE:  # of no interval, but of this candidate
            monitor, column = _monitor(str(told.data["check_id"]), asset)
            yield right(SignalKind.CHECK, monitor=monitor, column=column, keys=frozenset({ANY}))


def _closed(event: Recorded, _: Beside) -> Iterator[Sight]:
    yield Closed(str(event.data["alert_id"]), event.subject)


_READ: Mapping[str, Callable[[Recorded, Beside], Iterator[Sight]]] = {
    "check.completed": _check, "run.completed": _run, "run.expected": _expected, "schema.observed": _schema,
    "profile.observed": _profile, "candidate.discarded": _discarded, "anomaly.found": _anomaly,
    "anomaly.closed": _anomaly_closed, "alert.closed": _closed, "asset.published": _published_instead,
}  # fmt: skip


def _published(interval: str) -> str:
    """Return the key of an interval that consumers read, which doing without a candidate does not mend."""
    return f"{_PUBLISHED} {interval}".strip()


def _monitor(check: str, asset: str) -> tuple[str, str]:
    """Return what a check is called within its asset, and of which column it is; empty where of none."""
    name = check.removeprefix(asset)
    column = name[1:].rpartition(":")[0] if name.startswith(".") else ""
    return name.lstrip(".:") or check, column


def _reason(monitor: str, said: Mapping[str, Any]) -> str:
    if said["status"] == "error":
        return f"`{monitor}` could not be judged"
    if said.get("class") == "schema" and said.get("reason"):  # what was measured are names, which no limit compares
        return str(said["reason"])
    told, value = _OPERATORS.get(str(said.get("operator"))), said.get("value")
    if told is not None and value is not None:
        return f"`{monitor}` is {_number(value)}, and must {told} {_number(said.get('threshold'))}"
    of = f" of {said['total']:,}" if said.get("total") else ""
    return f"`{monitor}` does not hold" + (f" for {said['failing']:,}{of} rows" if said.get("failing") else "")


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1_000 else f"{value:,.4g}"


def _instant(text: Any) -> datetime | None:
    found = instant_if(text)
    return found.astimezone(UTC) if found else None


def _instant_text(text: Any) -> str:
    found = _instant(text)
    return found.isoformat() if found else ANY

"""Whether somebody is paged for a signal: a pure decision, with its reason."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from freehold.reliability.signals import Signal, SignalKind

IN_TIME = timedelta(hours=4)  # a page for what was seen longer ago would wake somebody for history
TOGETHER = timedelta(
    days=1
)  # two signals that began further apart are two troubles: what always warns agrees with nothing new
FAR_OFF = 6.0  # deviations
FIRST_TIER = 1

CRITICAL, WARNING, INFO = "critical", "warning", "info"


@dataclass(frozen=True, slots=True)
class Other:
    """Another alert that stands, on the same asset or one of its lineage path; `since` is when it began."""

    id: str
    asset: str
    kind: SignalKind
    is_paging: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """What else is known when a signal is judged.

    Attributes:
        tier: of the product, 1 is the highest.
        now: when it is judged.
        demoted: why its monitor may page nobody; empty where it may.
        path: the other alerts on the asset, above it and below it.
    """

    tier: int
    now: datetime
    demoted: str = ""
    path: Collection[Other] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether somebody is paged, how bad it is (critical, warning, info), and why."""

    page: bool
    severity: str
    why: str


def decide(signal: Signal, known: Known) -> Decision:
    """Decide whether somebody is paged for a signal.

    Somebody is for a broken promise (a contract or an SLO, in what consumers read), for a value that is six deviations
    off in a product of the first tier, and for two signals that do not depend on each other on one lineage path and
    began within a day, of which one page is enough. Everything else is told in the digest; so is what a monitor says
    that was wrong too often.
    """
    severity = _severity(signal, known.tier)
    if known.demoted:
        return Decision(False, severity, known.demoted)
    if known.now - signal.seen_at > IN_TIME:
        return Decision(False, severity, f"It was seen on {signal.seen_at:%d %b %Y at %H:%M} UTC, and not in time.")
    if signal.is_breach:
        what = "An SLO" if signal.kind is SignalKind.SLO else "The contract"
        return Decision(True, severity, f"{what} is broken in what consumers read.")
    if _is_far_off(signal) and known.tier == FIRST_TIER:
        off = abs(signal.deviations or 0)
        return Decision(True, severity, f"It is {off:.1f} deviations off, in a product of tier 1.")
    path = [one for one in known.path if abs(signal.since - one.since) <= TOGETHER]
    independent = [one for one in path if _is_independent(signal, one)]
    paging = next((one for one in path if one.is_paging), None)
    if independent and paging is None:
        first, severity = independent[0], WARNING if severity == INFO else severity
        return Decision(True, severity, f"Two signals on one path agree: this and alert {first.id} ({first.kind}).")
    if paging is not None:
        return Decision(False, severity, f"Alert {paging.id}, on the same path, pages already.")
    return Decision(False, severity, _quiet(signal, known.tier))


def _severity(signal: Signal, tier: int) -> str:
    if signal.is_breach or (_is_far_off(signal) and tier == FIRST_TIER):
        return CRITICAL
    return WARNING if signal.is_held or signal.kind is SignalKind.LATE or _is_far_off(signal) else INFO


def _is_far_off(signal: Signal) -> bool:
    return signal.deviations is not None and abs(signal.deviations) >= FAR_OFF


def _is_independent(signal: Signal, other: Other) -> bool:
    """Whether another sort of monitor says so: two checks, or a failed build above a late one, are one trouble."""
    return signal.kind is not other.kind and {signal.kind, other.kind} != {SignalKind.RUN, SignalKind.LATE}


def _quiet(signal: Signal, tier: int) -> str:
    if signal.is_held:
        return "Consumers are kept from it: they read the version before."
    if signal.deviations is not None:
        off = abs(signal.deviations)
        return f"One value is {off:.1f} deviations off, in a product of tier {tier}, and nothing else says so."
    return "It breaks no promise, and nothing else on its path says so."

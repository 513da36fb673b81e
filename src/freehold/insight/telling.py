"""How a KPI is said: its value in a unit that people use, its targets, and whether they are met."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from freehold.insight.kpi import KpiValue, State
from freehold.insight.registry import Kpi
from freehold.insight.targets import Target

HALF = 0.5  # of the evidence: with less, a target that is met is only met as far as told
_BARE = ("count", "money")  # units that the name of a KPI says
_LAST = 2  # periods: the one that is not over, and the one before it
_FOUR_DIGITS = 10_000
_SPANS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"), (0.001, "ms"))


class Verdict(StrEnum):
    """How a value stands to its targets, or why that cannot be said."""

    NOT_INSTRUMENTED = "not instrumented"
    NOT_ENOUGH = "not enough evidence"
    FAILED = "failed"
    NOT_JUDGED = "not judged yet"
    NO_TARGET = "no target"
    OFF = "off target"
    ON = "on target"
    AS_FAR_AS_TOLD = "on target, as far as told"


def said(value: float | None, unit: str) -> str:
    """Return a value as a person reads it, in its unit."""
    if value is None:
        return "—"
    if unit == "share":
        return f"{value * 100:,.1f} %"
    if unit == "s":
        size, name = _span(value)
        return f"{value / size:,.1f} {name}" if value else "0 s"
    if unit in _BARE:
        return figure(round(value, 2))
    return f"{figure(round(value, 2))}{'' if unit.startswith('/') else ' '}{unit}"


def made_of(kpi: Kpi, numerator: float | None, denominator: float | None) -> str:
    """Return what a value is made of: the counts of a share, or a sum in its unit over a count."""
    return f"{said(numerator, kpi.unit_of('numerator'))} / {said(denominator, kpi.unit_of('denominator'))}"


def figure(value: float | None) -> str:
    """Return a number without a unit: whole ones whole, others with four digits, or more where those are not all."""
    if value is None:
        return "—"
    return f"{value:,.0f}" if value == int(value) or abs(value) >= _FOUR_DIGITS else f"{value:,.4g}"


def rough(value: float) -> str:
    """Return a number with three digits: what is made of estimates is no better known."""
    return figure(float(f"{value:.3g}"))


def _span(seconds: float) -> tuple[float, str]:
    """Return the largest unit of which a time is at least two, or a tenth of a second in seconds; else milliseconds."""
    if not seconds:
        return 1, "s"
    return next(((s, n) for s, n in _SPANS if seconds >= 2 * s or (n == "s" and seconds >= 0.1)), _SPANS[-1])


def drawn_in(values: Sequence[float], unit: str) -> tuple[float, str]:
    """Return what to divide values of a KPI by for an axis, and the unit they are then in; shares are `%` of one."""
    if unit == "share":
        return 1.0, "%"
    if unit == "s":
        size, name = _span(max(values, default=0))
        return float(size), name
    return 1.0, "" if unit == "count" else unit


def judged(kpi: Kpi, value: KpiValue) -> list[tuple[Target, bool | None]]:
    """Return the targets with whether they are met.

    Those of a tier are about a slice, which is not looked at; a trend is judged once the period is over.
    """
    return [(target, _verdict(target, value)) for target in kpi.targets]


def _verdict(target: Target, value: KpiValue) -> bool | None:
    if value.value is None or target.is_of_tier or (target.is_trend and not value.is_closed):
        return None
    return target.is_met(value.value, value.before)


def is_red(kpi: Kpi, value: KpiValue) -> bool | None:
    """Whether any target is missed; None where there is no value, or no target to judge it by."""
    met = [verdict for _, verdict in judged(kpi, value) if verdict is not None]
    return not all(met) if met else None


def verdict_of(kpi: Kpi, value: KpiValue) -> Verdict:
    """Return how a value stands to the targets of its KPI; with less than half of its evidence, only as far as told."""
    if value.state is State.NOT_INSTRUMENTED:
        return Verdict.NOT_INSTRUMENTED
    if value.state is State.FAILED:
        return Verdict.FAILED
    if value.value is None:
        return Verdict.NOT_ENOUGH
    off = is_red(kpi, value)
    if off is None:
        is_trend = any(target.is_trend for target in kpi.targets)
        return Verdict.NOT_JUDGED if is_trend and not value.is_closed else Verdict.NO_TARGET
    if off:
        return Verdict.OFF
    whole = value.evidence_completeness
    return Verdict.ON if whole is None or whole >= HALF else Verdict.AS_FAR_AS_TOLD


def newest(values: Sequence[KpiValue]) -> KpiValue:
    """Return what a KPI is now, of its values in order: the newest of the last two with a value, else the last."""
    return next((v for v in reversed(values[-_LAST:]) if v.value is not None), values[-1])

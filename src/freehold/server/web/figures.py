"""KPIs as figures: a value against its target with its trend, or what keeps it from being told and how to mend that."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date
from typing import TYPE_CHECKING

from freehold.foundation.words import counted, percent
from freehold.insight import KpiValue, State
from freehold.insight.telling import Verdict, said, verdict_of
from freehold.server.reckoning import Figure
from freehold.server.web.drawing import spark
from freehold.server.web.model import Kpi, Mark, Spark, Tone, joined

if TYPE_CHECKING:
    from freehold.insight import Kpi as KpiFile

TONES: Mapping[Verdict, Tone] = {  # what needs a look first
    Verdict.FAILED: "bad",
    Verdict.OFF: "bad", Verdict.AS_FAR_AS_TOLD: "warn", Verdict.ON: "ok", Verdict.NOT_JUDGED: "idle",
    Verdict.NO_TARGET: "idle", Verdict.NOT_ENOUGH: "idle", Verdict.NOT_INSTRUMENTED: "idle",
}  # fmt: skip
HOW: Mapping[str, str] = {  # what makes events come, by how their type begins
    "product.launched": "Tell of `product.launched`, with whom the product is for: `freehold ledger import`.",
    "usage.query": "Let consumers read through Freehold, or bring in a history: `freehold usage import`.",
    "change.merged": "Let `freehold gate` judge changes where they are reviewed: it records what was merged.",
    "work.committed": "Promise work for a period: `freehold roadmap commit`.",
    "work.": "Take requests here, at `/requests`: each step of one is an event.",
    "question.": "Tell of `question.asked` and `question.answered` where people ask: `freehold ledger import`.",
    "incident.": "Alerts that page open incidents, and so does anybody: `freehold items new incident`.",
    "deploy.": "Publish with `freehold run` and `freehold apply`: each deployment is an event.",
    "run.": "Give products a schedule and run `freehold work`.",
    "check.": "Give assets contracts: `freehold run` judges them.",
    "freshness.": "Promise a freshness in contracts, as a service level.",
    "cost.": "Tell of `cost.recorded` from the bills of your platform: `freehold ledger import`.",
    "forecast.": "Tell of `forecast.set`, what you plan to spend in a period: `freehold ledger import`.",
    "rule.": "Declare rules in files of kind `RuleSet`: their results are events when they change.",
    "estate.": "Apply the estate: `freehold apply` or `freehold run`.",
    "alert.": "Alerts are raised as runs are made; say of each what it was: freehold alerts list.",
    "ai.": "Tell what AI use cases do, `ai.invoked`, `ai.evaluated`, `ai.flagged`: `freehold ledger import`.",
    "survey.": "Tell of `survey.sent` and `survey.answered`: `freehold ledger import`.",
    "experiment.": "Tell of `experiment.concluded`: `freehold ledger import`.",
    "telemetry.": "Tell of `telemetry.validated`: `freehold ledger import`.",
    "people.": "Tell of `people.snapshot`, counts only, never names: `freehold ledger import`.",
    "decision.": "Write down what is decided, in `decisions/`; applied, each is an event.",
    "notice.": "Tell readers of changes with `freehold notice send`.",
    "schema.": "Give sources contracts: what arrives in another shape is an event.",
    "evidence.": "Tell of `evidence.delivered` when an auditor gets what was asked for: `freehold ledger import`.",
    "retention.": "Tell of `retention.executed` when a policy has data deleted: `freehold ledger import`.",
    "drift.": "Tell of `drift.measured` from what watches models: `freehold ledger import`.",
    "enablement.": "Tell of `enablement.held` for each session: `freehold ledger import`.",
    "objective.": "Set objectives whose key results are metrics.",
    "benefit.": "Say `investment` in an objective: one of its key results is the benefit.",
}


def card(found: Figure) -> Kpi:
    """Return a KPI as a figure: its value against its targets, its trend, and how much of its evidence is whole."""
    one, value = found.kpi, found.value
    href = f"/kpis/{one.id}"
    if value.value is None:
        told = " ".join(how_to(one, found)[:1]) if not found.is_instrumented else f"{value.n} observations so far."
        unknown = str(value.state)
        if value.state is State.FAILED:
            told = value.fix
        return Kpi(one.name, told=told.replace("`", ""), href=href, unknown=unknown)
    whole = value.evidence_completeness
    complete = f"{percent(whole)} complete" if whole is not None and whole < 1 else ""
    parts = [targets_of(one), named_period(value.period), complete]
    told = " · ".join(filter(None, parts))
    return Kpi(one.name, said(value.value, one.unit), "", told, href, sparkline(found), mark_of(one, value))


def mark_of(one: KpiFile, value: KpiValue) -> Mark:
    """Return whether a value is as it is to be: target met, missed, or why that cannot be said."""
    verdict = verdict_of(one, value)
    return Mark(TONES[verdict], str(verdict))


def standing(figures: Collection[Figure]) -> str:
    """Say how many KPIs have a value and how these stand to their targets, each kind counted apart; off target by name.

    Nothing is said where none has a value.
    """
    told = [f for f in figures if f.value.value is not None]
    if not told:
        return ""
    by = {verdict: [f.kpi.name for f in told if verdict_of(f.kpi, f.value) is verdict] for verdict in TONES}
    off = f" ({joined(by[Verdict.OFF])})"
    parts = [f"{len(names)} {v}{off if v is Verdict.OFF else ''}" for v, names in by.items() if names]
    return f"{len(told)} of {counted(len(figures), 'KPIs')} have evidence enough: {'; '.join(parts)}."


def targets_of(one: KpiFile) -> str:
    """Return all targets of a KPI as people write them, each once; those of a tier with that."""
    tiers = {t: t.whose.replace("-", " ") for t in one.targets if t.is_of_tier}
    told = (f"{bound_of(t.text)} ({tiers[t]})" if t in tiers else bound_of(t.text) for t in one.targets)
    return ", ".join(dict.fromkeys(told))


def target_of(found: Figure) -> str:
    """Return what a value is judged by, as people write it: the targets of a KPI that are of no tier."""
    return ", ".join(dict.fromkeys(bound_of(t.text) for t in found.kpi.targets if not t.is_of_tier))


def bound_of(text: str) -> str:
    """Return a target as people write it: `>= 98%` is `≥ 98 %`, `< 10bd` is `< 10 working days`."""
    found = re.fullmatch(r"\s*(<=|>=|<|>)\s*([\d.]+)\s*(\D*?)\s*", text)
    if found is None:
        return text
    sign, amount, unit = {"<=": "≤", ">=": "≥"}.get(found[1], found[1]), found[2], found[3]
    named = {"d": "days", "bd": "working days"}.get(unit)
    if named and amount.isdecimal():
        return f"{sign} {counted(int(amount), named)}"
    return f"{sign} {amount}{'' if unit.startswith('/') or not unit else ' '}{unit}"


def named_period(period: object) -> str:
    """Return a period as people name it: `2026-W47` is `week of 16 Nov 2026`, `2026-11` is `November 2026`."""
    text = str(period)
    year, _, part = text.partition("-")
    if week := re.fullmatch(r"W(\d\d)", part):
        first = date.fromisocalendar(int(year), int(week[1]), 1)
        return f"week of {first.day} {first:%b %Y}"
    if part.startswith("Q"):
        return f"{part} {year}"
    if re.fullmatch(r"\d\d", part):
        return f"{date(int(year), int(part), 1):%B %Y}"
    return text


def in_period(period: object) -> str:
    """Return when something was, for a sentence: `in November 2026`, `in the week of 16 Nov 2026`."""
    named = named_period(period)
    return f"in the {named}" if named.startswith("week") else f"in {named}"


def sparkline(found: Figure) -> Spark | None:
    """Return the values of a KPI as a line without axes; None where there are not two."""
    values = [v for v in found.values if v.value is not None]
    if len(values) < 2:
        return None
    ends = f"from {said(values[0].value, found.kpi.unit)} to {said(values[-1].value, found.kpi.unit)}"
    return spark([v.value for v in values if v.value is not None], f"{counted(len(values), 'periods')}, {ends}")


def how_to(one: KpiFile, found: Figure) -> tuple[str, ...]:
    """Say what makes a KPI instrumented: a sentence for each event type that it needs and that never came."""
    if found.is_instrumented:
        return ()
    fix = found.values[-1].fix
    missing = [name for name in one.needs if f"`{name}`" in fix]
    return tuple(dict.fromkeys(how_of(name) for name in missing))


def how_of(type_: str) -> str:
    """Say what makes events of a type come."""
    named = next((told for start, told in HOW.items() if type_ == start or type_.startswith(start)), "")
    return named or f"Record `{type_}`."


def change_of(found: Figure, value: KpiValue) -> str:
    """Say how a value compares with that of the period before."""
    place = next((i for i, v in enumerate(found.values) if v.period == value.period), 0)
    before = found.values[place - 1].value if place else None
    if value.value is None or before is None:
        return ""
    then = in_period(found.values[place - 1].period)
    if said(value.value, found.kpi.unit) == said(before, found.kpi.unit):
        return f"as {then}"
    word = "up from" if value.value > before else "down from"
    return f"{word} {said(before, found.kpi.unit)} {then}"


def worst_first(found: Figure) -> tuple[int, bool, str]:
    """Return what KPIs are ordered by: what needs a look first, what says nothing last."""
    tones = {"bad": 0, "warn": 1, "ok": 2, "idle": 3}
    return tones[mark_of(found.kpi, found.value).tone], not found.is_instrumented, found.kpi.name

"""Service levels and objectives, compared: whether the promise to consumers became weaker or stronger."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from freehold.estate.durations import unit_seconds
from freehold.estate.model import Sla
from freehold.quality.compatibility.finding import Finding
from freehold.quality.compatibility.subject import Subject, shown

# Less is a stronger promise: it comes sooner, is younger, fails less. The short names are the standard's.
_LESS_IS_MORE = {
    "latency", "ly", "freshness", "frequency", "fy", "timetodetect", "td", "timetonotify", "tn", "timetorepair", "tr",
    "errorrate", "er", "timeofavailability", "generalavailability", "ga",
}  # fmt: skip
_MORE_IS_MORE = {"retention", "re", "availability", "av", "throughput", "th", "endofsupport", "es", "endoflife", "el"}
_EACH = {
    "hourly": 3600,
    "daily": 86_400,
    "weekly": 604_800,
    "monthly": 2_592_000,
    "quarterly": 7_776_000,
    "yearly": 31_536_000,
}
_AMOUNT = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(%|[A-Za-z]+)?\s*")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Measure = tuple[str, Any]  # a dimension (`seconds`, `percent`, `clock`, `day`, a unit) and an amount in it


def sla_findings(before: Sequence[Sla], after: Sequence[Sla], subject: Subject) -> Iterator[Finding]:
    """Yield what changed between the service levels of two versions of a contract."""
    old, new = {_about(s): s for s in before}, {_about(s): s for s in after}
    for about, sla in new.items():
        place = subject.at(sla.where)
        if about not in old:
            yield place.judged("sla_added", None, _said(sla))
        elif (old[about].value, old[about].unit) != (sla.value, sla.unit):
            change = _change(old[about], sla)
            names = f"{sla.property} of {_amount(sla)} where it was {_amount(old[about])}"
            yield place.judged(change, _said(old[about]), _said(sla), detail=names)
        elif (old[about].description, old[about].driver) != (sla.description, sla.driver):
            yield place.judged("description_changed", old[about].description, sla.description)
    for about, sla in old.items():
        if about not in new:
            yield subject.at(sla.where).judged("sla_removed", _said(sla), None)


def objective_findings(before: Mapping[str, Any], after: Mapping[str, Any], subject: Subject) -> Iterator[Finding]:
    """Yield what changed about the objective, the arrival and the other custom properties of a contract."""
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if name == "freehold:objective":
            yield _objective(old, new, subject)
        elif name == "freehold:arrives":
            yield _arrival(old, new, subject)
        else:
            yield subject.judged("custom_changed", shown(old), shown(new), name=name)


def _about(sla: Sla) -> tuple[str, str]:
    return _plain(sla.property), sla.element or ""


def _plain(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower())


def _amount(sla: Sla) -> str:
    return f"{shown(sla.value)} {sla.unit}" if sla.unit else str(shown(sla.value))


def _said(sla: Sla) -> str:
    return f"{sla.property} {_amount(sla)}" + (f" of {sla.element}" if sla.element else "")


def _change(old: Sla, new: Sla) -> str:
    was, is_ = measure(old.value, old.unit), measure(new.value, new.unit)
    if was is None or is_ is None or was[0] != is_[0]:
        return "sla_undecided"
    if was == is_:
        return "sla_respelled"
    name = _plain(new.property)
    if name in _LESS_IS_MORE:
        return "sla_strengthened" if is_[1] < was[1] else "sla_weakened"
    if name in _MORE_IS_MORE:
        return "sla_strengthened" if is_[1] > was[1] else "sla_weakened"
    return "sla_undecided"


def measure(value: Any, unit: str | None) -> Measure | None:
    """Return a service level as an amount of something: `1` and `d` are 86,400 seconds, `06:30` an hour of the day."""
    text = str(value).strip()
    clock = re.fullmatch(r"(\d{1,2}):(\d{2})(?::(\d{2}))?(.*)", text)
    if clock:
        hour, minute, second, zone = clock.groups()
        return f"clock{zone.strip()}", int(hour) * 3600 + int(minute) * 60 + int(second or 0)
    if re.match(r"\d{4}-\d{2}-\d{2}", text):
        return "day", text
    if text.lower() in _EACH:
        return "seconds", Decimal(_EACH[text.lower()])
    found = _AMOUNT.fullmatch(text)
    return _in_units(found[1], (found[2] or unit or "").lower()) if found else None


def _in_units(number: str, unit: str) -> Measure | None:
    try:
        amount = Decimal(number)
    except InvalidOperation:
        return None
    if unit in ("%", "percent", "pct"):
        return "percent", amount
    seconds = unit_seconds(unit) if unit else None
    return ("seconds", amount * seconds) if seconds else (unit, amount)


def _objective(old: Any, new: Any, subject: Subject) -> Finding:
    if old is None or new is None:
        return subject.judged("sla_added" if old is None else "sla_removed", _objective_said(old), _objective_said(new))
    stronger, same_window = new.get("target", 0) > old.get("target", 0), old.get("window") == new.get("window")
    change = "sla_undecided" if not same_window else "sla_strengthened" if stronger else "sla_weakened"
    detail = f"an objective of {_objective_said(new)} where it was {_objective_said(old)}"
    return subject.judged(change, _objective_said(old), _objective_said(new), detail=detail)


def _objective_said(said: Any) -> str | None:
    if not isinstance(said, Mapping):
        return None
    window = said.get("window")
    return f"{said.get('target')}" + (f" over {window}" if window else "")


def _arrival(old: Any, new: Any, subject: Subject) -> Finding:
    before, after = _arrival_said(old), _arrival_said(new)
    if old is None or new is None:
        return subject.judged("sla_added" if old is None else "sla_removed", before, after)
    fewer_days = not _days(new) >= _days(old) or (new.get("except") and not old.get("except"))
    more_days = not _days(old) >= _days(new) or (old.get("except") and not new.get("except"))
    later, sooner = _grace(new) > _grace(old), _grace(new) < _grace(old)
    weaker, stronger = bool(fewer_days or later), bool(more_days or sooner)
    change = "sla_weakened" if weaker else "sla_strengthened" if stronger else "sla_respelled"
    if any(new.get(key) != old.get(key) for key in ("cron", "timezone", "calendar")):
        change = "sla_undecided"
    return subject.judged(change, before, after, detail=f"it arrives {after} where it was {before}")


def _arrival_said(said: Any) -> str | None:
    if not isinstance(said, Mapping):
        return None
    return ", ".join(f"{name} {value}" for name, value in said.items()) or None


def _grace(said: Mapping[str, Any]) -> Decimal:
    found = measure(said.get("grace", "0m"), None)
    return Decimal(found[1]) if found else Decimal(0)


def _days(said: Mapping[str, Any]) -> frozenset[str]:
    """Return the days of the week an arrival is due on: every day if it does not say."""
    found: set[str] = set()
    for part in str(said.get("days") or "mon-sun").replace(" ", "").split(","):
        first, _, last = part.partition("-")
        start, end = _DAYS.index(first), _DAYS.index(last or first)
        found.update(_DAYS[start : end + 1] if start <= end else (*_DAYS[start:], *_DAYS[: end + 1]))
    return frozenset(found)

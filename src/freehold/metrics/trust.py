"""Whether a metric keeps its word: bounds, values that are known, agreement with another, slices that add up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import zip_longest
from typing import Any

from freehold.foundation import FreeholdError
from freehold.metrics.additive import adds_up
from freehold.metrics.answering import Answerer
from freehold.metrics.facts import facts_of
from freehold.metrics.fingerprint import parts_used
from freehold.metrics.model import Metric
from freehold.metrics.paths import reachable
from freehold.metrics.query import asked

_MOST_SLICES = 5  # keys a metric is sliced by, to see whether the slices add up
_SLICED = ("String", "Boolean")
_CLOSE = 1e-9  # two ways to add the same floating point numbers may differ by so much of their size


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one test of a metric. `told` says what was found, where it is not what was to be."""

    metric: str
    test: str
    passed: bool
    told: str = ""


def verdicts(answerer: Answerer, metric: Metric) -> Iterator[Verdict]:
    """Test a metric: what its file says of it, and, where it adds up, that it does.

    Raises:
        FreeholdError: FH-N503 a test asks for what there is not; FH-E… what the warehouse says.
    """
    if by := _seen_in_part(answerer, metric):
        yield Verdict(metric.id, "not tested", False, f"You see its rows in part, by {', '.join(by)}.")
        return
    for test in metric.tests:
        if "between" in test:
            yield _between(answerer, metric, test["between"], test.get("by"))
        if "locked" in test:
            yield from _locked(answerer, metric, test["locked"])
        if "reconcile" in test:
            yield _reconciled(answerer, metric, test["reconcile"])
    if adds_up(answerer.catalogue, metric):
        yield _slices(answerer, metric)


def _seen_in_part(answerer: Answerer, metric: Metric) -> tuple[str, ...]:
    """Return the policies that keep rows of a metric from the caller: a part is no test of the whole."""
    _, fields = parts_used(answerer.catalogue, metric)
    models = answerer.catalogue.models
    return answerer.restrictions([models[m].datasets[d] for m, d in dict.fromkeys((m, d) for m, d, _ in fields)])


def _between(answerer: Answerer, metric: Metric, bounds: Sequence[float | None], by: str | None) -> Verdict:
    low, high = bounds
    name = f"between {_shown(low, 'any')} and {_shown(high, 'any')}" + (f" by {by}" if by else "")
    outside = [
        (key, value)
        for key, value in _values(answerer, metric, by).items()
        if value is not None and ((low is not None and value < low) or (high is not None and value > high))
    ]
    told = "; ".join(f"{_at(key)}{_shown(value)}" for key, value in outside[:3])
    return Verdict(metric.id, name, not outside, told + (f" and {len(outside) - 3} more" if len(outside) > 3 else ""))


def _locked(answerer: Answerer, metric: Metric, locked: Mapping[str, float | None]) -> Iterator[Verdict]:
    for key, expected in locked.items():
        field, equals, value = str(key).partition("=")
        where = f"{field} = '{value.replace(chr(39), chr(39) * 2)}'" if equals else None
        period = None if equals or key == "total" else str(key)
        ((found,),) = _rows(answerer, metric, where=where, start=period, end=period)
        digits = len(str(expected).partition(".")[2]) if expected is not None else 0
        same = found == expected if None in (found, expected) else round(float(found), digits) == expected
        yield Verdict(metric.id, f"locked {key}", same, "" if same else f"{_shown(found)}, and not {_shown(expected)}")


def _reconciled(answerer: Answerer, metric: Metric, said: Mapping[str, Any]) -> Verdict:
    by, tolerance = said.get("by"), str(said.get("tolerance", 0))
    other = answerer.catalogue.metric(said["with"], within=metric.model)
    mine, theirs = _values(answerer, metric, by), _values(answerer, other, by)
    apart = []
    for key in dict.fromkeys((*mine, *theirs)):
        one, two = mine.get(key) or 0.0, theirs.get(key) or 0.0
        allowed = abs(two) * float(tolerance.rstrip("%")) / 100 if tolerance.endswith("%") else float(tolerance)
        if abs(one - two) > allowed + _CLOSE * max(abs(one), abs(two)):
            apart.append(f"{_at(key)}{_shown(one)} against {_shown(two)}")
    name = (
        f"agrees with {other.id}" + (f" by {by}" if by else "") + (f" within {tolerance}" if tolerance != "0" else "")
    )
    return Verdict(metric.id, name, not apart, "; ".join(apart[:3]))


def _slices(answerer: Answerer, metric: Metric) -> Verdict:
    """Add up the slices of a metric that adds up; whatever lies between is a row lost or counted twice."""
    ((total,),) = _rows(answerer, metric)
    keys = _slicing(answerer, metric)
    for key in keys:
        parts = [row[-1] for row in _rows(answerer, metric, by=key) if row[-1] is not None]
        found, whole = float(sum(parts)), float(total or 0)
        if abs(found - whole) > _CLOSE * max(1.0, sum(abs(float(p)) for p in parts)):
            told = f"{_shown(found)} by {key}, and {_shown(whole)} in all"
            return Verdict(metric.id, "slices add up", False, told)
    return Verdict(metric.id, f"slices add up by {', '.join(keys)}" if keys else "slices add up", True)


def _slicing(answerer: Answerer, metric: Metric) -> list[str]:
    """Return keys to slice a metric by: its time, and fields of few values that all its facts can reach."""
    model = answerer.catalogue.models[metric.model]
    found: list[str] = []
    for fact in facts_of(answerer.catalogue, metric):
        for dataset in reachable(model, fact):
            keyed = {name for key in model.datasets[dataset].keys for name in key}
            named = {j.name for j in model.joins if j.target == dataset}
            fields_there = model.datasets[dataset].fields.values()
            found += [
                f"{role}.{f.name}"
                for role in (sorted(named) if dataset != fact else [dataset])
                for f in fields_there
                if f.type in _SLICED and f.name not in keyed
            ]
    good = []
    for key in ("month", *_spread(dict.fromkeys(found))):
        try:
            answerer.compile(asked([metric.id], [key]))
        except FreeholdError:  # another fact of the metric cannot be sliced so
            continue
        good.append(key)
    return good[:_MOST_SLICES]


def _spread(names: Iterable[str]) -> list[str]:
    """Return dotted names so that those of each dataset come in turn: what is joined is sliced by as well."""
    by_head: dict[str, list[str]] = {}
    for name in names:
        by_head.setdefault(name.rpartition(".")[0], []).append(name)
    return [name for turn in zip_longest(*by_head.values()) for name in turn if name is not None]


def _values(answerer: Answerer, metric: Metric, by: str | None) -> dict[Any, float | None]:
    return {
        row[0] if by else None: None if row[-1] is None else float(row[-1]) for row in _rows(answerer, metric, by=by)
    }


def _rows(answerer: Answerer, metric: Metric, *, by: str | None = None, **said: Any) -> list[tuple[Any, ...]]:
    try:
        table = answerer.answer(asked([metric.id], [by] if by else [], **said)).table
    except FreeholdError as error:
        if error.code.startswith("FH-E"):
            raise
        raise FreeholdError(
            "FH-N503", f"A test of `{metric.name}` cannot be asked. {error.problem}", where=metric.where, fix=error.fix
        ) from error
    return [tuple(row.values()) for row in table.to_pylist()]


def _at(key: Any) -> str:
    if key is None:
        return ""
    return f"{key.isoformat() if isinstance(key, date | datetime) else key}: "


def _shown(value: Any, nothing: str = "nothing") -> str:
    return nothing if value is None else f"{float(value):,.2f}".removesuffix(".00")

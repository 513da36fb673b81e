"""The guardrail that was missing: a rule of a contract that would have told an incident at its root, and kept it away.

It is drawn from what batches looked like before, and proposed only where it fails on the batch of the incident. How
often it would have failed on batches that were right is counted beside it, each judged by those before it alone.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freehold.estate import files_of, load_estate
from freehold.estate.editing import diff_of, with_entry
from freehold.estate.loading import documents_of
from freehold.estate.writing import inline
from freehold.foundation import Exit, FreeholdError, Problems
from freehold.foundation.words import counted
from freehold.quality.judging import holds
from freehold.reliability.anomalies import anomalies, known_of
from freehold.reliability.incidents import alerts_of
from freehold.reliability.measures import ROWS, Measure
from freehold.reliability.series import Batch, batch_of
from freehold.reliability.signals import SignalKind

if TYPE_CHECKING:
    from freehold.estate.document import Document
    from freehold.estate.model import Contract, Estate, SchemaObject
    from freehold.ledger import Ledger
    from freehold.reliability.incidents import Incident

FEWEST = 10  # batches before it, from which a limit is drawn
_ROOM = 0.25  # of the span of what was seen, left beside it
_MOST, _LEAST = "mustBeLessOrEqualTo", "mustBeGreaterOrEqualTo"
_TOLD_BY = ("rows", "nulls", "mean")  # measures that a rule of a contract can judge


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that held for every batch before, and does not for the one of an incident.

    Attributes:
        value: of the incident.
        before: how many batches it was drawn from.
        judged, false_alarms: of those, how many were judged by a limit drawn likewise from those before them, and how
            many of these would have failed.
        since, false_since: how many right batches came after the incident, and how many of those this limit fails.
    """

    measure: Measure
    operator: str
    threshold: float
    value: float
    before: int
    judged: int
    false_alarms: int
    since: int = 0
    false_since: int = 0


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A rule that was missing, as a change of the file of a contract."""

    asset: str
    limit: Limit
    entry: dict[str, Any]
    path: str
    before: str
    after: str

    @property
    def diff(self) -> str:
        """The change as a unified diff."""
        return diff_of(self.path, self.before, self.after)

    @property
    def why(self) -> str:
        """What speaks for it, in words."""
        one, most = self.limit, "at most" if self.limit.operator == _MOST else "at least"
        said = one.measure.said
        return (
            f"It was {said(one.value)} ({one.measure}); {most} {said(one.threshold)} held for all "
            f"{counted(one.before, 'batches')} before. Of right batches, {one.false_alarms:,} of {one.judged:,} before "
            f"it would have been held by a limit drawn likewise from those before them, and {one.false_since:,} of "
            f"{one.since:,} since by this one."
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        one = self.limit
        return {
            "asset": self.asset, "measure": one.measure.name, "column": one.measure.column or None,
            "operator": one.operator, "threshold": one.threshold, "value": one.value, "before": one.before,
            "judged": one.judged, "false_alarms": one.false_alarms, "since": one.since,
            "false_since": one.false_since, "file": self.path, "diff": self.diff,
        }  # fmt: skip


def guardrail_for(estate: Estate, ledger: Ledger, env: str, incident: Incident) -> Guardrail:
    """Return the rule that would have told an incident at its root.

    Raises:
        FreeholdError: FH-E384 none is missing, or no rule can be drawn that fails on its evidence; FH-E385 the contract
            of the root cannot be edited.
    """
    asset = incident.root or next(iter(incident.assets), "")
    found = estate.contract_of(asset) if asset else None
    if found is None:
        raise _none(f"No contract is of `{asset or incident.id}`.", "Write one: `freehold schema DataContract`.")
    _expect_missing(ledger, incident, asset)
    bad, named = _batch_of(ledger, env, incident, asset)
    right = [one for one in known_of(ledger, env, asset) if one.id != bad.id]
    past, since = _like(bad, [one for one in right if one.seq < bad.seq]), [one for one in right if one.seq > bad.seq]
    if len(past) < FEWEST:
        told = f"{counted(len(past), 'batches')} of `{asset}` before it were right, and {FEWEST} are wanted"
        raise _none(f"{told} to draw a limit from.", "Write the rule by hand: `freehold schema DataContract`.")
    limits = [
        one
        for measure in bad.values
        if (one := limit_of(measure, bad, past, since, is_named=measure in named)) is not None
    ]
    best = max(limits, key=lambda one: (one.measure in named, -_false(one), _beside(one)), default=None)
    if best is None:
        problem = f"No measure of that batch of `{asset}` lies outside what the {len(past):,} before it were."
        raise _none(problem, "What was wrong shows in no measure; write the rule by hand.")
    return _written(estate, *found, best, is_interval=bad.is_interval)


def limit_of(
    measure: Measure, bad: Batch, past: Sequence[Batch], since: Sequence[Batch] = (), *, is_named: bool
) -> Limit | None:
    """Return the limit of a measure that fails on a bad batch; None where what came before was like it.

    A measure that nobody named has to lie further outside than what was seen is wide: of many columns, one is always a
    little beside what it was.
    """
    if measure.name not in _TOLD_BY:
        return None
    value, seen = bad.values[measure], [one.values[measure] for one in past if measure in one.values]
    if len(seen) < FEWEST or min(seen) <= value <= max(seen):
        return None
    operator, threshold = _drawn(seen, is_above=value > max(seen), value=value)
    outside = value - max(seen) if operator == _MOST else min(seen) - value
    if holds(operator, value, threshold) or not (is_named or outside > max(seen) - min(seen)):
        return None
    judged = [(seen[:n], seen[n]) for n in range(FEWEST, len(seen))]
    false = sum(not holds(*_with(_drawn(known, is_above=operator == _MOST), one)) for known, one in judged)
    later = [one.values[measure] for one in since if measure in one.values]
    false_since = sum(not holds(operator, one, threshold) for one in later)
    return Limit(measure, operator, threshold, value, len(seen), len(judged), false, len(later), false_since)


def _drawn(seen: Sequence[float], *, is_above: bool, value: float | None = None) -> tuple[str, float]:
    """Return a limit above, or below, what was seen: with room, of which half the way to a value that is to fail."""
    room = _ROOM * (max(seen) - min(seen))
    if is_above:
        room = min(room, (value - max(seen)) / 2) if value is not None else room
        return _MOST, _rounded(max(seen) + room, math.ceil)
    room = min(room, (min(seen) - value) / 2) if value is not None else room
    low = min(seen) - room
    return _LEAST, _rounded(max(low, 0.0) if min(seen) >= 0 else low, math.floor)


def _with(limit: tuple[str, float], value: float) -> tuple[str, float, float]:
    return limit[0], value, limit[1]


def _rounded(limit: float, way: Callable[[float], int]) -> float:
    """Return a limit with three digits, away from what was seen, so that people can read it."""
    if limit == 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(limit))) - 2)
    return float(f"{way(round(limit / unit, 6)) * unit:.6g}")


def _false(limit: Limit) -> float:
    """Return the share of right batches that a limit fails, or one drawn likewise."""
    return (limit.false_alarms + limit.false_since) / max(limit.judged + limit.since, 1)


def _beside(limit: Limit) -> float:
    return abs(limit.value - limit.threshold) / (abs(limit.threshold) or 1.0)


def _expect_missing(ledger: Ledger, incident: Incident, asset: str) -> None:
    """Make sure that no check told it at the root, and kept it from readers."""
    kinds = (SignalKind.CHECK, SignalKind.SCHEMA)
    for one in alerts_of(ledger, incident):
        if one.asset == asset and one.kind in kinds and one.is_held:
            problem = f"`{one.monitor}` told it at the root, and kept it from readers: no guardrail is missing."
            raise _none(problem, "Nothing has to be done.")
    if incident.symptom == SignalKind.LATE:
        fix = f"Learn when it is due, from when it came: `freehold slo propose {asset}`."
        raise _none(f"`{asset}` was late, which no rule about its rows tells.", fix)


def _batch_of(ledger: Ledger, env: str, incident: Incident, asset: str) -> tuple[Batch, frozenset[Measure]]:
    """Return the batch that was wrong, and the measures of it that an alert of the incident named."""
    evidence = {one.evidence for one in alerts_of(ledger, incident)}
    odd = [o for o in anomalies(ledger, env, asset=asset, closed=True) if f"anomaly-{o.id}" in evidence]
    batches = [batch_of(event) for event in ledger.read(types=("profile.observed",), subject=asset, env=env)
               if event.occurred_at <= incident.detected_at]  # fmt: skip
    chosen = next((one for one in batches if odd and one.id == odd[0].batch), batches[-1] if batches else None)
    if chosen is None:
        raise _none(f"No batch of `{asset}` was looked at by then.", "Runs look at what they build: `freehold run`.")
    return chosen, frozenset(one.measure for one in odd if one.batch == chosen.id)


def _like(bad: Batch, known: Sequence[Batch]) -> tuple[Batch, ...]:
    """Return the batches of steps before one, as long as it is, one for each step, the oldest first."""
    like = [one for one in known if one.step == bad.step and one.is_interval == bad.is_interval]
    newest = {one.start: one for one in sorted(like, key=lambda o: o.seq) if one.start < bad.start}
    return tuple(newest[at] for at in sorted(newest))


def _written(estate: Estate, contract: Contract, schema: SchemaObject, limit: Limit, *, is_interval: bool) -> Guardrail:
    entry = _entry(schema, limit, is_interval=is_interval)
    path = contract.where.path
    try:
        before = (estate.root / path).read_text(encoding="utf-8")
    except OSError:  # what is in force may lie in no file any more
        before = ""
    document = _document(before, path, contract.id)
    names = [one.get("name") for one in document.value["schema"]] if document is not None else []
    after = before
    if document is not None and schema.name in names:
        after = with_entry(before, document, ("schema", names.index(schema.name), "quality"), entry)
    made = _document(after, path, contract.id)
    told = [one.get("quality") or () for one in made.value["schema"] if one.get("name") == schema.name] if made else []
    if not any(entry in rules for rules in told):
        raise FreeholdError(
            "FH-E385", f"`quality` of `{schema.name}` in {contract.id} cannot be edited as it is written.",
            where=contract.where, fix=f"Write there: {inline(entry)}",
        )  # fmt: skip
    return Guardrail(f"{contract.id.rpartition('.')[0]}.{schema.name}", limit, entry, path, before, after)


def _entry(schema: SchemaObject, limit: Limit, *, is_interval: bool) -> dict[str, Any]:
    """Return the rule as a contract has it, of the object, whatever column it is about."""
    name, column = limit.measure.name, limit.measure.column
    prop = next((one.name for one in schema.columns if one.column == column), column)
    number = int(limit.threshold) if limit.threshold == int(limit.threshold) else limit.threshold
    if name == ROWS:
        rule: dict[str, Any] = {"type": "library", "metric": "rowCount", limit.operator: number}
    elif name == "nulls":
        share = float(f"{100 * limit.threshold:.6g}")
        rule = {"type": "library", "metric": "nullValues", "unit": "percent", "arguments": {"properties": [prop]},
                limit.operator: share}  # fmt: skip
    else:
        mean = {"aggregate": "avg", "column": prop, limit.operator: number}
        rule = {"type": "custom", "engine": "freehold", "implementation": mean}
    rule |= {"dimension": "completeness" if name != "mean" else "accuracy", "severity": "error"}
    return rule | ({"customProperties": [{"property": "freehold:scope", "value": "interval"}]} if is_interval else {})


def _document(text: str, path: str, id: str) -> Document | None:
    found = documents_of(text.encode(), path) if text else ()
    return next((one for one in found if isinstance(one.value, Mapping) and one.value.get("id") == id), None)


def expect_loads(estate: Estate, guardrail: Guardrail) -> None:
    """Make sure that the estate loads with a guardrail in it, by loading it so somewhere else.

    Raises:
        FreeholdError: FH-E385 it does not; the first error is told.
    """
    with tempfile.TemporaryDirectory(prefix="freehold-guardrail-") as folder:
        for path, content in files_of(estate.root).items():
            place = Path(folder) / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(guardrail.after.encode() if path == guardrail.path else content)
        try:
            load_estate(folder, cache=False)
        except Problems as problems:
            first = problems.errors[0]
            raise FreeholdError(
                "FH-E385", f"The estate does not load with it: {first.problem}", where=first.where,
                fix=f"Write it by hand: {inline(guardrail.entry)}",
            ) from problems  # fmt: skip


def _none(problem: str, fix: str) -> FreeholdError:
    return FreeholdError("FH-E384", problem, fix=fix, exit_code=Exit.USAGE)

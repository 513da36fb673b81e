"""Quality rules, compared: which hold, how strictly, and whether a failure keeps data from being published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from freehold.estate.model import QualityRule
from freehold.quality.compatibility.dialects import Dialects
from freehold.quality.compatibility.finding import Finding
from freehold.quality.compatibility.patterns import pattern_change
from freehold.quality.compatibility.spans import Incomparable, covered, rule_spans
from freehold.quality.compatibility.sqltext import same_sql
from freehold.quality.compatibility.subject import Subject
from freehold.quality.drafting import is_blocking, judged

Settings = tuple[Mapping[str, Any], Mapping[str, Any]]  # `custom` of the column, before and after
_NONE: Settings = ({}, {})
_OF_A_PATTERN = {
    "pattern_added": "rule_tightened", "pattern_removed": "rule_loosened", "pattern_loosened": "rule_loosened",
    "pattern_tightened": "rule_tightened", "pattern_respelled": "rule_respelled",
}  # fmt: skip


def rule_findings(
    before: Sequence[QualityRule],
    after: Sequence[QualityRule],
    subject: Subject,
    dialects: Dialects,
    settings: Settings = _NONE,
) -> Iterator[Finding]:
    """Yield what changed between the rules of two versions of an object or column."""
    pairs, fresh, gone = _paired(before, after)
    for new in fresh:
        change = "rule_added" if _stops(new, settings[1]) else "warning_added"
        yield subject.at(new.where).judged(change, None, _said(new))
    for old in gone:
        change = "rule_removed" if _stops(old, settings[0]) else "warning_removed"
        yield subject.at(old.where).judged(change, _said(old), None)
    for old, new in pairs:
        yield from _rule(old, new, subject.at(new.where), dialects, settings)


def _paired(
    before: Sequence[QualityRule], after: Sequence[QualityRule]
) -> tuple[list[tuple[QualityRule, QualityRule]], list[QualityRule], list[QualityRule]]:
    """Pair rules by id, else by name, else by what they measure; each at most once."""
    left = list(before)
    fresh: list[QualityRule] = []
    pairs: dict[int, QualityRule] = {}
    for trait in (_by_id, _by_name, _by_measure, _by_kind):
        for index, new in enumerate(after):
            wanted = trait(new)
            if index in pairs or wanted is None:
                continue
            match = next((old for old in left if trait(old) == wanted), None)
            if match is not None:
                left.remove(match)
                pairs[index] = match
    fresh = [new for i, new in enumerate(after) if i not in pairs]
    return [(pairs[i], new) for i, new in enumerate(after) if i in pairs], fresh, left


def _by_id(rule: QualityRule) -> Any:
    return rule.id


def _by_name(rule: QualityRule) -> Any:
    return rule.name


def _by_measure(rule: QualityRule) -> Any:
    """Return what the rule measures, unless an id says that it is another rule than its like."""
    return None if rule.id else _measure(rule)


def _by_kind(rule: QualityRule) -> Any:
    """Return the metric alone: the same metric with other arguments is the same rule, changed."""
    return None if rule.id or rule.name or rule.metric is None else (rule.kind, rule.metric, rule.column)


def _measure(rule: QualityRule) -> Any:
    custom = {k: v for k, v in rule.custom.items() if k in ("freehold:aggregate", "freehold:expression")}
    query = " ".join((rule.query or "").split())
    text = rule.description if rule.kind == "text" else None
    return (rule.kind, rule.metric, dict(rule.arguments), query, rule.engine, rule.implementation, custom, text)


def _rule(
    old: QualityRule, new: QualityRule, subject: Subject, dialects: Dialects, settings: Settings
) -> Iterator[Finding]:
    stopped, stops = _stops(old, settings[0]), _stops(new, settings[1])
    before, after = _said(old), _said(new)
    if stopped != stops:
        yield subject.judged("rule_made_blocking" if stops else "rule_made_warning", before, after)
    change, detail = _change(old, new, dialects)
    if change and not stops and change != "rule_respelled":
        # What only warns promises nothing; that it stopped before is told above.
        change = "" if stopped else "warning_changed"
    if change:
        yield subject.judged(change, before, after, detail=detail)
    elif (old.description, old.dimension, old.business_impact) != (new.description, new.dimension, new.business_impact):
        yield subject.judged("description_changed", old.description, new.description)


def _change(old: QualityRule, new: QualityRule, dialects: Dialects) -> tuple[str, str]:
    """Return the ruling for what a rule demands, and a detail; an empty name if it demands the same."""
    measured = _measured(old, new, dialects)
    if measured:
        return measured
    if (old.operator, old.threshold, old.unit) == (new.operator, new.threshold, new.unit):
        return "", ""
    if (old.unit or "rows") != (new.unit or "rows"):
        return "rule_undecided", "a share and a count cannot be compared"
    was, is_ = rule_spans(old.operator, old.threshold), rule_spans(new.operator, new.threshold)
    try:
        tighter, looser = covered(is_, was), covered(was, is_)
    except Incomparable:
        return "rule_undecided", "the thresholds are of different kinds"
    if tighter and looser:
        return "rule_respelled", ""
    if not tighter and not looser:
        return "rule_undecided", "neither threshold lies within the other"
    return ("rule_tightened" if tighter else "rule_loosened"), ""


def _measured(old: QualityRule, new: QualityRule, dialects: Dialects) -> tuple[str, str] | None:
    """Return the ruling for a change of what is measured; None where the same is."""
    if _measure(old) == _measure(new):
        return None
    alone = (old.operator, old.threshold) == (new.operator, new.threshold)
    texts = [(r.query or r.custom.get("freehold:expression") or "") for r in (old, new)]
    if all(texts) and alone:
        if same_sql(str(texts[0]), str(texts[1]), dialects.before, dialects.after):
            return "rule_respelled", ""
        return "rule_undecided", "the SQL is another"
    if (old.kind, old.metric) == (new.kind, new.metric) and old.metric == "invalidValues" and alone:
        return _arguments(dict(old.arguments), dict(new.arguments))
    return "rule_undecided", "something else is measured"


def _arguments(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, str]:
    """Judge the arguments of `invalidValues`, if a single one of them changed."""
    changed = [name for name in {*before, *after} if before.get(name) != after.get(name)]
    if changed == ["validValues"]:
        was, is_ = before.get("validValues"), after.get("validValues")
        if was is None or is_ is None:
            return ("rule_tightened" if was is None else "rule_loosened"), ""
        tighter, looser = all(v in was for v in is_), all(v in is_ for v in was)
        if tighter or looser:
            return "rule_respelled" if tighter and looser else "rule_tightened" if tighter else "rule_loosened", ""
    if changed == ["pattern"]:
        change, detail = pattern_change(before.get("pattern"), after.get("pattern"))
        return _OF_A_PATTERN.get(change, "rule_undecided"), detail
    return "rule_undecided", "its arguments are others"


def _stops(rule: QualityRule, settings: Mapping[str, Any]) -> bool:
    """Return whether a failure keeps data from being published; what is written in words is checked by nobody."""
    return rule.kind != "text" and is_blocking(rule.severity, {**settings, **rule.custom})


def _said(rule: QualityRule) -> str:
    """Return a rule in words: `rowCount is at least 10`."""
    what = rule.metric or rule.name or rule.id or rule.query or rule.description or rule.kind
    aggregate = rule.custom.get("freehold:aggregate")
    demand = f" {judged(rule.operator, rule.threshold, rule.unit or '')}" if rule.operator else ""
    mild = "" if _stops(rule, {}) else " (warns)"
    return f"{aggregate or what}{demand}{mild}"

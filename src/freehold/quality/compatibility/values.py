"""What the values of a column may be and what they mean: presence, uniqueness, lists, limits, patterns, meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from freehold.estate.model import Property
from freehold.quality.compatibility.finding import Finding
from freehold.quality.compatibility.patterns import pattern_change
from freehold.quality.compatibility.spans import Incomparable, Span, limit
from freehold.quality.compatibility.sqltext import same_sql
from freehold.quality.compatibility.subject import Subject, listed

# Sensitivity in the words companies use, from open to closed; numbers count as they stand.
_LEVELS = {
    "public": 1, "open": 1, "internal": 2, "private": 2, "confidential": 3, "sensitive": 3, "restricted": 4,
    "secret": 5,
}  # fmt: skip
_LIMITS = (
    ("value", "the range of values", ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")),
    ("length", "the length", ("minLength", "", "maxLength", "")),
    ("items", "the number of items", ("minItems", "", "maxItems", "")),
    ("fields", "the number of fields", ("minProperties", "", "maxProperties", "")),
)
_LIMITED = {name for _, _, names in _LIMITS for name in names if name}
_WIDTHS = {f"{sign}{bits}" for sign in "iu" for bits in (8, 16, 32, 64, 128)} | {"f32", "f64"}


def value_findings(old: Property, new: Property, subject: Subject) -> Iterator[Finding]:
    """Yield what changed about the values of a column."""
    yield from _presence(old, new, subject)
    if old.enum != new.enum:
        yield _enum(old.enum, new.enum, subject)
    yield from _limits(old.options, new.options, subject)
    yield from _options(old.options, new.options, subject)
    yield from _meaning(old, new, subject)
    yield from _classification(old.classification, new.classification, subject)


def _presence(old: Property, new: Property, subject: Subject) -> Iterator[Finding]:
    filled = old.required or old.primary_key, new.required or new.primary_key
    if filled[0] != filled[1]:
        yield subject.judged("made_required" if filled[1] else "made_optional", filled[0], filled[1])
    # A column that becomes the key, or stops being it, is judged with the key.
    if old.unique != new.unique and not (old.primary_key or new.primary_key):
        yield subject.judged("made_unique" if new.unique else "made_repeating", old.unique, new.unique)


def _enum(before: Sequence[Any], after: Sequence[Any], subject: Subject) -> Finding:
    come, gone = [v for v in after if v not in before], [v for v in before if v not in after]
    detail = "; ".join(f"{verb}: {listed(v)}" for v, verb in ((come, "new"), (gone, "gone")) if v)
    return subject.judged(enum_change(before, after), before or None, after or None, detail=detail)


def enum_change(before: Sequence[Any], after: Sequence[Any]) -> str:
    """Return the ruling for a list of allowed values that changed; an empty list allows everything."""
    if not before or not after:
        return "enum_added" if after else "enum_removed"
    come, gone = any(v not in before for v in after), any(v not in after for v in before)
    if come and gone:
        return "enum_replaced"
    return "enum_widened" if come else "enum_narrowed" if gone else "enum_reordered"


def _limits(old: Mapping[str, Any], new: Mapping[str, Any], subject: Subject) -> Iterator[Finding]:
    for _, called, names in _LIMITS:
        before, after = ({n: options[n] for n in names if options.get(n) is not None} for options in (old, new))
        if before != after:
            change = _bound_change(before, after, names)
            if change:
                yield subject.judged(change, _spelled(before), _spelled(after), detail=called)
    if old.get("multipleOf") != new.get("multipleOf"):
        change = _multiple_change(old.get("multipleOf"), new.get("multipleOf"))
        yield subject.judged(change, old.get("multipleOf"), new.get("multipleOf"), detail="the step between values")


def _bound_change(before: Mapping[str, Any], after: Mapping[str, Any], names: Sequence[str]) -> str | None:
    if not before or not after:
        return "bound_removed" if before else "bound_added"
    try:
        old, new = _span(before, names), _span(after, names)
        tighter, looser = new.within(old), old.within(new)
    except Incomparable:
        return "bound_replaced"
    if tighter and looser:
        return None
    return "bound_tightened" if tighter else "bound_loosened" if looser else "bound_replaced"


def _span(said: Mapping[str, Any], names: Sequence[str]) -> Span:
    """Return the span that limits leave; of an inclusive and an exclusive one, the stricter counts."""
    low, exclusive_low, high, exclusive_high = (limit(said.get(name)) for name in names)
    below = Span(low, None).stricter(Span(exclusive_low, None, open_low=True))
    above = Span(None, high).stricter(Span(None, exclusive_high, open_high=True))
    return Span(below.low, above.high, below.open_low, above.open_high)


def _multiple_change(before: Any, after: Any) -> str:
    if before is None or after is None:
        return "bound_added" if before is None else "bound_removed"
    was, is_ = limit(before), limit(after)
    if not was or not is_:
        return "bound_replaced"
    if is_ % was == 0:
        return "bound_tightened"
    return "bound_loosened" if was % is_ == 0 else "bound_replaced"


def _spelled(said: Mapping[str, Any]) -> str | None:
    return ", ".join(f"{name} {value}" for name, value in said.items()) or None


def _options(old: Mapping[str, Any], new: Mapping[str, Any], subject: Subject) -> Iterator[Finding]:
    for name in sorted({*old, *new} - _LIMITED - {"multipleOf"}):
        before, after = old.get(name), new.get(name)
        if before == after or (name == "uniqueItems" and bool(before) == bool(after)):
            continue
        if name == "pattern":
            change, detail = pattern_change(before, after)
            yield subject.judged(change, before, after, detail=detail)
        elif name == "uniqueItems":
            yield subject.judged("made_unique" if after else "made_repeating", before, after)
        elif not (name == "format" and {before, after} - {None} <= _WIDTHS):
            yield _option(name, before, after, subject)


def _option(name: str, before: Any, after: Any, subject: Subject) -> Finding:
    """Judge an option that is no limit: `format`, `timezone`, the required fields of an object."""
    if name == "required":
        return subject.judged(_required_change(before or (), after or ()), before, after, detail="the fields required")
    if name == "format" and (before is None or after is None):
        return subject.judged("bound_added" if after else "bound_removed", before, after, detail="a form of the values")
    return subject.judged("option_changed", before, after, detail=f"`{name}`")


def _required_change(before: Sequence[Any], after: Sequence[Any]) -> str:
    if set(before) <= set(after):
        return "bound_tightened"
    return "bound_loosened" if set(after) <= set(before) else "bound_replaced"


def _meaning(old: Property, new: Property, subject: Subject) -> Iterator[Finding]:
    before, after = old.transform_logic, new.transform_logic
    if before == after:
        return
    if before is None or after is None:
        # Of a measure the expression is all there is; of a stored column it only tells how it came about.
        stored = new.semantic_type == "column"
        change = ("meaning_stated" if before is None else "meaning_unstated") if stored else "meaning_changed"
    else:
        change = "meaning_respelled" if same_sql(before, after) else "meaning_changed"
    yield subject.judged(change, before, after)


def _classification(before: str | None, after: str | None, subject: Subject) -> Iterator[Finding]:
    if before == after:
        return
    if before is None or after is None:
        yield subject.judged("classification_stated" if after else "classification_unstated", before, after)
        return
    old, new = _level(before), _level(after)
    if old is None or new is None or old == new:
        change = "classification_undecided"
    else:
        change = "classification_raised" if new > old else "classification_lowered"
    yield subject.judged(change, before, after)


def _level(text: str) -> int | None:
    plain = text.strip().lower()
    return int(plain) if plain.isdigit() else _LEVELS.get(plain)

"""The type of a column, judged by what it can hold: the physical type where both versions say it, else the logical."""

from __future__ import annotations

from collections.abc import Iterator

from freehold.estate.model import Property
from freehold.quality.compatibility.dialects import Dialects
from freehold.quality.compatibility.finding import Finding
from freehold.quality.compatibility.kinds import Approximate, Exact, Kind, Text, kind_of
from freehold.quality.compatibility.subject import Subject, listed
from freehold.quality.compatibility.values import enum_change

# Every whole number is a number. Nothing else of the standard's types holds another.
_WIDER = {("integer", "number")}
_FORMATS: dict[str, Kind] = {
    **{f"i{b}": Exact(-(2 ** (b - 1)), 2 ** (b - 1) - 1, 0) for b in (8, 16, 32, 64, 128)},
    **{f"u{b}": Exact(0, 2**b - 1, 0) for b in (8, 16, 32, 64, 128)},
    "f32": Approximate(24),
    "f64": Approximate(53),
}


def type_findings(old: Property, new: Property, subject: Subject, dialects: Dialects) -> Iterator[Finding]:
    """Yield what changed about the type of a column: at most one finding for the type, one for its width in bits."""
    before, after = _said(old), _said(new)
    if before != after:
        yield from _judged(old, new, subject, dialects)
    formats = old.options.get("format"), new.options.get("format")
    if formats[0] != formats[1] and all(f in _FORMATS for f in formats if f is not None):
        yield from _widths(formats[0], formats[1], subject)


def is_width(wanted: object) -> bool:
    """Return whether a `format` is a width in bits, such as `i32`, and so part of the type."""
    return wanted in _FORMATS


def _said(prop: Property) -> tuple[str | None, str | None]:
    return prop.logical_type, _plain(prop.physical_type)


def _plain(text: str | None) -> str | None:
    return "".join(text.split()).upper() if text else None


def _judged(old: Property, new: Property, subject: Subject, dialects: Dialects) -> Iterator[Finding]:
    if old.physical_type and new.physical_type:
        yield from _physical(old, new, subject, dialects)
    elif old.logical_type and new.logical_type:
        yield from _logical(old, new, subject)
    else:
        before, after = _spelled(old), _spelled(new)
        yield subject.judged("type_unstated" if before else "type_stated", before, after)


def _logical(old: Property, new: Property, subject: Subject) -> Iterator[Finding]:
    pair = (str(old.logical_type), str(new.logical_type))
    before, after = _spelled(old), _spelled(new)
    if pair[0] == pair[1]:
        yield subject.judged("type_stated" if new.physical_type else "type_unstated", before, after)
    elif pair in _WIDER:
        yield subject.judged("type_widened", before, after)
    elif pair[::-1] in _WIDER:
        yield subject.judged("type_narrowed", before, after)
    else:
        yield subject.judged("type_changed", before, after, detail=_difference(*pair))


def _physical(old: Property, new: Property, subject: Subject, dialects: Dialects) -> Iterator[Finding]:
    before, after = str(old.physical_type), str(new.physical_type)
    if _plain(before) == _plain(after):
        yield from _logical_beside(old, new, subject)
        return
    was, is_ = kind_of(before, dialects.before), kind_of(after, dialects.after)
    if was is None or is_ is None:
        unknown = before if was is None else after
        yield subject.judged("type_undecided", before, after, detail=f"`{unknown}` is no type that is known here")
        return
    yield subject.judged(_relation(was, is_), before, after, detail=_detail(was, is_))
    if was == is_:
        yield from _logical_beside(old, new, subject)


def _logical_beside(old: Property, new: Property, subject: Subject) -> Iterator[Finding]:
    """Judge a logical type that changes while what is stored does not."""
    if old.logical_type != new.logical_type:
        if old.logical_type and new.logical_type:
            yield from _logical(old, new, subject)
        else:
            change = "type_unstated" if old.logical_type else "type_stated"
            yield subject.judged(change, old.logical_type, new.logical_type)


def _relation(was: Kind, is_: Kind) -> str:
    if was == is_:
        return "type_respelled"
    if isinstance(was, Text) and isinstance(is_, Text) and was.words and is_.words:
        return enum_change(was.words, is_.words)
    if is_.holds(was):
        return "type_respelled" if was.holds(is_) else "type_widened"
    numeric = (Exact, Approximate)
    alike = was.family == is_.family or (isinstance(was, numeric) and isinstance(is_, numeric) and was.holds(is_))
    return "type_narrowed" if alike else "type_changed"


def _detail(was: Kind, is_: Kind) -> str:
    if isinstance(was, Text) and isinstance(is_, Text) and was.words and is_.words:
        return listed(sorted(set(was.words) ^ set(is_.words)))
    return _difference(was.family, is_.family)


def _difference(before: str, after: str) -> str:
    if before == after:
        return f"the {before} is another"
    if {before, after} == {"date", "timestamp"}:
        return "a day and a point in time group and join differently"
    if {before, after} == {"timestamp", "timestamp with a zone"}:
        return "the same clock reading is another moment"
    if {before, after} == {"exact number", "float"}:
        return "a float rounds what an exact number keeps"
    return f"{before} is not {after}"


def _widths(before: str | None, after: str | None, subject: Subject) -> Iterator[Finding]:
    if before is None or after is None:
        yield subject.judged("bound_removed" if before else "bound_added", before, after, detail="a width in bits")
        return
    yield subject.judged(
        _relation(_FORMATS[before], _FORMATS[after]), before, after, detail=_difference("exact number", "float")
    )


def _spelled(prop: Property) -> str | None:
    if prop.logical_type and prop.physical_type:
        return f"{prop.logical_type} ({prop.physical_type})"
    return prop.logical_type or prop.physical_type

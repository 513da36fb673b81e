"""What a change of definitions does to the numbers: both are computed on the data that is live now."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from freehold.estate.model import Estate
from freehold.foundation import FreeholdError
from freehold.metrics.answering import Answerer
from freehold.metrics.catalogue import Catalogue
from freehold.metrics.estate import catalogue_of
from freehold.metrics.explaining import formula_of
from freehold.metrics.fingerprint import definition_hash, parts_used
from freehold.metrics.model import Metric
from freehold.metrics.query import asked

_CLOSE = 1e-9
_FINEST = "day"
_UNKNOWN = "unknown"
_PROMISES = ("synonyms", "tests", "replaced_by", "sunset")  # what else people and machines rely on
Value = float | str | None


@dataclass(frozen=True, slots=True)
class Redefined:
    """One metric that is not as it was: its formula before and after, empty where there was or is none.

    Attributes:
        what: `changed`, `added` or `removed`; where the number is the same, `certified`, `deprecated`, `draft again`,
            or `reworded`: a certified one promises something else in words.
        status: before and after.
        through: the metrics it stands on that changed, where it reads as before itself.
        words: what is said otherwise of it, by the keys of the file.
        sunset: the last day on which it was to be answered, as it is in force.
        product: whose file it is in; known to a plan.
        readers: how many consumers asked for it in 30 days; known to a plan.
    """

    id: str
    what: str
    before: str
    after: str
    status: tuple[str, str] = ("", "")
    through: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    sunset: date | None = None
    product: str = ""
    readers: int = 0

    @property
    def is_certified(self) -> bool:
        """Whether it is certified now, or was before."""
        return "certified" in self.status

    @property
    def is_another_number(self) -> bool:
        """Whether its definition is another one, and not only its status or its words."""
        return self.what in ("changed", "added", "removed")

    def to_json(self) -> dict[str, Any]:
        """Return it for machines."""
        said: dict[str, Any] = {"metric": self.id, "what": self.what, "certified": self.is_certified}
        said |= {"before": self.before or None, "after": self.after or None, "through": list(self.through)}
        was, is_ = (status or None for status in self.status)
        said |= {"status_before": was, "status": is_, "words": list(self.words)}
        return said | {"product": self.product or None, "readers": self.readers}


def redefined(before: Catalogue, after: Catalogue) -> Iterator[Redefined]:
    """Yield the metrics that are not as they were, certified ones first.

    What is said of a draft, and how a file is laid out, does not count.
    """
    ids = dict.fromkeys((*(m.id for m in before.metrics()), *(m.id for m in after.metrics())))
    found = []
    for id_ in ids:
        old, new = _found(before, id_), _found(after, id_)
        words = _reworded(old, new) if old and new else ()
        what = _what(old, new, words, is_same=bool(old and new and _is_same(before, old, after, new)))
        if what:
            status = (old.status if old else "", new.status if new else "")
            told = [formula_of(m) if m else "" for m in (old, new)]
            sunset = old.sunset if old else None
            found.append(Redefined(id_, what, told[0], told[1], status, words=words, sunset=sunset))
    names = {one.id for one in found if one.is_another_number}
    through = {m.id: [b.id for b in parts_used(after, m)[0] if b.id in names and b.id != m.id] for m in after.metrics()}
    for one in sorted(found, key=lambda one: not one.is_certified):
        reads_as_before = one.before == one.after and one.is_another_number
        yield replace(one, through=tuple(through.get(one.id, ())) if reads_as_before else ())


def _is_same(before: Catalogue, old: Metric, after: Catalogue, new: Metric) -> bool:
    return definition_hash(before, old) == definition_hash(after, new)


def _what(old: Metric | None, new: Metric | None, words: tuple[str, ...], *, is_same: bool) -> str:
    if old is None or new is None:
        return "removed" if new is None else "added"
    if not is_same:
        return "changed"
    if old.status != new.status:
        return new.status if new.status != "draft" else "draft again"
    return "reworded" if words and new.status != "draft" else ""


def _reworded(old: Metric, new: Metric) -> tuple[str, ...]:
    """Return the keys under which a file says something else of a metric than before."""
    sides = [{**m.words, **{key: getattr(m, key) for key in _PROMISES}} for m in (old, new)]
    return tuple(key for key in {**sides[0], **sides[1]} if sides[0].get(key) != sides[1].get(key))


@dataclass(frozen=True, slots=True)
class Change:
    """One metric that is another one now. `values` are key, value before, value after, the newest period last."""

    id: str
    what: str  # changed | added | removed
    before: str
    after: str
    values: tuple[tuple[str, Value, Value], ...] = ()
    is_certified: bool = False
    why_not: str = ""  # why there are no values
    by: str = ""  # the key that values are compared by; days, where what was asked for says the same

    @property
    def differs(self) -> bool:
        """Whether the change shows in a number; not known where there are none."""
        if self.what == "removed":
            return True
        return any(not _same(a, b) for _, a, b in self.values) or (self.what == "changed" and bool(self.why_not))

    def to_json(self) -> dict[str, Any]:
        """Return it for machines."""
        values = [{"key": key, "before": a, "after": b} for key, a, b in self.values]
        return {
            "metric": self.id, "what": self.what, "before": self.before or None, "after": self.after or None,
            "certified": self.is_certified, "differs": self.differs, "by": self.by, "values": values,
            "why_not": self.why_not or None,
        }  # fmt: skip


def changes(
    answerer: Answerer, earlier: Estate, *, names: Collection[str] = (), by: str = "month", last: int = 6
) -> Iterator[Change]:
    """Yield the metrics whose definition is another one than in an earlier version of the estate.

    Args:
        answerer: asks the definitions of today; the earlier ones are asked of the same data.
        earlier: the version to compare with.
        names: metrics to look at; default: all.
        by: the key that values are compared by.
        last: how many of its values are given, the last ones.

    Raises:
        Problems: the earlier version's metrics are in error.
    """
    before, after = catalogue_of(earlier), answerer.catalogue
    other = replace(answerer, catalogue=before, kept=None, held=())
    wanted = {after.metric(name).id for name in names} if names else None
    for one in redefined(before, after):
        if not one.is_another_number or (wanted is not None and one.id not in wanted):
            continue
        sides = (other if one.what != "added" else None, answerer if one.what != "removed" else None)
        found = Change(one.id, one.what, one.before, one.after, (), one.is_certified)
        for key in dict.fromkeys((by, _FINEST)):
            values, why = _values(*sides, one.id, key, last)
            by_key = replace(found, values=values, why_not=why, by=key)
            if key == by or (by_key.differs and not why):
                shown = by_key
            if shown.differs or one.what != "changed":
                break
        yield shown


def _values(
    before: Answerer | None, after: Answerer | None, id_: str, by: str, last: int
) -> tuple[tuple[tuple[str, Value, Value], ...], str]:
    sides: list[dict[str, Value]] = []
    for side in (before, after):
        try:
            sides.append(_by_key(side, id_, by) if side is not None else {})
        except FreeholdError as error:
            if error.code.startswith("FH-E"):
                raise
            return (), f"Not compared by {by}: {error.problem}"
    keys = sorted({*sides[0], *sides[1]}, key=lambda key: (key != _UNKNOWN, key))
    told = [(key, sides[0].get(key), sides[1].get(key)) for key in keys]
    shown = told[-last:]
    hidden = [row for row in told[:-last] if not _same(row[1], row[2])]  # a change further back is told as well
    return (*hidden[-last:], *shown), ""


def _by_key(answerer: Answerer, id_: str, by: str) -> dict[str, Value]:
    found = answerer.answer(asked([id_], [by])).table.to_pylist()
    rows = [tuple(row.values()) for row in found]
    return {_UNKNOWN if key is None else str(key): _plain(value) for key, value in rows}


def _plain(value: Any) -> Value:
    """Return a value that can be compared and shown: a number as such, anything else as text."""
    if value is None or isinstance(value, bool):
        return None if value is None else str(value)
    return float(value) if isinstance(value, int | float | Decimal) else str(value)


def _found(catalogue: Catalogue, id_: str) -> Metric | None:
    model, _, name = id_.rpartition(".")
    return catalogue.models[model].metrics.get(name) if model in catalogue.models else None


def _same(one: Value, two: Value) -> bool:
    if not isinstance(one, float) or not isinstance(two, float):
        return one == two
    return abs(one - two) <= _CLOSE * max(abs(one), abs(two), 1.0)

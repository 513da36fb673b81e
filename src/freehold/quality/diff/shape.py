"""Which columns of two relations are compared, and in which type, so that equal values are equal on both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from freehold.engines import Column, Relation, Session
from freehold.foundation import Exit, FreeholdError, near
from freehold.quality.coltypes import NUMERIC, TEMPORAL, family
from freehold.quality.compatibility.kinds import Exact, kind_of
from freehold.quality.diff.result import SchemaChange, Tolerance


@dataclass(frozen=True, slots=True)
class Field:
    """A column that both sides have. `common` is the type both are cast to, None where they already agree."""

    name: str
    before: str
    after: str
    common: str | None = None
    tolerance: Tolerance | None = None

    @property
    def family(self) -> str:
        """The family of the values that are compared."""
        return family(self.common or self.before)


@dataclass(frozen=True, slots=True)
class Shape:
    """The key, the other columns of both sides, and what only one side has."""

    key: tuple[Field, ...]
    fields: tuple[Field, ...]
    changes: tuple[SchemaChange, ...]

    @property
    def all(self) -> tuple[Field, ...]:
        """The key and the other columns."""
        return (*self.key, *self.fields)


def described(session: Session, relation: Relation, side: str) -> tuple[Column, ...]:
    """Return the columns of a relation.

    Raises:
        FreeholdError: FH-Q101 there is no such relation.
    """
    found = session.describe(relation)
    if not found:
        known = [str(r) for r in session.relations(relation.schema)]
        raise FreeholdError(
            "FH-Q101", f"The side {side}, `{relation}`, is not there.", exit_code=Exit.USAGE,
            fix=near(str(relation), known) or f"`{relation.schema}` has {', '.join(known[:5]) or 'nothing'}.",
        )  # fmt: skip
    return found


def shape_of(
    before: Sequence[Column],
    after: Sequence[Column],
    key: Sequence[str],
    tolerances: Mapping[str, Tolerance],
    dialects: tuple[str, str],
) -> Shape:
    """Return what is compared.

    Raises:
        FreeholdError: FH-Q102 a column of the key, or one with a tolerance, is not on both sides; FH-Q103 the sides
            have no column in common.
    """
    old, new = {c.name: c.type for c in before}, {c.name: c.type for c in after}
    both = [name for name in old if name in new]
    if not both:
        raise FreeholdError(
            "FH-Q103", "The two sides have no column in common, so there is nothing to compare.", exit_code=Exit.USAGE,
            fix=f"Before: {', '.join(old)}. After: {', '.join(new)}. Name relations that hold the same thing.",
        )  # fmt: skip
    for name in (*key, *tolerances):
        if name not in both:
            raise FreeholdError(
                "FH-Q102", f"Both sides must have the column `{name}`, and not both do.", exit_code=Exit.USAGE,
                fix=near(name, both) or f"Columns of both: {', '.join(both)}.",
            )  # fmt: skip
    fields = {n: Field(n, old[n], new[n], _common(old[n], new[n], dialects), tolerances.get(n)) for n in both}
    rest = tuple(fields[n] for n in both if n not in key)
    return Shape(tuple(fields[n] for n in key), rest, _changes(old, new, dialects))


def _changes(old: Mapping[str, str], new: Mapping[str, str], dialects: tuple[str, str]) -> tuple[SchemaChange, ...]:
    names = dict.fromkeys((*old, *new))
    found = (SchemaChange(name, old.get(name), new.get(name)) for name in names)
    return tuple(c for c in found if c.kind != "retyped" or not _same(str(c.before), str(c.after), dialects))


def _same(before: str, after: str, dialects: tuple[str, str]) -> bool:
    if dialects[0] == dialects[1]:
        return before == after
    was, is_ = kind_of(before, dialects[0]), kind_of(after, dialects[1])
    return was is not None and was == is_


def _common(before: str, after: str, dialects: tuple[str, str]) -> str | None:
    """Return the type that holds what both hold: the wider of the two, else one of the same family, else text."""
    if before == after:
        return None
    was, is_ = kind_of(before, dialects[0]), kind_of(after, dialects[1])
    if was is not None and is_ is not None:
        if is_.holds(was):
            return after
        if was.holds(is_):
            return before
        if isinstance(was, Exact) and isinstance(is_, Exact):
            return f"DECIMAL(38, {max(was.scale or 0, is_.scale or 0)})"
    families = {family(before), family(after)}
    if families <= NUMERIC:
        return "DOUBLE"
    if families <= TEMPORAL - {"time"}:
        return "TIMESTAMP WITH TIME ZONE" if "timestamptz" in families else "TIMESTAMP"
    return "VARCHAR"

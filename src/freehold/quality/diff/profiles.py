"""Both sides in figures, column by column: one statement a side."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from freehold.quality import sqltree as sql
from freehold.quality.coltypes import NUMERIC, ORDERED, TEXTUAL, family
from freehold.quality.diff.result import ProfileDiff, SideProfile
from freehold.quality.diff.shape import Field
from freehold.quality.diff.side import Side


def profile_diffs(before: Side, after: Side) -> tuple[ProfileDiff, ...]:
    """Return rows, nulls, extremes, mean and approximate distinct values of every column of both sides."""
    fields = before.shape.all
    old, new = _profiles(before, [f.before for f in fields]), _profiles(after, [f.after for f in fields])
    return tuple(ProfileDiff(f.name, o, n) for f, o, n in zip(fields, old, new, strict=True))


def _profiles(side: Side, types: list[str]) -> Iterator[SideProfile]:
    fields = side.shape.all
    asked = [_figures(f, t) for f, t in zip(fields, types, strict=True)]
    flat: list[exp.Expr] = [figure for figures in asked for figure in figures.values()]
    most = max(1, side.capabilities.max_aggregates - 1)
    found: list[object] = []
    rows = 0
    for start in range(0, max(len(flat), 1), most):
        source = exp.table_(side.relation.name, db=side.relation.schema, quoted=True)
        ((rows, *values),) = side.session.rows(sql.fetch([sql.count(), *flat[start : start + most]], source))
        found += values
    values_left = iter(found)
    for figures in asked:
        said = {name: next(values_left) for name in figures}
        filled = said.pop("filled")
        assert isinstance(filled, int)
        yield SideProfile(rows, rows - filled, **said)  # type: ignore[arg-type]


def _figures(field: Field, engine_type: str) -> dict[str, exp.Expr]:
    """Return what is asked of a column. A mean of floats is NaN where one of them is."""
    tree, kind = exp.column(field.name, quoted=True), family(engine_type)
    figures: dict[str, exp.Expr] = {"filled": sql.count(tree)}
    if kind in ORDERED | TEXTUAL:
        figures |= {"minimum": exp.Min(this=tree.copy()), "maximum": exp.Max(this=tree.copy())}
        figures["distinct_about"] = exp.ApproxDistinct(this=tree.copy())
    if kind in NUMERIC:
        figures["mean"] = exp.Avg(this=exp.Cast(this=tree.copy(), to=exp.DataType.build("double")))
    return figures

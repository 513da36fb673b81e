"""`freehold diff`: one asset as two environments show it."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.opened import chosen_environment, environment, opened_delivery, opened_engine, waiting
from freehold.cli.output import as_json, counted, emit, put, table
from freehold.foundation.words import percent

if TYPE_CHECKING:
    from freehold.quality.diff import DataDiff, RowSample

_MARKS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}


@click.command(epilog="Example: freehold diff sales.orders.lines --env dev --against prod")
@click.argument("asset")
@environment
@click.option("--against", default=None, metavar="ENV", help="What to compare with; default: the protected one.")
@click.option("--key", multiple=True, metavar="COLUMN", help="What names a row; default: the contract's primary key.")
@click.option("--samples", type=click.IntRange(0, 1000), default=5, show_default=True, help="Rows of each kind shown.")
@click.option("--profile", is_flag=True, help="Also every column of both sides in figures.")
@waiting
@as_json
@click.pass_obj
def diff(
    start: str | None,
    asset: str,
    env: str | None,
    against: str | None,
    key: tuple[str, ...],
    samples: int,
    profile: bool,
    wait_s: float,
    as_json: bool,
) -> None:
    """Show which rows of ASSET differ between two environments: added, removed, changed; by column; samples by key.

    Compares checksums first, then only what differs. Nothing is written. Ends with 1 when anything differs.
    """
    from freehold.delivery.comparing import compared
    from freehold.delivery.graph import default_environment
    from freehold.foundation import Exit, FreeholdError

    with ExitStack() as closing:
        delivery = closing.enter_context(opened_delivery(start, env, wait_s=wait_s))
        beside = chosen_environment(delivery.estate, against or default_environment(delivery.estate))
        if beside.name == delivery.env:
            raise FreeholdError(
                "FH-D209",
                f"`{delivery.env}` cannot be compared with itself.",
                fix="Name another environment with --env, or with --against.",
                exit_code=Exit.USAGE,
            )
        here = chosen_environment(delivery.estate, delivery.env).connection
        other = None
        if beside.connection != here:
            other = closing.enter_context(opened_engine(delivery.estate, beside, wait_s=wait_s))
        one, found = compared(delivery, asset, beside.name, other=other, key=key, samples=samples, profile=profile)
    if as_json:
        emit({"asset": one.id, "env": delivery.env, "against": beside.name, **found.to_json()})
    else:
        _print(one.id, delivery.env, beside.name, found)
    sys.exit(0 if found.is_equal else int(Exit.FINDING))


def _print(asset: str, env: str, against: str, found: DataDiff) -> None:
    by = f"by {', '.join(found.key)}" if found.key else "as bags of rows: it has no key"
    put(f"{asset}: {env} beside {against}, {by}")
    put(f"{counted(found.rows_before, 'rows')} in {against}, {found.rows_after:,} in {env}.")
    for change in found.schema:
        types = " to ".join(t for t in (change.before, change.after) if t)
        put(f"Column {change.column}: {change.kind} ({types})")
    if found.is_equal:
        put("They hold the same rows.")
        return
    put(f"{found.added:,} added, {found.removed:,} removed, {found.changed:,} changed.")
    for side, faults in ((against, found.faults_before), (env, found.faults_after)):
        if faults.any:
            put(
                f"In {side} the key is empty in {counted(faults.null_rows, 'rows')} and shared by "
                f"{faults.duplicate_rows:,}: those are compared as bags."
            )
    if found.columns:
        table(
            [(c.column, f"{c.changed:,}", percent(c.share, 2)) for c in found.columns],
            ("column", "rows", "of those in both"),
            right=(1, 2),
        )
    for sample in found.samples:
        click.echo(_sample(sample))
    for one in found.profile:
        click.echo(f"{one.column}: {_figures(one.before)} -> {_figures(one.after)}")


def _sample(sample: RowSample) -> str:
    mark, colour = _MARKS[sample.kind]
    key = ", ".join(f"{name}={_value(value)}" for name, value in sample.key.items())
    if sample.kind == "changed":
        what = ", ".join(
            f"{name}: {_value(sample.before[name])} -> {_value(sample.after[name])}" for name in sample.before
        )
    else:
        row = sample.after if sample.kind == "added" else sample.before
        what = ", ".join(f"{name}={_value(value)}" for name, value in row.items())
    return click.style(f"{mark} {key}", fg=colour) + (f"  {what}" if what else "")


def _figures(side: Any) -> str:
    parts = [f"{side.rows:,} rows", f"{side.nulls:,} empty"]
    if side.minimum is not None:
        parts.append(f"{_value(side.minimum)} to {_value(side.maximum)}")
    if side.mean is not None:
        parts.append(f"mean {side.mean:,.4g}")
    return ", ".join(parts)


def _value(value: object) -> str:
    return "empty" if value is None else str(value)

"""How an answer looks: a table with units, bars, CSV, Arrow, JSON."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.output import console, say, table
from freehold.foundation import Exit, FreeholdError
from freehold.metrics.tables import as_csv, as_object, unit_of
from freehold.metrics.telling import number

if TYPE_CHECKING:
    import pyarrow as pa

    from freehold.metrics import Catalogue
    from freehold.metrics.answering import Answer

__all__ = ["as_csv", "as_object", "draw", "number", "write_arrow"]

_EIGHTHS = " ▏▎▍▌▋▊▉"
_WIDEST = 48  # cells of a bar
_UNKNOWN = "—"


def write_arrow(found: pa.Table, output: str | None) -> None:
    """Write a table as an Arrow IPC stream.

    Raises:
        FreeholdError: FH-N502 stdout is a terminal, which bytes would spoil.
    """
    import pyarrow as pa

    if output is None and sys.stdout.isatty():
        raise FreeholdError(
            "FH-N502",
            "Arrow is no text for a terminal.",
            fix="Write it to a file: -o answer.arrow.",
            exit_code=Exit.USAGE,
        )
    sink = pa.OSFile(output, "wb") if output else sys.stdout.buffer
    with pa.ipc.new_stream(sink, found.schema) as writer:
        writer.write_table(found)
    if output:
        sink.close()


def draw(catalogue: Catalogue, answer: Answer, form: str, output: str | None, most: int) -> None:
    """Print an answer for people: as a table, or with a bar for each value of the first metric."""
    shown = answer.table.slice(0, most)
    rows = [list(row.values()) for row in shown.to_pylist()]
    names, keys = list(shown.column_names), len(answer.compiled.keys)
    units = [unit_of(catalogue, name) for name in names]
    cells = [[_cell(value, unit) for value, unit in zip(row, units, strict=True)] for row in rows]
    headings = [f"{name} [{unit}]" if unit and unit != "%" else name for name, unit in zip(names, units, strict=True)]
    right = [i for i in range(len(names)) if i >= keys]
    if form == "chart" and rows:
        cells = [[*row[: keys + 1], bar] for row, bar in zip(cells, _bars([row[keys] for row in rows]), strict=True)]
        headings, right = [*headings[: keys + 1], ""], [keys]
    if output is None:
        table(cells, headings, right=right)
    else:
        Path(output).write_text("".join("\t".join(row) + "\n" for row in [headings, *cells]), encoding="utf-8")
    if answer.table.num_rows > most:
        say(click.style(f"The first {most} of {answer.table.num_rows:,} rows; --format csv has all.", dim=True))


def _cell(value: Any, unit: str) -> str:
    if value is None:
        return f"[dim]{_UNKNOWN}[/dim]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | Decimal):
        return number(value, unit)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return str(value).replace("[", r"\[")


def _bars(values: Sequence[Any]) -> list[str]:
    """Return a bar for each value, in eighths of a cell; a negative one is red."""
    numbers = [float(v) if isinstance(v, int | float | Decimal) else 0.0 for v in values]
    longest = max((abs(n) for n in numbers), default=0.0) or 1.0
    width = max(8, min(_WIDEST, console().width // 2))
    return [_bar(abs(n) / longest * width, negative=n < 0) for n in numbers]


def _bar(cells: float, *, negative: bool) -> str:
    whole, part = divmod(round(cells * 8), 8)
    drawn = "█" * whole + (_EIGHTHS[part] if part else "")
    return f"[red]{drawn}[/red]" if negative else f"[cyan]{drawn}[/cyan]"

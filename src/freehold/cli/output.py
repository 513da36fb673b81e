"""How commands speak: what was asked for on stdout (a calm table, lines, or one JSON object), talk on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

import click

from freehold.cli.reporting import reports
from freehold.foundation import FreeholdError, Problems
from freehold.foundation.words import ago, counted, plain

__all__ = [
    "ago",
    "as_json",
    "console",
    "counted",
    "emit",
    "fail",
    "in_a_line",
    "plain",
    "put",
    "say",
    "table",
    "wants_json",
]

Command = TypeVar("Command", bound=Callable[..., Any])

UNLIMITED = 2_000  # columns of what goes to a file or another program: `grep` finds a row in one line
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")


def wants_json() -> bool:
    """Whether this process was asked for JSON; errors must know before any option is parsed."""
    return "--json" in sys.argv[1:]


def emit(value: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout."""
    click.echo(json.dumps(value, default=plain, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def put(text: str = "") -> None:
    """Print a line of what was asked for, on stdout."""
    click.echo(text)


def say(text: str = "") -> None:
    """Talk to the person, on stderr."""
    click.echo(text, err=True)


def table(
    rows: Sequence[Sequence[object]], headings: Sequence[str], *, right: Sequence[int] = (), least: Sequence[int] = ()
) -> None:
    """Print rows as a table without lines.

    `right` are the columns to align right. `least` are those that give way where the terminal is too narrow for all,
    in this order; a line below names them, so that nobody takes them for missing.
    """
    target = console()
    shown, left = list(range(len(headings))), list(least)
    drawn = _drawn(rows, headings, shown, right)
    boundless = target.options.update(max_width=UNLIMITED)
    while left and target.measure(drawn, options=boundless).maximum > target.width:
        shown.remove(left.pop(0))
        drawn = _drawn(rows, headings, shown, right)
    target.print(drawn)
    hidden = [headings[i] for i in least if i not in shown]
    if hidden:
        say(click.style(f"A wider terminal, or --json, shows {', '.join(hidden)} too.", dim=True))


def _drawn(
    rows: Sequence[Sequence[object]], headings: Sequence[str], shown: Sequence[int], right: Sequence[int]
) -> Any:
    from rich import box
    from rich.table import Table

    drawn = Table(box=box.SIMPLE_HEAD, header_style="dim", pad_edge=False, show_edge=False)
    for index in shown:
        drawn.add_column(headings[index], justify="right" if index in right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*("" if row[i] is None else str(row[i]) for i in shown))
    return drawn


def console(*, stderr: bool = False) -> Any:
    """Return a rich console that is wide where nobody looks and honours NO_COLOR."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    asked = stream.isatty() or os.environ.get("COLUMNS", "").isdigit()
    return Console(stderr=stderr, highlight=False, width=None if asked else UNLIMITED, soft_wrap=not stream.isatty())


def fail(error: FreeholdError) -> NoReturn:
    """Say what is wrong and end with the error's exit code."""
    errors = error.errors if isinstance(error, Problems) else (error,)
    if (reporting := reports()) is not None:
        reporting.errors(tuple(errors))
    if wants_json():
        emit({"errors": [e.to_json() for e in errors]})
    else:
        say("\n\n".join(_painted(e) for e in errors))
    sys.exit(int(error.exit_code))


def in_a_line(reason: str | None) -> str:
    """Return why something was kept back in one line: of an error the problem and its place, of checks all of it."""
    head, _, rest = (reason or "").partition("\n")
    if not rest:
        return head
    problem, place = rest.partition("\n")[0], head.partition("  ")[2]
    return f"{problem} ({place})" if place else problem


def _painted(error: FreeholdError) -> str:
    head, *rest = str(error).splitlines()
    return "\n".join([click.style(head, fg="red", bold=True), *rest])

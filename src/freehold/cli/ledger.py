"""`freehold ledger`: what happened."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.opened import loaded, opened_ledger
from freehold.cli.output import as_json, emit, say, table

if TYPE_CHECKING:
    from freehold.ledger import Ledger, Recorded


def _filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that choose events."""
    for option in (
        click.option("--until", default=None, metavar="DATE", help="Only what happened before."),
        click.option("--since", default=None, metavar="DATE", help="Only what happened from then on."),
        click.option("--run", "run_id", default=None, metavar="ID", help="Only events of one run."),
        click.option("--product", default=None, help="Only events of one product."),
        click.option("--subject", default=None, help="Only events about one asset or product."),
        click.option("--type", "types", multiple=True, metavar="TYPE", help="Only this type; may be repeated."),
    ):
        command = option(command)
    return command


@click.group(epilog="Example: freehold ledger tail --type candidate.quarantined")
def ledger() -> None:
    """Read what happened: tail, show, export."""


@ledger.command(epilog="Example: freehold ledger tail -n 50 --type check.completed --subject sales.orders.lines")
@click.option(
    "-n", "--number", default=20, show_default=True, type=click.IntRange(1), help="How many, the newest last."
)
@_filters
@as_json
@click.pass_obj
def tail(start: str | None, /, number: int, as_json: bool, **chosen: Any) -> None:
    """Show the newest events."""
    with opened_ledger(loaded(start)) as opened:
        events = list(_events(opened, chosen, newest_first=True, limit=number))[::-1]
    if as_json:
        emit({"events": [e.to_json() for e in events]})
    elif events:
        table([_row(e) for e in events], ("seq", "when", "type", "about", "what"), right=(0,))
    else:
        say("No such event.")


@ledger.command(epilog="Example: freehold ledger show 1207")
@click.argument("event")
@as_json
@click.pass_obj
def show(start: str | None, event: str, as_json: bool) -> None:
    """Show one EVENT, by its number or id."""
    from freehold.foundation import Exit, FreeholdError

    with opened_ledger(loaded(start)) as opened:
        found = next(opened.read(after=int(event) - 1, limit=1), None) if event.isdigit() else opened.get(event)
    if found is None or (event.isdigit() and found.seq != int(event)):
        raise FreeholdError(
            "FH-C003",
            f"The ledger has no event `{event}`.",
            fix="See `freehold ledger tail` for numbers and ids.",
            exit_code=Exit.USAGE,
        )
    if as_json:
        emit({"event": found.to_json()})
    else:
        click.echo(json.dumps(found.to_json(), indent=2, ensure_ascii=False))


@ledger.command(epilog="Example: freehold ledger export events.parquet --type check.completed")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--format", "form", type=click.Choice(["jsonl", "parquet"]), default=None, help="Default: by the ending.")
@_filters
@as_json
@click.pass_obj
def export(start: str | None, /, path: Path, form: str | None, as_json: bool, **chosen: Any) -> None:
    """Write events to PATH, as JSON lines or Parquet."""
    from freehold.ledger.export import export as write

    chosen_form = form or ("parquet" if path.suffix == ".parquet" else "jsonl")
    with opened_ledger(loaded(start)) as opened:
        written = write(_events(opened, chosen), path, chosen_form)
    if as_json:
        emit({"path": str(path), "format": chosen_form, "events": written})
    else:
        say(f"{written:,} events written to {path}.")


def _events(opened: Ledger, chosen: dict[str, Any], **more: Any) -> Iterator[Recorded]:
    from freehold.cli.opened import instant

    span: dict[str, Any] = {name: instant(text) if (text := chosen.pop(name)) else None for name in ("since", "until")}
    return opened.read(**(chosen | span | more))


def _row(e: Recorded) -> tuple[str, ...]:
    return (str(e.seq), f"{e.occurred_at:%Y-%m-%d %H:%M:%S}", e.type, e.subject, _gist(e))


def _gist(e: Recorded) -> str:
    """Return the few fields that tell most of an event in a line."""
    told = ("status", "check_id", "asset", "deployment", "deploy_id", "rows", "failing", "interval_start", "reason")
    said = {name: e.data[name] for name in told if e.data.get(name) not in (None, "", e.subject)}
    return " ".join(f"{name}={json.dumps(value) if isinstance(value, list) else value}" for name, value in said.items())

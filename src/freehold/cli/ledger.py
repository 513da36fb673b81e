"""`freehold ledger`: what happened, and where it is kept."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.importing import import_
from freehold.cli.opened import ledger_around, loaded
from freehold.cli.output import as_json, counted, emit, say, table
from freehold.foundation import Exit, FreeholdError

if TYPE_CHECKING:
    from freehold.estate.model import Estate
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
    """Read what happened, record what other tools did, export it, and move it to another database."""


ledger.add_command(import_)


@ledger.command(epilog="Example: freehold ledger tail -n 50 --type check.completed --subject sales.orders.lines")
@click.option(
    "-n", "--number", default=20, show_default=True, type=click.IntRange(1), help="How many, the newest last."
)
@_filters
@as_json
@click.pass_obj
def tail(start: str | None, /, number: int, as_json: bool, **chosen: Any) -> None:
    """Show the newest events."""
    with ledger_around(start) as opened:
        events = list(_events(opened, chosen, newest_first=True, limit=number))[::-1]
        apart = _apart(opened, chosen["types"])
    if as_json:
        emit({"events": [e.to_json() for e in events]})
    elif events:
        table([_row(e) for e in events], ("seq", "when", "type", "about", "what"), right=(0,))
    elif not apart:
        say("No such event.")
    if apart:
        say(f"{apart} is kept in segments beside the rows of the ledger, where KPIs and pages read it; not shown here.")


def _apart(opened: Ledger, types: Sequence[str]) -> str:
    """Return the types asked for that are too many for rows, and so are not read as events are; empty if none."""
    names = opened.vocabulary.select(types) if types else ()
    return ", ".join(f"`{name}`" for name in names if opened.vocabulary[name].is_raw)


@ledger.command(epilog="Example: freehold ledger show 1207")
@click.argument("event")
@as_json
@click.pass_obj
def show(start: str | None, event: str, as_json: bool) -> None:
    """Show one EVENT, by its number or id."""
    from freehold.foundation import Exit, FreeholdError

    with ledger_around(start) as opened:
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
    """Write events to PATH, as JSON lines or Parquet: a file that appears whole or not at all."""
    from freehold.ledger.export import expect_rows
    from freehold.ledger.export import export as write

    chosen_form = form or _FORMS.get(path.suffix)
    if chosen_form is None:
        raise FreeholdError(
            "FH-L402",
            f"The ending of `{path.name}` names no format.",
            fix="End it with .jsonl or .parquet, or give --format.",
            exit_code=Exit.USAGE,
        )
    with ledger_around(start) as opened:
        expect_rows(opened, chosen["types"])
        written = write(_events(opened, chosen), path, chosen_form)
    if as_json:
        emit({"path": str(path), "format": chosen_form, "events": written})
    else:
        say(f"{written:,} events written to {path}.")


_FORMS = {".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}


@ledger.command(
    epilog="Example: freehold ledger migrate --to postgresql://freehold@db/state --password env:STATE_PASSWORD"
)
@click.option(
    "--to", required=True, metavar="URL", help="The new place: postgresql://user@host/database or sqlite:///…."
)
@click.option(
    "--password", default=None, metavar="REF", help="A reference to that user's password: env:NAME, file:/path."
)
@as_json
@click.pass_obj
def migrate(start: str | None, to: str, password: str | None, as_json: bool) -> None:
    """Move the whole state to another, empty database, and prove that it arrived.

    Every event, seal, checkpoint, side entry, lease epoch and kept value is compared, and the seals are proved there.
    The old state stays as it is. A move that is killed has not happened: run it again.
    """
    from freehold.foundation.secrets import resolve, resolved
    from freehold.ledger.moving import Address, move

    estate = loaded(start)
    source = Address(estate.state_url, resolved(estate.state_settings.get("password"), root=estate.root))
    target = Address(to, resolve(password, root=estate.root).reveal() if password else None)
    with _counting(shown=not as_json) as progress:
        moved = move(source, target, estate.root, progress)
    change = _change(estate, to, password)
    if as_json:
        proved = {name: {"events": v.events, "blocks": v.blocks, "ok": v.ok} for name, v in moved.proved.items()}
        told = {"source": moved.source, "target": moved.target, "rows": dict(moved.rows), "files": moved.files}
        emit({"migrated": {**told, "proved": proved, "change": change}})
        return
    said = ", ".join(counted(number, name) for name, number in moved.rows.items() if number)
    say(f"Moved and compared: {said}; {counted(moved.files, 'files')} beside them. The seals hold at {moved.target}.")
    say(f"The old state is as it was. Now change {change['where']}, and let no run use the old one:")
    click.echo(f"-   {change['before']}\n+   {change['after']}")


@contextmanager
def _counting(*, shown: bool) -> Iterator[Any]:
    """Say every so often how far a move is, on stderr; nothing where nobody looks."""
    if not (shown and sys.stderr.isatty()):
        yield lambda *_: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from freehold.cli.output import console

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("moving", total=None)
        yield lambda name, done, total: bar.update(task, description=name, completed=done, total=total)


def _change(estate: Estate, to: str, password: str | None) -> dict[str, str]:
    """Return the line of the estate's file that must change, before and after."""
    where = estate.state_where or "estate.yaml, below `spec:`"
    before = _state(estate.state_url, estate.state_settings.get("password"))
    return {"where": str(where), "before": before if estate.state_where else "", "after": _state(to, password)}


def _state(url: str, password: str | None) -> str:
    from freehold.foundation.postgres import without_password

    shown = without_password(url)
    return f'state: {{url: "{shown}", password: "{password}"}}' if password else f'state: "{shown}"'


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

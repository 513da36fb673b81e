"""`freehold up`: the demonstration in a browser, with one command."""

from __future__ import annotations

from pathlib import Path

import click

from freehold.cli.output import as_json, say


@click.command(epilog="Example: freehold up")
@click.option("--dir", "folder", type=click.Path(path_type=Path), default=Path("freehold-demo"), show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="Where to listen; default: 8765.")
@click.option("--days", type=click.IntRange(1, 1500), default=None, help="How many days the demo has; default 60.")
@click.option("--open/--no-open", "open_", default=True, help="Open the page in a browser; default: yes.")
@as_json
@click.pass_context
def up(ctx: click.Context, folder: Path, port: int | None, days: int | None, open_: bool, as_json: bool) -> None:
    """Make the demo estate if it is not there, serve it, and open its page."""
    from freehold.cli.demo import demo
    from freehold.cli.serve import serve_estate

    if (folder / "estate.yaml").is_file():
        say(f"{folder} is there; it is served as it is.")
    else:
        ctx.invoke(demo, days=days, folder=folder, as_json=as_json)
    serve_estate(folder.resolve(), None, port, open_=open_, as_json=as_json)

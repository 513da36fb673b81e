"""`freehold environments`: which there are, what they hold, and taking one away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from freehold.cli.opened import opened_delivery, waiting
from freehold.cli.output import as_json, counted, emit, say, table

if TYPE_CHECKING:
    from freehold.delivery.environments import EnvironmentState


@click.group(epilog="Example: freehold environments list")
def environments() -> None:
    """Show the environments, and take away one that nobody wants any more.

    An environment is a map from assets to what is live; one that defers to another starts as a copy of its pointers and
    builds only what its files change. Declared as `pr-*`, it stands for as many as are wanted.
    """


@environments.command("list", epilog="Example: freehold environments list --json")
@waiting
@as_json
@click.pass_obj
def list_(start: str | None, wait_s: float, as_json: bool) -> None:
    """List the environments that are declared or hold anything."""
    from freehold.delivery.environments import environments as environments_of

    with opened_delivery(start, None, wait_s=wait_s, in_need=True) as delivery:
        found = environments_of(delivery)
    if as_json:
        emit({"environments": [_as_object(e) for e in found]})
        return
    rows = [
        (
            e.name,
            "protected" if e.is_protected else "" if e.is_declared else "[yellow]not declared[/yellow]",
            e.defers_to or "",
            f"{e.assets:,}",
            f"{e.own:,}" if e.defers_to else "",
            f"{e.published_at:%Y-%m-%d %H:%M}" if e.published_at else "never",
            f"{e.expires_at:%Y-%m-%d %H:%M}" if e.expires_at else "",
        )
        for e in found
    ]
    headings = ("environment", "", "starts from", "assets", "of its own", "last published", "goes")
    table(rows, headings, right=(3, 4), least=(6, 2))


@environments.command(epilog="Example: freehold environments drop pr-12")
@click.argument("name")
@click.option("--if-there", is_flag=True, help="Where nothing is there, all is well.")
@waiting
@as_json
@click.pass_obj
def drop(start: str | None, name: str, if_there: bool, wait_s: float, as_json: bool) -> None:
    """Take environment NAME away: its views and pointers, at once; its tables when nothing else shows them."""
    from freehold.delivery.environments import drop as drop_of
    from freehold.foundation import FreeholdError

    with opened_delivery(start, None, wait_s=wait_s) as delivery:
        try:
            assets = drop_of(delivery, name)
        except FreeholdError as error:
            if not (if_there and error.code == "FH-D211"):
                raise
            assets = 0
    if as_json:
        emit({"environment": name, "assets": assets})
    else:
        say(f"`{name}` is gone; it showed {counted(assets, 'assets')}. `freehold collect` drops what only it held.")


def _as_object(state: EnvironmentState) -> dict[str, object]:
    return {
        "name": state.name,
        "declared": state.is_declared,
        "protected": state.is_protected,
        "defers_to": state.defers_to,
        "assets": state.assets,
        "own": state.own,
        "published_at": state.published_at,
        "expires_at": state.expires_at,
    }

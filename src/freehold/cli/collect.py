"""`freehold collect`: drop what nothing can reach any more."""

from __future__ import annotations

import click

from freehold.cli.opened import environment, opened_delivery, waiting
from freehold.cli.output import as_json, counted, emit, say


@click.command(epilog="Example: freehold collect --keep 30")
@click.option(
    "--keep", type=click.IntRange(1), default=10, show_default=True, help="Releases of each asset to go back to."
)
@click.option("--retired", is_flag=True, help="Also what consumers can read though no file builds it any more.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@environment
@waiting
@as_json
@click.pass_obj
def collect(
    start: str | None, keep: int, retired: bool, dry_run: bool, env: str | None, wait_s: float, as_json: bool
) -> None:
    """Drop tables and rows that nothing can reach any more.

    Kept are whatever any environment serves, the last releases of every asset, what waits in quarantine, and everything
    younger than an hour. Environments whose time to live is over go too. What no file builds any more stays readable
    until --retired takes it from consumers, for good. Runs collect by themselves; this is for doing it now.
    """
    from freehold.delivery.environments import drop, expired

    with opened_delivery(start, env, wait_s=wait_s) as delivery:
        views = (delivery.retired() if dry_run else delivery.retire()) if retired else {}
        over = expired(delivery)
        for name in () if dry_run else over:
            drop(delivery, name)
        gone = delivery.collect(keep=keep, dry_run=dry_run)
    if as_json:
        told = {
            "environments": over,
            "tables": gone.tables,
            "batches": gone.batches,
            "rows": gone.rows,
            "dry_run": dry_run,
        }
        emit(told | {"retired": {asset: str(view) for asset, view in views.items()}})
    else:
        batches = sum(map(len, gone.batches.values()))
        verb = "Would drop" if dry_run else "Dropped"
        for name in over:
            say(f"{verb} environment {name}: nothing was published there for as long as it may live.")
        for asset, view in views.items():
            say(f"{verb} {view}, which showed {asset}.")
        say(f"{verb} {counted(len(gone.tables), 'tables')} and {counted(batches, 'batches')} ({gone.rows:,} rows).")

"""`freehold collect`: drop what nothing can reach any more."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import TYPE_CHECKING

import click

from freehold.cli.opened import environment, opened_delivery, waiting
from freehold.cli.output import as_json, counted, emit, say
from freehold.foundation import Exit

if TYPE_CHECKING:
    from freehold.delivery import Delivery
    from freehold.delivery.readers import Readers


@click.command(epilog="Example: freehold collect --keep 30")
@click.option(
    "--keep", type=click.IntRange(1), default=10, show_default=True, help="Releases of each asset to go back to."
)
@click.option("--retired", is_flag=True, help="Also what consumers can read though no file builds it any more.")
@click.option("--yes", "-y", is_flag=True, help="With --retired: also what somebody still reads.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@environment
@waiting
@as_json
@click.pass_obj
def collect(
    start: str | None, keep: int, retired: bool, yes: bool, dry_run: bool, env: str | None, wait_s: float, as_json: bool
) -> None:
    """Drop tables and rows that nothing can reach any more.

    Kept are whatever any environment serves, the last releases of every asset, what waits in quarantine, and everything
    younger than an hour. Environments whose time to live is over go too. What no file builds any more stays readable
    until --retired takes it from consumers, for good; what somebody read in the last 30 days only with --yes. It goes
    by what is applied, whatever the files here say. Runs collect by themselves; this is for doing it now.

    An earlier version of an output, beside which a later one was published, goes with --retired once its last day is
    over, never before; while a model of the estate reads it, not even then, and while somebody else is known to, only
    with --yes. What stays for that is said, and the command ends with 1.
    """
    from freehold.delivery.environments import drop, expired

    with opened_delivery(start, env, wait_s=wait_s, as_applied=retired) as delivery:
        over = _ended(delivery) if retired else {}
        stays = {name: who for name, who in over.items() if who.models or (who.names and not yes)}
        goes = [name for name in over if name not in stays]
        if retired and not yes:
            stays |= {name: who for name, who in _left(delivery).items() if who.names}
        views = (_would_retire(delivery, goes, stays) if dry_run else delivery.retire(goes, stays)) if retired else {}
        promised = {n: v for n, v in delivery.earlier_versions().items() if retired and n not in over}
        expired_now = expired(delivery)
        for name in () if dry_run else expired_now:
            drop(delivery, name)
        gone = delivery.collect(keep=keep, dry_run=dry_run)
    if as_json:
        told = {
            "environments": expired_now,
            "tables": gone.tables,
            "batches": gone.batches,
            "rows": gone.rows,
            "dry_run": dry_run,
        }
        kept = {name: {"models": who.models, "readers": who.names} for name, who in stays.items()}
        told |= {"promised": {name: version.until for name, version in promised.items()}, "still_read": kept}
        emit(told | {"retired": {asset: str(view) for asset, view in views.items()}})
    else:
        batches = sum(map(len, gone.batches.values()))
        verb = "Would drop" if dry_run else "Dropped"
        for name in expired_now:
            say(f"{verb} environment {name}: nothing was published there for as long as it may live.")
        for asset, view in views.items():
            say(f"{verb} {view}, which showed {asset}.")
        say(f"{verb} {counted(len(gone.tables), 'tables')} and {counted(batches, 'batches')} ({gone.rows:,} rows).")
        for name, who in stays.items():
            say(_still_read(name, who))
        for name, version in promised.items():
            say(f"{name} stays: version {version.version} is promised until {version.until}.")
    if stays:
        sys.exit(int(Exit.FINDING))


def _ended(delivery: Delivery) -> dict[str, Readers]:
    """Return earlier versions whose last day is over, with who reads them."""
    from freehold.changing import dashboards_of
    from freehold.delivery.collecting import ended
    from freehold.delivery.readers import readers_of

    over = ended(delivery.earlier_versions(), delivery.clock.now().date())
    if not over:
        return {}
    told = dashboards_of(delivery.estate, delivery.engine.capabilities.dialect)
    return readers_of(delivery, over, told.dashboards)


def _left(delivery: Delivery) -> dict[str, Readers]:
    """Return what nothing builds any more, with who reads it."""
    from freehold.changing import dashboards_of
    from freehold.delivery.readers import readers_of

    left = delivery.retired()
    told = dashboards_of(delivery.estate, delivery.engine.capabilities.dialect) if left else None
    return readers_of(delivery, left, told.dashboards) if told else {}


def _would_retire(delivery: Delivery, goes: list[str], stays: Collection[str]) -> dict[str, str]:
    relations = {name: str(delivery.graph.assets[name].relation) for name in goes}
    return {name: str(view) for name, view in delivery.retired().items() if name not in stays} | relations


def _still_read(name: str, who: Readers) -> str:
    if who.models:
        models = ", ".join(who.models)
        return f"{name} stays: {models} read it. Let them read the version of today (ref without v) first."
    return f"{name} stays: {', '.join(who.names)} read it. To take it from them: freehold collect --retired --yes"

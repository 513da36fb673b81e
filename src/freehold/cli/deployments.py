"""`freehold deployments`: what was published when, for which change; and taking one back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from freehold.cli.opened import environment, opened_delivery, waiting
from freehold.cli.output import as_json, counted, emit, in_a_line, put, say, table

if TYPE_CHECKING:
    from freehold.delivery.deployments import Deployment, Moved

_COLOURS = {"success": "green", "failed": "red", "abandoned": "yellow"}


@click.group(epilog="Example: freehold deployments list --changes")
def deployments() -> None:
    """Show what was published when, by whom and for which change; take one back."""


@deployments.command("list", epilog="Example: freehold deployments list --product sales.orders --limit 50")
@click.option("--product", default="", metavar="PRODUCT", help="Only those that moved something of it.")
@click.option("--changes", is_flag=True, help="Only changes of the estate and rollbacks, not new data.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many, the newest.")
@environment
@waiting
@as_json
@click.pass_obj
def list_(
    start: str | None, product: str, changes: bool, limit: int, env: str | None, wait_s: float, as_json: bool
) -> None:
    """List deployments, the newest first."""
    from freehold.delivery.deployments import deployments as deployments_of

    with opened_delivery(start, env, wait_s=wait_s, in_need=True) as delivery:
        found = deployments_of(delivery, product=product, only_changes=changes, limit=limit)
    if as_json:
        emit({"deployments": [_as_object(d) for d in found]})
        return
    if not found:
        say(
            "No change was deployed yet, only data."
            if changes
            else f"Nothing{f' of {product}' * bool(product)} was deployed yet."
        )
        return
    rows = [
        (
            f"…{d.id[-12:]}",
            f"{d.at:%Y-%m-%d %H:%M}",
            d.kind + (f" {d.changes[0]}" if d.changes else f" to …{d.back_to[-12:]}" if d.back_to else ""),
            f"[{_COLOURS[d.status]}]{d.status}[/]",
            f"{len(d.assets):,}",
            "all" if d.live == len(d.assets) > 0 else f"{d.live:,}" if d.live else "",
            d.actor,
            in_a_line(d.reason),
        )
        for d in found
    ]
    headings = ("deployment", "when (UTC)", "what", "", "assets", "still live", "by", "why")
    table(rows, headings, right=(4, 5), least=(6, 7))


@deployments.command(epilog="Example: freehold deployments show 7c976bf46c69")
@click.argument("id")
@environment
@waiting
@as_json
@click.pass_obj
def show(start: str | None, id: str, env: str | None, wait_s: float, as_json: bool) -> None:
    """Show what deployment ID moved; the last characters of an id will do."""
    from freehold.delivery.deployments import deployment

    with opened_delivery(start, env, wait_s=wait_s, in_need=True) as delivery:
        one, moved = deployment(delivery, id)
        versions = [e for e in delivery.earlier_versions().values() if e.latest in one.assets or e.asset in one.assets]
    if as_json:
        told = [{"asset": e.asset, "version": e.version, "until": e.until, "latest": e.latest} for e in versions]
        emit(_as_object(one) | {"moved": [_moved_object(m) for m in moved], "deprecated": told})
        return
    put(f"{one.id}: {one.kind}, {one.status}, {one.at:%Y-%m-%d %H:%M} UTC, by {one.actor}")
    if one.changes:
        put(f"Of change {', '.join(one.changes)}.")
    if one.back_to:
        put(f"Back to …{one.back_to[-12:]}.")
    if one.reason:
        put(one.reason)
    rows = [
        (m.asset, f"{m.epoch:,}", f"{m.added:,}", f"{m.removed:,}", "" if m.rows is None else f"{m.rows:,}",
         "[green]live[/green]" if m.is_live else "")
        for m in moved
    ]  # fmt: skip
    if rows:
        table(rows, ("asset", "release", "came", "went", "rows that came", ""), right=(1, 2, 3, 4))
    for e in versions:
        put(f"{e.asset} ({e.version}) is deprecated: readable as it is until {e.until}; now {e.latest}.")


@deployments.command(epilog="Example: freehold deployments rollback 7c976bf46c69 --why 'prices in pence'")
@click.argument("id")
@click.option("--why", default="", help="What was wrong; kept in the side store, not in the ledger itself.")
@environment
@waiting
@as_json
@click.pass_obj
def rollback(start: str | None, id: str, why: str, env: str | None, wait_s: float, as_json: bool) -> None:
    """Take deployment ID back: each product of which it is what is live goes to its deployment before."""
    from freehold.delivery.deployments import deployment, products_to_take_back

    with opened_delivery(start, env, wait_s=wait_s, in_need=True) as delivery:
        one, _ = deployment(delivery, id)
        back = [delivery.rollback(product, why) for product in products_to_take_back(delivery, one)]
    if as_json:
        told = [
            {"product": b.product, "to_deployment": b.to_deployment, "assets": [m.asset for m in b.moves]} for b in back
        ]
        emit({"deployment": one.id, "rolled_back": told})
        return
    for b in back:
        at = f"{b.to_published_at:%Y-%m-%d %H:%M}"
        say(f"{b.product} is back at the deployment of {at} ({counted(len(b.moves), 'assets')}).")
        for name in b.withdrawn:
            say(f"  {name} is taken away, and the version before it is there as it was")
        for name in b.left:
            say(f"  {name} still holds what was built from it; `freehold run` builds it from what is live now")
        say(f"Pinned until: freehold rollback {b.product} --unpin")


def _as_object(d: Deployment) -> dict[str, object]:
    return {
        "deployment": d.id,
        "at": d.at,
        "kind": d.kind,
        "status": d.status,
        "reason": d.reason or None,
        "by": d.actor,
        "assets": list(d.assets),
        "live": d.live,
        "changes": list(d.changes),
        "back_to": d.back_to or None,
    }


def _moved_object(m: Moved) -> dict[str, object]:
    return {
        "asset": m.asset,
        "epoch": m.epoch,
        "added": m.added,
        "removed": m.removed,
        "rows": m.rows,
        "live": m.is_live,
    }

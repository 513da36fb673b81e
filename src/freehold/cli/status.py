"""`freehold status`: may I use it now?"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.opened import environment, opened_delivery, waiting
from freehold.cli.output import ago, as_json, emit, put, say, table

if TYPE_CHECKING:
    from datetime import datetime

    from freehold.delivery import AssetStatus, ProductStatus

_SAFE = {
    "yes": "[green]yes[/green]",
    "stale": "[yellow]last good[/yellow]",
    "no": "[red]no[/red]",
    "watched": "[dim]watched[/dim]",
}


@click.command(epilog="Example: freehold status sales.orders")
@click.argument("product", required=False)
@environment
@waiting
@as_json
@click.pass_obj
def status(start: str | None, product: str | None, env: str | None, wait_s: float, as_json: bool) -> None:
    """Show each product: safe to use now? since when? what is in quarantine?

    `last good` means that consumers read the newest version that passed, and that newer data waits: the reasons follow.
    Name a PRODUCT to see its assets.
    """
    from freehold.reliability.tables import looked

    with opened_delivery(start, env, wait_s=wait_s, in_need=True) as delivery:
        found = delivery.status()
        now = delivery.clock.now()
        retired = delivery.retired()
        tables = looked(delivery.ledger, delivery.env)
        if product:
            found = tuple(p for p in found if product in (p.product.id, p.product.name)) or _unknown(product, found)
    if as_json:
        emit({"products": [_as_object(p, now) for p in found], "retired": {a: str(r) for a, r in retired.items()}})
    elif product:
        _print_product(found[0], now)
    else:
        _print(found, now)
        known = {p.product.id for p in found}
        for asset, relation in retired.items():
            if asset.rpartition(".")[0] not in known:
                put(f"{relation} is still readable, and nothing builds {asset} any more.")
        if retired:
            say("Take from consumers what nothing builds: freehold collect --retired")
        if tables and tables.problem:
            last = f"; it did last {tables.at:%Y-%m-%d %H:%M} UTC" if tables.at else ""
            say(f"Tables that others fill are not looked at ({tables.problem}): the warehouse does not answer{last}.")


def _print(found: tuple[ProductStatus, ...], now: datetime) -> None:
    rows = [
        (
            f"[bold]{p.product.id}[/bold]",
            str(p.product.tier),
            p.product.team or "[dim]none[/dim]",
            _SAFE[p.safe],
            _until(p.data_until, now),
            _since(p.published_at, now),
            _checks(p),
            str(sum(len(a.quarantined) for a in p.assets) or ""),
        )
        for p in found
    ]
    table(
        rows,
        ("product", "tier", "owner", "safe to use", "data up to", "published", "checks", "quarantine"),
        right=(1, 7),
        least=(1, 5, 2, 7),
    )
    for p in found:
        for reason in p.reasons:
            put(f"{p.product.id}: {reason}")
        for line in _deprecated(p, now):
            put(f"{p.product.id}: {line}")


def _print_product(p: ProductStatus, now: datetime) -> None:
    from freehold.cli.output import console

    console().print(
        f"[bold]{p.product.id}[/bold] {p.product.version or ''}  {_SAFE[p.safe]}  owner {p.product.team or 'none'}"
    )
    rows = [
        (
            a.asset.rpartition(".")[2] + _aside(a),
            a.kind,
            a.relation,
            f"{a.rows:,}" if a.published_at else "[dim]never[/dim]",
            _until(a.data_until, now),
            _since(a.published_at, now),
            _verdicts(a.checks),
            ", ".join(str(c.interval or f"candidate {c.id}") for c in a.quarantined),
        )
        for a in p.assets
    ]
    table(
        rows,
        ("asset", "kind", "read it as", "rows", "data up to", "published", "checks", "quarantine"),
        right=(3,),
        least=(1, 5, 2, 3),
    )
    for reason in (*p.reasons, *_deprecated(p, now)):
        put(reason)
    if p.deployment:
        put(f"Live deployment: {p.deployment}")


def _deprecated(p: ProductStatus, now: datetime) -> list[str]:
    """Say of each earlier version what it is, until when it is promised, and what takes its place."""
    told = []
    for a in p.deprecated:
        old = a.earlier
        assert old is not None
        ends = f"until {old.until}" if old.until >= now.date() else f"ended {old.until}: freehold collect --retired"
        told.append(f"{a.relation} is deprecated: version {old.version}, fed no more, {ends}; now {old.latest}")
    return told


def _aside(a: AssetStatus) -> str:
    if a.earlier is not None:
        return f" [yellow](deprecated, until {a.earlier.until})[/yellow]"
    return "" if a.is_output else " [dim](internal)[/dim]"


def _checks(p: ProductStatus) -> str:
    total: dict[str, int] = {}
    for asset in p.assets:
        for verdict, count in asset.checks.items():
            total[verdict] = total.get(verdict, 0) + count
    return _verdicts(total)


def _verdicts(counts: dict[str, int]) -> str:
    colours = {"pass": "green", "warn": "yellow", "fail": "red", "error": "red", "skipped": "dim"}
    return " ".join(f"[{c}]{counts[v]} {v}[/{c}]" for v, c in colours.items() if counts.get(v))


def _until(until: datetime | None, now: datetime) -> str:
    from freehold.delivery.status import age

    old = age(until, now)
    if until is None or old is None:
        return ""
    if old < timedelta(0):  # an interval that is not over yet, or dates of the future: no age says that well
        return f"through {until - timedelta(seconds=1):%Y-%m-%d}"
    return f"{until:%Y-%m-%d %H:%M} [dim]{ago(old)} ago[/dim]"


def _since(published: datetime | None, now: datetime) -> str:
    return f"{ago(now - published)} ago" if published else "[dim]never[/dim]"


def _as_object(p: ProductStatus, now: datetime) -> dict[str, Any]:
    from freehold.delivery.status import age

    old = age(p.data_until, now)
    return {
        "product": p.product.id,
        "tier": p.product.tier,
        "owner": p.product.team,
        "safe": p.safe,
        "reasons": p.reasons,
        "deployment": p.deployment or None,
        "published_at": p.published_at,
        "data_until": p.data_until,
        "age_s": old.total_seconds() if old is not None else None,
        "assets": [_asset_object(a) for a in p.assets],
    }


def _asset_object(a: AssetStatus) -> dict[str, Any]:
    return {
        "asset": a.asset,
        "relation": a.relation,
        "kind": a.kind,
        "output": a.is_output,
        "deployment": a.deployment or None,
        "published_at": a.published_at,
        "rows": a.rows,
        "data_until": a.data_until,
        "checks": a.checks,
        "pinned": a.pinned,
        "deprecated": {"version": a.earlier.version, "until": a.earlier.until, "latest": a.earlier.latest}
        if a.earlier
        else None,
        "quarantined": [
            {"candidate": c.id, "interval": str(c.interval) if c.interval else None} for c in a.quarantined
        ],
        "late": [{"interval": str(e.interval), "due_at": e.due_at} for e in a.late],
    }


def _unknown(product: str, found: tuple[ProductStatus, ...]) -> tuple[ProductStatus, ...]:
    from freehold.foundation import Exit, FreeholdError, near

    known = [p.product.id for p in found]
    raise FreeholdError(
        "FH-D201",
        f"There is no product `{product}`.",
        fix=near(product, known) or f"There are: {', '.join(known)}.",
        exit_code=Exit.USAGE,
    )

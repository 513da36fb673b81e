"""`freehold performance`: how fast runs are and queries are answered, by product."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from freehold.cli.opened import chosen_environment, environment, estate_in_force, expect_product, opened_ledger
from freehold.cli.output import as_json, emit, say, table
from freehold.foundation import SystemClock

if TYPE_CHECKING:
    from freehold.insight.performance import Performance, Spread


@click.command(epilog="Example: freehold performance --days 30 --product sales.orders")
@click.option("--product", default=None, metavar="PRODUCT", help="One product alone.")
@click.option("--days", type=click.Choice(["1", "7", "30"]), default="7", show_default=True, help="Up to now.")
@environment
@as_json
@click.pass_obj
def performance(start: str | None, product: str | None, days: str, env: str | None, as_json: bool) -> None:
    """See how long runs and queries take and wait, which fail, and which do not fit into memory.

    A run takes from the start of its first step to the end of its last; a scheduled one waits from when it was due.
    What queries wait and write aside is known where the warehouse tells it: freehold usage import.
    """
    from freehold.insight.performance import performances

    estate = estate_in_force(start, env)
    expect_product(product, estate.products)
    with opened_ledger(estate) as ledger, ledger.evidence() as evidence:
        found = performances(evidence, chosen_environment(estate, env).name, SystemClock().now(), int(days))
    shown = [one for one in found if product in (None, one.product)]
    if as_json:
        emit({"days": int(days), "products": [one.to_json() for one in shown]})
    elif shown:
        headings = (
            "product", "runs", "failed", "p50", "p95", "waited p95", "queries", "failed", "p50", "p95", "queued p95",
            "spilled",
        )  # fmt: skip
        table([_row(one) for one in shown], headings, right=tuple(range(1, len(headings))))
    else:
        say(f"Nothing was built or read in {days} days.")


def _row(one: Performance) -> tuple[str, ...]:
    runs, queries = _spread(one.runs), _spread(one.queries)
    spilled = "—" if one.spilled is None else f"{one.spilled:,}"
    return (
        f"[bold]{one.product}[/bold]", f"{one.runs.count:,}", f"{one.failed_runs:,}", *runs, _spread(one.waited)[1],
        f"{one.asked:,}", f"{one.failed:,}", *queries, _spread(one.queued)[1], spilled,
    )  # fmt: skip


def _spread(one: Spread) -> tuple[str, str]:
    from freehold.insight.telling import said

    return said(one.p50, "s"), said(one.p95, "s")

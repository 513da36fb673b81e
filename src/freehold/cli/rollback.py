"""`freehold rollback`: back to the deployment before, at once."""

from __future__ import annotations

import time

import click

from freehold.cli.opened import environment, opened_delivery, waiting
from freehold.cli.output import as_json, emit, say

STILL_HOLDS = "  {} still holds what was built from it; `freehold run` builds it from what is live now"


@click.command(epilog="Example: freehold rollback sales.orders --why 'prices in pence'")
@click.argument("product")
@click.option("--unpin", is_flag=True, help="Let runs publish the product again.")
@click.option("--why", default="", help="What was wrong; kept in the side store, not in the ledger itself.")
@environment
@waiting
@as_json
@click.pass_obj
def rollback(
    start: str | None, product: str, unpin: bool, why: str, env: str | None, wait_s: float, as_json: bool
) -> None:
    """Go back to the previous good deployment of PRODUCT, at once.

    Nothing is rebuilt: the pointers of the last deployment move back, all of them in one transaction. The product stays
    there, whatever runs do, until you say `--unpin`. Rolling back again goes back one more.
    """
    with opened_delivery(start, env, wait_s=wait_s, in_need=True) as delivery:
        if unpin:
            freed = delivery.unpin(product)
            if as_json:
                emit({"product": product, "unpinned": freed})
            else:
                say(f"Unpinned: {', '.join(freed)}. The next run goes on." if freed else "Nothing was pinned.")
            return
        began = time.perf_counter()
        back = delivery.rollback(product, why)
        took_s = time.perf_counter() - began
    if as_json:
        emit(
            {
                "product": product,
                "from_deployment": back.from_deployment,
                "to_deployment": back.to_deployment,
                "assets": [m.asset for m in back.moves],
                "stayed": back.first,
                "withdrawn": back.withdrawn,
                "left": back.left,
                "seconds": round(took_s, 4),
            }
        )
        return
    say(f"{product} is back at the deployment of {back.to_published_at:%Y-%m-%d %H:%M} ({took_s * 1000:.0f} ms):")
    for move in back.moves:
        aside = ": taken away, and the version before it is there as it was" if move.asset in back.withdrawn else ""
        say(f"  {move.asset}{aside}")
    for name in back.first:
        say(f"  {name} stayed: it has no earlier release")
    for name in back.left:
        say(STILL_HOLDS.format(name))
    say(f"Pinned until: freehold rollback {product} --unpin")

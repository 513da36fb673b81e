"""Opening what a command works on: as `freehold.opening`, and what is worth saying is said on stderr."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import click

from freehold import opening
from freehold.cli.output import say
from freehold.foundation import Exit, FreeholdError, SystemClock, near
from freehold.opening import (
    as_published,
    chosen_environment,
    delivery_of,
    dialect_of,
    instant,
    ledger_around,
    loaded,
    only_in,
    opened_engine,
    opened_ledger,
    state_is_there,
)

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger

__all__ = [
    "as_of",
    "as_published",
    "chosen_environment",
    "delivery_of",
    "dialect_of",
    "environment",
    "estate_in_force",
    "expect_asset",
    "expect_product",
    "instant",
    "ledger_around",
    "loaded",
    "loaded_or_applied",
    "only_in",
    "opened_delivery",
    "opened_engine",
    "opened_evidence",
    "opened_ledger",
    "past",
    "selecting",
    "state_is_there",
    "waiting",
]

opened_delivery = partial(opening.opened_delivery, tell=say)
estate_in_force = partial(opening.estate_in_force, tell=say)
loaded_or_applied = partial(opening.loaded_or_applied, tell=say)

environment = click.option("--env", default=None, metavar="ENV", help="The environment; default: the protected one.")
as_of = click.option(
    "--as-of",
    default=None,
    metavar="DATE",
    help="Act as though it were then: 2011-03-07, or 2011-03-07T06:00; UTC without a zone.",
)
waiting = click.option(
    "--wait",
    "wait_s",
    default=opening.USUAL_WAIT_S,
    show_default=True,
    metavar="SECONDS",
    help="Wait so long for a warehouse that is in use.",
)
selecting = click.option(
    "--select",
    "-s",
    multiple=True,
    metavar="WHAT",
    help="Asset, product or domain; +x with what it reads, x+ with what reads it. May be repeated.",
)


@contextmanager
def opened_evidence(start: str | None, env: str | None) -> Iterator[tuple[Estate, Ledger, str]]:
    """Open the ledger of an estate; yield the estate in force, its ledger, and the environment that is meant."""
    estate = estate_in_force(start, env)
    with opened_ledger(estate) as ledger:
        yield estate, ledger, chosen_environment(estate, env).name


def expect_product(product: str | None, known: Collection[str]) -> None:
    """Refuse a product that there is not; none at all will do.

    Raises:
        FreeholdError: FH-D201 there is no such product; near matches are named.
    """
    if product is not None and product not in known:
        fix = near(product, known) or f"There are: {', '.join(sorted(known))}."
        raise FreeholdError("FH-D201", f"There is no product `{product}`.", fix=fix, exit_code=Exit.USAGE)


def expect_asset(asset: str, known: Collection[str]) -> None:
    """Refuse an asset that there is not.

    Raises:
        FreeholdError: FH-D208 there is no such asset; near matches are named.
    """
    if asset not in known:
        fix = near(asset, known) or f"There are: {', '.join(sorted(known)[:12])}."
        raise FreeholdError("FH-D208", f"There is no asset `{asset}`.", fix=fix, exit_code=Exit.USAGE)


def past(as_of: str) -> datetime | None:
    """Return the instant that is meant; None for a day that is not over, of which all that is recorded counts."""
    moment, now = instant(as_of), SystemClock().now()
    if moment <= now:
        return moment
    if moment - now <= timedelta(days=1):
        return None
    raise FreeholdError(
        "FH-C002", f"`{as_of}` is still to come, and nothing is recorded of it.",
        fix="Name a day or an instant that has passed.", exit_code=Exit.USAGE,
    )  # fmt: skip

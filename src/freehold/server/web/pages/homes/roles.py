"""Whose home is whose: the four homes, the one that a reader's roles suggest, and the one they chose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from freehold.foundation import FreeholdError
from freehold.work import Raci

if TYPE_CHECKING:
    from freehold.server.web.showing import Asked

HOMES = {"consumer": "Consumer", "product": "Product manager", "dataops": "DataOps", "leader": "Leader"}
# Roles that teams give, as files name them, and the home of whoever holds one; the first that fits counts.
SUGGESTING = (
    ("leader", ("leader", "data-leader")),
    ("product", ("owner", "accountable", "product-lead")),
    ("dataops", ("operations", "responsible", "dataops-lead", "on-call")),
)
_KEPT = "server.home"


def home_of(asked: Asked) -> str:
    """Return the home a reader chose, else the one that their roles suggest: `consumer` for who holds none."""
    kept = asked.served.snapshots.ledger.state.get(_KEPT, asked.who.principal)
    return str(kept) if kept in HOMES else suggested(asked)


def suggested(asked: Asked) -> str:
    """Return the home that the roles of a reader suggest."""
    held = roles_in(asked)
    return next((home for home, roles in SUGGESTING if held.intersection(roles)), "consumer")


def roles_in(asked: Asked) -> frozenset[str]:
    """Return the roles that a reader holds in any team."""
    raci = Raci.of(asked.snapshot.estate)
    principals = {asked.who.principal, *asked.who.groups}
    named = {role for team in asked.snapshot.estate.teams.values() for role in team.roles}
    return frozenset(role for role in named if not raci.holders(role).isdisjoint(principals))


def products_of(asked: Asked) -> tuple[str, ...]:
    """Return the products that a reader holds a role of."""
    return tuple(_products_of(asked))


def _products_of(asked: Asked) -> Iterator[str]:
    raci = Raci.of(asked.snapshot.estate)
    principals = {asked.who.principal, *asked.who.groups}
    for id_ in asked.snapshot.estate.products:
        if raci.roles_of(principals, id_):
            yield id_


async def choose(request: Request) -> Response:
    """Keep the home that a reader chose, and show it.

    Raises:
        FreeholdError: FH-A112 there is no such home.
    """
    chosen = str((await request.form()).get("role", ""))
    if chosen not in HOMES:
        raise FreeholdError("FH-A112", f"There is no home `{chosen}`.", fix=f"There are: {', '.join(HOMES)}.")
    state = request.app.state.served.snapshots.ledger.state
    await run_in_threadpool(state.put, _KEPT, request.state.who.principal, chosen)
    return RedirectResponse(f"/homes/{chosen}", 303)

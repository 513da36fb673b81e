"""`freehold access`: who may see and do what, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.opened import estate_in_force
from freehold.cli.output import as_json, emit, put, say, table

if TYPE_CHECKING:
    from freehold.access import Access
    from freehold.foundation import Caller


@click.command(epilog="Example: freehold access user:idp/ana group:idp/finance --product sales.orders")
@click.argument("who", nargs=-1, required=True)
@click.option("--product", metavar="ID", help="Say of one product what they may, and why.")
@as_json
@click.pass_obj
def access(start: str | None, who: tuple[str, ...], product: str | None, as_json: bool) -> None:
    """Show what WHO may see and do at a server: a principal, then the groups it is in.

    As the files say it that are in force: `access` in estate.yaml, `freehold:access` of products, members and roles of
    teams. Nothing here keeps anything from whoever reads the files or the warehouse themselves: a user of this machine,
    `user:local/…`, may do everything at its shell, and by the link that a server prints there.
    """
    from freehold.access import OF_PRODUCTS, Access
    from freehold.foundation import Caller

    estate = estate_in_force(start, None, in_need=True)
    caller, decided = Caller(who[0], who[1:], assurance="oidc"), Access(estate)
    at_the_shell = {"at_the_shell": "everything"} if _is_local(who[0]) else {}
    if product is not None:
        told = list(_reasons(decided, caller, product))
        if as_json:
            emit({"who": list(who), "product": product, "actions": told, **at_the_shell})
        else:
            table([(t["action"], "yes" if t["may"] else "no", t["why"]) for t in told], ("", "may", "why"))
            _say_of_the_shell(who[0])
        return
    rows = {id_: [a for a in OF_PRODUCTS if decided.may(caller, a, id_)] for id_ in sorted(decided.visible(caller))}
    if as_json:
        administers = bool(decided.may(caller, "administer"))
        emit({"who": list(who), "administers": administers, "products": rows, **at_the_shell})
        return
    table([(id_, ", ".join(actions)) for id_, actions in rows.items()], ("product", "may"))
    hidden = len(estate.products) - len(rows)
    put(f"{who[0]} sees {len(rows)} of {len(estate.products)} products." if hidden else f"{who[0]} sees all products.")
    _say_of_the_shell(who[0])


def _is_local(principal: str) -> bool:
    return principal.startswith("user:local/")


def _say_of_the_shell(principal: str) -> None:
    if _is_local(principal):
        say(f"That is what files grant. At the shell of this machine, and by the link that a server prints there, "
            f"{principal} may do everything.")  # fmt: skip


def _reasons(decided: Access, caller: Caller, product: str) -> Iterator[dict[str, Any]]:
    from freehold.access import OF_PRODUCTS

    for action in OF_PRODUCTS:
        verdict = decided.may(caller, action, product)
        yield {"action": action, "may": verdict.allowed, "why": verdict.why, "who_may": list(verdict.who_may)}

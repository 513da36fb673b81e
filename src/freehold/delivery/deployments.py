"""Deployments as the ledger tells of them: what moved, for which change, and whether it is still what is live."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from freehold.foundation import Exit, FreeholdError

if TYPE_CHECKING:
    from freehold.delivery.service import Delivery
    from freehold.ledger import Recorded

_TYPES = ("deploy.completed", "deploy.rolled_back")
_SHORTEST = 6  # characters of an id that are enough, if no other ends with them


@dataclass(frozen=True, slots=True)
class Moved:
    """One asset that a deployment moved; `rows` is what came, None where that was not counted."""

    asset: str
    epoch: int
    added: int
    removed: int
    rows: int | None
    is_live: bool


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment of an environment.

    Attributes:
        status: success, failed or abandoned; `reason` says why it was not a success.
        assets: what it moved; of one that failed, nothing.
        live: how many of these are still as it left them.
        changes: the changes of the estate that it published; none for new data.
        back_to: the deployment that a rollback made live again.
    """

    id: str
    at: datetime
    actor: str
    status: str
    reason: str
    assets: tuple[str, ...]
    live: int
    changes: tuple[str, ...]
    back_to: str = ""

    @property
    def kind(self) -> str:
        """What it was: a change, new data, or a rollback."""
        return "rollback" if self.back_to else "change" if self.changes else "data"


def deployments(
    delivery: Delivery, *, product: str = "", only_changes: bool = False, limit: int = 20
) -> tuple[Deployment, ...]:
    """Return the last deployments of an environment, newest first: of a product, or of changes, if asked for."""
    found: list[Deployment] = []
    for one in _told(delivery):
        if product and not any(name.rpartition(".")[0] == product or name == product for name in one.assets):
            continue
        if only_changes and one.kind == "data":
            continue
        found.append(one)
        if len(found) == limit:
            break
    return tuple(found)


def deployment(delivery: Delivery, id_: str) -> tuple[Deployment, tuple[Moved, ...]]:
    """Return one deployment, by its id or the end of it, with what it moved.

    Raises:
        FreeholdError: FH-D214 there is none, or the end of an id is that of several.
    """
    wanted = id_.lstrip("…")
    known = [d for d in _told(delivery) if d.id == wanted or (len(wanted) >= _SHORTEST and d.id.endswith(wanted))]
    if len(known) != 1:
        several = f"{len(known)} deployments of `{delivery.env}` end with `{wanted}`."
        raise FreeholdError(
            "FH-D214",
            several if known else f"`{delivery.env}` has no deployment `{id_}`.",
            fix="Name it as `freehold deployments list --json` does, whole or at least its last six characters.",
            exit_code=Exit.USAGE,
        )
    moved = delivery.ledger.read(types=("asset.published",), env=delivery.env, since=known[0].at, until=None)
    live = _live(delivery)
    return known[0], tuple(_moved(e, live) for e in moved if e.data["deployment"] == known[0].id)


def products_to_take_back(delivery: Delivery, one: Deployment) -> tuple[str, ...]:
    """Return the products of a deployment that a rollback takes back: those of which it is what is live.

    Raises:
        FreeholdError: FH-D215 nothing of it is live any more.
    """
    live = _live(delivery)
    products = dict.fromkeys(a.rpartition(".")[0] for a in one.assets if live.get(a) == one.id)
    if not products:
        raise FreeholdError(
            "FH-D215",
            f"Nothing of deployment …{one.id[-12:]} is live any more: later ones took its place, or it was taken back.",
            fix="See `freehold deployments list`; `freehold rollback PRODUCT` goes back one deployment at a time.",
            exit_code=Exit.USAGE,
        )
    return tuple(products)


def _told(delivery: Delivery) -> Iterator[Deployment]:
    live = _live(delivery)
    back: dict[str, Recorded] = {}
    for event in delivery.ledger.read(types=_TYPES, env=delivery.env, newest_first=True):
        if event.type == "deploy.rolled_back":
            back[event.correlation_id] = event
            continue
        yield _deployment(event, live, back)


def _deployment(event: Recorded, live: dict[str, str], back: dict[str, Recorded]) -> Deployment:
    id_ = str(event.data["deploy_id"])
    assets = tuple(str(name) for name in event.data.get("resources") or ())
    return Deployment(
        id=id_,
        at=event.occurred_at,
        actor=event.actor,
        status=str(event.data["status"]),
        reason=str(event.data.get("reason") or ""),
        assets=assets,
        live=sum(live.get(name) == id_ for name in assets),
        changes=tuple(str(name) for name in event.data.get("change_ids") or ()),
        back_to=str(back[id_].data.get("to") or "") if id_ in back else "",
    )


def _moved(event: Recorded, live: dict[str, str]) -> Moved:
    said = event.data
    return Moved(
        asset=str(said["asset"]),
        epoch=int(said["epoch"]),
        added=len(said.get("batches_added") or ()),
        removed=len(said.get("batches_removed") or ()),
        rows=said.get("rows"),
        is_live=live.get(str(said["asset"])) == said["deployment"],
    )


def _live(delivery: Delivery) -> dict[str, str]:
    with delivery.reading() as session:
        return {name: entry.deployment for name, entry in delivery.publication.live(session).items()}

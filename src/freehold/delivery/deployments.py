"""Deployments as the ledger tells of them: what moved, for which change, and whether it is still what is live."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from freehold.delivery.evidence import Evidence
from freehold.delivery.runs import CheckTold, check_told
from freehold.foundation import Exit, FreeholdError

if TYPE_CHECKING:
    from freehold.delivery.service import Delivery
    from freehold.ledger import Ledger, Recorded

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

    In a job that is begun again, those that its first attempt took back are among them, since it answers the same.

    Raises:
        FreeholdError: FH-D215 nothing of it is live any more.
    """
    live = _live(delivery)
    of_it = dict.fromkeys(a.rpartition(".")[0] for a in one.assets)
    standing = {a.rpartition(".")[0] for a in one.assets if live.get(a) == one.id}
    products = [product for product in of_it if product in standing or delivery.has_taken_back(product)]
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


@dataclass(frozen=True, slots=True)
class MovedTo:
    """One asset that a deployment moved, with the deployment before it; empty where it was the asset's first."""

    asset: str
    epoch: int
    added: int
    removed: int
    rows: int | None
    before: str
    before_at: datetime | None


@dataclass(frozen=True, slots=True)
class Word:
    """Something that somebody said of a change: that they propose it, approve it, reject it, or merged it."""

    what: str
    by: str
    at: datetime
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """What the ledger tells of one deployment: what it moved from where, by which verdicts, for which words.

    `taken_back_by` is the rollback that took it back, `taken_back_at` when; empty where none did.
    """

    run_id: str
    moved: tuple[MovedTo, ...]
    checks: tuple[CheckTold, ...]
    words: tuple[Word, ...]
    taken_back_by: str = ""
    taken_back_at: datetime | None = None


_AROUND = 10_000  # events: what a deployment moved and by which verdicts is told right before that it ended
_SAID = {"change.proposed": "proposed", "change.approved": "approved", "change.merged": "merged"}


def story_of(ledger: Ledger, env: str, one: Deployment, sees: Callable[[str], bool] = lambda _: True) -> Story:
    """Return what the ledger tells of a deployment, as far as its products are seen.

    Where it ended is found by an id that follows from its own, and what it did stands right before that.
    """
    end = ledger.get(Evidence(env, "", one.id, one.at).id_of("deploy.completed", ""))
    if end is None:
        return Story("", (), (), ())
    after = max(0, end.seq - _AROUND)
    told = ledger.read(types=("asset.published", "check.completed"), run_id=end.run_id, after=after, upto=end.seq)
    mine = [e for e in told if e.correlation_id == one.id and sees(e.product)]
    words = (word for change in one.changes for word in _words(ledger, change))
    back = _taken_back(ledger, env, one, end.seq)
    return Story(
        run_id=end.run_id,
        moved=tuple(_moved_to(ledger, env, e) for e in mine if e.type == "asset.published"),
        checks=tuple(check_told(e) for e in mine if e.type == "check.completed" and e.data.get("target") != "live"),
        words=tuple(words),
        taken_back_by=back.correlation_id if back else "",
        taken_back_at=back.occurred_at if back else None,
    )


def _moved_to(ledger: Ledger, env: str, event: Recorded) -> MovedTo:
    said = event.data
    earlier = ledger.read(
        types=("asset.published",), env=env, subject=event.subject, upto=event.seq - 1, newest_first=True, limit=1
    )
    before = next(earlier, None)
    return MovedTo(
        asset=str(said["asset"]),
        epoch=int(said["epoch"]),
        added=len(said.get("batches_added") or ()),
        removed=len(said.get("batches_removed") or ()),
        rows=said.get("rows"),
        before=str(before.data["deployment"]) if before else "",
        before_at=before.occurred_at if before else None,
    )


def _words(ledger: Ledger, change: str) -> Iterator[Word]:
    for event in ledger.read(types=(*_SAID, "decision.recorded"), subject=change):
        said = event.data
        if event.type == "decision.recorded":
            yield Word(str(said["decision"]), event.actor, event.occurred_at)
            continue
        by = str(said.get("author") or said.get("approver") or event.actor)
        yield Word(_SAID[event.type], by, event.occurred_at, str(said.get("commit") or said.get("head") or ""))


def _taken_back(ledger: Ledger, env: str, one: Deployment, after: int) -> Recorded | None:
    told = ledger.read(types=("deploy.rolled_back",), env=env, after=after)
    return next((e for e in told if e.data["deploy_id"] == one.id), None)

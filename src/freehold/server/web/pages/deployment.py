"""One deployment: what moved, for which change, by whose approval, what let it pass, what is live, and the way back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from freehold.delivery.deployments import Deployment, MovedTo, Story, Word, deployment, products_to_take_back, story_of
from freehold.delivery.rollback import Return
from freehold.delivery.runs import CheckTold
from freehold.foundation import FreeholdError
from freehold.foundation.words import counted
from freehold.server.rights import refusal
from freehold.server.web.model import VERDICTS, Crumb, Fact, Heading, Mark, Moment, joined
from freehold.server.web.pages.products import moment_of
from freehold.server.web.pages.run import bound_told, checks_seen, claims_of, found_told
from freehold.server.web.showing import Asked, Shown
from freehold.work import Raci

if TYPE_CHECKING:
    from freehold.delivery import Delivery

STATUS = {"success": Mark("ok", "done"), "failed": Mark("bad", "failed"), "abandoned": Mark("warn", "abandoned")}
_BUSY = "The warehouse is being written to, so what a rollback would do cannot be told now; look again in a while."
_SHORTEST = 6  # characters of an id that are enough, if no other ends with them
_MOVED = (
    Heading("Asset"),
    Heading("Release", "num"),
    Heading("Before", sorts=False),
    Heading("Batches in", "num"),
    Heading("Batches out", "num", narrow=False),
    Heading("Rows that came", "num"),
    Heading("Now", sorts=False),
)


@dataclass(frozen=True, slots=True)
class MovedRow:
    """An asset that it moved: from which deployment, and what it holds now."""

    asset: str
    product: str
    epoch: int
    before: str
    before_at: datetime | None
    added: int
    removed: int
    rows: int | None
    now: Mark


@dataclass(frozen=True, slots=True)
class SaidRow:
    """Something that somebody said of the change that it published."""

    mark: Mark
    by: str
    at: datetime
    told: str


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """A check that did not simply pass, and yet let it go out; or a count of those that did."""

    claim: str
    mark: Mark
    told: str


@dataclass(frozen=True, slots=True)
class BackPart:
    """What taking it back would do to one product."""

    product: str
    to: str
    to_at: datetime
    moves: tuple[str, ...]
    stays: tuple[str, ...]
    withdrawn: tuple[str, ...]
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rollback:
    """The way back: what it would do to each product; or why there is none now, or not for this reader (`may`)."""

    parts: tuple[BackPart, ...] = ()
    why_not: str = ""
    may: bool = True


@dataclass(frozen=True, slots=True)
class DeploymentPage:
    """A deployment as the ledger tells of it."""

    id: str
    kind: str
    status: Mark
    state: Mark
    title: str
    reasons: tuple[str, ...]
    headings: tuple[Heading, ...]
    moved: tuple[MovedRow, ...]
    words: tuple[SaidRow, ...]
    checks_told: str
    verdicts: tuple[VerdictRow, ...]
    since: tuple[Moment, ...]
    rollback: Rollback
    pinned: tuple[str, ...]
    facts: tuple[Fact, ...]
    run: str
    changes: tuple[str, ...]
    live: int
    said: str = ""


def shown_deployment(asked: Asked) -> Shown:
    """Show the deployment of an id, or of the end of one.

    Raises:
        FreeholdError: FH-D214 there is none, or none that the reader may see.
    """
    one = deployment_of(asked, asked.request.path_params["id"])
    seen, ledger = asked.snapshot.seen, asked.served.snapshots.ledger
    story = story_of(ledger, asked.snapshot.env, one, lambda product: seen is None or product in seen)
    story = replace(story, checks=checks_seen(asked, story.checks))
    since = _since(asked, one)
    state, title, reasons = _state(one, story)
    model = DeploymentPage(
        id=one.id,
        kind={"data": "new data"}.get(one.kind, one.kind),
        status=STATUS.get(one.status, Mark("idle", one.status)),
        state=state,
        title=title,
        reasons=reasons,
        headings=_MOVED,
        moved=tuple(_moved(asked, one, m) for m in story.moved),
        words=tuple(_said(asked, one, word) for word in story.words),
        checks_told=_checks_told(story),
        verdicts=tuple(_verdicts(asked, story)),
        since=tuple(moment_of(d) for d in since[:8]),
        rollback=rollback_of(asked, one, story.taken_back_at),
        pinned=tuple(_pinned(asked, one, story)),
        facts=tuple(_facts(asked, one, story)),
        run=story.run_id if one.kind != "rollback" else "",
        changes=one.changes,
        live=one.live,
        said=_TOLD.get(asked.word("said"), ""),
    )
    crumbs = (Crumb("Deployments", "/deployments"),)
    told = moment_of(one).text
    return Shown("pages/deployment.html", f"Deployment of {one.at:%d %b %Y, %H:%M}", model, f"{told}.", crumbs,
                 nav="deployments")  # fmt: skip


_TOLD = {"before": "It was taken back already; nothing new was done."}


def deployment_of(asked: Asked, id_: str) -> Deployment:
    """Return a deployment that the asker may see, by its id or the end of it.

    Raises:
        FreeholdError: FH-D214 there is none, or the end of an id is that of several.
    """
    wanted = id_.lstrip("…")
    fits = [d for d in asked.snapshot.deployments if d.id == wanted or _ends(d, wanted)]
    if len(fits) == 1:
        return fits[0]
    whole = asked.snapshot.whole or asked.snapshot
    found: Deployment = asked.served.snapshots.detail(whole, ("deployment", wanted), lambda d: deployment(d, wanted)[0])
    if asked.snapshot.seen is not None and not any(a.rpartition(".")[0] in asked.snapshot.seen for a in found.assets):
        raise FreeholdError(
            "FH-D214",
            f"`{asked.snapshot.env}` has no deployment `{wanted}`.",
            fix="Name it as `freehold deployments list --json` does, whole or at least its last six characters.",
        )
    return found


def _ends(one: Deployment, wanted: str) -> bool:
    return len(wanted) >= _SHORTEST and one.id.endswith(wanted)


def rollback_of(asked: Asked, one: Deployment, taken_back_at: datetime | None = None) -> Rollback:
    """Return what taking a deployment back would do now, or why this reader cannot."""
    if taken_back_at is not None:
        return Rollback(why_not="It was taken back already.")
    if one.status != "success" or not one.live:
        return Rollback(why_not="Nothing of it is live any more: later deployments took its place.")
    whole, seen = asked.snapshot.whole or asked.snapshot, asked.snapshot.seen
    moved = next((d for d in whole.deployments if d.id == one.id), one).assets
    products = tuple(dict.fromkeys(name.rpartition(".")[0] for name in moved))
    if seen is not None and not seen.issuperset(products):
        return Rollback(why_not="It moved more than you may see; ask whoever may see all of it.", may=False)
    for product in products:
        verdict = asked.served.rights.may(asked.who, "roll_back", product)
        if not verdict:
            refused = refusal(verdict)
            return Rollback(why_not=f"{refused.problem} {refused.fix}", may=False)
    try:
        back = asked.served.snapshots.detail(whole, ("way back", one.id), lambda d: _ways_back(d, one))
    except FreeholdError as error:
        return Rollback(why_not=_BUSY if error.code == "FH-E101" else f"{error.problem} {error.fix}")
    moving = {move.asset for b in back for move in b.moves}
    return Rollback(tuple(_part(b, seen, moving) for b in back))


def _ways_back(delivery: Delivery, one: Deployment) -> tuple[Return, ...]:
    return tuple(delivery.way_back(product) for product in products_to_take_back(delivery, one))


def _part(back: Return, seen: frozenset[str] | None, moving: set[str]) -> BackPart:
    left = (name for name in back.left if name not in moving)
    return BackPart(
        product=back.product,
        to=back.to_deployment,
        to_at=back.to_published_at,
        moves=tuple(
            f"{m.asset}: {_batches(len(m.removed), len(m.added))}" for m in back.moves if m.asset not in back.withdrawn
        ),
        stays=back.first,
        withdrawn=back.withdrawn,
        left=tuple(name for name in left if seen is None or name.rpartition(".")[0] in seen),
    )


def _batches(gone: int, come: int) -> str:
    told = [f"{counted(gone, 'batches')} of rows {'goes' if gone == 1 else 'go'}"] if gone else []
    told += [f"{counted(come, 'batches')} {'comes' if come == 1 else 'come'} back"] if come else []
    return ", ".join(told) or "its view goes back to the one before"


def _pinned(asked: Asked, one: Deployment, story: Story) -> Iterator[str]:
    """Yield the products that this rollback, or the one that took it back, keeps where they are."""
    if one.kind != "rollback" and not story.taken_back_by:
        return
    mine = {name.rpartition(".")[0] for name in one.assets}
    for status in asked.snapshot.products:
        if status.product.id in mine and any(asset.pinned for asset in status.assets):
            yield status.product.id


def _state(one: Deployment, story: Story) -> tuple[Mark, str, tuple[str, ...]]:
    if one.status != "success":
        return (
            STATUS.get(one.status, Mark("bad", one.status)),
            "It published nothing",
            tuple(filter(None, (one.reason,))),
        )
    if story.taken_back_at is not None:
        return Mark("warn", "taken back"), f"Taken back {story.taken_back_at:%d %b %Y, %H:%M} UTC", ()
    if not one.live:
        return Mark("idle", "over"), "Later deployments took its place", ()
    if one.live < len(one.assets):
        told = f"{one.live} of the {counted(len(one.assets), 'assets')} it moved are as it left them"
        return Mark("ok", "live in part"), told, ()
    return Mark("ok", "live"), "Live: consumers read what it published", ()


def _moved(asked: Asked, one: Deployment, moved: MovedTo) -> MovedRow:
    live = {a.asset: a.deployment for status in asked.snapshot.products for a in status.assets}
    now = Mark("ok", "live") if live.get(moved.asset) == one.id else Mark("idle", "replaced")
    return MovedRow(
        asset=moved.asset,
        product=moved.asset.rpartition(".")[0],
        epoch=moved.epoch,
        before=moved.before,
        before_at=moved.before_at,
        added=moved.added,
        removed=moved.removed,
        rows=moved.rows,
        now=now,
    )


def _said(asked: Asked, one: Deployment, word: Word) -> SaidRow:
    tone = {"approved": "ok", "rejected": "bad"}.get(word.what, "idle")
    raci = Raci.of(asked.snapshot.estate)
    products = dict.fromkeys(a.rpartition(".")[0] for a in one.assets)
    roles = dict.fromkeys(role for p in products for role in raci.roles_of({word.by}, p))
    told = f"as {joined(tuple(roles))}" if roles and word.what in ("approved", "rejected") else word.commit[:12]
    return SaidRow(Mark(tone, word.what), word.by, word.at, told)  # type: ignore[arg-type]


def _checks_told(story: Story) -> str:
    verdicts = Counter(check.status for check in story.checks)
    if not verdicts:
        return "No check judged it: what it moved was built and judged before, or has no contract."
    return ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common()) + "."


def _verdicts(asked: Asked, story: Story) -> Iterator[VerdictRow]:
    """Yield the checks that did not simply pass."""
    odd = [check for check in story.checks if check.status not in ("pass", "skipped")]
    claims = claims_of(asked, {check.asset for check in odd})
    by_check: dict[tuple[str, str], list[CheckTold]] = {}
    for check in odd:
        by_check.setdefault((check.id, check.status), []).append(check)
    for (id_, status), same in by_check.items():
        yield VerdictRow(claims.get(id_, id_), VERDICTS.get(status, Mark("idle", status)), said_once(same))


def said_once(same: Sequence[CheckTold]) -> str:
    """Say what a check found, once for all intervals that it judged so: of the newest, and how many there were."""
    newest = max(same, key=lambda check: check.interval)
    more = f" (and in {counted(len(same) - 1, 'intervals')} before)" if same[1:] else ""
    place = f"{newest.asset} {newest.interval}".strip() + more
    if newest.reason:
        return f"{place}: {newest.reason}"
    bound = bound_told(newest)
    return f"{place}: found {found_told(newest)}; " + ("none may be" if bound == "none" else f"passes where it {bound}")


def _since(asked: Asked, one: Deployment) -> list[Deployment]:
    """Return what went live since of the same assets, the oldest first."""
    mine = set(one.assets)
    later = [d for d in asked.snapshot.deployments if d.at > one.at and d.id != one.id and mine.intersection(d.assets)]
    return later[::-1]


def _facts(asked: Asked, one: Deployment, story: Story) -> Iterator[Fact]:
    yield Fact("Deployment", one.id, is_code=True)
    yield Fact("Published", at=one.at)
    yield Fact("By", one.actor, is_code=True)
    yield Fact("Environment", asked.snapshot.env)
    if story.run_id and one.kind != "rollback":
        yield Fact("Run", f"…{story.run_id[-12:]}", href=f"/runs/{story.run_id}")
    for change in one.changes:
        yield Fact("Change", change, is_code=True)
    commit = next((word.commit for word in story.words if word.commit), "")
    if commit:
        yield Fact("Commit", commit[:12], is_code=True)
    if one.back_to:
        yield Fact("Back to", f"…{one.back_to[-12:]}", href=f"/deployments/{one.back_to}")
    if story.taken_back_by:
        yield Fact("Taken back by", f"…{story.taken_back_by[-12:]}", href=f"/deployments/{story.taken_back_by}")
    yield Fact("Still live", f"{one.live} of {counted(len(one.assets), 'assets')}")
    for product in dict.fromkeys(a.rpartition(".")[0] for a in one.assets):
        yield Fact("Product", product, href=f"/products/{product}")

"""What waits for a decision, as a channel may see it, and how it was settled."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from freehold.connect.messages import PLAN, Channel, Message
from freehold.connect.messages.message import Button
from freehold.delivery.plan.markdown import headline
from freehold.leaving.announcing import is_announced
from freehold.leaving.subject import last_day_of, subject_of
from freehold.server.identity import Who
from freehold.work import Item, Work
from freehold.work.roles import REQUESTER

if TYPE_CHECKING:
    from freehold.estate.operating import Move, Workflow
    from freehold.server.application import Served
    from freehold.server.snapshots import Snapshot

_DECLINES = ("declined", "withdrawn")
_FREE = ("text",)
_NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Waits:
    """A decision that waits: what it is called among messages, and the message."""

    about: str
    message: Message


def eyes_of(channel: Channel) -> Who:
    """Return who a channel sees as."""
    return Who(channel.account, channel.account, (), "token", "token", f"channel:{channel.id}")


def about_item(item: Item) -> str:
    """Return what an item is called while it waits in the state it is in."""
    return f"item {item.id} {len(item.history)}"


def waiting_in(served: Served, channel: Channel, items: Iterable[Item], told: Container[str]) -> Iterator[Waits]:
    """Yield the decisions that wait, and what is announced to go, of what a channel is for, may see and was not told.

    Args:
        served: the server.
        channel: where they are told.
        items: those there are.
        told: what is called among messages as it was told already.
    """
    snapshot, items = served.rights.snapshot(eyes_of(channel)), tuple(items)
    if PLAN in channel.decisions:
        yield from (one for one in _plans(served, snapshot) if one.about not in told)
    yield from _items(served, snapshot, channel, (one for one in items if about_item(one) not in told))
    if channel.notices:
        yield from _notices(served, snapshot, (one for one in items if f"{_NOTICE} {one.id}" not in told))


def settled_as(served: Served, about: str, items: Mapping[str, Item]) -> Message | None:
    """Return how a decision was settled, by whom and when; None while it waits. `items` are those there are, by id."""
    kind, _, rest = about.partition(" ")
    if kind == _NOTICE:
        return _settled_notice(served, rest, items)
    return _settled_plan(served, rest) if kind == "plan" else _settled_item(served, rest, items)


# -- plans


def _plans(served: Served, snapshot: Snapshot) -> Iterator[Waits]:
    proposal = served.proposals.now(snapshot.env)
    judged = proposal.judged(served.snapshots.ledger)
    if judged is None or proposal.plan.is_blocked or not judged.verdict.needs_approval or not judged.asked:
        return  # whoever edits files asks for nothing yet
    plan, first = proposal.plan, judged.asked[0]
    told = headline(plan, None) if snapshot.seen is None else "a change of which this channel does not see all"
    lines = (told[:1].upper() + told[1:] + ".", f"Asked for by {first.by}, {first.at:%Y-%m-%d %H:%M} UTC.")
    about = f"plan {plan.id} {plan.env}"
    buttons = (Button("Approve", about), Button("Decline", about, is_yes=False, asks_why=True))
    heading = f"Plan {plan.id} for {plan.env} waits for approval"
    yield Waits(about, Message(heading, lines, page_at(served, "/plan"), buttons))


def _settled_plan(served: Served, rest: str) -> Message | None:
    id_, _, env = rest.partition(" ")
    ledger = served.snapshots.ledger
    words = {"change.approved": "Approved", "decision.recorded": "Declined", "estate.applied": "Applied"}
    said = [e for e in ledger.read(types=tuple(words), subject=id_) if e.env == env]
    proposal = served.proposals.now(env)
    if proposal.plan.id == id_:
        judged = proposal.judged(ledger)
        if judged is not None and judged.verdict.needs_approval and not judged.rejected_by:
            return None
    lines = [f"{words[e.type]} by {e.actor}, {e.occurred_at:%Y-%m-%d %H:%M} UTC." for e in said]
    told = tuple(lines or ["The files say something else by now."])
    return Message(f"Plan {id_} for {env} waits no longer", told, "")


# -- items


def _items(served: Served, snapshot: Snapshot, channel: Channel, items: Iterable[Item]) -> Iterator[Waits]:
    work = Work(snapshot.estate, served.snapshots.ledger, clock=served.snapshots.clock)
    told = {*channel.decisions} & {*work.workflows}
    for item in items:
        if work.has_ended(item):
            continue
        is_ours = item.type in told and (not item.product or item.product in snapshot.estate.products)
        if not is_ours or item.original or item.tracked is not None or item.assignee:
            continue
        workflow = work.workflow(item.type)
        state = workflow.states.get(item.state)
        moves = [m for m in state.moves.values() if set(m.by) - {REQUESTER}] if state else []
        if state is None or state.pauses_clock or not moves:
            continue
        of = f" about {item.product}" if item.product else ""
        lines = (work.title(item), f"Asked by {item.requester}, {item.created_at:%Y-%m-%d %H:%M} UTC.")
        heading = f"{workflow.title}{of}: {_spoken(item.state)}"
        buttons = tuple(buttons_of(work, item, workflow, moves))
        yield Waits(about_item(item), Message(heading, lines, page_at(served, f"/items/{item.id}"), buttons))


def buttons_of(work: Work, item: Item, workflow: Workflow, moves: list[Move]) -> Iterator[Button]:
    """Yield the first move that brings an item on and the first that declines it, where they need no more than why."""
    seen: set[bool] = set()
    for move in moves:
        to = workflow.states[move.to]
        is_yes = to.outcome not in _DECLINES
        missing = missing_of(work, item, move)
        is_askable = not missing or (not is_yes and len(missing) == 1 and workflow.fields[missing[0]].type in _FREE)
        if to.pauses_clock or is_yes in seen or not is_askable:
            continue
        seen.add(is_yes)
        text = _spoken(move.name).capitalize()
        yield Button(text, f"{about_item(item)} {move.name}", is_yes, asks_why=bool(missing))


def missing_of(work: Work, item: Item, move: Move) -> list[str]:
    """Return the fields that a move needs and an item has not."""
    held = {**item.fields, **work.texts(item)}
    return [name for name, _ in move.needs if held.get(name) in (None, "", [])]


def _settled_item(served: Served, rest: str, items: Mapping[str, Item]) -> Message | None:
    id_, _, count = rest.rpartition(" ")
    item = items.get(id_)
    if item is None:
        return None
    if len(item.history) <= int(count) and not item.original and item.tracked is None and not item.assignee:
        return None
    work = Work(served.snapshots.now().estate, served.snapshots.ledger, clock=served.snapshots.clock)
    title, kind = work.title(item), _spoken(item.type).capitalize()
    if len(item.history) <= int(count):
        with_whom = f"With {item.assignee}." if item.assignee else "It is settled elsewhere by now."
        return Message(f"{kind}: waits no longer", (title, with_whom), "")
    move = item.history[int(count)]
    told = f"{_spoken(move.move or move.state).capitalize()} by {move.actor}, {move.since:%Y-%m-%d %H:%M} UTC."
    return Message(f"{kind}: {_spoken(move.state)}", (title, told), "")


# -- what is announced to go


def _notices(served: Served, snapshot: Snapshot, items: Iterable[Item]) -> Iterator[Waits]:
    work = Work(snapshot.estate, served.snapshots.ledger, clock=served.snapshots.clock)
    for item in (one for one in items if is_announced(one)):
        key, last_day = subject_of(item), last_day_of(item)
        if key is None or (item.product and item.product not in snapshot.estate.products):
            continue
        leaving = snapshot.leaving.get(str(key))
        instead = (f"Use {leaving.instead}.",) if leaving is not None and leaving.instead else ()
        lines = (work.title(item), *instead, "Whoever reads it answers on its page.")
        heading = f"{key.id} goes on {last_day}" if last_day else f"{key.id} goes"
        yield Waits(f"{_NOTICE} {item.id}", Message(heading, lines, page_at(served, f"/items/{item.id}")))


def _settled_notice(served: Served, id_: str, items: Mapping[str, Item]) -> Message | None:
    work = Work(served.snapshots.now().estate, served.snapshots.ledger, clock=served.snapshots.clock)
    item = items.get(id_)
    if item is None or not work.has_ended(item):
        return None
    key, last = subject_of(item), item.history[-1]
    told = f"{_spoken(last.move).capitalize()} by {last.actor}, {last.since:%Y-%m-%d %H:%M} UTC."
    return Message(f"{key.id if key else item.id}: {_spoken(item.state)}", (work.title(item), told), "")


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def page_at(served: Served, path: str) -> str:
    """Return a page as people reach it; empty where the server has no address but this machine's."""
    return f"{served.settings.url.rstrip('/')}{path}" if served.settings.url else ""

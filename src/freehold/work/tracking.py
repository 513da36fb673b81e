"""Items that are issues of a tracker: what changed there is recorded here, when it happened and by whom.

The tracker rules the state of such an item. Its changelog is followed, not its snapshot: each change is one move, known
by its id, so that the same changelog twice records nothing twice. All of an issue is recorded in one transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from freehold.foundation import Clock, Exit, FreeholdError, IdSource, RandomIds
from freehold.work.entering import accepted
from freehold.work.item import Item, Passage, Tracked
from freehold.work.linking import duplicates_of
from freehold.work.service import Work
from freehold.work.telling import Telling
from freehold.work.turns import turn

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.estate.operating import Workflow
    from freehold.ledger import Ledger
    from freehold.ledger.event import Event

_AS_IT_STANDS = "as it stands"


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an issue's state: its id in the tracker, when it was made, the state it led to, by whom if known."""

    id: str
    at: datetime
    to: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """An issue as its tracker tells it, in the words of a workflow.

    Attributes:
        issue, key: its id there, and what people call it.
        workflow: the type of item that it is.
        began: the state it began in.
        state: the state it is in now; empty where its status stands for none.
        changes: of its state, oldest first; without those whose status stands for no state.
        requester: who asked for it, as a principal.
    """

    tracker: str
    issue: str
    key: str
    workflow: str
    began: str
    state: str
    created_at: datetime
    updated_at: datetime
    changes: tuple[Change, ...]
    requester: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    product: str = ""


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What came of an issue: its item, whether it began now, how many moves were recorded; none of an item parted."""

    item: str
    has_begun: bool = False
    moves: int = 0
    is_parted: bool = False


class Tracking:
    """Follows trackers, for the caller of a ledger. What there was when it was made is read once.

    Args:
        estate: its workflows and teams.
        ledger: where moves are recorded.
        clock: the time.
    """

    def __init__(self, estate: Estate, ledger: Ledger, clock: Clock, ids: IdSource | None = None) -> None:
        self._ledger, self._clock, self._ids = ledger, clock, ids or RandomIds()
        self._work = Work(estate, ledger, clock=clock, ids=self._ids)
        self._telling = Telling(estate, ledger.caller.principal, clock, self._ids)
        self._items = {item.id: item for item in self._work.items()}
        self._by_issue = {(t.tracker, t.issue): i.id for i in self._items.values() if (t := i.tracked) is not None}

    def place(self, told: Told) -> str:
        """Return the id of an issue's item, whether it has begun or not."""
        known = self._by_issue.get((told.tracker, told.issue))
        digest = hashlib.sha256(f"{told.tracker}\n{told.issue}".encode()).hexdigest()[:32]
        return known or f"{told.workflow}/{digest}"

    def has(self, told: Told) -> bool:
        """Whether an issue has its item already."""
        return (told.tracker, told.issue) in self._by_issue

    def mirror(self, told: Told, *, is_trial: bool = False) -> Mirrored:
        """Record what an issue tells and its item does not know yet; on trial, only say what would be.

        Raises:
            FreeholdError: FH-W106 its fields are none that its workflow takes; FH-X305 its item is of another type, or
                a state is none of its workflow; FH-L201 somebody else is moving its item.
        """
        id_ = self.place(told)
        workflow = self._expected(told, id_)
        if is_trial:
            return self._mirrored(told, id_, workflow, is_trial)[1]
        with turn(self._ledger, id_) as lease:
            events, came = self._mirrored(told, id_, workflow, is_trial)
            if events:
                self._ledger.append(*events, fence=lease)
                self._by_issue[told.tracker, told.issue] = id_
        return came

    def track(self, id: str, told: Told) -> Item:
        """Make an item that began here the issue of a tracker, which rules its state from now on.

        Raises:
            FreeholdError: FH-W102 no such item; FH-W104 the caller holds no role for any of its moves; FH-X301 it is an
                issue already; FH-X302 it is a duplicate, or the issue is another item's; FH-X305 as of `mirror`.
        """
        with turn(self._ledger, id) as lease:
            item = self._work.item(id)
            self._work.expect_mine(item)
            other = self._by_issue.get((told.tracker, told.issue))
            if item.original or other not in (None, id):
                why = f"a duplicate of `{item.original}`" if item.original else f"not `{told.key}`: that is `{other}`"
                raise FreeholdError(
                    "FH-X302", f"`{id}` is {why}.", fix="Track the original.", exit_code=Exit.USAGE
                )  # fmt: skip
            self._expected(told, id, item)
            if item.tracked is None:
                self._ledger.append(self._tracked(item, told, self._clock.now()), fence=lease)
        self._by_issue[told.tracker, told.issue] = id
        self.mirror(told)
        return self._work.item(id)

    def untrack(self, id: str) -> Item:
        """Part an item from its issue: from now on it is moved here.

        Raises:
            FreeholdError: FH-W102 no such item; FH-W104 the caller holds no role for any of its moves; FH-X303 it is no
                issue of a tracker.
        """
        with turn(self._ledger, id) as lease:
            item = self._work.item(id)
            self._work.expect_mine(item)
            if item.tracked is None:
                fix = "`freehold items show` says what it is."
                raise FreeholdError("FH-X303", f"No tracker rules `{id}`.", fix=fix, exit_code=Exit.USAGE)
            one = item.tracked
            said = {"item": id, "tracker": one.tracker, "issue": one.issue, "key": one.key, "ended": True}
            self._ledger.append(self._telling.event("work.tracked", said, item), fence=lease)
        return self._work.item(id)

    # -- what is recorded

    def _expected(self, told: Told, id: str, item: Item | None = None) -> Workflow:
        workflow = self._work.workflow(told.workflow)
        known = item or self._items.get(id)
        if known is not None and known.type != told.workflow:
            problem = f"`{told.key}` is a `{told.workflow}` by its tracker, and its item `{known.id}` a `{known.type}`."
            raise FreeholdError("FH-X305", problem, fix="Part them: `freehold items untrack`.")
        strange = [one for one in (told.began, told.state, *(c.to for c in told.changes)) if one]
        strange = [one for one in strange if one not in workflow.states]
        if strange:
            problem = f"`{told.workflow}` has no state `{strange[0]}`, in which `{told.key}` is or was."
            raise FreeholdError("FH-X305", problem, where=workflow.where, fix=f"It has: {', '.join(workflow.states)}.")
        return workflow

    def _mirrored(self, told: Told, id: str, workflow: Workflow, is_trial: bool) -> tuple[list[Event], Mirrored]:
        item = self._work.item(id) if self._has_begun(id) else None
        if item is not None and item.tracked is None:
            return [], Mirrored(id, is_parted=True)
        events: list[Event] = []
        has_begun = item is None
        if item is None:
            item = self._beginning(told, id, workflow, is_trial)
            events += self._telling.creation(item, workflow)
        if has_begun or (item.tracked is not None and item.tracked.key != told.key):
            events.append(self._tracked(item, told, min(told.created_at, self._clock.now())))
        moves = 0
        for passage in self._passages(told, item):
            after = item.passed(passage, {})
            events += self._telling.move(item, after, workflow, {})
            events += self._ending_with(after, workflow)
            item, moves = after, moves + 1
        return events, Mirrored(id, has_begun, moves)

    def _has_begun(self, id: str) -> bool:
        return id in self._items or self._work.has_begun(id)

    def _beginning(self, told: Told, id: str, workflow: Workflow, is_trial: bool) -> Item:
        held, free = accepted(workflow, told.fields)
        began = Passage(told.began, min(told.created_at, self._clock.now()), actor=self._telling.actor)
        text = "" if is_trial or not free else self._ledger.side.put("work", free, subject=told.requester)
        tracked = Tracked(told.tracker, told.issue, told.key, began.since)
        return Item(
            id, told.workflow, (began,), 0, told.requester, told.product, text=text, fields=held, tracked=tracked
        )  # fmt: skip

    def _tracked(self, item: Item, told: Told, at: datetime) -> Event:
        said = {"item": item.id, "tracker": told.tracker, "issue": told.issue, "key": told.key}
        return self._telling.event("work.tracked", said, item, at)

    def _passages(self, told: Told, item: Item) -> list[Passage]:
        """Return the moves that the item does not know, oldest first.

        What happened before it was tracked, or before the last move that is known, is no part of its history any more.
        Where the changelog does not lead to the state in which the issue is, its status has the last word.
        """
        now = self._clock.now()
        known = {passage.source for passage in item.history}
        state, last = item.state, item.history[-1].since
        since = max(last, item.tracked.since) if item.tracked else last
        found = []
        for change in told.changes:
            if change.id not in known and change.at >= since and change.to != state:
                since, state = min(change.at, now), change.to
                found.append(Passage(state, since, actor=change.by or self._telling.actor, source=change.id))
        if told.state and told.state != state and told.updated_at >= _told_last(told, item):
            at = max(min(told.updated_at, now), since)
            found.append(Passage(told.state, at, actor=self._telling.actor, source=_AS_IT_STANDS))
        return found

    def _ending_with(self, original: Item, workflow: Workflow) -> list[Event]:
        """Return what ends the duplicates of an item that has come to an end."""
        if not workflow.states[original.state].is_final:
            return []
        found = (self._work.item(one.id) for one in duplicates_of(original.id, self._items.values()))
        ended = [one for one in found if not self._work.has_ended(one)]
        return [event for one in ended for event in self._telling.ending_with(one, original, workflow)]


def _told_last(told: Told, item: Item) -> datetime:
    """Return when the last change was made that is known: an issue that was read before it says nothing new."""
    return max((*(c.at for c in told.changes), *(p.since for p in item.history if p.source)), default=told.updated_at)

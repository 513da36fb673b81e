"""Bringing in what a tracker tells: from the changelog of each issue, the moves of its item.

Each issue is brought in by itself, so that one that is wrong keeps back no other, and what was brought in before an end
by force stays. How far it came is the event `tracker.synced`; what lies before is not asked for again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from freehold.connect.trackers.asking import Asking
from freehold.connect.trackers.systems import SYSTEMS
from freehold.delivery.gate import handles_of
from freehold.foundation import Caller, Exit, FreeholdError, Transient
from freehold.foundation.owning import holder, is_dead
from freehold.ledger import Event
from freehold.work import Change, Item, Told, Tracking, Work
from freehold.work.deciding import ruled_elsewhere

if TYPE_CHECKING:
    from freehold.connect.outbound import Outbound
    from freehold.connect.trackers.declared import Meaning, Tracker
    from freehold.connect.trackers.issue import Issue
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger

SYNCED = "tracker.synced"
OVERLAP = timedelta(minutes=5)  # that is asked for twice: what a search finds may lag behind
_LEASE_S = 30.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Synced:
    """What came of a sync.

    Attributes:
        issues: how many were looked at; `skipped` of them are of a type that is no item.
        begun, moves: items that began, and moves that were recorded.
        parted: items that somebody parted from their issue.
        unknown: people whom no team names, how many changes are theirs.
        problems: what kept issues back, by key.
        strange: statuses that stand for no state, each with the keys that have, or had, it.
        through, held: when the issue was changed that was changed last, and the first of those that are kept back.
    """

    tracker: str
    issues: int = 0
    skipped: int = 0
    begun: int = 0
    moves: int = 0
    parted: int = 0
    unknown: int = 0
    problems: dict[str, FreeholdError] = field(default_factory=dict)
    strange: dict[str, list[str]] = field(default_factory=dict)
    through: datetime | None = None
    held: datetime | None = None


class Syncing:
    """Brings in what trackers tell.

    Args:
        estate: the trackers, what they stand for, who people are.
        ledger: where moves are recorded.
        outbound: where addresses may lead.
        address: the portal's, for links from issues to items; empty: none are made.
        sleep: waits so many seconds.
    """

    def __init__(
        self, estate: Estate, ledger: Ledger, outbound: Outbound, *, address: str = "",
        sleep: Callable[[float], None] | None = None,
    ) -> None:  # fmt: skip
        self._estate, self._ledger, self._outbound, self._address = estate, ledger, outbound, address
        self._sleep = sleep or time.sleep

    def sync(self, tracker: Tracker, *, is_trial: bool = False) -> Synced:
        """Bring in what changed since the last time; on trial, only say what would be.

        Raises:
            FreeholdError: see `Asking.send`; FH-L201 it is being brought in by somebody else; the state cannot be
                reached.
        """
        if is_trial:
            return self._synced(tracker, is_trial)
        lease = self._ledger.lease(f"tracker/{tracker.id}", holder("sync"), _LEASE_S, is_gone=is_dead)
        with lease, lease.kept_alive():
            return self._synced(tracker, is_trial)

    def _synced(self, tracker: Tracker, is_trial: bool) -> Synced:
        ledger, system = self._acting(tracker), SYSTEMS[tracker.system]
        tracking = Tracking(self._estate, ledger, ledger.clock)
        asking, came = self._asking(tracker), Synced(tracker.id)
        before = self._through(tracker)
        is_whole = False
        try:
            for issue in system.changed(asking, before - OVERLAP if before else None):
                came.issues += 1
                try:
                    self._bring(tracker, asking, tracking, issue, came, is_trial)
                except Transient:
                    raise
                except FreeholdError as error:
                    came.problems[issue.key] = error
                    came.held = min(came.held or issue.updated_at, issue.updated_at)
                came.through = max(came.through or issue.updated_at, issue.updated_at)
            is_whole = True
        finally:
            if not is_trial and (is_whole or system.is_oldest_first):
                self._note(ledger, tracker, before, came)
        return came

    def _note(self, ledger: Ledger, tracker: Tracker, before: datetime | None, came: Synced) -> None:
        """Record how far it came: up to what was seen last, or up to an issue that has to be looked at again."""
        seen = [at for at in (came.through, came.held, ledger.clock.now()) if at is not None]
        if came.through is not None and min(seen) > (before or _EPOCH):
            told: dict[str, Any] = {"tracker": tracker.id, "through": min(seen).isoformat(), "mark": tracker.mark}
            told |= {"issues": came.issues, "moves": came.moves}
            ledger.append(Event(SYNCED, told, subject=tracker.id))

    def track(self, tracker: Tracker, item: str, key: str, caller: Caller) -> Item:
        """Make an item the issue of a tracker, for a caller who may move it.

        Raises:
            FreeholdError: FH-X309 there is no such issue, or its type stands for no item; as `Tracking.track`.
        """
        asking = self._asking(tracker)
        issue = SYSTEMS[tracker.system].one(asking, key)
        meaning = tracker.meaning(issue.type) if issue is not None else None
        if issue is None or meaning is None:
            why = f"is a `{issue.type}`, which stands for no type of item" if issue else "is no issue of it"
            raise FreeholdError(
                "FH-X309", f"`{key}` {why} in `{tracker.id}`.", where=tracker.where, exit_code=Exit.USAGE,
                fix="Name another, or add its type.",
            )  # fmt: skip
        told = self._told(tracker, issue, meaning, Synced(tracker.id))
        tracked = Tracking(self._estate, self._ledger.acting(caller), self._ledger.clock).track(item, told)
        self._tell(asking, issue, item)
        return tracked

    def file(self, tracker: Tracker, item: Item, title: str, caller: Caller) -> Item:
        """File an issue for an item that began here, and make the item that issue, for a caller who may move it.

        Each has the other's key: what is filed is marked with the item first, so that after an end by force the same
        issue is found, and none is filed twice.

        Raises:
            FreeholdError: FH-X507 no type of issue stands for the item; FH-X301, FH-X302 it is an issue, or a
                duplicate; as `Asking.send` and `Tracking.track`.
        """
        type_ = tracker.type_for(item.type, item.state)
        if not type_ or item.tracked is not None or item.original:
            raise _unfiled(tracker, item)
        Work(self._estate, self._ledger.acting(caller)).expect_mine(item)  # before anything is filed elsewhere
        lease = self._ledger.lease(f"tracker/filing/{item.id}", holder("file"), _LEASE_S, is_gone=is_dead)
        with lease, lease.kept_alive():
            key = SYSTEMS[tracker.system].file(self._asking(tracker), type_, title, item.id)
            return self.track(tracker, item.id, key, caller)

    # -- one issue

    def _bring(
        self, tracker: Tracker, asking: Asking, tracking: Tracking, issue: Issue, came: Synced, is_trial: bool
    ) -> None:
        meaning = tracker.meaning(issue.type)
        if meaning is None:
            came.skipped += 1
            return
        told = self._told(tracker, issue, meaning, came)
        if not told.began:  # told already: its status stands for nothing
            return
        if not is_trial and not tracking.has(told):  # before it is recorded: an end by force leaves no item untold
            tracking.mirror(told, is_trial=True)
            self._tell(asking, issue, tracking.place(told))
        found = tracking.mirror(told, is_trial=is_trial)
        came.begun += found.has_begun
        came.moves += found.moves
        came.parted += found.is_parted

    def _tell(self, asking: Asking, issue: Issue, item: str) -> None:
        if self._address:
            SYSTEMS[asking.tracker.system].tell(asking, issue, item, f"{self._address}/items/{item}")

    def _told(self, tracker: Tracker, issue: Issue, meaning: Meaning, came: Synced) -> Told:
        people = handles_of(self._estate, tracker.system)
        statuses = [issue.steps[0].was if issue.steps else issue.status, *(s.to for s in issue.steps), issue.status]
        for status in dict.fromkeys(one for one in statuses if not meaning.state(one)):
            came.strange.setdefault(status, []).append(issue.key)
        changes = tuple(
            Change(step.id, step.at, meaning.state(step.to), _person(step.by, people))
            for step in issue.steps
            if meaning.state(step.to)
        )
        came.unknown += sum(not change.by for change in changes)
        return Told(
            tracker=tracker.id,
            issue=issue.id,
            key=issue.key,
            workflow=meaning.workflow,
            began=next((state for one in statuses if (state := meaning.state(one))), ""),
            state=meaning.state(issue.status),
            created_at=issue.created_at,
            updated_at=issue.updated_at,
            changes=changes,
            requester=_person(issue.reporter, people) or tracker.account,
            fields=_fields(meaning.fields, issue),
            product=tracker.product,
        )

    # -- what it goes by

    def _asking(self, tracker: Tracker) -> Asking:
        return Asking(tracker, self._estate.root, self._outbound, self._ledger.clock, self._sleep)

    def _acting(self, tracker: Tracker) -> Ledger:
        return self._ledger.acting(Caller(tracker.account, purpose="sync", assurance="system"))

    def _through(self, tracker: Tracker) -> datetime | None:
        """Return how far the tracker was brought in by its file as it is; None: not at all."""
        last = next(self._ledger.read(types=(SYNCED,), subject=tracker.id, newest_first=True, limit=1), None)
        if last is None or last.data["mark"] != tracker.mark:
            return None
        return datetime.fromisoformat(str(last.data["through"]))


def _unfiled(tracker: Tracker, item: Item) -> FreeholdError:
    if item.tracked is not None:
        return ruled_elsewhere(item)
    if item.original:
        why = f"`{item.id}` is a duplicate of `{item.original}`."
        return FreeholdError("FH-X302", why, fix="File the original.", exit_code=Exit.USAGE)
    return FreeholdError(
        "FH-X507", f"No type of issue of `{tracker.id}` stands for a `{item.type}` that is `{item.state}`.",
        where=tracker.where, fix="Add one to `items`, with a status for that state.", exit_code=Exit.USAGE,
    )  # fmt: skip


def _person(name: str, people: Mapping[str, tuple[str, ...]]) -> str:
    """Return who somebody of a tracker is, by the first reference to a person; empty where no team says."""
    return next((one for one in people.get(name.lower(), ()) if one.startswith(("user:", "service:"))), "")


def _fields(said: Mapping[str, Any], issue: Issue) -> dict[str, Any]:
    facts = {"title": issue.title, "key": issue.key, "type": issue.type, "priority": issue.priority}
    taken = {
        name: facts.get(value[1:]) if isinstance(value, str) and value.startswith("$") else value
        for name, value in said.items()
    }
    return {name: value for name, value in taken.items() if value not in (None, "")}

"""The demo's changes of its own files: merged in git, planned, judged by the gate, approved and put in force.

All of it goes the way of anybody's change (`freehold.changing`); whoever acts is a service called `simulated/…`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from typing import TYPE_CHECKING

from freehold.changing import approved, asked_for, judgement, planned, release
from freehold.delivery.plan.versions import head_of
from freehold.demo.commits import Commit, commits
from freehold.demo.estate_files import rewrite
from freehold.demo.people import ANALYST, OWNER
from freehold.estate.calendars import days_of

if TYPE_CHECKING:
    from freehold.delivery import RunOutcome
    from freehold.demo.replay import Stage
    from freehold.demo.repository import Repository

MERGED_AT, RELEASED_AT = time_of_day(16, 40), time_of_day(6, 40)  # by the clock of the shop


class Changes:
    """What is changed about the files of a stage, and put in force there.

    Args:
        stage: whose files they are.
        repository: where they are committed.
        wait: moves the clock of the stage on to an instant, if it may.
    """

    def __init__(self, stage: Stage, repository: Repository, wait: Callable[[datetime], None]) -> None:
        self._stage, self._repository, self._wait = stage, repository, wait
        self._days = days_of(stage.estate.calendars.get(str(stage.estate.defaults.get("calendar", ""))))
        self._to_come = deque(commits())
        self._is_merged = False

    def morning(self, day: date) -> None:
        """Put in force what was merged the evening before."""
        if self._is_merged:
            self._wait(datetime.combine(day, RELEASED_AT, self._stage.zone))
            self.release()

    def evening(self, day: date, number: int) -> None:
        """Merge what is due, before a day on which people work; `number` mornings were there before."""
        if self._to_come and self._to_come[0].day <= number and self._days.is_worked(day + timedelta(days=1)):
            self._wait(datetime.combine(day, MERGED_AT, self._stage.zone))
            self.merge(self._to_come.popleft())

    def merge(self, one: Commit) -> None:
        """Write what a commit changes, and commit it."""
        for edit in one.edits:
            rewrite(self._stage.folder, edit.path, edit.old, edit.new)
        self._repository.commit(one.title, self._stage.clock.now())
        self._is_merged = True

    def release(self, *, unpin: bool = False) -> RunOutcome:
        """Plan the files as they are, ask for approval, give it, and put them in force; look at what that did."""
        stage = self._stage
        stage.take_in()
        delivery, ledger = stage.delivery, stage.ledger
        commit = head_of(stage.folder)
        found, before = planned(stage.estate, delivery.env, ledger=ledger, first=True)
        asked_for(found, ledger, ANALYST, commit[0] if commit else None)
        approved(found, stage.estate, before, ledger, OWNER)
        judged = judgement(
            found, stage.estate, before, ledger, brought_by=ANALYST, is_release=True, commit=commit[0] if commit else ""
        )
        outcome = release(delivery, found, judged, commit, brought_by=ANALYST, unpin=unpin)
        self._is_merged = outcome.is_refused
        stage.watch()
        return outcome

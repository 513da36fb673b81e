"""The change that the estate's files propose to the shown environment: planned once for each state of the files.

A plan costs seconds in a large estate, so it is made when files or what is applied have changed, and kept. What the
gate says of it is a matter of milliseconds, and is asked each time: approvals come and go.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from freehold import opening
from freehold.changing import Judgement, expect_to_count, judgement, planned
from freehold.delivery.plan.versions import head_of, last_applied
from freehold.estate.files import Survey, survey
from freehold.foundation import Caller, Clock, FreeholdError
from freehold.ledger import Ledger

if TYPE_CHECKING:
    from freehold.delivery.plan import Plan, Version
    from freehold.estate.model import Estate

_OLDEST = timedelta(minutes=5)  # costs and readers of the past move slowly


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the files would change, and what it is compared with; None where nothing is in force yet.

    `commit` is that of the files, empty where they are not all in git. `notes` is what was said on the way.
    """

    estate: Estate
    plan: Plan
    before: Version | None
    commit: str
    notes: tuple[str, ...]
    taken_at: datetime

    @property
    def is_empty(self) -> bool:
        """Whether the files say what is in force already."""
        return not (self.plan.changes or self.plan.metrics or self.plan.findings or self._is_governed_otherwise)

    @property
    def _is_governed_otherwise(self) -> bool:
        return self.before is None or dict(self.estate.hashes) != dict(self.before.estate.hashes)

    @property
    def is_protected(self) -> bool:
        """Whether the environment is one, by the files or by what is in force."""
        known = (self.estate, *((self.before.estate,) if self.before else ()))
        return any(one.protected for e in known if (one := e.environment(self.plan.env)) is not None)

    def judged(self, ledger: Ledger, brought_by: Caller | None = None) -> Judgement | None:
        """Return what the gate says of it now; None where nothing is in force that it could be held against."""
        return judgement(self.plan, self.estate, self.before, ledger, brought_by=brought_by)

    def refusal(self, judged: Judgement | None, caller: Caller) -> FreeholdError | None:
        """Return why somebody's approval could not count; None if it could."""
        try:
            expect_to_count(self.plan, self.estate, self.before, judged, caller)
        except FreeholdError as error:
            return error
        return None


class Proposals:
    """Hands out the newest proposal of one estate. Safe to use from many threads."""

    def __init__(self, root: Path, ledger: Ledger, clock: Clock) -> None:
        self._root = root
        self._ledger = ledger
        self._clock = clock
        self._turn = threading.Lock()
        self._mark: tuple[str, Survey, str] | None = None
        self._kept: Proposal | None = None

    def now(self, env: str) -> Proposal:
        """Return what the files would change in an environment now.

        Raises:
            Problems: the files are in error.
        """
        with self._turn:
            last = last_applied(self._ledger, env)
            mark = (env, survey(self._root), last.id if last else "")
            is_old = self._kept is None or self._clock.now() - self._kept.taken_at > _OLDEST
            if self._kept is None or is_old or mark != self._mark:
                self._kept = self._taken(env)
                self._mark = mark
            return self._kept

    def _taken(self, env: str) -> Proposal:
        notes: list[str] = []
        estate = opening.loaded(str(self._root))
        found, before = planned(estate, env, ledger=self._ledger, first=True, tell=notes.append)
        commit = head_of(estate.root)
        return Proposal(estate, found, before, commit[0] if commit else "", tuple(notes), self._clock.now())

"""Who may see and do what here: one place that every page, every part of the API and every action asks.

Pages and API get a snapshot that holds only what the asker may see, so that no page can forget to leave anything out.
What may not be seen answers as what is not there.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from freehold.access import Access, Verdict, accounts_of
from freehold.foundation import FreeholdError, Problems
from freehold.metrics.paths import listed
from freehold.server.seeing import reduced

if TYPE_CHECKING:
    from freehold.access import Action, ServiceAccount
    from freehold.foundation import Caller
    from freehold.server.identity import Who
    from freehold.server.snapshots import Snapshot, Snapshots

_MOST_KEPT = 64  # reduced snapshots, one for each set of products that somebody sees


@dataclass(frozen=True)
class _Standing:
    """What is worked out of one snapshot, and holds for that alone: whoever began with it ends with it."""

    whole: Snapshot
    access: Access
    seen: dict[Caller, frozenset[str]] = field(default_factory=dict)
    parts: dict[frozenset[str], Snapshot] = field(default_factory=dict)

    @cached_property
    def _tells_apart(self) -> bool:
        """Whether two who see the same products may be told different things of them."""
        return bool(self.whole.estate.policies) or not self.access.is_open("ask")

    def eyes(self, caller: Caller) -> Caller | None:
        """Return the caller where others who see the same products may be told less or more of them; else None."""
        return caller if self._tells_apart else None

    def knows(self, caller: Caller) -> bool:
        """Whether what a caller may see was worked out already."""
        seen = self.seen.get(caller)
        return not self.access.is_limited(caller) or (seen is not None and (self._is_all(seen) or seen in self.parts))

    def seen_by(self, caller: Caller) -> Snapshot:
        """Return the snapshot of what a caller may see."""
        if not self.access.is_limited(caller):
            return self.whole
        seen = self.seen.get(caller)
        if seen is None:
            seen = self.seen[caller] = self.access.visible(caller)
        return self.whole if self._is_all(seen) else self._part(seen)

    def _is_all(self, seen: frozenset[str]) -> bool:
        return len(seen) == len(self.whole.estate.products)

    def _part(self, seen: frozenset[str]) -> Snapshot:
        """Return the part that holds some products. Two who ask at once may make it twice; either will do."""
        if seen not in self.parts:
            if len(self.parts) >= _MOST_KEPT:
                self.parts.clear()
            self.parts[seen] = made = reduced(self.whole, seen)
            return made
        return self.parts.get(seen) or reduced(self.whole, seen)


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What somebody may see of the estate; `eyes` names them where others who see the same may be told less or more."""

    snapshot: Snapshot
    eyes: Caller | None


class Rights:
    """Decides for one server, by the estate as its newest snapshot has it."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots
        self._turn = threading.Lock()
        self._standing: _Standing | None = None

    def snapshot(self, who: Who) -> Snapshot:
        """Return the newest snapshot of what somebody may see; those who see the same share one.

        Raises:
            FreeholdError: what `Snapshots.now` raises; of files in error FH-A116, to who is not at the shell.
        """
        return self.seen(who).snapshot

    def seen(self, who: Who) -> Seen:
        """Return what somebody may see: the same for all to whom pages tell the same; raises as `snapshot` does."""
        now, caller = self._now(who), who.caller("read")
        return Seen(now.seen_by(caller), now.eyes(caller))

    def seen_at_once(self, who: Who) -> Seen | None:
        """Return what `seen` would, where that needs neither wait nor work; else None."""
        now, caller = self._standing, who.caller("read")
        if now is None or now.whole is not self._snapshots.there() or not now.knows(caller):
            return None
        return Seen(now.seen_by(caller), now.eyes(caller))

    def may(self, who: Who, action: Action, product: str = "") -> Verdict:
        """Say whether somebody may do something to a product; without one, to the estate as a whole."""
        return self._now(who).access.may(who.caller(action), action, product)

    def expect(self, who: Who, action: Action, product: str = "") -> None:
        """Refuse somebody who may not do something to a product; without one, to the estate as a whole.

        Raises:
            FreeholdError: FH-D201 there is no such product, or they may not see it; FH-A113 they may not do this; the
                message says who may.
        """
        if product:
            self.snapshot(who).product(product)
        verdict = self.may(who, action, product)
        if not verdict:
            raise refusal(verdict)

    def is_declared(self, who: Who) -> bool:
        """Whether a service account is one still: its tokens end when its file does."""
        return who.principal in accounts_of(self._now(who).whole.estate)

    def accounts(self) -> Mapping[str, ServiceAccount]:
        """Return the service accounts of the estate, by principal, for whom nobody knows yet.

        Raises:
            FreeholdError: FH-A116 the files are in error; what `Snapshots.now` raises.
        """
        return accounts_of(self._now(None).whole.estate)

    def _now(self, who: Who | None) -> _Standing:
        """Return the newest snapshot, with what it says of access.

        Raises:
            Problems: the files are in error; told to whoever sits at the shell, for it names them.
            FreeholdError: FH-A116 to others.
        """
        try:
            whole = self._snapshots.now()
        except Problems as problems:
            if who is not None and who.assurance == "local":
                raise
            raise _in_error() from problems
        with self._turn:
            if self._standing is None or self._standing.whole is not whole:
                self._standing = _Standing(whole, Access(whole.estate))
            return self._standing


def _in_error() -> FreeholdError:
    return FreeholdError(
        "FH-A116",
        "The files of the estate are in error, and nothing was applied that could be shown instead.",
        fix="Ask whoever keeps them: `freehold validate` tells what is wrong.",
    )


def refusal(verdict: Verdict) -> FreeholdError:
    """Return the refusal that a verdict is, with whom files would have let."""
    whom = listed(verdict.who_may, "or")
    fix = f"Ask whoever may: {whom}." if whom else "Only who administers the estate may."
    return FreeholdError("FH-A113", verdict.why, fix=fix)

"""Silences: for a time nobody is notified of alerts whose labels match. They are raised all the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from freehold.foundation import Exit, FreeholdError, near
from freehold.ledger.event import Event
from freehold.reliability.alerts.matching import Labels, Matcher, match, matcher

if TYPE_CHECKING:
    from freehold.ledger import Ledger

_COMMENT = "silence"


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts of which nobody is notified for a time.

    Attributes:
        by: the principal who set it.
        comment: why; empty where nobody said, or where it was erased.
        ended_at: when somebody ended it before its time.
    """

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    by: str
    comment: str = ""
    ended_at: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it is in force at an instant."""
        return self.starts_at <= at < min(self.ends_at, self.ended_at or self.ends_at)

    def silences(self, labels: Labels, at: datetime) -> bool:
        """Whether nobody is to be notified of an alert of these labels at an instant."""
        return self.holds(at) and match(self.matchers, labels)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "silence": self.id, "matchers": [str(one) for one in self.matchers], "by": self.by,
            "starts_at": self.starts_at.isoformat(), "ends_at": self.ends_at.isoformat(),
            "ended_at": self.ended_at.isoformat() if self.ended_at else None, "comment": self.comment or None,
        }  # fmt: skip


def silences(ledger: Ledger, env: str, now: datetime, *, over: bool = False) -> tuple[Silence, ...]:
    """Return the silences of an environment that hold or will, the newest last; those that are over where asked."""
    found: dict[str, Silence] = {}
    for event in ledger.read(types=("silence.set", "silence.ended"), env=env):
        said, id_ = event.data, str(event.data["silence"])
        if event.type == "silence.set":
            comment = ledger.side.get(said["comment"]) if said.get("comment") else None
            ends = [datetime.fromisoformat(said[name]) for name in ("starts_at", "ends_at")]
            matchers = tuple(matcher(one) for one in said["matchers"])
            found[id_] = Silence(id_, matchers, ends[0], ends[1], event.actor, str(comment.payload) if comment else "")
        elif id_ in found:
            found[id_] = replace(found[id_], ended_at=event.occurred_at)
    every = found.values()
    return tuple(one for one in every if over or (one.ended_at is None and now < one.ends_at))


def silence(
    ledger: Ledger, env: str, matchers: Iterable[str], starts_at: datetime, ends_at: datetime, comment: str = ""
) -> Silence:
    """Silence alerts for a time, in the name of whoever writes to the ledger.

    Raises:
        FreeholdError: FH-E331 a matcher that is none; FH-E335 it would silence everything, or no time.
    """
    read: Sequence[Matcher] = tuple(matcher(one) for one in matchers)
    if not any(not one.matches({}) for one in read):
        fix = "Say of what: product=sales.orders, or monitor=rows."
        raise FreeholdError("FH-E335", "Such a silence would be of every alert.", fix=fix, exit_code=Exit.USAGE)
    now = ledger.clock.now()
    if ends_at <= max(starts_at, now):
        problem = f"A silence until {ends_at:%Y-%m-%d %H:%M} UTC is over before it begins."
        raise FreeholdError("FH-E335", problem, fix="Say a later end.", exit_code=Exit.USAGE)
    about = f"{now.isoformat()} {ledger.caller.principal} {ends_at.isoformat()} {', '.join(map(str, read))}"
    id_ = hashlib.sha256(about.encode()).hexdigest()[:12]
    kept = ledger.side.put(_COMMENT, comment) if comment else None
    said = {
        "silence": id_, "matchers": [str(one) for one in read], "starts_at": starts_at.isoformat(),
        "ends_at": ends_at.isoformat(), "comment": kept,
    }  # fmt: skip
    ledger.append(Event("silence.set", said, f"silence-{id_}", now, env))
    return Silence(id_, tuple(read), starts_at, ends_at, ledger.caller.principal, comment)


def end(ledger: Ledger, env: str, id_: str) -> Silence:
    """End a silence before its time.

    Raises:
        FreeholdError: FH-E336 there is none of that id; FH-E337 it is over.
    """
    now = ledger.clock.now()
    every = {one.id: one for one in silences(ledger, env, now, over=True)}
    found = every.get(id_)
    if found is None:
        fix = near(id_, every) or "See: freehold alerts silences"
        raise FreeholdError("FH-E336", f"There is no silence `{id_}`.", fix=fix, exit_code=Exit.USAGE)
    if found.ended_at is not None or found.ends_at <= now:
        problem = f"The silence `{id_}` is over."
        raise FreeholdError("FH-E337", problem, fix="Nothing has to be done.", exit_code=Exit.USAGE)
    ledger.append(Event("silence.ended", {"silence": id_}, f"silence-ended-{id_}", now, env))
    return replace(found, ended_at=now)

"""What is kept of each schedule between two looks: how far it was told, what is open, how the last run ended.

Kept state, not a projection: it is written in the transaction of the events that tell the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

NAMESPACE = "schedule"


@dataclass(frozen=True, slots=True)
class Due:
    """One run that is due: since when, until when it must have ended, and what made it so (cron, upstream, file)."""

    due_at: datetime
    deadline_at: datetime
    cause: str = "cron"


@dataclass(frozen=True, slots=True)
class Open:
    """A due run that has not ended well yet: how often it was tried, and before when it is not tried again."""

    due: Due
    attempts: int = 0
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Last:
    """How the last due run ended."""

    due_at: datetime
    ended_at: datetime
    status: str


@dataclass(frozen=True, slots=True)
class State:
    """What is known of one schedule.

    Attributes:
        told: how the schedule read; another one counts from when it is first seen.
        seen: until when its times were told.
        cursor: the last event of the ledger that was looked at for publications.
        files: what names the versions of the files that were there; empty before the first look.
        open: what is due and not done, oldest first.
        last: how the last one ended.
    """

    told: str
    seen: datetime
    cursor: int = 0
    files: str = ""
    open: tuple[Open, ...] = ()
    last: Last | None = None


def key_of(env: str, subject: str) -> str:
    """Return the key that the state of a schedule is kept under."""
    return f"{env} {subject}"


def to_json(state: State) -> dict[str, Any]:
    """Return a state as it is kept."""
    return {
        "told": state.told,
        "seen": state.seen.isoformat(),
        "cursor": state.cursor,
        "files": state.files,
        "open": [
            {
                "due_at": o.due.due_at.isoformat(),
                "deadline_at": o.due.deadline_at.isoformat(),
                "cause": o.due.cause,
                "attempts": o.attempts,
                "not_before": o.not_before.isoformat() if o.not_before else None,
            }
            for o in state.open
        ],
        "last": {
            "due_at": state.last.due_at.isoformat(),
            "ended_at": state.last.ended_at.isoformat(),
            "status": state.last.status,
        }
        if state.last
        else None,
    }


def from_json(kept: Mapping[str, Any]) -> State:
    """Return the state that `to_json` wrote."""
    last = kept["last"]
    return State(
        told=kept["told"],
        seen=_at(kept["seen"]),
        cursor=kept["cursor"],
        files=kept["files"],
        open=tuple(
            Open(
                Due(_at(o["due_at"]), _at(o["deadline_at"]), o["cause"]),
                o["attempts"],
                _at(o["not_before"]) if o["not_before"] else None,
            )
            for o in kept["open"]
        ),
        last=Last(_at(last["due_at"]), _at(last["ended_at"]), last["status"]) if last else None,
    )


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)

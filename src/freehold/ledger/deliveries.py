"""How subscriptions stand, and what was sent to whom: the values that are kept. Rules belong to the rooms above."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

State = Literal["waiting", "delivered", "dead", "failed"]
STATES: tuple[State, ...] = get_args(State)
EVENT, PING = "event", "ping"


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a subscription is, and whether it is sent anything.

    Attributes:
        id: of the subscription.
        cursor: the number of the last event that was looked at and is out of the line: sent, not for it, or set aside.
        mark: of where it went and what signed it, when it was looked at last.
        state: `disabled` is sent nothing until somebody, or a change of its file, says so.
        reason: why it is disabled.
        problem: what is wrong now; empty while all is well.
        failing_since: of the first failure since anything was delivered.
        held_until: the line waits, for a receiver that is ill.
    """

    id: str
    cursor: int
    mark: str
    state: Literal["active", "disabled"] = "active"
    reason: str = ""
    problem: str = ""
    disabled_at: datetime | None = None
    failing_since: datetime | None = None
    succeeded_at: datetime | None = None
    held_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to a subscription, or there.

    Attributes:
        id: of the message, `webhook-id`: that of the event, whatever the attempt.
        seq: the number of the event; 0 of a ping.
        state: `waiting` for an attempt; `dead` is an event whose attempts are used up; `failed` is a ping that did.
        status: of the last answer; 0 where there was none.
        took: until the last answer.
        next_at: when it is tried next, where it waits.
    """

    subscription: str
    id: str
    seq: int
    type: str
    kind: str = EVENT
    state: State = "waiting"
    attempts: int = 0
    status: int = 0
    problem: str = ""
    took: timedelta = timedelta(0)
    first_at: datetime | None = None
    last_at: datetime | None = None
    next_at: datetime | None = None

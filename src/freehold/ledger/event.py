"""An event: what a room wants remembered, and what the ledger makes of it when it writes it down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, as the room that saw it tells it.

    `type` is one of the vocabulary (docs/reference/events.md), `data` its payload. `id` makes an append idempotent;
    left out, a fresh one is made. `occurred_at` is when it happened, default: now. Persons and free text do not belong
    in here: put them into the side store and name them by the id it gives.
    """

    type: str
    data: Mapping[str, Any]
    id: str | None = None
    occurred_at: datetime | None = None
    env: str = ""
    subject: str = ""
    product: str = ""
    run_id: str = ""
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as it stands in the ledger.

    `seq` counts from 1 without gaps in each workspace. `recorded_at` never runs backwards along `seq`. `schema_version`
    is the version of its type in which `data` is given here: older ones are brought up to date on read. `replay` tells
    that a simulated clock was driving.
    """

    seq: int
    id: str
    type: str
    schema_version: int
    occurred_at: datetime
    recorded_at: datetime
    workspace: str
    env: str
    actor: str
    assurance: str
    subject: str
    product: str
    run_id: str
    correlation_id: str
    replay: bool
    data: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return the event as one JSON object, instants as RFC 3339 in UTC."""
        names = ("seq", "id", "type", "schema_version", "workspace", "env", "actor", "assurance")
        more = ("subject", "product", "run_id", "correlation_id", "replay")
        return {
            **{name: getattr(self, name) for name in names},
            "occurred_at": instant_text(micros(self.occurred_at)),
            "recorded_at": instant_text(micros(self.recorded_at)),
            **{name: getattr(self, name) for name in more},
            "data": dict(self.data),
        }


def micros(instant: datetime) -> int:
    """Return microseconds since 1970 in UTC of an aware instant, exactly."""
    since = instant - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_micros(value: int) -> datetime:
    """Return the aware instant of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=value)


def instant_text(value: int) -> str:
    """Return RFC 3339 in UTC with six decimals: the one spelling an instant has inside a seal."""
    return from_micros(value).isoformat(timespec="microseconds")[:-6] + "Z"

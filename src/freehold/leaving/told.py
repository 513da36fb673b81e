"""Who was told of a deprecation, and who answered: what its notice comes to. Pure but for reading the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from freehold.leaving.subject import last_day_of, subject_of
from freehold.ledger import Event

if TYPE_CHECKING:
    from freehold.ledger import Ledger, Recorded
    from freehold.work import Item

MOVED = "moved"  # the answer of who no longer relies on it
ANSWERS = (MOVED, "accepted", "objects")
REMINDED_AT = (30, 7, 1)  # days before the last one, at each of which who has not answered is told again
_NAMESPACE = UUID("5d0f1c36-2a7b-4a0e-8f7e-9f3f6f1f2c44")


@dataclass(frozen=True, slots=True)
class Told:
    """What came of the notice of one deprecation.

    Attributes:
        notice: its id; the same for everybody who is told, whenever.
        first_at, last_at: when each was told first, and last, by name.
        answers: who answered, with what they said they did; empty where they said no more than that they read it.
    """

    notice: str
    first_at: Mapping[str, datetime] = field(default_factory=dict)
    last_at: Mapping[str, datetime] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)

    @property
    def silent(self) -> tuple[str, ...]:
        """Who was told and has not answered, in the order in which they were told."""
        return tuple(name for name in self.first_at if name not in self.answers)

    def to_remind(self, last_day: date, now: datetime) -> tuple[str, ...]:
        """Return who has not answered, and was not told since the last of the days at which they are reminded."""
        left = (last_day - now.astimezone(UTC).date()).days
        reached = [days for days in REMINDED_AT if left <= days]
        if not reached or left < 0:
            return ()
        since = datetime.combine(last_day - timedelta(days=min(reached)), time(), UTC)
        return tuple(name for name in self.silent if self.last_at[name] < since)


def notice_of(item: str) -> str:
    """Return the id of the notice of a deprecation."""
    return f"n-{uuid5(_NAMESPACE, item).hex[:10]}"


def told_of(ledger: Ledger, item: str) -> Told:
    """Return what came of the notice of a deprecation so far."""
    return folded(item, ledger.read(types=("notice.sent", "notice.acknowledged"), subject=notice_of(item)))


def folded(item: str, events: Iterable[Recorded]) -> Told:
    """Return what events of one notice come to."""
    first: dict[str, datetime] = {}
    last: dict[str, datetime] = {}
    answers: dict[str, str] = {}
    for event in events:
        if event.type == "notice.acknowledged":
            answers[str(event.data["consumer"])] = str(event.data.get("action") or "")
            continue
        for name in event.data.get("audience") or ():
            first.setdefault(str(name), event.occurred_at)
            last[str(name)] = event.occurred_at
    return Told(notice_of(item), first, last, answers)


def sent(item: Item, audience: Sequence[str], now: datetime, env: str, days_left: int | None = None) -> Event:
    """Return the event that says that somebody was told of a deprecation: for the first time, or again."""
    key, last_day = subject_of(item), last_day_of(item)
    notice, about = notice_of(item.id), key.id if key else item.id
    content: dict[str, Any] = {
        "notice": notice, "audience": list(audience), "topic": about, "product": item.product or None, "item": item.id,
        "effective_at": datetime.combine(last_day, time(), UTC).isoformat() if last_day else None,
        "replaced_by": item.fields.get("replacement"), "days_left": days_left,
    }  # fmt: skip
    id_ = str(uuid5(_NAMESPACE, f"{notice}|{now.date()}|{days_left}|{sorted(audience)}"))
    return Event(
        "notice.sent", content, id_, now, env=env, subject=notice, product=item.product, correlation_id=item.id
    )


def answered(item: Item, consumer: str, action: str, now: datetime) -> Event:
    """Return the event of an answer to the notice of a deprecation."""
    content = {"notice": notice_of(item.id), "consumer": consumer, "action": action or None}
    return Event(
        "notice.acknowledged", content, occurred_at=now, subject=notice_of(item.id), product=item.product,
        correlation_id=item.id,
    )  # fmt: skip

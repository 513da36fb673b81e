"""The events that tell of decisions whose files are in force: one each time a status changes. Nothing is written here.

Told again, it is none: what the ledger holds already is compared with what the files say. So a crash between the
estate's being applied and this is mended by the next one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from freehold.ledger.event import Event, Recorded
from freehold.work.decisions.decision import Decision, decisions_of
from freehold.work.entering import is_principal

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger

RECORDED = "decision.recorded"
_TOLD = ("status", "settles", "deciders")  # what a decision is told again for


def recordings(estate: Estate, ledger: Ledger, env: str, at: datetime) -> tuple[Event, ...]:
    """Return what is to be recorded of the decisions of an estate that is in force since `at`."""
    decisions = decisions_of(estate)
    if not decisions:
        return ()
    told: dict[str, list[Recorded]] = {}
    for event in ledger.read(types=(RECORDED,)):
        told.setdefault(str(event.data["decision"]), []).append(event)
    began = _beginnings(ledger, {item for one in decisions.values() for item in one.settles})
    zone = ZoneInfo(str(estate.defaults.get("timezone", "UTC")))
    each = (_recording(one, told.get(one.id, []), began, estate, env, at, zone) for one in decisions.values())
    return tuple(event for event in each if event is not None)


def _recording(
    one: Decision, told: list[Recorded], began: Mapping[str, datetime], estate: Estate, env: str, at: datetime,
    zone: ZoneInfo,
) -> Event | None:  # fmt: skip
    said: dict[str, Any] = {
        "decision": one.id, "status": one.status, "settles": list(one.settles) or None,
        "item": one.settles[0] if one.settles else None, "deciders": list(_principals(one, estate)) or None,
    }  # fmt: skip
    before = told[-1].data if told else {}
    if told and all(before.get(name) == said[name] for name in _TOLD):
        return None
    decided = min(_end_of(one, zone), at) if one.is_settled else None
    proposed = [at] if one.status == "proposed" else []
    raised = min((*proposed, *_proposed(told), *(began[item] for item in one.settles if item in began)), default=None)
    # What was asked only after it was decided waited for nothing.
    known = raised if raised is not None and (decided is None or raised <= decided) else None
    products = [about.removeprefix("product:") for about in one.concerns if about.startswith("product:")]
    return Event(
        RECORDED, {**said, "decided_at": decided, "raised_at": known}, env=env, subject=one.id, occurred_at=at,
        product=products[0] if len(products) == 1 else "",
    )  # fmt: skip


def _end_of(one: Decision, zone: ZoneInfo) -> datetime:
    """Return when the day of a decision was over: it was decided by then, nobody says at which hour."""
    return datetime.combine(one.on + timedelta(days=1), time.min, zone)


def _principals(one: Decision, estate: Estate) -> Iterator[str]:
    """Yield who decided as the ledger may hold it: references alone; a name of a person stays in its file."""
    for who in one.deciders:
        if is_principal(who):
            yield who
        elif who in estate.teams:
            yield f"team:{who}"


def _proposed(told: list[Recorded]) -> Iterator[datetime]:
    yield from (event.occurred_at for event in told if event.data.get("status") == "proposed")


def _beginnings(ledger: Ledger, items: Collection[str]) -> dict[str, datetime]:
    """Return when each of some work items began."""
    found: dict[str, datetime] = {}
    for item in sorted(items):
        for event in ledger.read(types=("work.created",), subject=item, limit=1):
            found[item] = event.occurred_at
    return found

"""The status page, read from files and the ledger as of an instant: the same bytes come of the same instant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from freehold.connect.status_page.standing import (
    DAYS,
    Owed,
    PublicIncident,
    PublicProduct,
    StatusPage,
    Update,
    days_of,
    now_of,
)

if TYPE_CHECKING:
    from freehold.estate.model import Estate, Product
    from freehold.ledger import Ledger, Recorded

KEY = "freehold:status_page"
_FOR_CUSTOMERS = "customers"
_WORST = 1
_FALSE_ALARM = 5
_TRIED = ("success", "failed", "quarantined", "held")


def status_page(estate: Estate, ledger: Ledger, env: str, as_of: datetime) -> StatusPage:
    """Return the status page as it was at an instant.

    Args:
        estate: whose products say whether they are on it, and how they are called there.
        ledger: what happened.
        env: the environment that consumers read.
        as_of: the instant; what was recorded later does not count.
    """
    zone = ZoneInfo(str(estate.defaults.get("timezone", "UTC")))
    upto, today = ledger.sequence_as_of(as_of), as_of.astimezone(zone).date()
    midnight = {day: datetime.combine(day, time(), zone) for day in _days(today)}
    since = midnight[today - timedelta(days=DAYS - 1)]
    public = {id_: one for id_, one in estate.products.items() if KEY in one.custom}
    incidents = [one for one in _incidents(ledger, env, upto, public) if one.ended_at is None or one.ended_at > since]
    products = []
    for id_, product in public.items():
        told = list(_runs(ledger, id_, env, upto, since))
        mine = tuple(one for one in incidents if id_ in one.products)
        days = days_of(_owed(told, zone, as_of), mine, today, midnight)
        shown = tuple(sorted(mine, key=lambda one: (one.began_at, one.id), reverse=True))
        published = next(
            (e.occurred_at for e in ledger.read(
                types=("asset.published",), product=id_, env=env, upto=upto, newest_first=True, limit=1
            )), None,
        )  # fmt: skip
        said = product.custom[KEY]
        name, description = str(said["name"]), str(said.get("description", ""))
        products.append(PublicProduct(id_, name, description, now_of(days, shown), published, days, shown))
    return StatusPage(estate.name, as_of.astimezone(UTC), tuple(sorted(products, key=lambda one: (one.name, one.id))))


def _days(today: date) -> Iterator[date]:
    return (today + timedelta(days=n) for n in range(1 - DAYS, 2))


def _runs(ledger: Ledger, product: str, env: str, upto: int, since: datetime) -> Iterator[Recorded]:
    """Yield what was due of a product's assets since an instant, and what was tried."""
    yield from ledger.read(
        types=("run.expected", "run.completed"), product=product, env=env, upto=upto, since=since - timedelta(days=1)
    )


def _owed(told: Iterable[Recorded], zone: ZoneInfo, as_of: datetime) -> Iterator[Owed]:
    """Yield what was due or tried, by asset and day, and whether it was published by the end of that day.

    What is due later on the day that is not over is owed once it is past its hour. A backfill owes nothing.
    """
    last: dict[tuple[str, date], bool] = {}
    due: dict[tuple[str, date], bool] = defaultdict(bool)
    for event in told:
        said = event.data
        if event.type == "run.expected":
            until = _instant(said.get("deadline_at") or said["due_at"])
            if until <= as_of:
                due[str(said["asset"]), until.astimezone(zone).date()] = True
        elif said["status"] in _TRIED and said.get("trigger") != "backfill":
            at = _instant(said.get("ended") or event.occurred_at.isoformat())
            last[str(said["asset"]), at.astimezone(zone).date()] = said["status"] == "success"
    for key in sorted({*last, *due}):
        yield Owed(*key, is_kept=last.get(key, False))


def _incidents(ledger: Ledger, env: str, upto: int, public: Mapping[str, Product]) -> Iterator[PublicIncident]:
    """Yield the incidents of public products of which customers were told in words that a person approved."""
    told: dict[str, list[Recorded]] = defaultdict(list)
    for event in ledger.read(types=("incident.*",), upto=upto):
        if event.env in (None, "", env):
            told[str(event.data["incident"])].append(event)
    for id_, events in told.items():
        found = _incident(id_, events, ledger)
        if found is not None and not public.keys().isdisjoint(found.products):
            mine = tuple(name for name in found.products if name in public)
            yield PublicIncident(
                found.id, mine, found.severity, found.began_at, found.ended_at, found.updates
            )  # fmt: skip


def _incident(id_: str, events: list[Recorded], ledger: Ledger) -> PublicIncident | None:
    first = events[0]
    if first.type != "incident.opened":
        return None
    severity, began, ended = first.data.get("sev") or _WORST, first.data.get("impact_started_at"), None
    updates: list[Update] = []
    for event in events[1:]:
        said = event.data
        if event.type == "incident.resolved":
            ended = _instant(said["restored_at"])
        elif event.type == "incident.updated":
            severity = said.get("sev") or severity
            began = said.get("impact_started_at") or began
            updates += _updates(event, ledger)
    if severity >= _FALSE_ALARM or not updates:
        return None
    names = [str(name).rpartition(".")[0] for name in first.data.get("assets") or ()]
    products = tuple(dict.fromkeys(one for one in (first.product, *names) if one))
    since = _instant(began) if began else first.occurred_at
    return PublicIncident(_public_id(id_), products, severity, since, ended, tuple(reversed(updates)))


def _updates(event: Recorded, ledger: Ledger) -> Iterator[Update]:
    """Yield the words of an update, where they are for customers and were not erased."""
    if event.data.get("audience") == _FOR_CUSTOMERS and event.data.get("comms"):
        kept = ledger.side.get(str(event.data["comms"]))
        text: Any = kept.payload if kept else ""
        words = str(next(iter(text.values()), "")) if isinstance(text, Mapping) else str(text)
        if words.strip():
            yield Update(event.id, event.occurred_at, words.strip())


def _public_id(id_: str) -> str:
    return id_.rpartition("/")[2]


def _instant(text: Any) -> datetime:
    found = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=UTC)

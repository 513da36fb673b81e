"""The status page, read from files and the ledger as of an instant: the same bytes come of the same instant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
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
from freehold.delivery.graph import default_environment
from freehold.foundation.times import instant_of
from freehold.reliability.incidents import Incident, incidents
from freehold.work.incidents import is_of_environment
from freehold.work.severity import WORST

if TYPE_CHECKING:
    from freehold.estate.model import Estate, Product
    from freehold.ledger import Ledger, Recorded

KEY = "freehold:status_page"
_FOR_CUSTOMERS = "customers"
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
    is_here = partial(is_of_environment, env=env, usual=default_environment(estate))
    incidents = [
        one for one in _incidents(ledger, is_here, upto, public) if one.ended_at is None or one.ended_at > since
    ]
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

    What is due later on the day that is not over is owed once it is past its hour; what came early has come. A backfill
    owes nothing.
    """
    last: dict[tuple[str, date], bool] = {}
    due: dict[tuple[str, date], set[str]] = defaultdict(set)
    came: dict[tuple[str, str], date] = {}
    for event in told:
        said = event.data
        interval = str(said.get("interval_start") or "")
        if event.type == "run.expected":
            until = instant_of(said.get("deadline_at") or said["due_at"])
            if until <= as_of:
                due[str(said["asset"]), until.astimezone(zone).date()].add(interval)
            continue
        day = instant_of(said.get("ended") or event.occurred_at.isoformat()).astimezone(zone).date()
        if said["status"] == "success":
            came.setdefault((str(said["asset"]), interval), day)
        if said["status"] in _TRIED and said.get("trigger") != "backfill":
            last[str(said["asset"]), day] = said["status"] == "success"
    for key in sorted({*last, *due}):
        asset, day = key
        early = [came.get((asset, interval), date.max) <= day for interval in due.get(key, ()) if interval]
        yield Owed(*key, is_kept=last.get(key, bool(early) and all(early)))


def _incidents(
    ledger: Ledger, is_here: Callable[[str], bool], upto: int, public: Mapping[str, Product]
) -> Iterator[PublicIncident]:
    """Yield the incidents of public products of which customers were told in words that a person approved."""
    for one in incidents(ledger, upto).values():
        products = dict.fromkeys((one.product, *(name.rpartition(".")[0] for name in one.assets)))
        mine = tuple(name for name in products if name in public)
        updates = tuple(_updates(one, ledger))
        if mine and updates and not one.is_dismissed and is_here(one.env):
            id_, severity = one.id.rpartition("/")[2], one.sev or WORST
            yield PublicIncident(id_, mine, severity, one.began_at, one.resolved_at, updates)


def _updates(one: Incident, ledger: Ledger) -> Iterator[Update]:
    """Yield the words about an incident that are for customers and were not erased, the newest first."""
    for said in reversed(one.updates):
        kept = ledger.side.get(said.comms) if said.audience == _FOR_CUSTOMERS else None
        text: Any = kept.payload if kept else ""
        words = str(next(iter(text.values()), "")) if isinstance(text, Mapping) else str(text)
        if words.strip():
            yield Update(said.event, said.at, words.strip())

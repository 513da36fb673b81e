"""Who answers for a product at a given time: who is paged, whom after that, and what they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from freehold.delivery.arrival import duration
from freehold.estate.calendars import days_of

if TYPE_CHECKING:
    from freehold.estate.model import Estate, Team
    from freehold.reliability.alerts.alert import Alert
    from freehold.reliability.signals import Signal

_OWNERS = ("owner", "steward")  # roles that answer, in their order


@dataclass(frozen=True, slots=True)
class Answering:
    """Who answers; principals, never names. What nobody says is None.

    Attributes:
        owner: the team of the product.
        responder: who is paged: on call now, else the owner in the team, else the team.
        escalation: who is paged after that.
        runbook: what to do: a file of the estate, or an address.
        out_of_hours: whether it is outside working hours of the estate's calendar.
    """

    tier: int
    domain: str
    owner: str | None
    responder: str | None
    escalation: str | None
    runbook: str | None
    out_of_hours: bool


def answering(estate: Estate, product: str, at: datetime) -> Answering:
    """Return who answers for a product at an instant."""
    found = estate.products.get(product)
    team = estate.teams.get(found.team or "") if found else None
    chain = _chain(estate, team, at) if team else []
    return Answering(
        tier=found.tier if found else 3,
        domain=(found.domain if found else None) or "",
        owner=f"team:{team.id}" if team else None,
        responder=chain[0] if chain else None,
        escalation=chain[1] if len(chain) > 1 else None,
        runbook=found.custom.get("freehold:runbook") if found else None,
        out_of_hours=not _is_worked(estate, at),
    )


def labels(one: Signal | Alert, severity: str, who: Answering) -> dict[str, str]:
    """Return the labels of an alert, by which routes, inhibitions and silences find it."""
    return {
        "asset": one.asset, "column": one.column, "direction": one.direction, "domain": who.domain,
        "kind": str(one.kind), "monitor": one.monitor, "product": one.product, "severity": severity,
        "team": (who.owner or "").removeprefix("team:"), "tier": str(who.tier),
    }  # fmt: skip


def on_call(rota: Mapping[str, Any], at: datetime, zone: ZoneInfo) -> Sequence[str]:
    """Return who is on call at an instant, and after them the others, in the order of their turns.

    Args:
        rota: `who` takes turns of `turn` (7d) each, the first of which begins on `from` at `at` (09:00).
        at: the instant.
        zone: the time zone of `at`, unless the rota names one: turns change at that time of the day, whatever its
            clocks do.
    """
    place = ZoneInfo(str(rota["timezone"])) if "timezone" in rota else zone
    begins = datetime.combine(date.fromisoformat(rota["from"]), time.fromisoformat(rota.get("at", "09:00")))
    passed = at.astimezone(place).replace(tzinfo=None) - begins
    who, turn = tuple(rota["who"]), duration(rota.get("turn", "7d"))
    now = (passed // turn) % len(who)
    return (*who[now:], *who[:now]) if passed >= timedelta(0) else who


def _chain(estate: Estate, team: Team, at: datetime) -> list[str]:
    """Return who is paged, one after the other, each once."""
    said = team.spec.get("on_call", {})
    zone = ZoneInfo(str(estate.defaults.get("timezone", "UTC")))
    rota = said.get("rota")
    turns = on_call(rota, at, zone) if isinstance(rota, Mapping) else ()
    owners = [one for role in _OWNERS for one in team.roles.get(role, ())]
    parent = estate.teams.get(str(team.spec.get("parent") or ""))
    above = [one for role in _OWNERS for one in parent.roles.get(role, ())] if parent else []
    escalation = [said["escalation"]] if "escalation" in said else []
    first = [*turns[:1], *(() if turns else owners[:1])] or [f"team:{team.id}"]
    after = [*escalation, *turns[1:], *owners, *above, *([f"team:{parent.id}"] if parent else [])]
    return list(dict.fromkeys([*first, *after]))


def _is_worked(estate: Estate, at: datetime) -> bool:
    """Whether people work at an instant, by the estate's calendar; without one, Monday to Friday, 09:00 to 17:00."""
    calendar = estate.calendars.get(str(estate.defaults.get("calendar", "")))
    here, days = at.astimezone(ZoneInfo(str(estate.defaults.get("timezone", "UTC")))), days_of(calendar)
    start, end = days.hours if calendar is not None and "hours" in calendar.spec else (time(9), time(17))
    today, before = (days.is_worked(here.date() - timedelta(days=n)) for n in (0, 1))
    if start <= end:
        return today and (start == end or start <= here.time() < end)
    return (today and here.time() >= start) or (before and here.time() < end)  # the night of a day ends on the next

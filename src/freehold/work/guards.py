"""What must hold before a move: conditions over the facts of an item, or conditions with a name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from freehold.foundation.words import counted
from freehold.rules.facts import Fact, FactTable
from freehold.work.decided import decided_items
from freehold.work.incidents import Incidents, begun
from freehold.work.severity import SEVERE

if TYPE_CHECKING:
    from freehold.estate.operating import FieldOfItem, Workflow, Written
    from freehold.ledger import Ledger
    from freehold.sql.conditions import Condition
    from freehold.work.item import Item

Named = Callable[["Item", "Ledger", int], str]
"""A condition with a name: why it does not hold of an item, a sentence; empty where it does. The number is the one of
days that its name ends in, as in `unread-for-14d`; 0 where it ends in none."""

# The types a field may have, each with the type of its fact. A field that may hold several counts them.
FIELD_TYPES = {
    **dict.fromkeys(
        ("text", "metric", "asset", "product", "resource", "url", "principal", "item", "digest", "choice"), "varchar"
    ),
    "date": "date", "instant": "timestamp with time zone", "number": "double", "boolean": "boolean",
}  # fmt: skip
OF_EVERY_ITEM = {
    "item": Fact("varchar", "its id"),
    "type": Fact("varchar", "the id of its workflow"),
    "state": Fact("varchar", "the state it is in"),
    "requester": Fact("varchar", "who asked for it"),
    "product": Fact("varchar", "the product it is about"),
    "class": Fact("varchar", "its class: standard, urgent"),
    "priority": Fact("varchar", "its priority"),
    "assignee": Fact("varchar", "who took it on"),
    "age_days": Fact("double", "days since it began"),
    "move_count": Fact("bigint", "how often it moved"),
}
_DAYS = re.compile(r"(.+)-(\d+)d")
_NAMED = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)+")


def facts_of(workflow: Workflow) -> FactTable:
    """Return the facts of the items of a workflow: those of every item, and its own fields."""
    own = {name: Fact(_type(one), f"the field `{name}`") for name, one in workflow.fields.items()}
    return FactTable("item", {**own, **OF_EVERY_ITEM})


def row_of(item: Item, workflow: Workflow, now: datetime, texts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of an item as they stand; `texts` are its fields of free text."""
    held = {**item.fields, **texts}
    own = {name: _value(one, held.get(name)) for name, one in workflow.fields.items()}
    return {
        **own,
        "item": item.id,
        "type": item.type,
        "state": item.state,
        "requester": item.requester or None,
        "product": item.product or None,
        "class": item.service_class or None,
        "priority": item.priority or None,
        "assignee": item.assignee or None,
        "age_days": (now - item.created_at).total_seconds() / 86_400,
        "move_count": len(item.history) - 1,
    }


def is_named(guard: Written) -> bool:
    """Whether a guard is the name of a condition, such as `decision-recorded`, and no expression."""
    return _NAMED.fullmatch(guard.text) is not None


def compiled_guard(guard: Written, workflow: Workflow) -> Condition:
    """Return a guard that is an expression, typed.

    Raises:
        ConditionError: it cannot be used.
    """
    from freehold.sql.conditions import condition

    return condition(guard.text, facts_of(workflow).types)


def in_days(name: str) -> tuple[str, int]:
    """Return the name of a condition without its days, and how many those are: `unread-for-14d`."""
    found = _DAYS.fullmatch(name)
    return (found[1], int(found[2])) if found else (name, 0)


def _decision_recorded(item: Item, ledger: Ledger, _: int) -> str:
    """Say that nothing was decided about an item: what is only proposed, or no longer holds, decides nothing."""
    return "" if item.id in decided_items(ledger) else "Nothing was decided about it."


def _users_notified(item: Item, ledger: Ledger, _: int) -> str:
    sent = ledger.read(types=("notice.sent",), since=item.created_at)
    told = any(item.id in (event.subject, event.data.get("topic"), event.data.get("item")) for event in sent)
    return "" if told else "No notice of it was sent."


def _alerts_resolved(item: Item, ledger: Ledger, _: int) -> str:
    """Say that something of an incident is still wrong, or that no alert is of it: then a person says when it ends."""
    of: dict[str, str] = {}
    over: set[str] = set()
    for event in ledger.read(types=("alert.joined", "alert.resolved", "alert.closed")):
        alert = str(event.data["alert_id"])
        if event.type == "alert.joined":
            of[alert] = str(event.data["incident"])
        else:
            over.add(alert)
    mine = {alert for alert, incident in of.items() if incident == item.id}
    if not mine:
        return "No alert is of it."
    return f"{counted(len(mine - over), 'alerts')} of it are not over." if mine - over else ""


def _is_severe(item: Item, ledger: Ledger, _: int) -> str:
    """Say that an incident is not of severity 1 or 2, as it was told last: what it began with may have got worse."""
    told = Incidents(begun)
    told.take(ledger.read(types=("incident.opened", "incident.updated"), subject=item.id))
    one = told.get(item.id)
    sev = one.sev if one is not None else None
    return "" if sev is not None and sev <= SEVERE else f"It is of severity {sev or 'nobody knows which'}."


def _recurs_within(item: Item, ledger: Ledger, days: int) -> str:
    """Say that an incident is not the third, or a later one, that began at the same root within some days."""
    told = Incidents(begun)
    told.take(ledger.read(types=("incident.opened", "incident.judged", "incident.updated")))
    mine = told.get(item.id)
    if mine is None or mine.is_dismissed or not mine.root:
        return "It is not known where it began."
    since, at = mine.detected_at - timedelta(days=days), mine.detected_at
    others = (one for one in told.by_id.values() if one.root == mine.root and not one.is_dismissed)
    count = sum(since <= one.detected_at <= at for one in others)
    return "" if count >= RECURRING else f"It is number {count} of `{mine.root}` within {counted(days, 'days')}."


def _unread_for(_item: Item, _ledger: Ledger, _days: int) -> str:
    """Say that it is not known who reads something: rooms above, which know the catalog, put theirs in its place."""
    return "Who reads it is not known here."


def _in_time(_item: Item, _ledger: Ledger, _days: int) -> str:
    """Say that it is not known how much notice is promised: rooms above, which know the tiers, put theirs here."""
    return "How much notice is promised is not known here."


UNREAD_FOR = "unread-for"
RECURRING = 3  # so many incidents of one root recur
NAMED: Mapping[str, Named] = {
    "decision-recorded": _decision_recorded,
    "users-notified": _users_notified,
    "alerts-resolved": _alerts_resolved,
    "is-severe": _is_severe,
    "recurs-within": _recurs_within,
    UNREAD_FOR: _unread_for,
    "notice-in-time": _in_time,
}


def _type(field: FieldOfItem) -> str:
    return "bigint" if field.is_many else FIELD_TYPES.get(field.type, "varchar")


def _value(field: FieldOfItem, value: Any) -> Any:
    if field.is_many:
        return len(value or ())
    if value is not None and field.type == "date":
        return date.fromisoformat(value)
    if value is not None and field.type == "instant":
        return datetime.fromisoformat(value)
    return value

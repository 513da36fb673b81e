"""What programs are told of events, by the feed and by webhooks: CloudEvents, and only of what they may see.

Who is told gets events of products they may see, and those of no product only where they may see all. Persons stay out:
what tells of signing in, of tokens and of people is told to nobody here, and a person's name in an event is not shown.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from freehold.ledger import Recorded

OF_ROWS: Mapping[str, tuple[str, ...]] = {  # what events hold of rows: values, and words that quote them
    "profile.observed": ("columns",), "check.completed": ("reason", "value"),  # the largest amount is that of a row
    "dispute.measured": ("figure",), "benefit.measured": ("now",),
    "alert.raised": ("reason",),
    "anomaly.found": ("value", "expected", "low", "high", "categories"),
}  # fmt: skip
PREFIX = "freehold."  # before the type of an event, as CloudEvents wants a name of who defines it
_PRIVATE = ("session.", "token.", "people.", "side.", "access.")  # of persons, and of nobody else's concern
PERSONS = ("user:", "person:")


def source_of(estate: str) -> str:
    """Return the source of an estate's events."""
    return f"urn:freehold:{estate}"


def is_for(event: Recorded, seen: frozenset[str] | None, products: Collection[str] = ()) -> bool:
    """Whether somebody is told of an event: `seen` are the products they may see, None for all; of `products` alone."""
    if event.type.startswith(_PRIVATE):
        return False
    told_of = products_of(event)
    if products and told_of.isdisjoint(products):
        return False
    return seen is None or (bool(told_of) and told_of <= seen)


def products_of(event: Recorded) -> frozenset[str]:
    """Return the products that an event tells of: its own, and those of the assets that it names."""
    said = event.data
    assets = [said.get("asset"), *(said.get("assets") or ())]
    named = [event.product, said.get("product"), *(said.get("products") or ())]
    named += [one.rpartition(".")[0] for one in assets if isinstance(one, str)]
    return frozenset(str(one) for one in named if one)


def cloud_event(event: Recorded, source: str) -> dict[str, Any]:
    """Return an event as CloudEvents has it; who did it is told as a kind, never by name."""
    said: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": source,
        "type": f"{PREFIX}{event.type}",
        "time": event.occurred_at.isoformat().replace("+00:00", "Z"),
        "sequence": f"{event.seq:012}",
        "datacontenttype": "application/json",
        "recordedtime": event.recorded_at.isoformat().replace("+00:00", "Z"),
        "dataversion": str(event.schema_version),
        "actorkind": event.actor.partition(":")[0],
    }
    more = {
        "subject": event.subject, "env": event.env, "product": event.product, "runid": event.run_id,
        "correlationid": event.correlation_id,
    }  # fmt: skip
    said |= {name: value for name, value in more.items() if value}
    return said | {"data": _impersonal(event.data)}


def without_rows(event: Recorded) -> Recorded:
    """Return an event without what it holds of rows, for whom a policy hides some."""
    withheld = OF_ROWS.get(event.type)
    if not withheld:
        return event
    return replace(event, data={name: value for name, value in event.data.items() if name not in withheld})


def _impersonal(value: Any) -> Any:
    """Return a payload without the names of persons."""
    if isinstance(value, str):
        return "person" if value.startswith(PERSONS) else value
    if isinstance(value, Mapping):
        return {name: _impersonal(one) for name, one in value.items()}
    return [_impersonal(one) for one in value] if isinstance(value, list | tuple) else value

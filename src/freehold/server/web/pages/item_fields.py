"""What a work item holds, as people read it: names are links, days and instants are written as on all pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from freehold.foundation import FreeholdError
from freehold.foundation.times import instant_of

if TYPE_CHECKING:
    from freehold.server.items import Items
    from freehold.server.web.showing import Asked
    from freehold.work import Item

_NAMES = ("product", "asset", "metric", "resource")  # types of fields that name what the estate has


@dataclass(frozen=True, slots=True)
class FieldValue:
    """A value of a field: `href` is the page of what it names; an instant has `at` and a day `day`, which are shown."""

    text: str
    href: str = ""
    at: datetime | None = None
    day: date | None = None


@dataclass(frozen=True, slots=True)
class FieldRow:
    """A field of an item, with its values in their order."""

    term: str
    values: tuple[FieldValue, ...]


def field_rows(items: Items, one: Item) -> tuple[FieldRow, ...]:
    """Return what an item holds but its product, which is told beside it."""
    types = items.work.workflow(one.type).fields
    held = {name: value for name, value in {**items.work.texts(one), **one.fields}.items() if name != "product"}
    rows = (
        FieldRow(spoken(name), tuple(_values(items, types[name].type if name in types else "", value)))
        for name, value in held.items()
    )
    return tuple(row for row in rows if row.values)


def spoken(name: str) -> str:
    """Return the name of a field or a clock as people read it."""
    return name.replace("_", " ").capitalize()


def href_of(asked: Asked, name: str, kind: str) -> str:
    """Return the page of a product, an asset or a metric; empty where the asker sees none of that name.

    Args:
        asked: by whom.
        name: its id.
        kind: `product`, `asset` or `metric`, or `resource` for any of them; anything else has no page.
    """
    if kind in ("product", "resource") and name in asked.snapshot.estate.products:
        return f"/products/{name}"
    if kind in ("asset", "resource") and name in asked.snapshot.by_asset:
        product, _, short = name.rpartition(".")
        return f"/products/{product}#{short}"
    if kind in ("metric", "resource") and name in asked.snapshot.catalogue:
        return f"/metrics/{name}"
    return ""


def _values(items: Items, kind: str, value: Any) -> Iterator[FieldValue]:
    for one in value if isinstance(value, list) else [value]:
        yield _value(items, kind, one)


def _value(items: Items, kind: str, value: Any) -> FieldValue:
    if isinstance(value, bool):
        return FieldValue("yes" if value else "no")
    text = str(value)
    if kind == "item":
        return _of_item(items, text)
    if kind in _NAMES:
        return FieldValue(text, href_of(items.asked, text, kind))
    try:
        if kind == "instant":
            return FieldValue(text, at=instant_of(text).astimezone(UTC))
        if kind == "date":
            return FieldValue(text, day=date.fromisoformat(text))
    except ValueError:  # its workflow typed it otherwise when it was said
        pass
    return FieldValue(text)


def _of_item(items: Items, id_: str) -> FieldValue:
    """Return another item by its title; by its id alone where the asker may not see it."""
    try:
        return FieldValue(items.work.title(items.get(id_)), f"/items/{id_}")
    except FreeholdError:
        return FieldValue(id_)

"""The disputes of a metric, for its page: the same for all who see the same of the estate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from freehold.insight.disputing import DISPUTE
from freehold.server.items import Items
from freehold.server.web.model import Mark
from freehold.server.web.pages.items import tone_of
from freehold.server.web.showing import Asked

if TYPE_CHECKING:
    from freehold.metrics.model import Metric


@dataclass(frozen=True, slots=True)
class Dispute:
    """Somebody's word that a metric is wrong, or means something else than people take it for."""

    title: str
    href: str
    state: Mark
    began_at: datetime
    is_open: bool


def disputes_of(asked: Asked, one: Metric) -> Iterator[Dispute]:
    """Yield the disputes of a metric that whoever sees what the asker sees may see, the newest first."""
    items = Items(asked)
    for item in reversed(items.work.items(DISPUTE)):
        if item.fields.get("metric") in (one.id, one.name) and items.is_in_sight(item):
            state = Mark(tone_of(items, item), item.state)
            is_open = not items.work.has_ended(item)
            yield Dispute(items.work.title(item), f"/items/{item.id}", state, item.created_at, is_open)


def dispute_words(one: Metric) -> str:
    """Return the query of the form by which somebody says that a metric is wrong."""
    return urlencode({"type": DISPUTE, "metric": one.id})

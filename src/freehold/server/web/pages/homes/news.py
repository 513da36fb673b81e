"""What became of what a reader asked for, where it ended with something else: news, on whichever home is theirs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from freehold.foundation import FreeholdError
from freehold.server.items import Items
from freehold.server.web.model import Line, Mark
from freehold.server.web.pages.items import tone_of
from freehold.server.web.showing import Asked
from freehold.work import Item

WINDOW = timedelta(days=14)
_MOST = 5


def news(asked: Asked) -> tuple[Line, ...]:
    """Return the duplicates of a reader's that ended with their original lately, the newest first."""
    items, since = Items(asked), asked.snapshot.taken_at - WINDOW
    mine = [one for one in items.all(is_open=False) if one.requester == asked.who.principal]
    ended = [one for one in mine if one.history[-1].ended_with and one.history[-1].since >= since]
    ended.sort(key=lambda one: one.history[-1].since, reverse=True)
    return tuple(_line(items, one) for one in ended[:_MOST])


def _line(items: Items, one: Item) -> Line:
    state = one.state.replace("_", " ")
    return Line("", Mark(tone_of(items, one), state), " ".join(became(items, one)), f"/items/{one.id}")


def became(items: Items, one: Item) -> Iterator[str]:
    """Yield what became of a duplicate, in sentences: how it ended, and with what, as far as the asker may see that."""
    title = items.work.title(one).rstrip(".")
    try:
        other = items.work.title(items.get(one.history[-1].ended_with)).rstrip(".")
    except FreeholdError:  # they may not see it
        other = ""
    yield f"“{title}” is {one.state.replace('_', ' ')}."
    yield f"It was the same as “{other}”." if other and other != title else "Others had asked for the same."

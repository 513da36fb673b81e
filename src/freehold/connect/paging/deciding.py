"""Which channel is told of which matter, and what of it is still to be told. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from freehold.connect.messages import Said
from freehold.connect.paging.matter import BY_FILE, Kind, Matter, Step

if TYPE_CHECKING:
    from freehold.connect.messages import Channel
    from freehold.estate.model import Estate

TRIGGER, ACKNOWLEDGE, RESOLVE = "trigger", "acknowledge", "resolve"  # as PagerDuty calls them
POST, FOLLOW = "post", "follow"  # a message of its own, and what happened after it
_ACTIONS = {"open": TRIGGER, "acknowledged": ACKNOWLEDGE, "resolved": RESOLVE}
_IS_OLD = timedelta(days=1)
_OF_ALL = frozenset({"slack", "webhook"})  # what is told of alerts that join, too


@dataclass(frozen=True, slots=True)
class Act:
    """Something to be told: what, and the steps that it tells of."""

    what: str
    steps: tuple[Step, ...]


@dataclass
class Told:
    """What a channel was told of one matter, as the ledger has it."""

    acts: set[str] = field(default_factory=set)
    steps: set[str] = field(default_factory=set)
    said: Said = field(default_factory=Said)

    def take(self, data: Mapping[str, Any]) -> None:
        """Take in what an event `page.sent` tells."""
        self.acts.add(str(data["act"]))
        self.steps.update(data["steps"])
        if data.get("message") and not self.said.message:
            self.said = Said(str(data.get("conversation") or ""), str(data["message"]))


def concerns(channel: Channel, matter: Matter, estate: Estate) -> bool:
    """Whether a channel is told of a matter: where its alerts are routed, or by its file, from severity and product.

    Args:
        channel: whose file it is.
        matter: as it is now.
        estate: whose products say of which team they are.
    """
    if channel.id in matter.receivers:
        return True
    pages = channel.pages
    if BY_FILE not in matter.receivers or pages is None or matter.severity > pages.severity:
        return False
    if not pages.products and not pages.teams:
        return True
    teams = {estate.products[name].team for name in matter.products if name in estate.products}
    return not matter.products.isdisjoint(pages.products) or not teams.isdisjoint(pages.teams)


def due(to: str, matter: Matter, told: Told, now: datetime) -> tuple[Act, ...]:
    """Return what a channel is still to be told of a matter, in order.

    PagerDuty is told the state it is in. All others get one message of what is open, and then what happens; of what
    had ended before they heard of it, they hear nothing.
    """
    untold = tuple(step for step in matter.steps if step.id not in told.steps)
    if to == "pagerduty":
        action = _ACTIONS[matter.state]
        # One that was triggered by a server that died before it could say so is resolved all the same.
        is_stale = not told.acts and matter.has_ended and now - matter.steps[-1].at > _IS_OLD
        return () if action in told.acts or is_stale else (Act(action, untold),)
    if not told.acts:
        return () if matter.has_ended else (Act(POST, untold),)
    return tuple(_follows(to, untold))


def _follows(to: str, steps: tuple[Step, ...]) -> Iterator[Act]:
    """Yield what happened since; alerts that joined one after the other are told together."""
    for kind, group in groupby(steps, key=lambda step: step.kind):
        if kind is Kind.JOINED and to not in _OF_ALL:
            continue
        if kind is Kind.JOINED:
            yield Act(FOLLOW, tuple(group))
        else:
            yield from (Act(FOLLOW, (step,)) for step in group)

"""How a subscription stands, in words that pages, the API and commands share. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from freehold.foundation import Exit, FreeholdError, near
from freehold.foundation.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from freehold.ledger.deliveries import Delivery, Standing
    from freehold.server.webhooks.subscribers import Subscriber

MOST_ASIDE = 100  # events set aside, after which the line waits: who refuses so many refuses all
Word = Literal["well", "catching up", "failing", "disabled", "paused", "without an account", "not begun"]


@dataclass(frozen=True, slots=True)
class Stands:
    """A subscription and how it stands.

    Attributes:
        word: in one word; `told` says why, where it is not well.
        behind: events that it has not come to yet; where they are more than a thousand, with those that are not for it.
        waiting, dead: events that were set aside, and those whose attempts are used up.
    """

    who: Subscriber
    standing: Standing | None
    word: Word
    told: str
    behind: int
    waiting: int
    dead: int

    @property
    def id(self) -> str:
        """The id of the subscription."""
        return self.who.subscription.id

    def as_object(self) -> dict[str, Any]:
        """Return it for a machine; no secret is in it."""
        one, now = self.who.subscription, self.standing
        return {
            "id": one.id, "name": one.name, "owner": one.owner, "url": one.shown_url, "as": one.account,
            "types": list(one.types), "products": list(one.products), "environments": list(one.environments),
            "state": self.word, "told": self.told, "behind": self.behind, "waiting": self.waiting, "dead": self.dead,
            "cursor": now.cursor if now else None,
            "delivered_at": now.succeeded_at if now else None,
            "failing_since": now.failing_since if now else None,
            "next_at": now.held_until if now else None,
        }  # fmt: skip


def stands(who: Subscriber, standing: Standing | None, counts: Mapping[str, int], behind: int, now: datetime) -> Stands:
    """Return how a subscription stands.

    Args:
        who: who subscribes.
        standing: how far it is; None where no server has looked at it.
        counts: how many deliveries of each state there are.
        behind: events that it has not come to yet.
        now: the time.
    """
    waiting, dead = counts.get("waiting", 0), counts.get("dead", 0)
    word, told = _word(who, standing, behind, waiting, now)
    return Stands(who, standing, word, told or _left(waiting, dead), behind, waiting, dead)


def _word(who: Subscriber, standing: Standing | None, behind: int, waiting: int, now: datetime) -> tuple[Word, str]:
    if who.trouble:
        return "without an account", who.trouble
    if standing is None:
        return "not begun", "No server has looked at it yet: it begins a few seconds after its file is in force."
    if standing.state == "disabled":
        return "disabled", standing.reason
    if who.subscription.is_paused:
        return "paused", "Its file says so; events wait."
    if waiting >= MOST_ASIDE:
        return "failing", (
            f"{counted(waiting, 'events')} were refused and set aside; what comes after them waits until fewer than "
            f"{MOST_ASIDE} are: {standing.problem or 'each is tried again'}."
        )
    if standing.failing_since is not None:
        return "failing", _failing(standing, now)
    return ("catching up", "") if behind > 1_000 else ("well", "")  # less is what was not for it, and is not kept


def _left(waiting: int, dead: int) -> str:
    """Return what is not delivered, where the receiver takes the rest."""
    given_up = f"{counted(dead, 'events')} given up" if dead else ""
    aside = f"{counted(waiting, 'events')} set aside, to be tried again" if waiting else ""
    return f"{', '.join(filter(None, (given_up, aside)))}." if dead or waiting else ""


def _failing(standing: Standing, now: datetime) -> str:
    since = f"Nothing was delivered since {standing.failing_since:%Y-%m-%d %H:%M} UTC: {standing.problem}."
    if standing.held_until is None or standing.held_until <= now:
        return since
    return f"{since} Tried again at {standing.held_until:%H:%M:%S} UTC; what comes after it waits."


def delivery_object(one: Delivery) -> dict[str, Any]:
    """Return a delivery for a machine."""
    same = ("id", "seq", "type", "kind", "state", "attempts", "first_at", "last_at", "next_at")
    took_ms = round(one.took.total_seconds() * 1000, 1)
    said = {name: getattr(one, name) for name in same}
    return said | {"status": one.status or None, "problem": one.problem or None, "took_ms": took_ms}


def unknown(id_: str, known: Iterable[str]) -> FreeholdError:
    """Return the refusal of a subscription that there is not."""
    return FreeholdError(
        "FH-A167", f"There is no subscription `{id_}`.", exit_code=Exit.USAGE,
        fix=near(id_, list(known)) or "See `freehold webhooks list`.",
    )  # fmt: skip


def unknown_delivery(id_: str, subscription: str) -> FreeholdError:
    """Return the refusal of a delivery that there is not."""
    return FreeholdError(
        "FH-A168", f"Nothing with the id `{id_}` was sent to `{subscription}`, and no event has it.",
        fix=f"See `freehold webhooks deliveries {subscription}`.", exit_code=Exit.USAGE,
    )  # fmt: skip

"""A page: what is wrong, since when, who answers for it, what to do, and who is next. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from freehold.connect.messages import Message
from freehold.connect.messages.message import Button
from freehold.connect.paging.matter import Kind, Matter, Step
from freehold.reliability.alerts.answering import answering

if TYPE_CHECKING:
    from freehold.estate.model import Estate

_MOST_NAMED = 5
_PARTS = {"owner": "Owner", "on_call": "On call", "runbook": "Runbook", "next": "Next"}


@dataclass(frozen=True, slots=True)
class Page:
    """What a channel is told of a matter as it is now.

    Attributes:
        heading: that it is, and of what, in a line.
        title: what somebody said of it, or what alerts say; empty where nobody did.
        answers: who answers, as far as files tell: `owner`, `on_call`, `runbook`, `next`.
        url: the page of it; empty where nobody could follow it.
    """

    matter: Matter
    heading: str
    title: str
    answers: Mapping[str, str]
    url: str
    buttons: tuple[Button, ...] = field(default=())

    @property
    def lines(self) -> tuple[str, ...]:
        """What is told below the heading."""
        one = self.matter
        facts = [f"Severity {one.severity}", f"since {one.began_at:%Y-%m-%d %H:%M} UTC", *_named(one.assets)]
        answers = (f"{word}: {self.answers[name]}" for name, word in _PARTS.items() if name in self.answers)
        return tuple(line for line in (self.title, " · ".join(facts), *answers) if line)

    def message(self) -> Message:
        """Return it as a message of a channel."""
        return Message(self.heading, self.lines, self.url, self.buttons)

    def followed(self, said: str) -> Message:
        """Return what happened, as a message that stands alone."""
        return Message(self.heading, (said, *self.lines), self.url)

    def to_json(self) -> dict[str, Any]:
        """Return it as a program takes it."""
        one = self.matter
        return {
            "about": one.id, "state": one.state, "severity": one.severity, "product": one.product or None,
            "assets": list(one.assets), "since": one.began_at.isoformat(), "heading": self.heading,
            "title": self.title or None, "answers": dict(self.answers), "url": self.url or None,
        }  # fmt: skip


def page_of(
    matter: Matter, estate: Estate, words: Callable[[str], str], url: str, until: datetime | None = None,
    buttons: tuple[Button, ...] = (),
) -> Page:  # fmt: skip
    """Return the page of a matter.

    Args:
        matter: as it is now.
        estate: whose files tell who answers; what it does not name is left out.
        words: what returns words of the side store by their id.
        url: where its own page is.
        until: by when somebody is to have acknowledged it, where that is said.
        buttons: what may be decided in a message.
    """
    seen = tuple(name for name in matter.assets if name.rpartition(".")[0] in estate.products)
    what = matter.product or ", ".join(_named(seen)) or "the estate"
    kind = "Incident" if matter.is_incident else "Alerts"
    said = next((one.text for one in reversed(matter.steps) if one.kind in (Kind.OPENED, Kind.ALERTED)), "")
    shown = replace(matter, assets=seen)
    heading = f"{kind} of {what}: {matter.state}"
    return Page(shown, heading, words(said), answers_of(matter.product, estate, matter.began_at, until), url, buttons)


def answers_of(product: str, estate: Estate, at: datetime, until: datetime | None = None) -> dict[str, str]:
    """Return who answers for a product at an instant, as far as files tell: `owner`, `on_call`, `runbook`, `next`."""
    known = estate.products.get(product)
    if known is None:
        return {}
    said, team = answering(estate, product, at), estate.teams.get(known.team or "")
    after = said.escalation or (team.spec.get("parent") if team else None)
    by = f", if nobody acknowledges it by {until:%H:%M} UTC" if until else ""
    found = {
        "owner": (team.name if team else None) or known.team,
        "on_call": said.responder,
        "runbook": said.runbook,
        "next": f"{after}{by}" if after else None,
    }
    return {name: str(value) for name, value in found.items() if value}


def happened(steps: Iterable[Step], words: Callable[[str], str]) -> str:
    """Return what steps tell, in their order: a sentence for all of one kind that come one after the other."""
    return " ".join(_sentence(tuple(told), words) for _, told in groupby(steps, key=lambda one: one.kind))


def _sentence(told: tuple[Step, ...], words: Callable[[str], str]) -> str:
    last = told[-1]
    at = f"{last.at:%Y-%m-%d %H:%M} UTC"
    match last.kind:
        case Kind.JOINED:
            reasons = tuple(dict.fromkeys(one.text for one in told if one.text))
            count = f"{len(told)} alerts" if len(told) > 1 else "An alert"
            return f"{count} joined: {', '.join(_named(reasons))}." if reasons else f"{count} joined."
        case Kind.SEVERITY:
            return f"Severity {last.severity} since {at}, said {last.by}."
        case Kind.UPDATED:
            return f"For {last.audience}: {words(last.text)}" if last.audience else words(last.text)
        case Kind.MITIGATED:
            return f"Mitigated by {last.by}, {at}: {last.text}."
        case Kind.ALERTED:
            return f"{words(last.text) or 'More is wrong'} ({at})."
        case Kind.RESOLVED:
            return f"Resolved {at}, verified by {last.by}." if last.by else f"Resolved {at}."
        case Kind.TAKEN_IN:
            return f"It is part of {last.text} since {at}."
        case _:
            return f"{last.kind.replace('_', ' ').capitalize()} by {last.by}, {at}."


def _named(names: tuple[str, ...]) -> list[str]:
    """Return the first few names, and how many more there are."""
    more = [f"{len(names) - _MOST_NAMED} more"] if len(names) > _MOST_NAMED else []
    return [*names[:_MOST_NAMED], *more]

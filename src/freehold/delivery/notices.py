"""Notices: whom a change takes something from, told before it takes effect, in words a person can send.

A notice is made from a plan: for each output of which a promise is broken, or that goes, who reads it and when it takes
effect for them. Where the new version is published beside the old one, that is the last day of the old one.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from freehold.delivery.consumers import described
from freehold.delivery.gate.facts import needed_notice
from freehold.delivery.plan.changes import Action, ChangeClass
from freehold.foundation import Exit, FreeholdError, near
from freehold.ledger import Event

if TYPE_CHECKING:
    from freehold.delivery.plan import AssetChange, Plan
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger, Recorded

_NAMESPACE = uuid.UUID("c3e1a5d0-94f7-4c55-8d0b-61f0a0a4e7b2")


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told to whom about one output.

    Attributes:
        id: the same for the same plan, output and audience.
        asset: the output, by the id that the files give it; `version`: of its contract, once the change is in force.
        lines: what changes, a sentence each.
        audience: whoever reads it, as the ledger and the tools name them; `people`: the same, as persons would.
        effective_on: the day from which a reader is without what they read now.
        instead: the asset to read from then on; empty where there is none.
        old: the relation or asset that they read now.
    """

    id: str
    plan: str
    env: str
    asset: str
    product: str
    version: str
    lines: tuple[str, ...]
    audience: tuple[str, ...]
    people: tuple[str, ...]
    effective_on: date
    instead: str = ""
    old: str = ""

    def event(self) -> Event:
        """Return the event that says it was sent."""
        content = {
            "notice": self.id,
            "audience": list(self.audience),
            "topic": self.asset,
            "product": self.product,
            "change_id": self.plan,
            "version": self.version or None,
            "effective_at": datetime.combine(self.effective_on, time(), UTC).isoformat().replace("+00:00", "Z"),
        }
        id_ = str(uuid.uuid5(_NAMESPACE, f"sent|{self.env}|{self.id}"))
        return Event("notice.sent", content, id=id_, env=self.env, subject=self.id, product=self.product)

    def text(self, note: str = "") -> str:
        """Return it as Markdown that a person can send."""
        head = f"# Notice: `{self.old or self.asset}` changes on {self.effective_on:%-d %B %Y}\n"
        until = (
            f"`{self.old}` stays readable until {self.effective_on} as it is today, without new data. "
            f"New data is in `{self.instead}`: please move to it before that day."
            if self.instead
            else f"It takes effect on {self.effective_on}. What you read now is no longer there from then on."
        )
        parts = [
            head,
            f"What changes{f' with version {self.version}' if self.version else ''}:\n",
            "\n".join(f"- {line}" for line in self.lines) + "\n",
            until + "\n",
            *([note.strip() + "\n"] if note.strip() else []),
            "To: " + ", ".join(self.people) + "\n",
            f"<sub>Notice {self.id} of plan {self.plan} for `{self.env}`. "
            f"Answered by: freehold notice ack {self.id} --by NAME</sub>\n",
        ]
        return "\n".join(parts)


@dataclass(frozen=True, slots=True)
class Sent:
    """A notice as the ledger tells of it, told once or to some again.

    `answers` map who answered to what they said they did, empty if nothing; `item` is the deprecation it tells of, if
    any, and `instead` what to use then.
    """

    id: str
    sent_at: datetime
    topic: str
    product: str
    version: str
    effective_on: date | None
    audience: tuple[str, ...]
    plan: str
    answers: Mapping[str, str]
    item: str = ""
    instead: str = ""


def notices_of(plan: Plan, law: Estate, now: datetime) -> tuple[Notice, ...]:
    """Return the notices that a plan asks for: of outputs that lose something and that somebody is known to read.

    Args:
        plan: what would change.
        law: the estate in force, whose tiers say how long ahead is told.
        now: the moment of telling.
    """
    return tuple(n for c in plan.changes if (n := _notice(c, plan, law, now)) is not None)


def takes_something(change: AssetChange) -> bool:
    """Say whether a change takes something from those who read an output."""
    return change.is_output and (change.change is ChangeClass.BREAKING or change.action is Action.RETIRE)


def _notice(change: AssetChange, plan: Plan, law: Estate, now: datetime) -> Notice | None:
    if not takes_something(change):
        return None
    read = change.beside.asset if change.beside else change.asset
    told = dict(_audience(change, plan, read))
    if not told:
        return None
    today = now.astimezone(UTC).date()
    effective = change.beside.until if change.beside else today + timedelta(days=needed_notice(law, change.tier, now))
    name = f"{plan.id}|{change.asset}|{effective}|{sorted(told)}"
    return Notice(
        id=f"n-{uuid.uuid5(_NAMESPACE, name).hex[:10]}",
        plan=plan.id,
        env=plan.env,
        asset=change.declared or change.asset,
        product=change.product,
        version=change.version,
        lines=tuple(dict.fromkeys(f"`{f.subject}`: {f.reason}" for f in change.broken)) or ("It goes.",),
        audience=tuple(told),
        people=tuple(dict.fromkeys(told.values())),
        effective_on=effective,
        instead=change.asset if change.beside else "",
        old=read,
    )


def _audience(change: AssetChange, plan: Plan, read: str) -> Iterator[tuple[str, str]]:
    """Yield who is to be told, by the name to remember them by and the one to call them by."""
    for reader in change.readers:
        yield reader.name, reader.name.rpartition("/")[2]
    for one in plan.dashboards:  # metrics among them are nobody to write to; who asks for them is among the readers
        if one.dashboard.tool == "metrics":
            continue
        if any(touch.asset in (read, change.asset) for touch in one.touches):
            who = described(one.dashboard)
            yield f"dashboard:{one.dashboard.id}", f"readers of {one.dashboard.name}" + (f" ({who})" if who else "")
    for other in plan.changes:
        if change.asset in other.because and other.product != change.product:
            yield f"product:{other.product}", f"{other.team or 'whoever owns'} ({other.product} reads it)"


def sent_notices(ledger: Ledger) -> tuple[Sent, ...]:
    """Return every notice that was sent, newest first, with its answers."""
    answers: dict[str, dict[str, str]] = {}
    for event in ledger.read(types=("notice.acknowledged",)):
        answered = answers.setdefault(str(event.data["notice"]), {})
        answered[str(event.data["consumer"])] = str(event.data.get("action") or "")
    found: dict[str, list[Recorded]] = {}
    for event in ledger.read(types=("notice.sent",)):
        found.setdefault(str(event.data["notice"]), []).append(event)
    told = [_sent(events, answers.get(id_, {})) for id_, events in found.items()]
    return tuple(sorted(told, key=lambda one: one.sent_at, reverse=True))


def days_ahead(sent: Iterable[Sent], topics: Iterable[str], version: str, effective_on: date) -> int:
    """Return how many days before something takes effect its readers were told; 0 where they were not.

    A notice about another version is about another change; one that names no version counts for any.
    """
    wanted = frozenset(topics)
    about = (s for s in sent if s.topic in wanted and (not s.version or not version or s.version == version))
    return max(((effective_on - s.sent_at.astimezone(UTC).date()).days for s in about), default=0)


def acknowledgement(sent: Iterable[Sent], notice: str, consumer: str, action: str) -> Event:
    """Return the event of an answer.

    Raises:
        FreeholdError: FH-G008 there is no such notice; FH-G009 it was not sent to whoever answers.
    """
    known = {s.id: s for s in sent}
    if notice not in known:
        raise FreeholdError(
            "FH-G008",
            f"There is no notice `{notice}`.",
            fix=near(notice, known) or "See `freehold notice list`.",
            exit_code=Exit.USAGE,
        )
    one = known[notice]
    meant = next((name for name in one.audience if consumer in (name, name.rpartition("/")[2])), None)
    if meant is None:
        raise FreeholdError(
            "FH-G009",
            f"The notice `{notice}` was not sent to `{consumer}`.",
            fix=near(consumer, one.audience) or f"It was sent to: {', '.join(one.audience)}.",
            exit_code=Exit.USAGE,
        )
    content: dict[str, Any] = {"notice": notice, "consumer": meant, "action": action or None}
    return Event("notice.acknowledged", content, subject=notice, product=one.product)


def _sent(events: Sequence[Recorded], answers: Mapping[str, str]) -> Sent:
    """Return a notice of the events that tell of it: to whom it went first, and to whom since."""
    said, first = events[-1].data, events[0]
    at = said.get("effective_at")
    return Sent(
        id=str(said["notice"]),
        sent_at=first.occurred_at,
        topic=str(said.get("topic") or ""),
        product=str(said.get("product") or ""),
        version=str(said.get("version") or ""),
        effective_on=date.fromisoformat(str(at)[:10]) if at else None,
        audience=tuple(dict.fromkeys(str(name) for event in events for name in event.data.get("audience") or ())),
        plan=str(said.get("change_id") or ""),
        answers=answers,
        item=str(said.get("item") or ""),
        instead=str(said.get("replaced_by") or ""),
    )

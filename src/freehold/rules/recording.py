"""Results as events: written only when they change, so that the ledger tells when something passed or fell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from freehold.ledger.event import Event
from freehold.rules.compiling import CompiledRule
from freehold.rules.evaluating import Outcome, Result

if TYPE_CHECKING:
    from freehold.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Last:
    """What the ledger last said of a rule and a subject."""

    outcome: Outcome
    waiver: str | None = None


def last_results(ledger: Ledger, *, subject: str | None = None, env: str | None = None) -> dict[tuple[str, str], Last]:
    """Return the last result of each rule and subject, by both; of one subject where it is named."""
    found: dict[tuple[str, str], Last] = {}
    for event in ledger.read(types=("rule.evaluated",), subject=subject, env=env):
        found[event.data["rule"], event.data["subject"]] = _last(event.data)
    return found


def _last(said: Mapping[str, Any]) -> Last:
    passed = Outcome.PASSED if said["pass"] else Outcome.FAILED  # what an older event holds
    return Last(Outcome(said.get("outcome") or passed), said.get("waiver"))


def changed(
    results: Iterable[Result], last: Mapping[tuple[str, str], Last], *, env: str = "", correlation_id: str = ""
) -> tuple[Event, ...]:
    """Return an event for each result that is not as the ledger last told it."""
    events = []
    for one in results:
        now = Last(one.outcome, one.waiver.id if one.waiver else None)
        if last.get((one.rule.id, one.subject)) != now:
            events.append(_event(one.rule, one.subject, now, env, correlation_id))
    return tuple(events)


def _event(rule: CompiledRule, subject: str, now: Last, env: str, correlation_id: str) -> Event:
    said = {
        "rule": rule.id,
        "rule_set": rule.rule_set,
        "subject": subject,
        "pass": now.outcome is Outcome.PASSED,
        "outcome": str(now.outcome),
        "level": rule.level or None,
        "weight": rule.rule.weight,
        "waiver": now.waiver,
    }
    return Event("rule.evaluated", said, subject=subject, env=env, correlation_id=correlation_id)

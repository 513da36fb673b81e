"""Results as events: written only when they change, so that the ledger tells when something passed or fell."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from sys import intern
from typing import TYPE_CHECKING, Any

from freehold.ledger.event import Event
from freehold.rules.evaluating import Outcome, Result, Subject, Sweep

if TYPE_CHECKING:
    from freehold.ledger import Evidence, Ledger

ENDED = "ended"  # what a rule says of a subject that it is about no more


@dataclass(frozen=True, slots=True)
class Last:
    """What the ledger last said of a rule and a subject: an outcome."""

    outcome: str
    waiver: str | None = None


Results = Mapping[tuple[str, str], Last]
"""What was last said, by rule and subject."""


def last_results(ledger: Ledger, *, subject: str | None = None, env: str | None = None) -> dict[tuple[str, str], Last]:
    """Return the last result of each rule and subject, by both; of one subject where it is named."""
    found: dict[tuple[str, str], Last] = {}
    for event in ledger.read(types=("rule.evaluated",), subject=subject, env=env):
        found[event.data["rule"], event.data["subject"]] = _last(event.data)
    return found


_STANDING = """
SELECT rule, rule_set, subject, outcome, waiver FROM rule_results WHERE env = $env AND valid_to = 'infinity'
"""
_AT_ONCE = 64  # names that are compared with every row, which finds a few among millions before they are put in order
_MANY = 2_000  # from here on reading all is less work


def standing_results(
    evidence: Evidence, env: str, *, without: Container[str] = (), only: Collection[str] | None = None
) -> dict[tuple[str, str], Last]:
    """Return what stands in an environment as of evidence, by rule and subject.

    Args:
        evidence: as of when.
        env: the environment.
        without: rule sets that somebody else records.
        only: the subjects that are wanted; default: all.
    """
    alike: dict[Last, Last] = {}  # there are few that differ, and there may be millions
    return {
        (intern(rule), subject): alike.setdefault(last := Last(intern(outcome), waiver), last)
        for rule, rule_set, subject, outcome, waiver in _standing(evidence, env, only)
        if rule_set not in without
    }


def _standing(evidence: Evidence, env: str, only: Collection[str] | None) -> Iterator[tuple[Any, ...]]:
    if only is None or len(only) > _MANY:
        rows = evidence.query(_STANDING, {"env": env})
        yield from rows if only is None else (row for row in rows if row[2] in only)
        return
    names = sorted(only)
    for first in range(0, len(names), _AT_ONCE):
        said = {"env": env, "only": names[first : first + _AT_ONCE]}
        yield from evidence.query(f"{_STANDING} AND LIST_CONTAINS($only, subject)", said)


def _last(said: Mapping[str, Any]) -> Last:
    passed = Outcome.PASSED if said["pass"] else Outcome.FAILED  # what an older event holds
    return Last(str(said.get("outcome") or passed), said.get("waiver"))


def changed(
    results: Iterable[Result], last: Results, *, env: str = "", product: str = "", correlation_id: str = ""
) -> tuple[Event, ...]:
    """Return an event for each result that is not as the ledger last told it."""
    return tuple(
        _event(one, env=env, product=product, correlation_id=correlation_id)
        for one in results
        if last.get((one.rule.id, one.subject)) != Last(str(one.outcome), one.waiver.id if one.waiver else None)
    )


def swept(
    sweep: Sweep, last: MutableMapping[tuple[str, str], Last], product_of: Callable[[Subject], str], *, env: str = ""
) -> Iterator[Event]:
    """Yield an event for each result of a sweep that is not as the ledger last told it, and take that out of `last`.

    What is left in `last` in the end is about nothing that was swept.
    """
    for rule, subject, outcome in sweep.outcomes():
        before = last.pop((rule.id, subject.id), None)
        if outcome is not Outcome.WAIVED and before is not None and before.outcome == outcome:
            continue
        yield from changed(
            [sweep.result(rule, subject)],
            {(rule.id, subject.id): before} if before else {},
            env=env,
            product=product_of(subject),
        )


def ended(gone: Iterable[tuple[str, str]], *, env: str = "") -> Iterator[Event]:
    """Yield an event for each rule and subject that belong together no more."""
    for rule, subject in gone:
        rule_set = rule.rpartition("/")[0]
        said = {"rule": rule, "rule_set": rule_set, "subject": subject, "pass": False, "outcome": ENDED}
        yield Event("rule.evaluated", said, subject=subject, env=env)


def _event(one: Result, *, env: str, product: str, correlation_id: str) -> Event:
    rule = one.rule
    said = {
        "rule": rule.id,
        "rule_set": rule.rule_set,
        "subject": one.subject,
        "pass": one.outcome is Outcome.PASSED,
        "outcome": str(one.outcome),
        "level": rule.level or None,
        "weight": rule.rule.weight,
        "waiver": one.waiver.id if one.waiver else None,
        "name": rule.rule.name or None,
        "remedy": None if one.outcome is Outcome.PASSED else one.remedy or None,
        "asserted": bool(one.asserted),
    }
    return Event("rule.evaluated", said, subject=one.subject, env=env, product=product, correlation_id=correlation_id)

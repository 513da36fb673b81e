"""Badges: who has one is decided here, by results alone, and told by events. Everybody else reads those.

A subject has the badge of a rule set while all of its rules that apply pass, or are waived. What is not known is no
pass, so that a badge falls off by itself when evidence stops to come.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from freehold.ledger.event import Event
from freehold.rules.compiling import CompiledRule
from freehold.rules.evaluating import Outcome, Subject

if TYPE_CHECKING:
    from freehold.ledger import Ledger

_HELD = (Outcome.PASSED, Outcome.WAIVED)

Badges = Mapping[tuple[str, str], bool]
"""Whether a badge is held, by subject and rule set; of those that ever were."""


def badges_told(ledger: Ledger, env: str) -> dict[tuple[str, str], bool]:
    """Return what the ledger last told of each badge in an environment."""
    told = ledger.read(types=("badge.changed",), env=env)
    return {(event.data["subject"], event.data["rule_set"]): bool(event.data["held"]) for event in told}


def badges_of(ledger: Ledger, env: str) -> dict[str, tuple[str, ...]]:
    """Return the badges of each subject that has one: the ids of rule sets, in order."""
    found: dict[str, list[str]] = defaultdict(list)
    for (subject, rule_set), is_held in badges_told(ledger, env).items():
        if is_held:
            found[subject].append(rule_set)
    return {subject: tuple(sorted(sets)) for subject, sets in found.items()}


def fallen(told: Badges) -> frozenset[str]:
    """Return the subjects that had a badge and have it no more."""
    return frozenset(subject for (subject, _), is_held in told.items() if not is_held)


def badge_events(
    results: Iterable[tuple[CompiledRule, Subject, Outcome]],
    having: Mapping[str, str],
    told: Badges,
    gone: Iterable[tuple[str, str]],
    product_of: Callable[[str], str],
    *,
    env: str,
) -> Iterator[Event]:
    """Yield an event for each badge that was won or lost.

    Args:
        results: what came of all rules of each rule set and subject that were evaluated.
        having: the rule sets that have a badge, each with the kind of subject it is about.
        told: what the ledger last told of badges.
        gone: subjects and rule sets that were to be evaluated and of which there are no results.
        product_of: the product of a subject; empty for one that has none.
        env: the environment they are of.
    """
    failing: dict[tuple[str, str], list[str]] = defaultdict(list)
    for rule, about, outcome in results:
        if rule.rule_set in having:
            failing[about.id, rule.rule_set] += [] if outcome in _HELD else [rule.id]
    for subject, rule_set in gone:
        failing.setdefault((subject, rule_set), [rule_set])
    for (subject, rule_set), wrong in failing.items():
        if told.get((subject, rule_set), False) is not (not wrong):
            kind = having.get(rule_set, "")
            said = {"subject": subject, "kind": kind, "rule_set": rule_set, "held": not wrong, "failing": wrong}
            yield Event("badge.changed", said, subject=subject, product=product_of(subject), env=env)

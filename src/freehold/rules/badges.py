"""Badges: who has one is decided here, by results alone, and told by events. Everybody else reads those.

A subject has the badge of a rule set while all of its rules that apply pass, or are waived. What is not known is no
pass, so that a badge falls off by itself when evidence stops to come.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from freehold.ledger.event import Event
from freehold.rules.compiling import CompiledRule
from freehold.rules.evaluating import Outcome, Subject

if TYPE_CHECKING:
    from freehold.ledger import Evidence, Ledger

_HELD = (Outcome.PASSED, Outcome.WAIVED)

Badges = Mapping[tuple[str, str], bool]
"""Whether a badge is held, by subject and rule set; of those that ever were."""


KEPT = "rules"  # of the kept state of an environment: what was evaluated last, and the metrics that lapsed


_TOLD = """
SELECT subject, rule_set, ARG_MAX(held, seq) FROM badge_changed WHERE env = $env {among} GROUP BY subject, rule_set
"""


def badges_told(evidence: Evidence, env: str, *, only: Collection[str] | None = None) -> dict[tuple[str, str], bool]:
    """Return what was last told of each badge in an environment, as of evidence; of some subjects, where named."""
    among = "" if only is None else "AND subject IN (SELECT UNNEST($only))"
    said = {"env": env} | ({} if only is None else {"only": sorted(only)})
    rows = evidence.query(_TOLD.format(among=among), said)
    return {(subject, rule_set): bool(held) for subject, rule_set, held in rows}


def lapsed(ledger: Ledger, env: str) -> frozenset[str]:
    """Return the metrics that had a badge and have it no more, as they were last evaluated."""
    return frozenset((ledger.state.get(KEPT, env) or {}).get("lapsed", ()))


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

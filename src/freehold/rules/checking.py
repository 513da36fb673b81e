"""What is wrong with the rule sets and waivers of an estate, found before anything is evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from freehold.foundation import FreeholdError, Problems, near
from freehold.rules.compiling import compiled
from freehold.rules.facts import FactTable
from freehold.rules.shipped import rule_sets_in

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.estate.operating import Rule, RuleSet, Waiver


def rule_findings(estate: Estate, tables: Mapping[str, FactTable]) -> tuple[FreeholdError, ...]:
    """Return every error of the estate's rule sets and waivers, FH-R001 to FH-R008.

    Args:
        estate: whose files they are.
        tables: the facts of each kind of subject that rules may be about.
    """
    found: list[FreeholdError] = []
    for one in estate.rule_sets.values():
        table = tables.get(one.subject)
        if table is None:
            fix = near(one.subject, tables) or f"Rules can be about: {', '.join(tables)}."
            problem = f"Nothing is known of a subject `{one.subject}`."
            found.append(FreeholdError("FH-R002", problem, where=one.where, fix=fix))
            continue
        try:
            compiled(one, table)
        except Problems as problems:
            found += problems.errors
    rules = {f"{one.id}/{rule.id}": rule for one in _all(estate) for rule in one.rules}
    for waiver in estate.waivers.values():
        found += _of_waiver(waiver, rules)
    return tuple(found)


def _all(estate: Estate) -> Iterator[RuleSet]:
    yield from rule_sets_in(estate).values()


def _of_waiver(waiver: Waiver, rules: Mapping[str, Rule]) -> Iterator[FreeholdError]:
    rule = rules.get(waiver.rule)
    if rule is None:
        fix = near(waiver.rule, rules) or f"There are: {', '.join(sorted(rules))}."
        problem = f"The waiver `{waiver.id}` is of a rule `{waiver.rule}`, which is not there."
        yield FreeholdError("FH-R007", problem, where=waiver.rule_where, fix=fix)
    elif not rule.is_waivable:
        yield FreeholdError(
            "FH-R008",
            f"The rule `{waiver.rule}` takes no waiver.",
            where=waiver.rule_where,
            fix=f"Do what it demands: {rule.name or rule.check.text}.",
        )

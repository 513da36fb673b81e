"""From a rule set as written to conditions that can be evaluated, or to every error in it with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from freehold.foundation import FreeholdError, Problems, Where, near
from freehold.rules.facts import FactTable

if TYPE_CHECKING:
    from freehold.estate.operating import Rule, RuleSet, Written
    from freehold.sql.conditions import Condition

PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule ready to be evaluated. `applies` are the conditions, all of which must be true for it to apply at all."""

    id: str  # rule set/rule
    rule_set: str
    rule: Rule
    level: str
    applies: tuple[Condition, ...]
    check: Condition
    asserted: tuple[str, ...] = ()  # facts that it reads, and nothing but a person's word shows

    @property
    def where(self) -> Where:
        """Where the file says it."""
        return self.rule.where


def compiled(rule_set: RuleSet, table: FactTable) -> tuple[CompiledRule, ...]:
    """Return the rules of a rule set, typed against the facts of its subject.

    Raises:
        Problems: FH-R001 a condition cannot be used; FH-R003 an id stands twice; FH-R004 a remedy names an unknown
            fact; FH-R005 a level is none of the subject's.
    """
    errors: list[FreeholdError] = []
    scope = _condition(rule_set.scope, table, errors)
    made = [_rule(rule_set, rule, scope, table, errors) for rule in rule_set.rules]
    errors += _twice(rule_set)
    if errors:
        raise Problems(errors)
    return tuple(one for one in made if one is not None)


def _rule(
    rule_set: RuleSet,
    rule: Rule,
    scope: Condition | None,
    table: FactTable,
    errors: list[FreeholdError],
) -> CompiledRule | None:
    when = _condition(rule.when, table, errors)
    check = _condition(rule.check, table, errors)
    errors += _of_remedy(rule, table)
    levels = table.levels or rule_set.levels
    level = rule.level or next(iter(levels), "")
    if levels and level not in levels:
        fix = near(level, levels) or f"One of: {', '.join(levels)}."
        problem = f"A rule of `{rule_set.id}`, over a {table.subject}, has no level `{level}`."
        errors.append(FreeholdError("FH-R005", problem, where=rule.where, fix=fix))
    applies = tuple(one for one in (scope, when) if one is not None)
    if check is None:
        return None
    read = dict.fromkeys(name for one in (*applies, check) for name in one.facts)
    asserted = tuple(name for name in read if table.facts[name].is_asserted)
    return CompiledRule(f"{rule_set.id}/{rule.id}", rule_set.id, rule, level, applies, check, asserted)


def _condition(written: Written | None, table: FactTable, errors: list[FreeholdError]) -> Condition | None:
    from freehold.sql.conditions import ConditionError, condition

    if written is None:
        return None
    try:
        return condition(written.text, table.types)
    except ConditionError as error:
        where = written.at(error.offset)
        errors.append(FreeholdError("FH-R001", error.problem, where=where, fix=error.fix))
        return None


def _of_remedy(rule: Rule, table: FactTable) -> Iterator[FreeholdError]:
    for name in PLACEHOLDER.findall(rule.remedy):
        if name not in table.facts:
            yield FreeholdError(
                "FH-R004",
                f"The remedy of `{rule.id}` names `{{{name}}}`, and a {table.subject} has no such fact.",
                where=rule.where,
                fix=near(name, table.facts) or f"There are: {', '.join(sorted(table.facts))}.",
            )


def _twice(rule_set: RuleSet) -> Iterator[FreeholdError]:
    first: dict[str, Rule] = {}
    for rule in rule_set.rules:
        if rule.id in first:
            problem = f"The rule `{rule.id}` stands twice in `{rule_set.id}`; first at {first[rule.id].where}."
            yield FreeholdError("FH-R003", problem, where=rule.where, fix="Keep one, or rename it.")
        first.setdefault(rule.id, rule)

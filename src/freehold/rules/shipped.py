"""Rule sets that come with Freehold, in `builtin/rules`. An estate's own of the same id takes the place of one."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.estate.operating import RuleSet, rule_set_from

if TYPE_CHECKING:
    from freehold.estate.model import Estate

PACKAGE = Path(__file__).parents[1]
FOLDER = "builtin/rules"


@cache
def shipped() -> dict[str, RuleSet]:
    """Return the rule sets that come with Freehold, by id; their places are relative to `PACKAGE`."""
    from freehold.estate.loading import documents_of, judge

    found = {}
    for path in sorted((PACKAGE / FOLDER).glob("*.yaml")):
        name, content = f"{FOLDER}/{path.name}", path.read_bytes()
        judge(content, name)
        for document in documents_of(content, name):
            one = rule_set_from(document)
            found[one.id] = one
    return found


def rule_sets_in(estate: Estate) -> dict[str, RuleSet]:
    """Return the rule sets in force in an estate, by their ids: its own, and those that come along."""
    return shipped() | dict(estate.rule_sets)


def rule_sets_of(estate: Estate, subject: str) -> tuple[RuleSet, ...]:
    """Return the rule sets in force over a kind of subject."""
    return tuple(one for one in rule_sets_in(estate).values() if one.subject == subject)

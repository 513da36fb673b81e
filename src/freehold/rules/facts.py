"""What can be said of a kind of subject: the typed vocabulary its rules are written in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from freehold.foundation import Exit, FreeholdError, near

if TYPE_CHECKING:
    from freehold.sql.conditions import FactType


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that can be known of a subject: its SQL type (`boolean`, `bigint`, `varchar` …) and its words.

    `is_asserted` is one that nothing shows: a person says so, and what stands on it is marked.
    """

    type: str
    says: str
    is_asserted: bool = False


@dataclass(frozen=True)
class FactTable:
    """The facts of one kind of subject.

    Attributes:
        subject: the word that a rule set names it by: `asset`, `change`.
        levels: the levels its rules may have, the first where a rule says none; without any, every word will do.
    """

    subject: str
    facts: Mapping[str, Fact]
    levels: tuple[str, ...] = ()

    @cached_property
    def types(self) -> Mapping[str, FactType]:
        """The type of each fact; found when first asked for, since the SQL kernel comes with it."""
        from freehold.sql.conditions import FactType

        return {name: FactType(fact.type) for name, fact in self.facts.items()}

    def checked(self, row: Mapping[str, Any], of: str) -> Mapping[str, Any]:
        """Return a row of facts as given, if every value is of its fact's type.

        Args:
            row: the facts by name; one that is left out or None is not known.
            of: the subject, for the error.

        Raises:
            FreeholdError: FH-R006 a fact is unknown here, or its value is of another type.
        """
        from freehold.sql.conditions import fits

        for name, value in row.items():
            type_ = self.types.get(name)
            if type_ is None:
                fix = near(name, self.facts) or f"There are: {', '.join(sorted(self.facts))}."
                raise _misfit(f"`{self.subject}` has no fact `{name}`, which is told of `{of}`.", fix)
            if not fits(value, type_):
                problem = f"The fact `{name}` of `{of}` is {type_.spoken}, and `{value!r}` is none."
                raise _misfit(problem, "Give it in its type, or leave it out.")
        return row


def _misfit(problem: str, fix: str) -> FreeholdError:
    return FreeholdError("FH-R006", problem, fix=fix, exit_code=Exit.USAGE)

"""What the fields of an item may name: metrics and assets that are there, as far as whoever moves it may see them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from freehold.foundation import Exit, FreeholdError, Problems, near

if TYPE_CHECKING:
    from freehold.estate.operating import Workflow

# By the type of a field, what gives the names it may hold; that gives None where they cannot be told now.
Names = Mapping[str, Callable[[], Collection[str] | None]]
_SEE = {"metric": "`freehold metrics list` and `freehold kpi list --all` have them.", "asset": "See `freehold status`."}


def expect_named(workflow: Workflow, given: Mapping[str, Any], names: Names) -> None:
    """Refuse fields that name what is not there.

    Raises:
        Problems: FH-W430, one for each name.
    """
    errors = list(_strange(workflow, given, names))
    if errors:
        raise Problems(errors)


def _strange(workflow: Workflow, given: Mapping[str, Any], names: Names) -> Iterator[FreeholdError]:
    for name, value in given.items():
        type_ = workflow.fields[name].type
        known = names[type_]() if type_ in names else None
        for one in value if isinstance(value, list) else [value]:
            if known is not None and one not in known:
                problem = f"`{name}` is to be a {type_}, and there is none called `{one}`."
                fix = near(one, known) or _SEE.get(type_, "")
                yield FreeholdError("FH-W430", problem, fix=fix, exit_code=Exit.USAGE)

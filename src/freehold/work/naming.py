"""What the fields of an item may name: metrics and assets that are there, as far as whoever moves it may see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from freehold.foundation import Exit, FreeholdError, Problems, near

if TYPE_CHECKING:
    from freehold.estate.operating import Workflow

# By the type of a field, what gives the names it may hold, each with the id it means: None where nobody can tell now.
Names = Mapping[str, Callable[[], Mapping[str, str] | None]]
_SEE = {"metric": "`freehold metrics list` and `freehold kpi list --all` have them.", "asset": "See `freehold status`."}


def by_ids(workflow: Workflow, given: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """Return fields with the ids of what they name, by whatever name that was meant: items of the same are found by it.

    Raises:
        Problems: FH-W430, one for each name.
    """
    errors = list(_strange(workflow, given, names))
    if errors:
        raise Problems(errors)
    found = {}
    for name, value in given.items():
        ids = _known(workflow, name, names) or {}
        found[name] = [ids.get(one, one) for one in value] if isinstance(value, list) else value
        if isinstance(value, str):
            found[name] = ids.get(value, value)
    return found


def _known(workflow: Workflow, name: str, names: Names) -> Mapping[str, str] | None:
    type_ = workflow.fields[name].type
    return names[type_]() if type_ in names else None


def _strange(workflow: Workflow, given: Mapping[str, Any], names: Names) -> Iterator[FreeholdError]:
    for name, value in given.items():
        type_, known = workflow.fields[name].type, _known(workflow, name, names)
        for one in value if isinstance(value, list) else [value]:
            if known is not None and one not in known:
                problem = f"`{name}` is to be a {type_}, and there is none called `{one}`."
                fix = near(one, known) or _SEE.get(type_, "")
                yield FreeholdError("FH-W430", problem, fix=fix, exit_code=Exit.USAGE)

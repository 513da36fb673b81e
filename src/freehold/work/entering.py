"""What an item holds when it begins: fields as its workflow types them, free text apart from the rest."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from freehold.foundation import Exit, FreeholdError, Problems, near

if TYPE_CHECKING:
    from freehold.estate.operating import FieldOfItem, Workflow

# Words of people can name anybody, and an address can hold anything: both lie in the side store, and can be erased.
FREE = ("text", "url")
_ID = re.compile(r"[a-z0-9._/-]+")
_PRINCIPAL = re.compile(r"(user|group|role|service|team):\S+")
_URL = re.compile(r"(https?://|mailto:)\S+")


def _is_day(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(date.fromisoformat(value)) and len(value) == len("2011-03-07")
    except ValueError:
        return False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _spelled(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


_IS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "text": (lambda value: isinstance(value, str) and bool(value.strip()), "some words"),
    "url": (_spelled(_URL), "an address such as mailto:… or one with a scheme of the web"),
    "metric": (_spelled(_ID), "the id of a metric"),
    "asset": (_spelled(_ID), "the id of an asset"),
    "product": (_spelled(_ID), "the id of a product"),
    "principal": (_spelled(_PRINCIPAL), "a reference such as user:idp/ana"),
    "date": (_is_day, "a date such as 2011-03-07"),
    "number": (_is_number, "a number"),
    "boolean": (lambda value: isinstance(value, bool), "true or false"),
}


def accepted(workflow: Workflow, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a new item holds: fields for the ledger, and fields of free text for the side store.

    Raises:
        Problems: FH-W106 a field is missing, unknown, or of another type; all of them at once.
    """
    errors = list(_wrong(workflow, given))
    if errors:
        raise Problems(errors)
    held = {name: value for name, value in given.items() if value is not None}
    free = {name: value for name, value in held.items() if workflow.fields[name].type in FREE}
    return {name: value for name, value in held.items() if name not in free}, free


def _wrong(workflow: Workflow, given: Mapping[str, Any]) -> Iterator[FreeholdError]:
    known = ", ".join(workflow.fields) or "none"
    for name in given:
        if name not in workflow.fields:
            fix = near(name, workflow.fields) or f"Its fields: {known}."
            yield _refused(f"`{workflow.id}` has no field `{name}`.", fix)
    for name, one in workflow.fields.items():
        value = given.get(name)
        if value is None or value == []:
            if one.is_required:
                yield _refused(f"`{workflow.id}` needs `{name}`.", f"Give {_IS[one.type][1]}.")
        elif not _fits(one, value):
            several = "a list, each " if one.is_many else ""
            yield _refused(f"`{name}` takes {several}{_IS[one.type][1]}, not `{value!r:.60}`.", "Give it so.")


def _fits(field: FieldOfItem, value: Any) -> bool:
    fits = _IS[field.type][0]
    return isinstance(value, list) and all(map(fits, value)) if field.is_many else fits(value)


def _refused(problem: str, fix: str) -> FreeholdError:
    return FreeholdError("FH-W106", problem, fix=fix, exit_code=Exit.USAGE)

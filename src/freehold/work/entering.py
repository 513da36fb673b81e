"""What an item holds: fields as its workflow types them, free text apart from the rest."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from freehold.foundation import Exit, FreeholdError, Problems, near

if TYPE_CHECKING:
    from freehold.estate.operating import FieldOfItem, Move, Workflow

# Words of people can name anybody, and an address can hold anything: both lie in the side store, and can be erased.
FREE = ("text", "url")
DUE = "due"  # the field that says by when an item is to be done
_ID = re.compile(r"[a-z0-9._/-]+")
_PRINCIPAL = re.compile(r"(user|group|role|service|team):\S+")
_DIGEST = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_URL = re.compile(r"(https?://|mailto:)\S+")


def _is_day(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(date.fromisoformat(value)) and len(value) == len("2011-03-07")
    except ValueError:
        return False


def _is_instant(value: Any) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
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
    "resource": (_spelled(_ID), "the id of a product, an asset or a metric"),
    "item": (_spelled(_ID), "the id of a work item"),
    "digest": (_spelled(_DIGEST), "a digest in hexadecimal, such as that of SHA-256"),
    "principal": (_spelled(_PRINCIPAL), "a reference such as user:idp/ana"),
    "date": (_is_day, "a date such as 2011-03-07"),
    "instant": (_is_instant, "an instant such as 2011-03-07T06:00Z"),
    "number": (_is_number, "a number"),
    "boolean": (lambda value: isinstance(value, bool), "true or false"),
}


def is_principal(text: str) -> bool:
    """Whether a text is a reference to somebody: `user:idp/ana`, `team:sales`."""
    return _PRINCIPAL.fullmatch(text) is not None


def expect_principal(who: str) -> None:
    """Make sure that a text refers to somebody; to nobody, where it is empty, will do.

    Raises:
        FreeholdError: FH-W106 it is no reference.
    """
    if who and not is_principal(who):
        problem = f"`{who:.60}` is nobody: people and teams are named by references such as user:idp/ana."
        raise FreeholdError("FH-W106", problem, fix="Name them so.", exit_code=Exit.USAGE)


def from_words(workflow: Workflow, words: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return fields as they are accepted from words of a form or a command line; what cannot be read stays a word."""
    fields = workflow.fields
    return {name: _read(fields.get(name), [one for one in said if one != ""]) for name, said in words.items()}


def _read(field: FieldOfItem | None, words: Sequence[str]) -> Any:
    if not words:
        return None
    if field is None or not field.is_many:
        return _value_of(field, words[-1])
    several = words if field.type in FREE else [one.strip() for word in words for one in word.split(",")]
    return [_value_of(field, word) for word in several]


def _value_of(field: FieldOfItem | None, word: str) -> Any:
    if field is not None and field.type == "boolean":
        return {"true": True, "yes": True, "on": True, "false": False, "no": False}.get(word.casefold(), word)
    if field is not None and field.type == "number":
        try:
            return int(word) if word.lstrip("-").isdigit() else float(word)
        except ValueError:
            return word
    return word


def accepted(workflow: Workflow, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a new item holds: fields for the ledger, and fields of free text for the side store.

    Raises:
        Problems: FH-W106 a field is missing, unknown, or of another type; all of them at once.
    """
    required = tuple(name for name, one in workflow.fields.items() if one.is_required)
    return _parted(workflow, given, [*_wrong(workflow, given), *_missing(workflow, given, required)])


def accepted_later(
    workflow: Workflow, move: Move, given: Mapping[str, Any], held: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a move gives an item that already holds something, as `accepted` does.

    Raises:
        Problems: FH-W106 a field that the move needs is missing, or one is unknown or of another type.
    """
    needed = tuple(name for name, _ in move.needs if held.get(name) in (None, "", []))
    return _parted(workflow, given, [*_wrong(workflow, given), *_missing(workflow, given, needed, move.name)])


def _parted(
    workflow: Workflow, given: Mapping[str, Any], errors: list[FreeholdError]
) -> tuple[dict[str, Any], dict[str, Any]]:
    if errors:
        raise Problems(errors)
    held = {name: value for name, value in given.items() if not _is_nothing(value)}
    free = {name: value for name, value in held.items() if workflow.fields[name].type in FREE}
    return {name: value for name, value in held.items() if name not in free}, free


def _is_nothing(value: Any) -> bool:
    return value is None or value == []


def _missing(
    workflow: Workflow, given: Mapping[str, Any], names: Iterable[str], move: str = ""
) -> Iterator[FreeholdError]:
    of = f"`{move}` of `{workflow.id}`" if move else f"`{workflow.id}`"
    for name in names:
        if _is_nothing(given.get(name)):
            yield _refused(f"{of} needs `{name}`.", f"Give {expected(workflow.fields[name])}.")


def _wrong(workflow: Workflow, given: Mapping[str, Any]) -> Iterator[FreeholdError]:
    known = ", ".join(workflow.fields) or "none"
    for name, value in given.items():
        one = workflow.fields.get(name)
        if one is None:
            fix = near(name, workflow.fields) or f"Its fields: {known}."
            yield _refused(f"`{workflow.id}` has no field `{name}`.", fix)
        elif not _is_nothing(value) and not fits(one, value):
            several = "a list, each " if one.is_many else ""
            fix = near(str(value), one.choices) if one.choices else ""
            yield _refused(
                f"`{name}` takes {several}{expected(one)}, not `{value!r:.60}`.", fix or f"Give {expected(one)}."
            )


def expected(field: FieldOfItem) -> str:
    """Return in words what a field takes."""
    return f"one of {', '.join(field.choices)}" if field.choices else _IS[field.type][1]


def fits(field: FieldOfItem, value: Any) -> bool:
    """Whether a field of a type that there is takes a value."""
    return (
        isinstance(value, list) and all(_takes(field, one) for one in value) if field.is_many else _takes(field, value)
    )


def _takes(field: FieldOfItem, value: Any) -> bool:
    if not field.choices:
        return _IS[field.type][0](value)
    return _is_number(value) and value in map(int, field.choices) if field.type == "number" else value in field.choices


def _refused(problem: str, fix: str) -> FreeholdError:
    return FreeholdError("FH-W106", problem, fix=fix, exit_code=Exit.USAGE)

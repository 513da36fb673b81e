"""Which object or column before is which after: by name, and by likeness where a name is gone and another is new."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Generic, TypeVar

from freehold.estate.model import Property, SchemaObject

T = TypeVar("T", Property, SchemaObject)
_LIKE_ENOUGH = 0.62


@dataclass(frozen=True, slots=True)
class Pairing(Generic[T]):
    """What stayed (under whichever name), what is new, what is gone; each in the order of its contract."""

    kept: tuple[tuple[T, T], ...]
    added: tuple[T, ...]
    removed: tuple[T, ...]


def pair_properties(before: Sequence[Property], after: Sequence[Property]) -> Pairing[Property]:
    """Pair columns by name, then renamed ones by name, type, wording and position taken together."""
    old_places = {p.name: i for i, p in enumerate(before)}
    new_places = {p.name: i for i, p in enumerate(after)}
    longest = max(len(before), len(after), 1)

    def likeness(old: Property, new: Property) -> float:
        distance = abs(old_places[old.name] - new_places[new.name]) / longest
        same_words = bool(old.description) and old.description == new.description
        same_column = bool(old.physical_name) and old.physical_name == new.physical_name
        return (
            0.5 * _alike(old.name, new.name)
            + 0.3 * _same_type(old, new)
            + 0.2 * (1 - distance)
            + 0.3 * same_words
            + 0.5 * same_column
        )

    return _paired(before, after, likeness)


def pair_objects(before: Sequence[SchemaObject], after: Sequence[SchemaObject]) -> Pairing[SchemaObject]:
    """Pair objects by name, then renamed ones by name and by the columns they share."""

    def likeness(old: SchemaObject, new: SchemaObject) -> float:
        old_names, new_names = {p.name for p in old.properties}, {p.name for p in new.properties}
        shared = len(old_names & new_names) / max(len(old_names | new_names), 1)
        return 0.35 * _alike(old.name, new.name) + 0.65 * shared

    return _paired(before, after, likeness)


def _paired(before: Sequence[T], after: Sequence[T], likeness: Callable[[T, T], float]) -> Pairing[T]:
    old, new = {p.name: p for p in before}, {p.name: p for p in after}
    gone = [p for p in before if p.name not in new]
    fresh = [p for p in after if p.name not in old]
    partners = {p.name: old[p.name] for p in after if p.name in old} | _renamed(gone, fresh, likeness)
    kept = tuple((partners[p.name], p) for p in after if p.name in partners)
    renamed = {p.name for p, _ in kept}
    return Pairing(
        kept,
        tuple(p for p in fresh if p.name not in partners),
        tuple(p for p in gone if p.name not in renamed),
    )


def _renamed(gone: Sequence[T], fresh: Sequence[T], likeness: Callable[[T, T], float]) -> dict[str, T]:
    """Return what each new name was before, the likest pairs first, each used once."""
    scored = [(likeness(o, n), -i, -j, o, n) for i, o in enumerate(gone) for j, n in enumerate(fresh)]
    found: dict[str, T] = {}
    taken: set[str] = set()
    for score, _, _, old, new in sorted(scored, key=lambda s: s[:3], reverse=True):
        if score >= _LIKE_ENOUGH and new.name not in found and old.name not in taken:
            found[new.name] = old
            taken.add(old.name)
    return found


def _alike(one: str, other: str) -> float:
    """Return how alike two names are, 0 to 1: case and the signs between words do not count."""
    first, second = (name.lower().replace("_", "").replace("-", "") for name in (one, other))
    return SequenceMatcher(None, first, second, autojunk=False).ratio()


def _same_type(old: Property, new: Property) -> bool:
    """Return whether two columns hold the same kind of values; a wider one of the same kind counts."""
    if old.logical_type and new.logical_type:
        return old.logical_type == new.logical_type
    return (old.physical_type or "").lower() == (new.physical_type or "").lower()

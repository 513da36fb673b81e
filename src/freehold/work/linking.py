"""How items are related: which relations there are, from both sides, and which would make no sense. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from freehold.foundation import Exit, FreeholdError, near
from freehold.work.deciding import ruled_elsewhere
from freehold.work.item import DUPLICATE_OF, Item

CONTRIBUTES_TO = "contributes_to"
OF_METRICS = ("metric/", "kpi/")
OF_OBJECTIVES = "objective:"  # what the id of one may be called by, where a link names anything
# Each relation, with what it is called from the other side.
RELATIONS: Mapping[str, str] = {
    DUPLICATE_OF: "has duplicate",
    "blocks": "blocked by",
    "implements": "implemented by",
    "caused_by": "caused",
    CONTRIBUTES_TO: "contributed to by",
    "cites": "cited by",
}
AMONG_ITEMS = (DUPLICATE_OF, "blocks")  # relations of items alone, which must not go round in a circle


@dataclass(frozen=True, slots=True)
class Related:
    """A link as one of its two ends sees it: what the other is to it, in words."""

    word: str
    other: str
    rel: str
    is_own: bool  # whether this end says so itself


def related(id: str, items: Iterable[Item]) -> tuple[Related, ...]:
    """Return the links of an item from both sides: its own first, then those of others to it."""
    own, theirs = [], []
    for item in items:
        for link in item.links:
            if item.id == id:
                own.append(Related(link.rel.replace("_", " "), link.target, link.rel, True))
            elif link.target == id:
                theirs.append(Related(RELATIONS[link.rel], item.id, link.rel, False))
    return (*own, *theirs)


def duplicates_of(id: str, items: Iterable[Item]) -> tuple[Item, ...]:
    """Return the items that are duplicates of an item, or of one of those."""
    by_original: dict[str, list[Item]] = {}
    for item in items:
        if item.original:
            by_original.setdefault(item.original, []).append(item)
    found: list[Item] = []
    waiting = [id]
    while waiting:
        more = by_original.pop(waiting.pop(), [])
        found += more
        waiting += [item.id for item in more]
    return tuple(found)


def refusal(
    item: Item, rel: str, target: str, items: Mapping[str, Item], objectives: Collection[str] = ()
) -> FreeholdError | None:
    """Return why an item cannot be related so: FH-W310 to FH-W312, FH-W316, FH-W102, FH-X301; None where it can."""
    if rel not in RELATIONS:
        fix = near(rel, RELATIONS) or f"There are: {', '.join(RELATIONS)}."
        return FreeholdError("FH-W312", f"There is no relation `{rel}`.", fix=fix, exit_code=Exit.USAGE)
    if rel in AMONG_ITEMS and target not in items:
        fix = near(target, items) or "`freehold items list` has those there are."
        return FreeholdError("FH-W102", f"There is no work item `{target}`.", fix=fix, exit_code=Exit.USAGE)
    if rel == CONTRIBUTES_TO and target not in items and target.removeprefix(OF_OBJECTIVES) not in objectives:
        known = f"There are: {', '.join(objectives)}." if objectives else "Set one first: a file of kind Objective."
        problem = f"There is nothing `{target}` to contribute to: no objective, no metric and no item is called so."
        return FreeholdError("FH-W316", problem, fix=near(target, objectives) or known, exit_code=Exit.USAGE)
    if rel == DUPLICATE_OF and items[target].type != item.type:
        problem = f"`{item.id}` is a {item.type}, and `{target}` is a {items[target].type}."
        return FreeholdError("FH-W312", problem, fix="Link them by another relation, such as `contributes_to`.")
    if rel == DUPLICATE_OF and item.tracked is not None:
        return ruled_elsewhere(item)
    if rel == DUPLICATE_OF and item.original not in ("", target):
        fix = f"Part them first: `freehold items unlink {item.id} duplicate_of {item.original}`."
        return FreeholdError("FH-W311", f"`{item.id}` is a duplicate of `{item.original}` already.", fix=fix)
    circle = _circle(item.id, rel, target, items) if rel in AMONG_ITEMS else ()
    if circle:
        problem = f"That would go round in a circle: {' → '.join(circle)}, by `{rel}`."
        return FreeholdError("FH-W310", problem, fix="Take away one of these links, or link them the other way.")
    if target == item.id:
        return FreeholdError("FH-W310", f"`{item.id}` cannot be related to itself.", fix="Name another item.")
    return None


def _circle(id: str, rel: str, target: str, items: Mapping[str, Item]) -> tuple[str, ...]:
    """Return the way from an item by a relation back to itself, if a link to `target` would close one."""
    ways: list[tuple[str, ...]] = [(id, target)]
    seen = set[str]()
    while ways:
        way = ways.pop()
        if way[-1] == id:
            return way
        if way[-1] not in seen and way[-1] in items:
            seen.add(way[-1])
            ways += [(*way, link.target) for link in items[way[-1]].links if link.rel == rel]
    return ()

"""Whether the estate hangs together: ids said once, references that lead somewhere, no circles, no collisions.

Pure functions over declarations; the whole estate is judged each time, however few files have changed.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from freehold.estate.declared import Declaration, Reference
from freehold.foundation import FreeholdError, Where, near

_SPOKEN = {"DataProduct": "product", "DataContract": "contract", "Team": "team", "Calendar": "calendar"}


@dataclass(frozen=True, slots=True)
class Declared:
    """All declarations of an estate, found by kind and id. `of` maps each to its first place."""

    all: tuple[tuple[str, Declaration], ...]  # with the path of the file
    of: Mapping[tuple[str, str], tuple[str, Declaration]]

    @classmethod
    def gather(cls, files: Iterable[tuple[str, Declaration]]) -> Declared:
        """Gather the declarations of all files, in their order."""
        everything = tuple(files)
        of: dict[tuple[str, str], tuple[str, Declaration]] = {}
        for path, one in everything:
            of.setdefault((one.kind, one.id), (path, one))
        return cls(everything, of)

    def ids(self, kind: str) -> list[str]:
        """Return the ids of a kind."""
        return [id_ for known, id_ in self.of if known == kind]

    def where(self, kind: str, id_: str) -> Where | None:
        """Return the place where an id is declared."""
        found = self.of.get((kind, id_))
        return Where(found[0], found[1].line, found[1].column) if found else None


def reference_errors(declared: Declared, *, settings: Mapping[str, Iterable[str]]) -> list[FreeholdError]:
    """Return all that is wrong between the documents of an estate.

    `settings` holds the names that the Estate document itself defines: `connection` and `environment`.
    """
    return [
        *_said_twice(declared),
        *_dangling(declared, {kind: list(names) for kind, names in settings.items()}),
        *_circles(declared),
        *_collisions(declared),
        *_ports_without_object(declared),
    ]


def warehouse_schema(product: str) -> str:
    """Return the name of the schema that holds a product's assets in the warehouse."""
    return product.replace(".", "_")


def _said_twice(declared: Declared) -> Iterator[FreeholdError]:
    for path, one in declared.all:
        first_path, first = declared.of[one.kind, one.id]
        if first is not one and one.kind != "Estate":
            there = Where(first_path, first.line, first.column)
            yield FreeholdError(
                "FH-V201", f"The {one.kind} `{one.id}` is declared twice; first at {there}.",
                where=Where(path, one.line, one.column), fix="Give one of them another id, or remove it.",
            )  # fmt: skip


def _dangling(declared: Declared, settings: Mapping[str, list[str]]) -> Iterator[FreeholdError]:
    names = {one.extra.get("name") for _, one in declared.all if one.kind == "DataProduct"}
    near_ones = _NearOnes()
    for path, one in declared.all:
        for reference in one.references:
            if reference.kind == "column":
                yield from _column(declared, path, one, reference)
            elif reference.kind in settings:
                if reference.target not in settings[reference.kind]:
                    yield _leads_nowhere(path, reference, settings[reference.kind], near_ones)
            # The standard calls `dataProduct` a name; we write the id there, and take both.
            elif (reference.kind, reference.target) not in declared.of and not (
                reference.role == "`dataProduct`" and reference.target in names
            ):
                yield _leads_nowhere(path, reference, declared.ids(reference.kind), near_ones, declared)


class _NearOnes:
    """Near matches among many names: comparing each with each would take minutes in a large estate."""

    MOST_LOOKUPS = 200

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}

    def to(self, kind: str, word: str, names: list[str]) -> str:
        """Return `Did you mean …?`, or nothing; nothing after many lookups, when the cause is one and the same."""
        if (kind, word) not in self._known:
            if len(self._known) >= self.MOST_LOOKUPS:
                return ""
            self._known[kind, word] = near(word, _alike(word, names))
        return self._known[kind, word]


def _alike(word: str, names: list[str], most: int = 50) -> list[str]:
    """Return the names that share the most runs of three letters with a word."""
    if len(names) <= most * 4:
        return names
    runs = {word[i : i + 3] for i in range(len(word) - 2)}
    return heapq.nlargest(most, names, key=lambda name: sum(run in name for run in runs))


def _leads_nowhere(
    path: str, reference: Reference, known: list[str], near_ones: _NearOnes, declared: Declared | None = None
) -> FreeholdError:
    meant = near_ones.to(reference.kind, reference.target, known)
    closest = next((name for name in known if f"`{name}`" in meant), None)
    there = declared.where(reference.kind, closest) if declared and closest else None
    if meant and there:
        meant += f" It is declared at {there}."
    what = _SPOKEN.get(reference.kind, reference.kind)
    fix = meant or (f"Known: {_some(known)}." if known else f"Declare it: the estate has no {what} yet.")
    return FreeholdError(
        "FH-V202", f"{reference.role} names the {what} `{reference.target}`, which no file declares.",
        where=Where(path, reference.line, reference.column), fix=fix,
    )  # fmt: skip


def _column(declared: Declared, path: str, one: Declaration, reference: Reference) -> Iterator[FreeholdError]:
    named, column, written = reference.target.split("\n")
    where = Where(path, reference.line, reference.column)
    if named.startswith(("http://", "https://")):  # another estate's file: not ours to look into
        return
    owner = _owner(declared, path, one, named)
    if owner is None and _broken(declared, named):
        return
    if owner is None:
        known = [*one.objects, *(i for i in declared.ids("DataContract") if i != one.id)]
        yield FreeholdError(
            "FH-V203", f"{reference.role} `{written}` names no object of this contract, nor another contract.",
            where=where, fix=near(named, known) or f"Known: {_some(known)}.",
        )  # fmt: skip
        return
    there, columns = owner
    if column and column not in columns:
        yield FreeholdError(
            "FH-V204", f"{reference.role} `{written}` names the column `{column}`, which {there} does not have.",
            where=where, fix=near(column, columns) or f"Known: {_some(columns)}.",
        )  # fmt: skip


def _broken(declared: Declared, named: str) -> bool:
    """Whether a name leads to a contract that has been refused, so that its columns are not known."""
    found = (declared.of.get(("DataContract", i)) for i in (named, named.rpartition(".")[0]))
    return any(f is not None and f[1].extra.get("broken") for f in found)


def _owner(declared: Declared, path: str, one: Declaration, named: str) -> tuple[str, list[str]] | None:
    """Return how to speak of the object a reference names, and its columns."""
    if named in one.objects:
        return f"`{named}`", one.objects[named]
    file, hash_, name = named.rpartition("#")
    if hash_:
        folder = path.rpartition("/")[0]
        wanted = {joined("", file), joined(folder, file)}
        candidates = [(p, d) for p, d in declared.all if d.kind == "DataContract" and p in wanted]
    else:
        before, _, name = named.rpartition(".")
        found = (declared.of.get(("DataContract", i)) for i in (before, named))
        candidates = [f for f in found if f]
    for there, contract in candidates:
        called = contract.extra.get("ids", {}).get(name, name)
        if called in contract.objects:
            return f"`{called}` ({Where(there, contract.line, contract.column)})", contract.objects[called]
    # A nested property, `orders.address.street`: the object is the first word.
    first = named.partition(".")[0]
    if not hash_ and first in one.objects:
        return f"`{first}`", [*one.objects[first], named.rpartition(".")[2]]
    return None


def joined(folder: str, file: str) -> str:
    """Return the path of a file named from a folder, both relative to the estate."""
    steps: list[str] = folder.split("/") if folder else []
    for step in file.split("/"):
        if step == ".." and steps:
            steps.pop()
        elif step not in (".", ""):
            steps.append(step)
    return "/".join(steps)


def _circles(declared: Declared) -> Iterator[FreeholdError]:
    parents = {
        one.id: (one.extra["parent"], Where(path, one.line, one.column))
        for path, one in declared.all
        if one.kind == "Team" and one.extra.get("parent")
    }
    yield from _circles_in(parents, "team", "parent")
    for path, one in declared.all:
        if one.kind == "Estate":
            deferring = {
                name: (said[0], Where(path, said[1], said[2]))
                for name, said in one.extra.get("environments", {}).items()
                if said[0]
            }
            yield from _circles_in(deferring, "environment", "defer_to")


def _circles_in(edges: Mapping[str, tuple[str, Where]], what: str, by: str) -> Iterator[FreeholdError]:
    done: set[str] = set()
    for start in edges:
        trail: list[str] = []
        step = start
        while step in edges and step not in done and step not in trail:
            trail.append(step)
            step = edges[step][0]
        if step in trail:
            circle = [*trail[trail.index(step) :], step]
            ends = ", ".join(f"`{name}` at {edges[name][1]}" for name in circle[:-1])
            yield FreeholdError(
                "FH-V205", f"`{by}` runs in a circle: {' -> '.join(circle)} ({ends}).",
                where=edges[circle[-2]][1], fix=f"Let one {what} have no `{by}`.",
            )  # fmt: skip
        done.update(trail)


def _collisions(declared: Declared) -> Iterator[FreeholdError]:
    schemas: dict[str, tuple[str, Declaration]] = {}
    for (kind, id_), (path, one) in declared.of.items():
        if kind != "DataProduct":
            continue
        schema = warehouse_schema(id_)
        if schema in schemas:
            there = Where(schemas[schema][0], schemas[schema][1].line, schemas[schema][1].column)
            yield FreeholdError(
                "FH-V206",
                f"The product `{id_}` would share the warehouse schema `{schema}` with `{schemas[schema][1].id}` at "
                f"{there}.",
                where=Where(path, one.line, one.column), fix="Give one of them another id.",
            )  # fmt: skip
        schemas.setdefault(schema, (path, one))


def _ports_without_object(declared: Declared) -> Iterator[FreeholdError]:
    for path, one in declared.all:
        for _, name, contract_id, line, column in one.ports:
            found = declared.of.get(("DataContract", contract_id)) if contract_id else None
            if found and found[1].objects and name not in found[1].objects:
                there, contract = found
                yield FreeholdError(
                    "FH-V207",
                    f"The port `{name}` names the contract `{contract_id}`, which has no object `{name}` "
                    f"({Where(there, contract.line, contract.column)}).",
                    where=Where(path, line, column),
                    fix=near(name, contract.objects) or f"Name it as the object: {_some(list(contract.objects))}.",
                )  # fmt: skip


def _some(names: list[str], most: int = 8) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")

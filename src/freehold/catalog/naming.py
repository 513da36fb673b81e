"""From a name as people write it to the entry, or the column of an entry, that it means."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import product

from freehold.catalog.entry import KINDS, Key
from freehold.foundation import Exit, FreeholdError, near

_MOST_KNOWN = 2_000  # names that are compared for a near match
_MOST_CALLED = 200  # entries of one name that are looked at
_WAYS = tuple(
    f"SELECT a.kind, a.id, a.key, a.scope FROM asset a {way} = ?1 AND a.kind = coalesce(?2, a.kind) AND a.is_gone = 0 "
    f"LIMIT {_MOST_CALLED}"
    for way in ("WHERE a.id", "JOIN alias l ON a.key = l.asset WHERE l.name", "WHERE a.title")
)


@dataclass(frozen=True, slots=True)
class Start:
    """What a walk starts from: an entry by its number in the tables, or one column of it."""

    key: Key
    entry: int
    column: str = ""
    field: int = 0

    def __str__(self) -> str:
        return f"{self.key.id}.{self.column}" if self.column else self.key.id


def resolved(connection: sqlite3.Connection, name: str, scopes: Collection[str] | None = None) -> Start:
    """Return what a name means: an id, another name, its last part, `kind:` and either, or these `.column`.

    What the caller may not see (`searching.scopes_seen`) is not there.

    Raises:
        FreeholdError: FH-F004 it means nothing; FH-F005 it could mean several.
    """
    found = _entries(connection, name, scopes) if name else []
    if found:
        return Start(*_only(name, found))
    before, _, column = name.rpartition(".")
    held = [(key, entry, _columns(connection, entry)) for key, entry in _entries(connection, before, scopes)]
    fitting = [(key, entry) for key, entry, columns in held if column.casefold() in columns]
    if fitting:
        key, entry = _only(name, fitting)
        return Start(key, entry, *_columns(connection, entry)[column.casefold()])
    having = [(key, columns) for key, _, columns in held if columns]  # a product or a metric of that name has none
    if len(having) == 1:
        key, columns = having[0]
        known = [spelled for spelled, _ in columns.values()]
        fix = near(column, known) or f"It has: {', '.join(known[:12])}."
        raise _none("FH-F004", f"`{key.id}` has no column `{column}`.", fix)
    fix = near(name, _known(connection, scopes)) or "See `freehold search`."
    raise _none("FH-F004", f"The catalog has nothing called `{name}`.", fix)


def _only(name: str, found: Sequence[tuple[Key, int]]) -> tuple[Key, int]:
    if len(found) > 1:
        named = ", ".join(f"`{key}`" for key, _ in found[:8])
        raise _none("FH-F005", f"`{name}` could mean {named}.", "Write one of them.")
    return found[0]


def _entries(connection: sqlite3.Connection, name: str, scopes: Collection[str] | None) -> list[tuple[Key, int]]:
    """Return the entries a name means: by id, else by another name, else by title; with its kind before any without."""
    kind, _, id_ = name.partition(":")
    asked = [(id_, kind)] if kind in KINDS and id_ else []
    for called, sql in product([*asked, (name, None)], _WAYS):
        rows = connection.execute(sql, called).fetchall()
        found = {Key(k, i): key for k, i, key, scope in rows if scopes is None or scope in scopes}
        if assets := {key: number for key, number in found.items() if key.kind == "asset"}:
            found = assets  # a metric or a contract may be called as its table is; lineage is of the table
        if found:
            return sorted(found.items())
    return []


def _columns(connection: sqlite3.Connection, entry: int) -> dict[str, tuple[str, int]]:
    """Return the columns of an entry by their name in lower case: as it is spelled, and its number."""
    rows = connection.execute(
        "SELECT name, key FROM field WHERE asset = ? AND is_gone = 0 ORDER BY position DESC", (entry,)
    )
    found = {name.casefold(): (name, number) for name, number in rows}  # of two that differ by case, the first
    return dict(reversed(found.items()))


def _known(connection: sqlite3.Connection, scopes: Collection[str] | None) -> list[str]:
    rows = connection.execute(
        "SELECT id, scope FROM asset WHERE is_gone = 0 ORDER BY signal DESC LIMIT ?", (_MOST_KNOWN,)
    )
    seen = [name for name, scope in rows if scopes is None or scope in scopes]
    return [*seen, *(last for name in seen if (last := name.rpartition(".")[2]) != name)]


def _none(code: str, problem: str, fix: str) -> FreeholdError:
    return FreeholdError(code, problem, fix=fix, exit_code=Exit.USAGE)

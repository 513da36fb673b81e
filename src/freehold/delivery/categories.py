"""The values of columns of few values: counted in the ledger under a digest, and what they are beside it.

The chain holds no text that somebody wrote. What a digest stands for is in the side store, where it can be erased, once
for each value that a column ever had.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from freehold.ledger import Ledger
    from freehold.quality import ColumnProfile, TableState

_MOST, _MOST_NUMBERS = 64, 12  # values a column may have, to be told of: of whole numbers more are amounts
_KEPT = "categories"  # of the kept state: the digests of a column, each with the side item that says its value


def counted(asset: str, name: str, column: ColumnProfile) -> dict[str, int] | None:
    """Return how many rows each value of a column has, by digest; None of values that are none of a few names.

    Those are more than a few, dates, which are new each day, and numbers, unless they are few enough to be codes.
    """
    values = column.values or {}
    is_named = all(isinstance(value, str | bool) for value in values)
    is_coded = all(isinstance(value, int) for value in values)
    if not values or (not is_named and not is_coded) or len(values) > (_MOST if is_named else _MOST_NUMBERS):
        return None
    return {digest_of(asset, name, value): rows for value, rows in values.items()}


def digest_of(asset: str, column: str, value: Any) -> str:
    """Return what stands for a value of a column in the chain: 12 hexadecimal digits."""
    return hashlib.sha256(f"{asset}\n{column}\n{value}".encode()).hexdigest()[:12]


def remember(ledger: Ledger, asset: str, state: TableState) -> None:
    """Put the values aside that columns of few values have for the first time."""
    few = {name: column for name, column in state.columns.items() if counted(asset, name, column)}
    if not few:
        return
    known: dict[str, dict[str, str]] = ledger.state.many(_KEPT, f"{asset} ")
    fresh: dict[str, dict[str, str]] = {}
    for name, column in few.items():
        of = {digest_of(asset, name, value): str(value) for value in column.values or ()}
        if new := {digest: text for digest, text in of.items() if digest not in known.get(f"{asset} {name}", {})}:
            fresh[f"{asset} {name}"] = new
    if fresh:
        item = ledger.side.put(_KEPT, {d: text for new in fresh.values() for d, text in new.items()}, subject=asset)
        ledger.state.put_many(_KEPT, {key: known.get(key, {}) | dict.fromkeys(new, item) for key, new in fresh.items()})


def named(ledger: Ledger, asset: str, column: str, digests: Iterable[str]) -> Mapping[str, str]:
    """Return the values that digests stand for, without those that were erased."""
    known: dict[str, str] = ledger.state.get(_KEPT, f"{asset} {column}") or {}
    wanted = {digest: known[digest] for digest in digests if digest in known}
    items = {item: ledger.side.get(item) for item in set(wanted.values())}
    said = {digest: items[item] for digest, item in wanted.items()}
    return {digest: str(item.payload[digest]) for digest, item in said.items() if item is not None}

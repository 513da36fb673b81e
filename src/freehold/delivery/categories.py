"""The values of columns of few values: counted in the ledger under a digest, and what they are beside it.

The chain holds no text that somebody wrote. What a digest stands for is in the side store, where it can be erased, once
for each value that a column ever had. A digest goes by a key that is in no event, since few values are easily guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from freehold.ledger.keyed import keyed

if TYPE_CHECKING:
    from freehold.ledger import Ledger
    from freehold.quality import ColumnProfile, TableState

_MOST, _MOST_NUMBERS = 64, 12  # values a column may have, to be told of: of whole numbers more are amounts
_KEPT = "categories"  # of the kept state: the digests of a column, each with the side item that says its value


def few(column: ColumnProfile) -> Mapping[Any, int]:
    """Return how many rows each value of a column has; nothing of values that are none of a few names.

    Those are more than a few, dates, which are new each day, and numbers, unless they are few enough to be codes.
    """
    values = column.values or {}
    is_named = all(isinstance(value, str | bool) for value in values)
    is_coded = all(isinstance(value, int) for value in values)
    if (not is_named and not is_coded) or len(values) > (_MOST if is_named else _MOST_NUMBERS):
        return {}
    return values


def remember(ledger: Ledger, asset: str, state: TableState) -> dict[str, dict[str, int]]:
    """Put the values aside that columns of few values have for the first time.

    Returns:
        How many rows each value of such a column has, by column, and by the digest that stands for it in the chain: 12
        hexadecimal digits.
    """
    found = {name: values for name, column in state.columns.items() if (values := few(column))}
    if not found:
        return {}
    digest = keyed(ledger.state, _KEPT)
    digests = {name: {v: digest(f"{asset}\n{name}\n{v}")[:12] for v in values} for name, values in found.items()}
    known: dict[str, dict[str, str]] = ledger.state.many(_KEPT, f"{asset} ")
    fresh: dict[str, dict[str, str]] = {}
    for name, of in digests.items():
        there = known.get(f"{asset} {name}", {})
        if new := {one: str(value) for value, one in of.items() if one not in there}:
            fresh[f"{asset} {name}"] = new
    if fresh:
        item = ledger.side.put(_KEPT, {d: text for new in fresh.values() for d, text in new.items()}, subject=asset)
        ledger.state.put_many(_KEPT, {key: known.get(key, {}) | dict.fromkeys(new, item) for key, new in fresh.items()})
    return {name: {digests[name][value]: rows for value, rows in values.items()} for name, values in found.items()}


def named(ledger: Ledger, asset: str, column: str, digests: Iterable[str]) -> Mapping[str, str]:
    """Return the values that digests stand for, without those that were erased."""
    known: dict[str, str] = ledger.state.get(_KEPT, f"{asset} {column}") or {}
    wanted = {digest: known[digest] for digest in digests if digest in known}
    items = {item: ledger.side.get(item) for item in set(wanted.values())}
    said = {digest: items[item] for digest, item in wanted.items()}
    return {digest: str(item.payload[digest]) for digest, item in said.items() if item is not None}

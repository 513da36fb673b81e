"""Reading rows: by place in the chain, by id, by time. Every read is one short transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import TextClause, select, text

from freehold.ledger import tables

if TYPE_CHECKING:
    from freehold.ledger.store import Store

_FEW_TYPES = 8  # of more, a page is sooner found by walking
_BOUNDS = {"upto": "seq <= :upto", "since": "occurred_at >= :since", "until": "occurred_at < :until"}


def page(
    store: Store,
    after: int,
    upto: int | None,
    types: Sequence[str],
    same: Mapping[str, str | None],
    between: Sequence[int | None],
    newest_first: bool,
    size: int,
) -> Sequence[Any]:
    """Return up to `size` rows that fit, in the order of their numbers or against it."""
    bounds = dict(zip(("since", "until"), between, strict=True))
    asked: dict[str, Any] = {**same, "upto": upto, **bounds}
    said = {name: value for name, value in asked.items() if value is not None}
    statement = _page(tuple(said), len(types), newest_first)
    named = {f"type_{number}": one for number, one in enumerate(types)}
    with store.read() as connection:
        given = {"workspace": store.workspace, "after": after, "size": size, **said, **named}
        return connection.execute(statement, given).all()


@lru_cache(maxsize=512)
def _page(said: tuple[str, ...], types: int, newest_first: bool) -> TextClause:
    """Return the statement of a page, as text: reads are many and small, and composing one costs more than it does."""
    where = ["workspace = :workspace", "seq > :after", *(_BOUNDS.get(name, f"{name} = :{name}") for name in said)]
    order = f"ORDER BY seq {'DESC' if newest_first else 'ASC'} LIMIT :size"
    if 1 < types <= _FEW_TYPES and "subject" not in said:
        within = " AND ".join(where)
        where = ["workspace = :workspace", f"seq IN ({_numbers(within, types, order)})"]
    elif types:
        where.append(f"type IN ({', '.join(f':type_{number}' for number in range(types))})")
    names = ", ".join(tables.event.c.keys())
    return text(f"SELECT {names} FROM {tables.event.name} WHERE {' AND '.join(where)} {order}")


def _numbers(within: str, types: int, order: str) -> str:
    """Select the numbers that may be on a page, some of each type: those are found where the types are indexed.

    Asked for several types at once, SQLite walks the whole ledger in the order of its numbers, and rare types are rare.
    """
    each = (f"SELECT seq FROM {tables.event.name} WHERE {within} AND type = :type_{n} {order}" for n in range(types))
    return " UNION ALL ".join(f"SELECT seq FROM ({one}) AS of_{n}" for n, one in enumerate(each))


def by_id(store: Store, id: str) -> Any:
    """Return the row of an id, or None."""
    event = tables.event
    with store.read() as connection:
        return connection.execute(select(event).where(event.c.workspace == store.workspace, event.c.id == id)).first()


def sequence_as_of(store: Store, sealed: int, instant: int) -> int:
    """Return the last number up to `sealed` recorded at or before an instant, by bisection along the chain."""
    event = tables.event.c
    low, high = 0, sealed
    with store.read() as connection:
        while low < high:
            middle = (low + high + 1) // 2
            at = select(event.recorded_at).where(event.workspace == store.workspace, event.seq == middle)
            if connection.execute(at).scalar_one() <= instant:
                low = middle
            else:
                high = middle - 1
    return low

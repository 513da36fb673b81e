"""Reading rows: by place in the chain, by id, by time. Every read is one short transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from freehold.ledger import tables

if TYPE_CHECKING:
    from freehold.ledger.store import Store


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
    event = tables.event.c
    where = [event.workspace == store.workspace, event.seq > after]
    where += [event[name] == value for name, value in same.items() if value is not None]
    since, until = between
    if upto is not None:
        where.append(event.seq <= upto)
    if types:
        where.append(event.type.in_(types))
    if since is not None:
        where.append(event.occurred_at >= since)
    if until is not None:
        where.append(event.occurred_at < until)
    order = event.seq.desc() if newest_first else event.seq
    with store.read() as connection:
        return connection.execute(select(tables.event).where(*where).order_by(order).limit(size)).all()


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

"""Reading rows: by place in the chain, by id, by time. Every read is one short transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, ScalarSelect, UnaryExpression, select, union_all

from freehold.ledger import tables

if TYPE_CHECKING:
    from freehold.ledger.store import Store

_FEW_TYPES = 8  # of more, a page is sooner found by walking


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
    if since is not None:
        where.append(event.occurred_at >= since)
    if until is not None:
        where.append(event.occurred_at < until)
    order = event.seq.desc() if newest_first else event.seq.asc()
    if 1 < len(types) <= _FEW_TYPES and same.get("subject") is None:
        where = [event.workspace == store.workspace, event.seq.in_(_numbers(types, where, order, size))]
    elif types:
        where.append(event.type.in_(types))
    with store.read() as connection:
        return connection.execute(select(tables.event).where(*where).order_by(order).limit(size)).all()


def _numbers(
    types: Sequence[str], where: Sequence[ColumnElement[bool]], order: UnaryExpression[int], size: int
) -> ScalarSelect[int]:
    """Select the numbers that may be on a page, some of each type: those are found where the types are indexed.

    Asked for several types at once, SQLite walks the whole ledger in the order of its numbers, and rare types are rare.
    """
    event = tables.event.c
    each = [select(event.seq).where(*where, event.type == one).order_by(order).limit(size).subquery() for one in types]
    return union_all(*(select(one.c.seq) for one in each)).scalar_subquery()


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

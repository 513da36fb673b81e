"""How far each subscription is and what became of what was sent, in the state. Whoever sends does so under a lease.

What is written about an attempt moves the delivery and the cursor in one transaction: a process that is killed has
written both or neither, so the event in flight is sent again, under the same id, and none is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from freehold.ledger import tables
from freehold.ledger.deliveries import PING, Delivery, Standing
from freehold.ledger.event import from_micros, micros

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row, Table

    from freehold.foundation import Clock
    from freehold.ledger.kept import Lease
    from freehold.ledger.store import Store

KEPT = 200  # deliveries that arrived, of each subscription; what waits or is dead is kept until it arrives
_FORGOT_EVERY = 50
_INSTANTS = ("disabled_at", "failing_since", "succeeded_at", "held_until", "first_at", "last_at", "next_at")


class Webhooks:
    """The subscriptions and deliveries of a workspace."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._delivered: dict[str, int] = {}

    # -- looking

    def standings(self) -> dict[str, Standing]:
        """Return how every subscription stands that was ever looked at, by id."""
        with self._store.read() as connection:
            rows = connection.execute(select(tables.webhook).where(self._mine(tables.webhook))).all()
        return {row.id: Standing(**_values(row, ("workspace",))) for row in rows}

    def deliveries(
        self, subscription: str, *, states: Sequence[str] = (), limit: int = 100, before: datetime | None = None
    ) -> tuple[Delivery, ...]:
        """Return deliveries, those that were tried last first; what was never tried stands before all."""
        table = tables.webhook_delivery
        query = select(table).where(self._mine(table), table.c.subscription == subscription)
        if states:
            query = query.where(table.c.state.in_(states))
        if before is not None:
            query = query.where(table.c.last_at < micros(before), table.c.last_at > 0)
        order = ((table.c.last_at == 0).desc(), table.c.last_at.desc(), table.c.seq.desc())
        with self._store.read() as connection:
            rows = connection.execute(query.order_by(*order).limit(limit)).all()
        return tuple(map(_delivery, rows))

    def get(self, subscription: str, id: str) -> Delivery | None:
        """Return one delivery."""
        with self._store.read() as connection:
            row = connection.execute(
                select(tables.webhook_delivery).where(self._is(subscription), tables.webhook_delivery.c.id == id)
            ).first()
        return None if row is None else _delivery(row)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many deliveries of each state there are, by subscription."""
        table = tables.webhook_delivery
        query = select(table.c.subscription, table.c.state, func.count().label("many")).where(self._mine(table))
        found: dict[str, dict[str, int]] = {}
        with self._store.read() as connection:
            for row in connection.execute(query.group_by(table.c.subscription, table.c.state)):
                found.setdefault(row.subscription, {})[row.state] = row.many
        return found

    def due(self, subscription: str, cursor: int, now: datetime, limit: int) -> tuple[Delivery, ...]:
        """Return what waits beside the line and is to be tried now: pings first, then what waited longest."""
        table = tables.webhook_delivery
        beside = (table.c.state == "waiting") & (table.c.seq <= cursor) & (table.c.next_at <= micros(now))
        query = select(table).where(self._is(subscription), beside)
        order = ((table.c.kind == PING).desc(), table.c.next_at, table.c.seq)
        with self._store.read() as connection:
            return tuple(map(_delivery, connection.execute(query.order_by(*order).limit(limit))))

    def wakes_at(self) -> datetime | None:
        """Return when something that waits is to be tried next; None where nothing waits."""
        table = tables.webhook_delivery
        query = select(func.min(table.c.next_at)).where(
            self._mine(table), table.c.state == "waiting", table.c.next_at > 0
        )
        with self._store.read() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else from_micros(found)

    # -- sending, under a lease

    def begin(self, lease: Lease, standing: Standing) -> None:
        """Keep a subscription that is looked at for the first time."""
        with self._store.write() as connection:
            lease.check_within(connection)
            self._put(connection, tables.webhook, {"id": standing.id}, _row(standing))

    def attempted(self, lease: Lease, standing: Standing, delivery: Delivery) -> None:
        """Keep what became of an attempt, and how the subscription stands then, in one transaction.

        Raises:
            FreeholdError: FH-L202 the lease is lost: another process sends, and nothing was written.
        """
        key = {"subscription": delivery.subscription, "id": delivery.id}
        with self._store.write() as connection:
            lease.check_within(connection)
            self._put(connection, tables.webhook_delivery, key, _row(delivery))
            self._put(connection, tables.webhook, {"id": standing.id}, _row(standing))
            if delivery.state == "delivered":
                self._forget(connection, delivery.subscription)

    def answered(self, lease: Lease, ping: Delivery) -> None:
        """Keep what became of a ping, which changes nothing of how the subscription stands."""
        with self._store.write() as connection:
            lease.check_within(connection)
            key = {"subscription": ping.subscription, "id": ping.id}
            self._put(connection, tables.webhook_delivery, key, _row(ping))

    def moved(self, lease: Lease, standing: Standing) -> None:
        """Keep how a subscription stands, where nothing was sent."""
        with self._store.write() as connection:
            lease.check_within(connection)
            self._put(connection, tables.webhook, {"id": standing.id}, _row(standing))

    # -- what a person asks for

    def ask(self, delivery: Delivery) -> None:
        """Have something sent: a ping, or an event again; it takes the place of what is known of it."""
        key = {"subscription": delivery.subscription, "id": delivery.id}
        with self._store.write() as connection:
            self._put(connection, tables.webhook_delivery, key, _row(delivery))

    def retry(self, subscription: str, ids: Sequence[str], now: datetime) -> int:
        """Have what is dead, or waits, tried now, with all its attempts before it; return how many there were.

        Where the line waits, it waits no longer.
        """
        table = tables.webhook_delivery
        open_ = table.c.id.in_(ids) & table.c.state.in_(("dead", "waiting"))
        fresh = {"state": "waiting", "attempts": 0, "next_at": micros(now)}
        with self._store.write() as connection:
            done = connection.execute(update(table).where(self._is(subscription), open_).values(fresh)).rowcount
            connection.execute(update(tables.webhook).where(self._standing(subscription)).values(held_until=0))
        return int(done)

    def enable(self, subscription: str, cursor: int | None = None) -> bool:
        """Let a disabled subscription go on, where it was or after an event; say whether it was disabled."""
        table = tables.webhook
        values: dict[str, Any] = {"state": "active", "reason": "", "problem": ""}
        values |= {"disabled_at": 0, "failing_since": 0, "held_until": 0}
        values |= {} if cursor is None else {"cursor": cursor}
        is_so = self._standing(subscription) & (table.c.state == "disabled")
        with self._store.write() as connection:
            was = connection.execute(select(table.c.cursor).where(is_so).with_for_update()).scalar()
            if was is None:
                return False
            connection.execute(update(table).where(is_so).values(values))
            self._restart(connection, subscription, None if cursor is None else was)
        return True

    def _restart(self, connection: Connection, subscription: str, skipped_after: int | None) -> None:
        """Let what failed before count no more; what was in the line and is skipped is not waited for."""
        table, now = tables.webhook_delivery, micros(self._clock.now())
        waiting = self._is(subscription) & (table.c.state == "waiting")
        if skipped_after is not None:
            connection.execute(delete(table).where(waiting, table.c.seq > skipped_after))
        connection.execute(update(table).where(waiting).values(attempts=0, next_at=now))

    def _forget(self, connection: Connection, subscription: str) -> None:
        """Drop what arrived long ago, now and then."""
        count = self._delivered[subscription] = self._delivered.get(subscription, 0) + 1
        if count % _FORGOT_EVERY:
            return
        table = tables.webhook_delivery
        arrived = self._is(subscription) & table.c.state.in_(("delivered", "failed"))
        newest = select(table.c.last_at).where(arrived).order_by(table.c.last_at.desc())
        oldest = connection.execute(newest.offset(KEPT).limit(1)).scalar()
        if oldest is not None:
            connection.execute(delete(table).where(arrived, table.c.last_at <= oldest))

    def _put(self, connection: Connection, table: Table, key: Mapping[str, str], row: Mapping[str, Any]) -> None:
        same = self._mine(table)
        for name, value in key.items():
            same &= table.c[name] == value
        if connection.execute(update(table).where(same).values(row)).rowcount == 0:
            connection.execute(insert(table), {"workspace": self._store.workspace, **row})

    def _mine(self, table: Table) -> Any:
        return table.c.workspace == self._store.workspace

    def _is(self, subscription: str) -> Any:
        return self._mine(tables.webhook_delivery) & (tables.webhook_delivery.c.subscription == subscription)

    def _standing(self, subscription: str) -> Any:
        return self._mine(tables.webhook) & (tables.webhook.c.id == subscription)


def _delivery(row: Row[Any]) -> Delivery:
    said = _values(row, ("workspace",))
    return Delivery(**said | {"took": timedelta(microseconds=said["took"])})


def _values(row: Row[Any], but: Sequence[str]) -> dict[str, Any]:
    said = {name: value for name, value in row._mapping.items() if name not in but}
    return said | {n: from_micros(said[n]) if said[n] else None for n in _INSTANTS if n in said}


def _row(one: Standing | Delivery) -> dict[str, Any]:
    said = {name: getattr(one, name) for name in one.__dataclass_fields__}
    said |= {n: micros(said[n]) if said[n] is not None else 0 for n in _INSTANTS if n in said}
    return said | ({"took": said["took"] // timedelta(microseconds=1)} if "took" in said else {})

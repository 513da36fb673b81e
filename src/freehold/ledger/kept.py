"""Kept state: the little that is neither git nor history. Leases, the erasable side store, and rooms' own small keys.

It is backed up and never dropped by a rebuild. Nothing here is evidence of what happened.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from freehold.foundation import Clock, Exit, FreeholdError, IdSource, SystemClock, Transient
from freehold.ledger import tables
from freehold.ledger.canonical import NotCanonical, canonical
from freehold.ledger.event import from_micros, micros

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from freehold.ledger.store import Store


class KeptState:
    """A small store of JSON values by namespace and key, for rooms above: what a check saw in a partition, and such.

    It is for values a room could make again at a cost. Values are JSON; a put of several keys is one transaction.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, namespace: str, key: str, value: Any) -> None:
        """Keep one value, in place of what was there."""
        self.put_many(namespace, {key: value})

    def put_many(self, namespace: str, values: Mapping[str, Any]) -> None:
        """Keep several values in one transaction: all or none.

        Raises:
            FreeholdError: FH-L004 for a value that JSON cannot say.
        """
        rows = self._rows(namespace, values)
        if not rows:
            return
        try:
            self._replace(namespace, list(values), rows)
        except IntegrityError:  # on a server, another may have put the same key between our two statements
            self._replace(namespace, list(values), rows)

    def claim(self, namespace: str, key: str, value: Any) -> bool:
        """Keep a value under a key that has none, and say whether there was none: of several, one alone has claimed it.

        Raises:
            FreeholdError: FH-L004 for a value that JSON cannot say.
        """
        rows = self._rows(namespace, {key: value})
        try:
            with self._store.write() as connection:
                connection.execute(insert(tables.kept), rows)
        except IntegrityError:
            return False
        return True

    def putting(self, values: Mapping[tuple[str, str], Any]) -> Callable[[Connection], None]:
        """Return what puts values, by namespace and key, within a transaction that the caller has open for writing.

        Who writes the same key elsewhere must be kept out by a lease that the transaction checks.

        Raises:
            FreeholdError: FH-L004 for a value that JSON cannot say, at once.
        """
        spaces = dict.fromkeys(namespace for namespace, _ in values)
        ready = {name: self._rows(name, {k: v for (n, k), v in values.items() if n == name}) for name in spaces}

        def put(connection: Connection) -> None:
            for name, rows in ready.items():
                _drop_keys(connection, self._at(name), [_unspelled(row["key"]) for row in rows])
                connection.execute(insert(tables.kept), rows)

        return put

    def _rows(self, namespace: str, values: Mapping[str, Any]) -> list[dict[str, str]]:
        at = self._at(namespace)
        return [{**at, "key": _spelled(key), "value": _text(key, value)} for key, value in values.items()]

    def _replace(self, namespace: str, keys: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
        with self._store.write() as connection:
            _drop_keys(connection, self._at(namespace), keys)
            connection.execute(insert(tables.kept), rows)

    def get(self, namespace: str, key: str, default: Any = None) -> Any:
        """Return one value, or the default."""
        with self._store.read() as connection:
            where = [tables.kept.c[name] == value for name, value in self._at(namespace).items()]
            found = connection.execute(
                select(tables.kept.c.value).where(*where, tables.kept.c.key == _spelled(key))
            ).scalar()
        return default if found is None else json.loads(found)

    def many(self, namespace: str, prefix: str = "") -> dict[str, Any]:
        """Return every value whose key begins with a prefix, by key, in the order of the keys."""
        where = [tables.kept.c[name] == value for name, value in self._at(namespace).items()]
        if prefix:
            start = _spelled(prefix)
            where.append(func.substr(tables.kept.c.key, 1, len(start)) == start)  # LIKE ignores case in SQLite
        query = select(tables.kept.c.key, tables.kept.c.value).where(*where)
        with self._store.read() as connection:
            found = {_unspelled(row.key): json.loads(row.value) for row in connection.execute(query)}
        return dict(sorted(found.items()))  # here, since a server sorts by the rules of its language

    def delete(self, namespace: str, *keys: str) -> int:
        """Drop keys; return how many there were."""
        with self._store.write() as connection:
            return _drop_keys(connection, self._at(namespace), keys)

    def _at(self, namespace: str) -> dict[str, str]:
        return {"workspace": self._store.workspace, "namespace": namespace}


def _drop_keys(connection: Connection, at: Mapping[str, str], keys: Sequence[str]) -> int:
    where = [tables.kept.c[name] == value for name, value in at.items()]
    dropped = 0
    for start in range(0, len(keys), 500):
        some = tables.kept.c.key.in_([_spelled(key) for key in keys[start : start + 500]])
        dropped += connection.execute(delete(tables.kept).where(*where, some)).rowcount
    return dropped


def _spelled(key: str) -> str:
    """Return a key as it is stored: PostgreSQL holds no NUL. The order of keys and what they begin with stay."""
    return key.replace("\1", "\1\2").replace("\0", "\1\1")


def _unspelled(stored: str) -> str:
    return re.sub("\1([\1\2])", lambda found: "\0" if found[1] == "\1" else "\1", stored)


def _text(key: str, value: Any) -> str:
    try:
        return canonical(value)
    except NotCanonical as error:
        raise FreeholdError("FH-L004", f"The value of `{key}` cannot be kept: {error}.") from error


@dataclass(frozen=True, slots=True)
class SideItem:
    """Something about a person, or in free words, that can be erased."""

    id: str
    kind: str
    subject: str
    created_at: datetime
    payload: Any


class SideStore:
    """Persons, free text and failing rows, apart from the chain: the ledger holds only the random id."""

    def __init__(self, store: Store, clock: Clock, ids: IdSource, on_erase: Callable[..., None]) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._on_erase = on_erase

    def put(self, kind: str, payload: Any, subject: str = "") -> str:
        """Keep a JSON value and return its id, `side:` and a random part; `subject` is the person it is about."""
        item = f"side:{self._ids.new()}"
        row = {"workspace": self._store.workspace, "id": item, "kind": kind, "subject": subject}
        written = {"created_at": micros(self._clock.now()), "payload": _text(item, payload)}
        with self._store.write() as connection:
            connection.execute(insert(tables.side), {**row, **written})
        return item

    def get(self, item: str) -> SideItem | None:
        """Return an item, or None when there is none or it was erased."""
        query = select(tables.side).where(self._mine, tables.side.c.id == item)
        with self._store.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return SideItem(row.id, row.kind, row.subject, from_micros(row.created_at), json.loads(row.payload))

    def erase(self, item: str, reason: str = "") -> bool:
        """Erase an item for good; return whether it was there. The chain gets a `side.erased` event and stays valid."""
        return self._erase(tables.side.c.id == item, reason) > 0

    def erase_subject(self, subject: str, reason: str = "") -> int:
        """Erase everything about a person; return how many items that was.

        Raises:
            FreeholdError: FH-L108 for an empty subject, which would stand for everybody.
        """
        if not subject:
            fix = "Name the subject."
            raise FreeholdError("FH-L108", "An empty subject names nobody.", fix=fix, exit_code=Exit.USAGE)
        return self._erase(tables.side.c.subject == subject, reason)

    @property
    def _mine(self) -> Any:
        return tables.side.c.workspace == self._store.workspace

    def _erase(self, which: Any, reason: str) -> int:
        with self._store.write() as connection:
            found = connection.execute(select(tables.side.c.id, tables.side.c.kind).where(self._mine, which)).all()
            if found:
                connection.execute(delete(tables.side).where(self._mine, which))
                self._on_erase(connection, [(row.id, row.kind) for row in found], reason)
        if found:
            self._store.forget_erased()
        return len(found)


@dataclass(slots=True)
class Lease:
    """A right held for a while. `epoch` is a fencing token: it grows at every takeover, so an effect that carries an
    old one comes from somebody who has lost the right. Check it in the transaction of the effect.
    """

    name: str
    holder: str
    epoch: int
    expires_at: datetime
    ttl_s: float
    _leases: Leases

    def renew(self) -> Lease:
        """Hold on for another ttl.

        Raises:
            FreeholdError: FH-L202 when somebody has taken over; stop, nothing you do now counts.
        """
        self.expires_at = self._leases.renew(self)
        return self

    def release(self) -> None:
        """Let go; what was lost already is let go too."""
        self._leases.release(self)

    @contextmanager
    def kept_alive(self) -> Iterator[Lease]:
        """Renew it every third of its time, in a thread of its own, while the block runs.

        What takes long keeps the lease; a process that dies or is stopped renews no more and loses it. Nothing is
        raised where it is lost: the effects that carry the epoch are refused.
        """
        over = threading.Event()
        beat = threading.Thread(target=self._beat, args=(over,), daemon=True, name=f"lease {self.name}")
        beat.start()
        try:
            yield self
        finally:
            over.set()
            beat.join()

    def _beat(self, over: threading.Event) -> None:
        while not over.wait(self.ttl_s / 3):
            try:
                self.renew()
            except Transient:
                continue  # the next beat comes before it runs out
            except FreeholdError:
                return  # lost, or the state cannot be reached: who holds it will be refused, and told why

    def check_within(self, connection: Connection) -> None:
        """Raise FH-L202 unless this lease still holds, seen in the caller's transaction."""
        self._leases.check(connection, self)

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


class Leases:
    """All leases of a workspace. Real time rules here, even where a simulated clock drives everything else."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = SystemClock() if clock.simulated else clock

    @property
    def clock(self) -> Clock:
        """The clock that rules here."""
        return self._clock

    def acquire(self, name: str, holder: str, ttl_s: float, is_gone: Callable[[str], bool] = lambda _: False) -> Lease:
        """Take a lease that is free, has run out, or whose holder is known to be gone.

        Raises:
            FreeholdError: FH-L201 when another holds it, naming who and until when.
        """
        now = self._clock.now()
        until = now + timedelta(seconds=ttl_s)
        with self._store.write() as connection:
            there = connection.execute(select(tables.lease).where(self._is(name)).with_for_update()).first()
            if there is not None and there.holder and there.expires_at > micros(now) and not is_gone(there.holder):
                raise _taken(name, there.holder, from_micros(there.expires_at))
            epoch = 1 if there is None else there.epoch + 1
            values = {"holder": holder, "epoch": epoch, "expires_at": micros(until)}
            if there is None:
                self._insert(connection, name, values)
            else:
                self._swap(connection, name, there.epoch, values)
        return Lease(name, holder, epoch, until, ttl_s, self)

    def renew(self, lease: Lease) -> datetime:
        """Move the end of a lease that still holds; return the new end."""
        until = self._clock.now() + timedelta(seconds=lease.ttl_s)
        with self._store.write() as connection:
            self.check(connection, lease)
            self._swap(connection, lease.name, lease.epoch, {"expires_at": micros(until)})
        return until

    def release(self, lease: Lease) -> None:
        """Free a lease that still holds. The row stays, so that the next epoch is greater."""
        with self._store.write() as connection:
            values = {"holder": "", "expires_at": 0}
            mine = tables.lease.c.epoch == lease.epoch
            connection.execute(update(tables.lease).where(self._is(lease.name), mine).values(values))

    def check(self, connection: Connection, lease: Lease) -> None:
        """Raise FH-L202 unless a lease holds. One that ran out but was not taken over still holds."""
        there = connection.execute(select(tables.lease).where(self._is(lease.name)).with_for_update()).first()
        if there is None or there.epoch != lease.epoch or there.holder != lease.holder:
            holder = there.holder if there is not None and there.holder else "nobody"
            raise FreeholdError(
                "FH-L202",
                f"The lease `{lease.name}` of {lease.holder} (epoch {lease.epoch}) is lost; {holder} holds it now.",
                fix="Stop: nothing was written. Start again to take the lease anew.",
                exit_code=Exit.ENVIRONMENT,
            )

    def _is(self, name: str) -> Any:
        return (tables.lease.c.workspace == self._store.workspace) & (tables.lease.c.name == name)

    def _insert(self, connection: Connection, name: str, values: Mapping[str, Any]) -> None:
        try:
            connection.execute(insert(tables.lease), {"workspace": self._store.workspace, "name": name, **values})
        except IntegrityError as error:  # another server made the row since we looked
            raise _taken(name, "another process", self._clock.now()) from error

    def _swap(self, connection: Connection, name: str, epoch: int, values: Mapping[str, Any]) -> None:
        swap = update(tables.lease).where(self._is(name), tables.lease.c.epoch == epoch).values(values)
        if connection.execute(swap).rowcount != 1:
            raise _taken(name, "another process", self._clock.now())


def _taken(name: str, holder: str, until: datetime) -> FreeholdError:
    return FreeholdError(
        "FH-L201",
        f"`{name}` is held by {holder} until {until:%Y-%m-%d %H:%M:%S} UTC.",
        fix="Wait for it to end; if its process has died, the lease runs out by itself at that time.",
        exit_code=Exit.ENVIRONMENT,
    )

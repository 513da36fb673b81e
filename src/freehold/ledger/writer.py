"""Writing events down: many threads wait, one commits for all of them, nobody waits for company.

Whoever holds the turn writes everything that has arrived meanwhile in one transaction. A lone writer finds only its own
events and commits them at once. What `append` returns for is on disk.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from freehold.foundation import Clock, Exit, FreeholdError
from freehold.ledger import tables
from freehold.ledger.event import micros

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from freehold.ledger.kept import Lease
    from freehold.ledger.store import Store

Row = dict[str, Any]
Beside = Callable[["Connection"], None]  # what else is written in the transaction of the events
MOST_IDS = 500  # in one IN (...) list


@dataclass(frozen=True, slots=True)
class Draft:
    """One event, validated and spelled, waiting for its place in the chain.

    `row` has every column but seq and recorded_at. `times_itself` tells that the caller said when it happened; where
    it did not, a second append of the same id may carry another time and still be the same event.
    """

    row: Row
    times_itself: bool = True


@dataclass(slots=True)
class _Request:
    drafts: Sequence[Draft]
    fence: Lease | None
    beside: Beside | None = None
    rows: tuple[Row, ...] = ()
    seqs: tuple[int, ...] = ()
    error: BaseException | None = None
    done: bool = False


@dataclass(slots=True)
class _Head:
    """The end of the chain, as read under the write lock."""

    seq: int
    recorded_at: int


class Writer:
    """The one way into the chain of a workspace."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._insert = store.dialect.inserting(tables.event)
        self._clock = clock
        self._arrived: deque[_Request] = deque()
        self._turn = threading.Lock()

    def append(
        self, drafts: Sequence[Draft], fence: Lease | None = None, beside: Beside | None = None
    ) -> tuple[tuple[int, ...], tuple[Row, ...]]:
        """Write drafts and what goes beside them, all or none; return their numbers and the rows that are new.

        Raises:
            FreeholdError: FH-L003 when an id stands in the ledger with other content; FH-L202 when the lease that
                fences this write was taken over; FH-L103 to FH-L106 when the database does not take it.
        """
        request = _Request(drafts, fence, beside)
        self._arrived.append(request)
        with self._turn:
            if not request.done:
                self._commit_arrived()
        if request.error is not None:
            raise request.error
        return request.seqs, request.rows

    def _commit_arrived(self) -> None:
        requests = [self._arrived.popleft() for _ in range(len(self._arrived))]
        try:
            if len(requests) == 1 or not self._commit_together(requests):
                for request in requests:
                    self._commit_alone(request)
        except BaseException as error:
            for request in requests:  # whoever waits must learn that this ended, even by Ctrl-C
                if not request.done:
                    request.error, request.done = error, True
            raise

    def _commit_together(self, requests: Sequence[_Request]) -> bool:
        """Commit all in one transaction; if any is at odds with the ledger, none, for each to be tried alone."""
        try:
            with self._store.write() as connection:
                head = self._read_head(connection)
                written = [self._write(connection, head, request) for request in requests]
                self._write_head(connection, head)
        except (IntegrityError, FreeholdError):
            return False
        for request, (seqs, rows) in zip(requests, written, strict=True):
            request.seqs, request.rows, request.done = seqs, rows, True
        return True

    def _commit_alone(self, request: _Request) -> None:
        try:
            try:
                self._commit_one(request, known=False)
            except IntegrityError:  # an id is there already: look which, and whether it says the same
                self._commit_one(request, known=True)
        except IntegrityError:  # not an id, then, but a place in the chain: somebody wrote there past us
            request.error = _place_taken(self._store.place)
        except FreeholdError as error:
            request.error = error
        request.done = True

    def _commit_one(self, request: _Request, *, known: bool) -> None:
        with self._store.write() as connection:
            head = self._read_head(connection)
            write = self._write_unless_known if known else self._write
            seqs, rows = write(connection, head, request)
            self._write_head(connection, head)
        request.seqs, request.rows = seqs, rows

    def append_within(self, connection: Connection, drafts: Sequence[Draft]) -> tuple[Row, ...]:
        """Write events in a transaction that the caller has open for writing, beside what else it changes there."""
        head = self._read_head(connection)
        _, rows = self._write(connection, head, _Request(drafts, None))
        self._write_head(connection, head)
        return rows

    def _read_head(self, connection: Connection) -> _Head:
        mine = tables.head.c.workspace == self._store.workspace
        row = connection.execute(select(tables.head).where(mine).with_for_update()).one()
        return _Head(row.seq, max(row.recorded_at, micros(self._clock.now())))

    def _write_head(self, connection: Connection, head: _Head) -> None:
        mine = tables.head.c.workspace == self._store.workspace
        values = {"seq": head.seq, "recorded_at": head.recorded_at}
        connection.execute(update(tables.head).where(mine).values(values))

    def _write(self, connection: Connection, head: _Head, request: _Request) -> tuple[tuple[int, ...], tuple[Row, ...]]:
        _prepare(connection, request)
        rows = self._place(head, [draft.row for draft in request.drafts])
        self._insert(connection, rows)
        return tuple(row["seq"] for row in rows), tuple(rows)

    @staticmethod
    def _place(head: _Head, rows: Sequence[Row]) -> list[Row]:
        first = head.seq + 1
        head.seq += len(rows)
        return [{**row, "seq": seq, "recorded_at": head.recorded_at} for seq, row in enumerate(rows, first)]

    def _write_unless_known(
        self, connection: Connection, head: _Head, request: _Request
    ) -> tuple[tuple[int, ...], tuple[Row, ...]]:
        """Write the drafts whose ids are new; give the others the place they have."""
        _prepare(connection, request)
        seen = self._standing(connection, [draft.row["id"] for draft in request.drafts])
        fresh: list[Row] = []
        seqs: list[int] = []
        for draft in request.drafts:
            there = seen.get(draft.row["id"])
            if there is None:
                there = seen[draft.row["id"]] = self._place(head, [draft.row])[0]
                fresh.append(there)
            elif differs := _differing(draft, there):
                raise _other_content(draft, there, differs)
            seqs.append(there["seq"])
        self._insert(connection, fresh)
        return tuple(seqs), tuple(fresh)

    def _standing(self, connection: Connection, ids: Sequence[str]) -> dict[str, Row]:
        event = tables.event
        found: dict[str, Row] = {}
        for start in range(0, len(ids), MOST_IDS):
            some = event.c.id.in_(ids[start : start + MOST_IDS])
            rows = connection.execute(select(event).where(event.c.workspace == self._store.workspace, some))
            found.update({row.id: dict(row._mapping) for row in rows})
        return found


def _prepare(connection: Connection, request: _Request) -> None:
    """See that who writes still may, and write what goes beside the events."""
    if request.fence is not None:
        request.fence.check_within(connection)
    if request.beside is not None:
        request.beside(connection)


SAME = ("type", "env", "subject", "product", "run_id", "correlation_id", "data")


def _place_taken(place: str) -> FreeholdError:
    return FreeholdError(
        "FH-L105",
        f"The next place in the chain of `{place}` is taken by an event that no ledger put there. Nothing was written.",
        fix="Run `freehold audit verify` to see where; restore the state from a backup.",
        exit_code=Exit.ENVIRONMENT,
    )


def _differing(draft: Draft, there: Row) -> list[str]:
    names = (*SAME, "occurred_at") if draft.times_itself else SAME
    return [name for name in names if draft.row[name] != there[name]]


def _other_content(draft: Draft, there: Row, differs: Sequence[str]) -> FreeholdError:
    return FreeholdError(
        "FH-L003",
        f"The event `{draft.row['id']}` is in the ledger as number {there['seq']} with another {', '.join(differs)}.",
        fix="What is recorded stays. Append a correction under an id of its own.",
    )

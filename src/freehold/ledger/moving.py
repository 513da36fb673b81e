"""Moving a whole state to another database: every row of every table, proved equal before it counts.

The rows arrive in one transaction of the target, so a move that is killed at any instant has not happened, and is
simply run again. The source is read under its write lock and left as it was.
"""

from __future__ import annotations

import filecmp
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select

from freehold.foundation import Exit, FreeholdError, SystemClock
from freehold.ledger import tables
from freehold.ledger.event import from_micros, micros
from freehold.ledger.ledger import Ledger
from freehold.ledger.store import Store

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

    from freehold.ledger.verify import Verification

ROWS_AT_ONCE = 5_000
MOVED = {  # what a person calls the rows of each table
    "workspaces": tables.head,
    "events": tables.event,
    "blocks": tables.block,
    "checkpoints": tables.checkpoint,
    "side entries": tables.side,
    "leases": tables.lease,
    "kept values": tables.kept,
    "sessions": tables.session,
    "tokens": tables.token,
    "jobs": tables.job,
    "pieces of output": tables.job_output,
    "subscriptions": tables.webhook,
    "deliveries": tables.webhook_delivery,
}

Progress = Callable[[str, int, int], None]  # of what, how many are there, how many there will be


@dataclass(frozen=True, slots=True)
class Address:
    """Where a state lives: its URL and, for a server, the password of the user in it."""

    url: str
    password: str | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved: rows by what they are called, files beside the state, and what the target's seals proved."""

    source: str
    target: str
    rows: Mapping[str, int]
    files: int
    proved: Mapping[str, Verification]  # by workspace


def move(source: Address, target: Address, root: Path, progress: Progress = lambda *_: None) -> Moved:
    """Copy a state into an empty one, verify it row by row and by its seals, and return what was moved.

    Raises:
        FreeholdError: FH-L501 source and target are one; FH-L502 the target holds something; FH-L503 somebody is using
            the source; FH-L504 a seal does not hold, which before the move is the source's; FH-L505 what arrived is not
            what was sent, and was taken back; FH-L506 another file is where one of the source's must go; and what
            opening a state raises.
    """
    with closing(_store(source, root)) as there, closing(_store(target, root)) as here:
        if here.place == there.place:
            fix = "Name another one with --to."
            raise FreeholdError("FH-L501", f"The state lives at `{here.place}` already.", fix=fix, exit_code=Exit.USAGE)
        _refuse_occupied(here)
        names = _workspaces(there)
        _proved(source, root, names)
        rows, files = _copy(there, here, progress)
    return Moved(there.place, here.place, rows, files, _proved(target, root, names))


def _store(address: Address, root: Path) -> Store:
    return Store(address.url, root, "default", address.password)


def _workspaces(store: Store) -> list[str]:
    with store.read() as connection:
        return list(connection.execute(select(tables.head.c.workspace).order_by(tables.head.c.workspace)).scalars())


def _proved(address: Address, root: Path, names: Iterable[str]) -> dict[str, Verification]:
    found = {}
    for name in names:
        with Ledger.open(address.url, root=root, workspace=name, password=address.password) as ledger:
            ledger.seal()
            found[name] = ledger.verify()
            if found[name].broken:
                raise FreeholdError(
                    "FH-L504",
                    f"The seal of `{name}` at `{ledger.place}` does not hold: {found[name].broken}",
                    fix="See `freehold audit verify`; restore the state from a backup, then move that.",
                )
    return found


def _copy(there: Store, here: Store, progress: Progress) -> tuple[dict[str, int], int]:
    """Copy rows and files under the write locks of both; the rows count when this returns."""
    with there.write() as from_, here.write() as to:
        there.dialect.hold(from_)
        here.dialect.hold(to)
        _refuse_occupied(here, to)
        _refuse_in_use(from_)
        files = _copy_files(there.folder, here.folder)
        to.execute(delete(tables.head))  # the blank one that opening made
        rows = {}
        for name, table in MOVED.items():
            rows[name], sent = _copy_table(from_, to, here, table, lambda *n, name=name: progress(name, *n))
            if sent != _digest(row for rows_ in _pages(to, table) for row in rows_):
                raise FreeholdError(
                    "FH-L505",
                    f"What `{here.place}` holds of the {name} is not what `{there.place}` holds; all was taken back.",
                    fix="Run it again; if it stays, check the target for triggers or rules on its tables.",
                    exit_code=Exit.ENVIRONMENT,
                )
    return rows, files


def _copy_table(
    from_: Connection, to: Connection, here: Store, table: Table, progress: Callable[[int, int], None]
) -> tuple[int, int]:
    """Copy the rows of a table; return how many, and their digest."""
    insert = here.dialect.inserting(table)
    total = from_.execute(select(func.count()).select_from(table)).scalar_one()
    done = digest = 0
    for rows in _pages(from_, table):
        insert(to, [row._mapping for row in rows])
        done, digest = done + len(rows), (digest + _digest(rows)) % 2**256
        progress(done, total)
    return done, digest


def _pages(connection: Connection, table: Table) -> Iterator[Sequence[Any]]:
    """Read a table some rows at a time, in no particular order."""
    options = {"stream_results": True, "yield_per": ROWS_AT_ONCE}
    with connection.execute(select(table), execution_options=options) as result:
        yield from result.partitions()


def _digest(rows: Iterable[Any]) -> int:
    """Return what stands for rows in any order: servers do not sort text alike. The sum of the SHA-256 of each."""
    sums = (int.from_bytes(hashlib.sha256(repr(tuple(row)).encode(errors="surrogateescape")).digest()) for row in rows)
    return sum(sums) % 2**256


def _refuse_occupied(here: Store, connection: Connection | None = None) -> None:
    """Raise FH-L502 unless the target is as an opening leaves it: tables without rows, and blank heads."""
    if connection is None:
        with here.read() as reading:
            _refuse_occupied(here, reading)
        return
    blank = {tables.head: tables.head.c.seq > 0}
    for name, table in MOVED.items():
        query = select(func.count()).select_from(table)
        count = connection.execute(query.where(blank[table]) if table in blank else query).scalar_one()
        if count:
            raise FreeholdError(
                "FH-L502",
                f"`{here.place}` holds a state already ({count:,} {name}); nothing was moved.",
                fix="Name an empty database. What was moved there before needs no second move.",
                exit_code=Exit.USAGE,
            )


def _refuse_in_use(from_: Connection) -> None:
    """Raise FH-L503 when a lease is held: what its holder does next would be recorded in the old place."""
    now = micros(SystemClock().now())
    held = from_.execute(
        select(tables.lease).where(tables.lease.c.holder != "", tables.lease.c.expires_at > now)
    ).first()
    if held is not None:
        raise FreeholdError(
            "FH-L503",
            f"`{held.name}` is held by {held.holder} until {from_micros(held.expires_at):%Y-%m-%d %H:%M:%S} UTC.",
            fix="Wait for that run to end; if its process has died, the lease runs out by itself at that time.",
            exit_code=Exit.ENVIRONMENT,
        )


def _copy_files(source: Path, target: Path) -> int:
    """Copy key, witness files and raw segments, each whole or not at all; return how many there are."""
    if source == target:
        return 0
    found = [*source.glob("ledger.key"), *source.glob("ledger.*.checkpoints.jsonl")]
    found += [path for path in source.glob("segments/**/*.parquet") if path.is_file()]
    for path in found:
        place = target / path.relative_to(source)
        if not place.exists():
            _copy_file(path, place)
        elif not filecmp.cmp(path, place, shallow=False):
            raise FreeholdError(
                "FH-L506",
                f"`{place}` is another file than `{path}`; nothing was moved.",
                fix="Move it away, if it belongs to no state.",
                exit_code=Exit.ENVIRONMENT,
            )
    return len(found)


def _copy_file(path: Path, place: Path) -> None:
    """Copy a file so that only its owner could read it meanwhile."""
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_name(f"{place.name}.{os.getpid()}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with path.open("rb") as content, os.fdopen(descriptor, "wb") as copy:
        shutil.copyfileobj(content, copy)
        copy.flush()
        os.fsync(copy.fileno())
    shutil.copystat(path, partial)
    partial.replace(place)

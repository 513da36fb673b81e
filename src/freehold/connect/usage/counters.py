"""Counters of statements, as `pg_stat_statements` keeps them: what they grew by between two imports is what was read.

The first import records nothing, for nobody knows since when its numbers count: it is where counting begins. A counter
that is smaller than before, or says that it began later, was reset, and all of it is new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freehold.connect.usage.formats import BLOCK, FORMATS
from freehold.connect.usage.importing import Imported, Known, is_ahead, reads
from freehold.connect.usage.resolving import Statements
from freehold.foundation import Exit, FreeholdError

if TYPE_CHECKING:
    from freehold.connect.usage.accounts import Accounts
    from freehold.engines import Session
    from freehold.ledger import Event, Ledger

SPACE = "usage.counters"  # of the kept state: by system, its counters as they were imported last
_EXTENSION = "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'pg_stat_statements'"
_COUNTED = ("calls", "total_exec_time", "rows", "stats_since", "temp_blks_written")
_COLUMNS = ("rolname", "datname", "queryid", "query", *_COUNTED)


@dataclass(frozen=True, slots=True)
class Grown:
    """How much a counter grew: calls, milliseconds, rows, and bytes that did not fit into memory, None where that is
    not known; `is_reset` where it had begun anew.
    """

    calls: int
    ms: float
    rows: int
    spilled: int | None = None
    is_reset: bool = False


def grown(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> Grown:
    """Return what a counter grew by, each as `calls`, `ms`, `rows` and `since`; one that was not there counts whole."""
    whole = Grown(now["calls"], now["ms"], now["rows"], now.get("spilled"))
    if before is None:
        return whole
    if now["calls"] < before["calls"] or (before["since"] and now["since"] != before["since"]):
        return replace(whole, is_reset=True)
    spilled, earlier = whole.spilled, before.get("spilled")
    return Grown(
        whole.calls - before["calls"],
        max(0.0, whole.ms - before["ms"]),
        max(0, whole.rows - before["rows"]),
        None if spilled is None or earlier is None else max(0, spilled - earlier),
    )


def record(
    rows: Sequence[Mapping[str, Any]], taken: datetime, known: Known, ledger: Ledger, accounts: Accounts,
    told: Imported,
) -> None:  # fmt: skip
    """Record what counters grew by since the import before; the first import records where they stand.

    Of counters that were taken in the future nothing is recorded, and those of before stay where counting goes on.

    Raises:
        FreeholdError: FH-X404 they are older than those that were imported last.
    """
    name = f"{told.source}/{told.of}"
    taken = max((row["occurred_at"] for row in rows if row.get("occurred_at")), default=taken)
    if is_ahead(taken, ledger.clock.now()):
        told.ahead += len(rows)
        return
    last = ledger.state.get(SPACE, name)
    if last is not None and taken < datetime.fromisoformat(last["taken_at"]):
        raise _older(name, taken, last["taken_at"])
    now = {_key(row): _counter(row) for row in rows}
    keep = {(SPACE, name): {"taken_at": taken.isoformat(), "counters": now}}
    told.is_baseline = last is None
    events = [] if last is None else list(_events(rows, last["counters"], taken, known, accounts, told))
    if events:
        ledger.raw.append("usage.query", events, keep=keep)
    else:
        ledger.append(keep=keep)
    told.events += len(events)


def _events(
    rows: Sequence[Mapping[str, Any]], before: Mapping[str, Any], taken: datetime, known: Known, accounts: Accounts,
    told: Imported,
) -> Iterator[Event]:  # fmt: skip
    with Statements(known.assets.values(), known.default_env, FORMATS["pg_stat_statements"].dialect) as statements:
        for row in rows:
            more = grown(before.get(_key(row)), _counter(row))
            told.resets += more.is_reset
            if not more.calls:
                told.known += 1
                continue
            found = statements.read(row["sql"] or "", row["within"] or "")
            if found.is_own:
                told.own += 1
                continue
            if found.failure:
                told.could_not_read(found, more.calls)
            if not found.reads:
                told.elsewhere += 1
                continue
            told.recorded += 1
            told.saw(taken)
            said = {
                "calls": more.calls, "duration_ms": round(more.ms / more.calls, 3),
                "rows": round(more.rows / more.calls), "status": "ok",
                "spilled_bytes": None if more.spilled is None else round(more.spilled / more.calls),
                "query_id": f"{told.source}:{told.of}:{taken.isoformat()}:{_key(row)}",
            }  # fmt: skip
            yield from reads(found, accounts.who(row["account"]), said, known, told.source, taken)


def taken_at(path: Path) -> datetime:
    """Return when a file was written: the time of its counters where it says none itself."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def counted_in(session: Session) -> list[dict[str, Any]]:
    """Return the counters of the server that a session is connected to, of statements in its database.

    Raises:
        FreeholdError: FH-X405 it has no `pg_stat_statements`; FH-E… it cannot be asked.
    """
    place = session.rows(_EXTENSION)
    view = f"{place[0][0]}.pg_stat_statements" if place else "pg_stat_statements"
    if not place and not session.rows("SELECT to_regclass('pg_stat_statements')")[0][0]:
        raise _no_counters()
    there = {name for (name,) in session.rows(f"SELECT attname FROM pg_attribute WHERE attrelid = '{view}'::regclass")}
    shown = {"rolname": "r.rolname", "datname": "d.datname", "queryid": "s.queryid::text", "query": "s.query"}
    of_view = {name: f"s.{name}" if name in there else "NULL" for name in _COUNTED}
    columns = ", ".join(f"{sql} AS {name}" for name, sql in {**shown, **of_view}.items())
    top = "AND s.toplevel" if "toplevel" in there else ""
    rows = session.rows(
        f"SELECT {columns} FROM {view} s JOIN pg_roles r ON r.oid = s.userid JOIN pg_database d ON d.oid = s.dbid "
        f"WHERE d.datname = current_database() {top}"
    )
    return [_row(dict(zip(_COLUMNS, row, strict=True))) for row in rows]


def _row(said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": f"{said['rolname']} {said['datname']} {said['queryid']}", "occurred_at": None, "account": said["rolname"],
        "sql": said["query"], "calls": int(said["calls"]), "ms": said["total_exec_time"], "rows": said["rows"],
        "spilled": None if said["temp_blks_written"] is None else int(said["temp_blks_written"]) * BLOCK,
        "since": str(said["stats_since"] or ""), "within": "",
    }  # fmt: skip


def _counter(row: Mapping[str, Any]) -> dict[str, Any]:
    numbers = {"calls": int(row["calls"] or 0), "ms": float(row["ms"] or 0), "rows": int(row["rows"] or 0)}
    if row.get("spilled") is not None:
        numbers["spilled"] = int(row["spilled"])
    return {**numbers, "since": str(row["since"] or "")}


def _key(row: Mapping[str, Any]) -> str:
    """Return a key that names nobody: kept state outlives who left."""
    return hashlib.sha256(str(row["id"]).encode()).hexdigest()[:20]


def _older(name: str, taken: datetime, last: str) -> FreeholdError:
    return FreeholdError(
        "FH-X404",
        f"These counters are of {taken:%Y-%m-%d %H:%M:%S}, and those of `{name}` that were imported last of {last}. "
        "Nothing was recorded.",
        fix="Import snapshots in the order in which they were taken; name another server by `--name`.",
        exit_code=Exit.USAGE,
    )


def _no_counters() -> FreeholdError:
    return FreeholdError(
        "FH-X405",
        "This server keeps no counters of statements: there is no `pg_stat_statements`.",
        fix="Put it into shared_preload_libraries, restart, and say CREATE EXTENSION pg_stat_statements; "
        "who asks needs the role pg_read_all_stats.",
        exit_code=Exit.ENVIRONMENT,
    )

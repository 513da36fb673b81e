"""What the ledger tells of assets: what is live, what waits in quarantine, who read what. Followed event by event.

The number of the event read last is remembered in the same transaction, so an update reads what is new and no more.
People and services are counted apart: that a nightly job reads a table every hour does not make people use it.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from freehold.catalog.entry import Key
from freehold.catalog.openlineage.keeping import RAW, READ, Keeping, Touched
from freehold.catalog.store import stamp, stamped
from freehold.catalog.tables import OF_THE_LEDGER
from freehold.foundation import FreeholdError
from freehold.ledger.event import micros

if TYPE_CHECKING:
    from freehold.ledger import Ledger, Recorded

FORGOTTEN = "heard_forgotten"  # the stamp that says that what other tools told was forgotten, and stands drawn
WINDOW_DAYS = 30  # how far back use counts, from the last day anything was read
PERSON = "person"
SEEN = "seen:"  # before the entry whose page was looked at, which is no use of it
_USE, _VIEW = "usage.query", "usage.view"
_LOOKED = ("occurred_at", "consumer", "consumer_type", "product", "metric", "dashboard")
_READ = ("occurred_at", "env", "consumer", "consumer_type", "resource", "status", "query_id", "metrics", "calls")
_COLUMNS = {_USE: _READ, _VIEW: _LOOKED, RAW: READ}  # of each kind of raw event that is read here


def follow(connection: sqlite3.Connection, ledger: Ledger, env: str) -> tuple[int, set[str], Touched]:
    """Read what the ledger has that the tables have not, within the transaction that is open.

    Returns how many events it was, the entries (`asset:…`, `metric:…`) they tell of, and what other tools told of.
    """
    _start_anew_if_another(connection, ledger)
    after = int(stamped(connection, "ledger_seq", "0"))
    head = next(iter(ledger.read(newest_first=True, limit=1)), None)
    if head is None or head.seq <= after:
        return 0, set(), Touched()
    told = _Told(connection, ledger, env)
    for event in ledger.read(after=after, upto=head.seq, types=tuple(_HANDLERS)):
        _HANDLERS[event.type](told, event)
    stamp(connection, "ledger_seq", str(head.seq))
    stamp(connection, "ledger_event", head.id)
    return head.seq - after, told.touched | _moved_window(connection), told.heard


def _start_anew_if_another(connection: sqlite3.Connection, ledger: Ledger) -> None:
    """Forget what the ledger told where it is not the ledger it was: restored, or made anew."""
    after = int(stamped(connection, "ledger_seq", "0"))
    known = next(iter(ledger.read(after=after - 1, upto=after, limit=1)), None) if after else None
    if after and (known is None or known.id != stamped(connection, "ledger_event")):
        forget(connection)


def forget(connection: sqlite3.Connection) -> None:
    """Forget everything the ledger told."""
    for table in OF_THE_LEDGER:
        connection.execute(f"DELETE FROM {table}")
    connection.execute("DELETE FROM stamp WHERE name IN ('ledger_seq', 'ledger_event', 'usage_until', 'unread')")
    stamp(connection, FORGOTTEN, "yes")


class _Told:
    """Events of one environment, brought into the tables one after the other."""

    def __init__(self, connection: sqlite3.Connection, ledger: Ledger, env: str) -> None:
        self._connection = connection
        self._ledger = ledger
        self._env = env
        self.touched: set[str] = set()
        self.heard = Touched()

    def published(self, event: Recorded) -> None:
        """An asset has another version live; what waited for the same interval has been replaced."""
        if event.env != self._env:
            return
        asset = str(event.data["asset"])
        self._connection.execute(
            "INSERT INTO live VALUES (?, ?, ?, 1, 0) ON CONFLICT (asset) DO UPDATE SET "
            "deployment = excluded.deployment, published_at = excluded.published_at, deployments = deployments + 1",
            (asset, event.data["deployment"], micros(event.occurred_at)),
        )
        self._settled(asset, event.data)

    def quarantined(self, event: Recorded) -> None:
        """A candidate was held back."""
        if event.env == self._env:
            row = (event.data["asset"], _interval(event.data), event.data["candidate"], micros(event.occurred_at))
            self._connection.execute(
                "INSERT INTO waiting VALUES (?, ?, ?, ?) ON CONFLICT (asset, interval) DO UPDATE SET "
                "candidate = excluded.candidate",
                row,
            )
            self.touched.add(f"asset:{row[0]}")

    def badge(self, event: Recorded) -> None:
        """A badge was won or lost."""
        if event.env == self._env:
            entry = f"{event.data['kind']}:{event.data['subject']}"
            row = (entry, event.data["rule_set"], int(event.data["held"]))
            said = "INSERT INTO badge VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET is_held = excluded.is_held"
            self._connection.execute(said, row)
            self.touched.add(entry)

    def ran(self, event: Recorded) -> None:
        """A step ended; what succeeded replaces what waited for its interval."""
        if event.env == self._env and event.data["status"] == "success" and event.data.get("asset"):
            self._settled(str(event.data["asset"]), event.data)

    def discarded(self, event: Recorded) -> None:
        """Somebody accepted doing without a candidate."""
        if event.env == self._env:
            self._settled(str(event.data["asset"]), event.data)

    def rolled_back(self, event: Recorded) -> None:
        """Assets went back to an earlier deployment, and stay there until somebody lets go of them."""
        for asset in self._of(event):
            said = "UPDATE live SET deployment = ?, is_pinned = ? WHERE asset = ?"
            row = (event.data.get("to") or "", int(event.data.get("pinned") is not False), asset)
            self._connection.execute(said, row)

    def pinned(self, event: Recorded) -> None:
        """Runs may not publish assets, or may again."""
        rows = [(int(event.type == "deploy.pinned"), asset) for asset in self._of(event)]
        self._connection.executemany("UPDATE live SET is_pinned = ? WHERE asset = ?", rows)

    def collected(self, event: Recorded) -> None:
        """Assets were taken from consumers."""
        for table in ("live", "waiting"):
            rows = [(asset,) for asset in self._of(event)]
            self._connection.executemany(f"DELETE FROM {table} WHERE asset = ?", rows)
        self.touched.update(f"asset:{asset}" for asset in self._of(event))

    def sealed(self, event: Recorded) -> None:
        """A file of raw events was sealed: use and pages looked at are counted, what other tools told is merged."""
        kind = str(event.data["type"])
        if kind not in _COLUMNS:
            return
        try:
            rows = self._ledger.raw.rows(event, _COLUMNS[kind])
        except FreeholdError as error:
            stamp(self._connection, "unread", f"event {event.seq}: {error.problem}")  # `catalog status` says so
            return
        if kind != RAW:
            self._count(rows, is_use=kind == _USE)
            return
        keeping = Keeping(self._connection)
        keeping.take(rows, event.recorded_at)
        keeping.write()
        self.heard.add(keeping.touched)

    def _count(self, rows: Iterable[Mapping[str, Any]], *, is_use: bool) -> None:
        """Count reads, or pages that were looked at, by day and reader."""
        counted: dict[tuple[str, str, str, str], int] = {}
        for key, times in _reads(rows, self._env) if is_use else _views(rows):
            counted[key] = counted.get(key, 0) + times
        self._connection.executemany(
            "INSERT INTO usage_day VALUES (?, ?, ?, ?, ?) ON CONFLICT (entry, day, reader) DO UPDATE SET "
            "reads = reads + excluded.reads",
            [(*key, reads) for key, reads in counted.items()],
        )
        self.touched |= {entry for entry, *_ in counted if not entry.startswith(SEEN)}

    def matched(self, event: Recorded) -> None:
        """An account was found to be somebody's: what was read with it counts as theirs."""
        account, consumer = str(event.data["account"]), str(event.data["consumer"])
        rows = self._connection.execute("SELECT DISTINCT entry FROM usage_day WHERE reader = ?", (account,))
        self.touched |= {str(entry) for (entry,) in rows if not str(entry).startswith(SEEN)}
        self._connection.execute(
            "INSERT INTO usage_day SELECT entry, day, ?, ?, reads FROM usage_day WHERE reader = ? "
            "ON CONFLICT (entry, day, reader) DO UPDATE SET reads = reads + excluded.reads",
            (consumer, str(event.data.get("consumer_type") or ""), account),
        )
        self._connection.execute("DELETE FROM usage_day WHERE reader = ?", (account,))

    def _of(self, event: Recorded) -> list[str]:
        return [str(one) for one in event.data.get("assets") or ()] if event.env == self._env else []

    def _settled(self, asset: str, said: Mapping[str, Any]) -> None:
        self._connection.execute("DELETE FROM waiting WHERE asset = ? AND interval = ?", (asset, _interval(said)))
        self.touched.add(f"asset:{asset}")


_HANDLERS: Mapping[str, Callable[[_Told, Recorded], None]] = {
    "asset.published": _Told.published,
    "badge.changed": _Told.badge,
    "candidate.quarantined": _Told.quarantined,
    "candidate.discarded": _Told.discarded,
    "run.completed": _Told.ran,
    "deploy.rolled_back": _Told.rolled_back,
    "deploy.pinned": _Told.pinned,
    "deploy.unpinned": _Told.pinned,
    "asset.collected": _Told.collected,
    "segment.sealed": _Told.sealed,
    "usage.matched": _Told.matched,
}


def _interval(said: Mapping[str, Any]) -> str:
    return str(said.get("interval_start") or "")[:19]


def _reads(rows: Iterable[Mapping[str, Any]], env: str) -> Iterable[tuple[tuple[str, str, str, str], int]]:
    """Yield entry, day, reader and kind of each read that was answered, and how often; a metric once for a question."""
    asked: set[tuple[str, str]] = set()
    for row in rows:
        if row["status"] not in (None, "ok") or row["env"] not in ("", None, env):
            continue
        who = (row["occurred_at"].date().isoformat(), str(row["consumer"]), str(row["consumer_type"] or ""))
        if row["resource"]:
            yield (f"asset:{row['resource']}", *who), row["calls"] or 1
        for metric in row["metrics"] or ():
            if row["query_id"] is None or (row["query_id"], metric) not in asked:
                asked.add((row["query_id"], metric))
                yield (f"metric:{metric}", *who), 1


def _views(rows: Iterable[Mapping[str, Any]]) -> Iterable[tuple[tuple[str, str, str, str], int]]:
    """Yield entry, day, reader and kind of each page of a product or metric that was looked at, and how often.

    To look at a dashboard is to use it: it is no page about something.
    """
    for row in rows:
        named = f"{SEEN}metric:{row['metric']}" if row["metric"] else ""
        named = named or (f"{SEEN}product:{row['product']}" if row["product"] else "")
        named = f"dashboard:{row['dashboard']}" if row["dashboard"] else named
        if named and row["consumer"]:
            day = row["occurred_at"].date().isoformat()
            yield (named, day, str(row["consumer"]), str(row["consumer_type"] or "")), 1


@dataclass(frozen=True, slots=True)
class Use:
    """What somebody did with an entry lately: how often they read it and looked at its page, and the last day."""

    key: Key
    reads: int
    looks: int
    last: date


def uses_of(connection: sqlite3.Connection, reader: str, since_day: str) -> tuple[Use, ...]:
    """Return what a reader used or looked at from a day on, what they read most first."""
    rows = connection.execute(
        "SELECT entry, sum(reads), max(day) FROM usage_day WHERE reader = ? AND day >= ? GROUP BY entry",
        (reader, since_day),
    )
    found: dict[Key, list[tuple[bool, int, str]]] = {}
    for entry, count, day in rows:
        is_look = entry.startswith(SEEN)
        found.setdefault(Key.of(entry.removeprefix(SEEN)), []).append((is_look, int(count), day))
    uses = [
        Use(
            key,
            sum(n for is_look, n, _ in parts if not is_look),
            sum(n for is_look, n, _ in parts if is_look),
            date.fromisoformat(max(day for _, _, day in parts)),
        )
        for key, parts in found.items()
    ]
    return tuple(sorted(uses, key=lambda u: (-u.reads, -u.looks, u.key)))


@dataclass(frozen=True, slots=True)
class Readers:
    """How many people read something, and how many of those are simulated, as in a demo."""

    people: int
    simulated: int = 0


_PEOPLE = "count(DISTINCT {reader}), count(DISTINCT CASE WHEN actor_kind = 'simulated' THEN {reader} END)"
_BY_PEOPLE = "day >= ? AND actor_kind NOT IN ('service', 'agent', 'unknown')"


def readers_of(connection: sqlite3.Connection, since_day: str) -> dict[Key, Readers]:
    """Return who read each entry from a day on; programs are not counted."""
    told = f"SELECT entry, {_PEOPLE.format(reader='reader')} FROM usage_day WHERE {_BY_PEOPLE} GROUP BY entry"
    rows = connection.execute(told, (since_day,))
    return {Key.of(entry): Readers(*counts) for entry, *counts in rows if not entry.startswith(SEEN)}


def readers_of_products(connection: sqlite3.Connection, since_day: str) -> dict[str, Readers]:
    """Return who read anything of each product from a day on; programs are not counted."""
    told = (
        f"SELECT a.product, {_PEOPLE.format(reader='u.reader')} FROM usage_day u JOIN asset a "
        "ON a.kind = substr(u.entry, 1, instr(u.entry, ':') - 1) AND a.id = substr(u.entry, instr(u.entry, ':') + 1) "
        f"WHERE {_BY_PEOPLE} AND a.is_gone = 0 GROUP BY a.product"
    )
    return {product: Readers(*counts) for product, *counts in connection.execute(told, (since_day,)) if product}


def _moved_window(connection: sqlite3.Connection) -> set[str]:
    """Return the entries whose use is no longer counted in full, since the last day of use is a later one."""
    until = connection.execute("SELECT max(day) FROM usage_day").fetchone()[0] or ""
    before = stamped(connection, "usage_until")
    if until == before:
        return set()
    stamp(connection, "usage_until", until)
    left = ("", since(until)) if not before else (since(before), since(until))
    rows = connection.execute("SELECT DISTINCT entry FROM usage_day WHERE day >= ? AND day < ?", left)
    return {str(entry) for (entry,) in rows}


def since(until: str) -> str:
    """Return the first day of the window that ends with a day; empty where nothing was ever read."""
    return (date.fromisoformat(until) - timedelta(days=WINDOW_DAYS - 1)).isoformat() if until else ""


def signal(persons: int, *, is_certified: bool, is_deprecated: bool, is_waiting: bool) -> int:
    """Return what sorts hits of one stage, 0 to 200: certified first, then what more people use, deprecated last.

    Use grows with the logarithm and is capped, so that it never lifts a hit over a certified one.
    """
    used = min(50, round(10 * math.log1p(persons)))
    if is_deprecated:
        return used // 5
    return (140 if is_certified else 40) + used - (15 if is_waiting else 0)


def refresh_signals(connection: sqlite3.Connection, change: int, touched: Iterable[str]) -> int:
    """Work out anew what is certified, and what sorts entries that were written or told of; return how many differ.

    What a file calls certified is so as long as no badge of it fell, what holds a badge is certified by that.
    """
    start = since(stamped(connection, "usage_until"))
    found = connection.execute("SELECT key FROM asset WHERE changed = ? AND is_gone = 0", (change,)).fetchall()
    keys = {int(key) for (key,) in found}
    for name in touched:
        kind, _, id_ = name.partition(":")
        row = connection.execute("SELECT key FROM asset WHERE kind = ? AND id = ? AND is_gone = 0", (kind, id_))
        keys |= {int(key) for (key,) in row.fetchall()}
    differ = 0
    for key in keys:
        row = connection.execute(_FACTS, (PERSON, start, key)).fetchone()
        status, replaced, viewers, *before, persons, waits, held, has_fallen = row
        is_certified = bool(held) or (status == "certified" and not has_fallen)
        is_deprecated = status in ("deprecated", "retired") or bool(replaced)
        now = signal(
            max(persons, viewers or 0), is_certified=is_certified, is_deprecated=is_deprecated, is_waiting=waits
        )
        facts = [now, held or "", int(is_certified)]
        if facts != before:
            said = "UPDATE asset SET signal = ?, certified_by = ?, is_certified = ?, changed = ? WHERE key = ?"
            connection.execute(said, (*facts, change, key))
            differ += 1
    return differ


_FACTS = (
    "SELECT a.status, a.replaced_by, a.viewers, a.signal, a.certified_by, a.is_certified, "
    "(SELECT count(DISTINCT reader) FROM usage_day u WHERE u.entry = a.kind || ':' || a.id AND u.actor_kind = ? "
    "AND u.day >= ?), a.kind = 'asset' AND EXISTS (SELECT 1 FROM waiting w WHERE w.asset = a.id), "
    "(SELECT group_concat(rule_set, char(10)) FROM "
    "(SELECT rule_set FROM badge b WHERE b.entry = a.kind || ':' || a.id AND b.is_held = 1 ORDER BY rule_set)), "
    "EXISTS (SELECT 1 FROM badge b WHERE b.entry = a.kind || ':' || a.id AND b.is_held = 0) "
    "FROM asset a WHERE a.key = ?"
)

"""Tables that others fill: what came into them, and which columns they have, as their warehouse keeps it anyway.

The catalog of a warehouse is asked one question a minute about all of them, and no table is read. What differs from the
look before becomes events, those that a run tells of what it builds: so freshness, deadlines, anomalies and alerts
are the same for both. What was seen is kept beside them in one transaction, and one process looks at a time.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from freehold.delivery.arrival import promise_of
from freehold.delivery.freshness import freshness_target_s
from freehold.delivery.strayed import was_announced
from freehold.foundation import FreeholdError
from freehold.foundation.owning import holder, is_dead
from freehold.ledger.event import Event

if TYPE_CHECKING:
    from freehold.delivery.asset import Asset
    from freehold.delivery.graph import Graph
    from freehold.engines import Kept, Session
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger

KEPT, LOOKED = "tables", "tables/looked"  # of the kept state: what was seen of each table, and of each look
EVERY = timedelta(minutes=1)
_LONGEST = timedelta(minutes=15)  # between two tries of a warehouse that does not answer
_GAP = timedelta(hours=1)  # between two looks, above which it is not known on which day something came
_ANSWERS_S, _LEASE_S = 20.0, 60.0
_BUSY = "FH-E101"
_NAMESPACE = uuid.UUID("0b0c3f0e-55a1-4c0e-9f0b-7f8f6b1f6c55")

Columns = tuple[tuple[str, str], ...]
Opened = Callable[[], AbstractContextManager["Session"]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one table after a look.

    Attributes:
        columns: as they should be: those of the last time when nothing was wrong with them; names and types.
        now: those that were seen; none where the table is gone.
        rows, inserted, written, identity: as the warehouse keeps them.
        changed_at: when rows were last seen to have come; None where that was never seen.
        told_at: up to when that was told.
        day: the day that rows are counted of, in UTC.
        came: rows that came on that day.
        is_whole: whether all that came on that day is known.
    """

    columns: Columns
    now: Columns
    rows: int | None
    inserted: int | None
    written: int | None
    identity: str
    day: str
    changed_at: datetime | None = None
    told_at: datetime | None = None
    came: int = 0
    is_whole: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        times = {name: at.isoformat() if (at := getattr(self, name)) else None for name in ("changed_at", "told_at")}
        return asdict(self) | times

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> Seen:
        """Return what `to_json` told."""
        times = {name: datetime.fromisoformat(at) if (at := kept[name]) else None for name in ("changed_at", "told_at")}
        columns = {name: tuple((n, kind) for n, kind in kept[name]) for name in ("columns", "now")}
        return cls(**{**kept, **times, **columns})


@dataclass(frozen=True, slots=True)
class Looked:
    """How the looks at a warehouse stand.

    Attributes:
        at: when it answered last; None where it never did.
        next_at: when it is asked again.
        failed: how often it has not answered since.
        problem: why it did not; empty where it did.
    """

    at: datetime | None
    next_at: datetime
    failed: int = 0
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self) | {"at": self.at.isoformat() if self.at else None, "next_at": self.next_at.isoformat()}


def looked(ledger: Ledger, env: str) -> Looked | None:
    """Return how the looks at the warehouse of an environment stand; None where nobody ever looked."""
    kept = ledger.state.get(LOOKED, env)
    if kept is None:
        return None
    at, next_at = (datetime.fromisoformat(kept[name]) if kept[name] else None for name in ("at", "next_at"))
    return Looked(at, next_at or datetime.min.replace(tzinfo=UTC), kept["failed"], kept["problem"])


def look_at_tables(
    estate: Estate, graph: Graph, ledger: Ledger, env: str, now: datetime, opened: Opened
) -> tuple[Event, ...]:
    """Ask the warehouse of an environment about the tables that others fill, if that is due; record what is new.

    While another process writes to it, nothing is asked: the next call does.

    Args:
        estate: says who reads what.
        graph: its assets.
        ledger: where it is recorded.
        env: the environment.
        now: the time.
        opened: opens a session of the warehouse, for as long as one question takes.

    Raises:
        FreeholdError: the warehouse does not answer: it is asked again after twice as long as the last time, up to a
            quarter of an hour. FH-L201 another process looks.
    """
    watched = [asset for asset in graph.assets.values() if asset.is_of_others]
    if not watched or not _is_due(looked(ledger, env), now):
        return ()
    with ledger.lease(f"tables/{env}", holder("tables"), _LEASE_S, is_gone=is_dead) as lease:
        before = looked(ledger, env)
        if not _is_due(before, now):
            return ()
        last = before.at if before else None
        try:
            with opened() as session, session.within(_ANSWERS_S):
                found = session.kept_of(sorted({asset.relation.schema for asset in watched}))
        except FreeholdError as error:
            if error.code == _BUSY:
                return ()
            failed = (before.failed if before else 0) + 1
            wait = min(EVERY * 2 ** min(failed, 10), _LONGEST)
            state = Looked(last, now + wait, failed, f"{error.code} {error.problem}")
            ledger.append(keep={(LOOKED, env): state.to_json()}, fence=lease)
            raise
        by_name = {(schema.casefold(), name.casefold()): kept for (schema, name), kept in found.items()} | found
        known = {
            key.removeprefix(f"{env} "): Seen.of_json(one) for key, one in ledger.state.many(KEPT, f"{env} ").items()
        }
        events: list[Event] = []
        keep: dict[tuple[str, str], Any] = {(LOOKED, env): Looked(now, now + EVERY).to_json()}
        for asset in watched:
            schema, name = asset.relation.schema, asset.relation.name
            kept = by_name.get((schema, name)) or by_name.get((schema.casefold(), name.casefold()))
            seen = known.get(asset.id)
            if kept is None and seen is None:
                continue  # it was never there, so nothing has changed
            table = _Table(asset, estate, ledger, env, now, is_steady=last is not None and now - last <= _GAP)
            fresh = table.look(seen, kept)
            events += table.events
            if fresh != seen:
                keep[KEPT, f"{env} {asset.id}"] = fresh.to_json()
        ledger.append(*events, keep=keep, fence=lease)
    return tuple(events)


def _is_due(before: Looked | None, now: datetime) -> bool:
    return before is None or before.next_at <= now


class _Table:
    """One look at one table: `look` returns what is known after it, and leaves what is to be told in `events`."""

    def __init__(
        self, asset: Asset, estate: Estate, ledger: Ledger, env: str, now: datetime, *, is_steady: bool
    ) -> None:
        self._asset, self._estate, self._ledger, self._env = asset, estate, ledger, env
        self._now, self._is_steady = now.astimezone(UTC).replace(microsecond=0), is_steady
        self.events: list[Event] = []

    def look(self, seen: Seen | None, kept: Kept | None) -> Seen:
        columns: Columns = tuple((one.name, one.type) for one in kept.columns) if kept else ()
        day = self._now.date().isoformat()
        if seen is None or kept is None:
            fresh = Seen(columns, columns, None, None, None, "", day) if seen is None else replace(seen, now=())
            if kept is not None:
                fresh = replace(fresh, rows=kept.rows, inserted=kept.inserted, written=kept.written,
                                identity=kept.identity)  # fmt: skip
            return self._columns(seen, fresh)
        fresh = self._day_over(seen, day)
        changed, came, is_certain = _grown(seen, kept)
        fresh = replace(
            fresh, now=columns, rows=kept.rows, inserted=kept.inserted, written=kept.written, identity=kept.identity,
            came=fresh.came + came, is_whole=fresh.is_whole and is_certain,
            changed_at=self._now if changed else fresh.changed_at,
        )  # fmt: skip
        return self._freshness(self._columns(seen, fresh))

    def _day_over(self, seen: Seen, day: str) -> Seen:
        """Tell of a day that is over what came on it, where all of it is known, and begin the next."""
        if seen.day == day:
            return seen
        start = datetime.combine(datetime.fromisoformat(seen.day), time(), UTC)
        end = start + timedelta(days=1)
        if seen.is_whole and self._is_steady and end.date().isoformat() == day and seen.rows is not None:
            self._tell("profile.observed", {
                "batch": seen.day, "rows": seen.came, "columns": {}, "interval_start": _text(start),
                "interval_end": _text(end),
            }, seen.day)  # fmt: skip
        return replace(seen, day=day, came=0, is_whole=self._is_steady)

    def _freshness(self, fresh: Seen) -> Seen:
        """Tell that rows came; of a table that they come into all the time not each time."""
        at, target = fresh.changed_at, freshness_target_s(self._asset)
        if at is None or (
            fresh.told_at is not None and (at <= fresh.told_at or self._now - fresh.told_at < self._rest(target))
        ):
            return fresh
        age = (self._now - at).total_seconds()
        said = {"data_time": _text(at), "target_s": target, "age_s": age}
        self._tell("freshness.observed", said, _text(at))
        return replace(fresh, told_at=at)

    def _rest(self, target: float | None) -> timedelta:
        """Return how long what came is bundled: a tenth of what is promised, an hour where nothing is."""
        longest = timedelta(minutes=5) if promise_of(self._asset, self._estate) is not None else timedelta(hours=1)
        return longest if target is None else min(longest, timedelta(seconds=target / 10))

    def _columns(self, before: Seen | None, fresh: Seen) -> Seen:
        """Tell the columns where they are not those of the look before, and what is wrong with them."""
        if before is not None and before.now == fresh.now:
            return fresh
        contract, promised = self._asset.contract, self._asset.schema.columns if self._asset.schema else ()
        usual = {name.casefold(): name for name in ([one.column for one in promised] or [n for n, _ in fresh.columns])}
        there, kinds = {name.casefold(): name for name, _ in fresh.now}, dict(fresh.columns)
        diff = {
            "missing": [name for key, name in usual.items() if key not in there],
            "extra": [name for key, name in there.items() if key not in usual],
            "of another type": [name for name, kind in fresh.now if kinds.get(name, kind) != kind],
        }
        is_breaking = bool(diff["missing"] or diff["of another type"])
        said = {
            "contract": contract.id if contract and promised else None, "diff": diff, "breaking": is_breaking,
            "announced": is_breaking and was_announced(self._ledger, self._asset.id, self._now),
            "columns": dict(fresh.now),
        }  # fmt: skip
        self._tell("schema.observed", said, _text(self._now))
        return fresh if is_breaking else replace(fresh, columns=fresh.now)

    def _tell(self, type_: str, said: Mapping[str, Any], part: str) -> None:
        id_ = str(uuid.uuid5(_NAMESPACE, f"{self._env}|{type_}|{self._asset.id}|{part}"))
        data = {"asset": self._asset.id, **said}
        self.events.append(Event(type_, data, id=id_, occurred_at=self._now, env=self._env, subject=self._asset.id,
                                 product=self._asset.product.id))  # fmt: skip


def _grown(seen: Seen, kept: Kept) -> tuple[bool, int, bool]:
    """Return whether rows came since, how many, and whether that is all.

    Where nothing counts what is written, it is told by how many rows there are: what was replaced is not seen.
    """
    if kept.identity != seen.identity:
        return True, kept.inserted or kept.rows or 0, True  # made anew, with whatever it holds
    if (
        kept.written is not None
        and kept.inserted is not None
        and seen.written is not None
        and seen.inserted is not None
    ):
        more = kept.inserted - seen.inserted
        if more < 0 or kept.written < seen.written:
            return False, 0, False  # counting began anew, or a partition went
        return kept.written > seen.written, more, True
    if kept.rows is None or seen.rows is None:
        return False, 0, seen.rows is kept.rows
    return kept.rows > seen.rows, max(0, kept.rows - seen.rows), True


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")

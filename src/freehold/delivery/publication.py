"""What is live, in the warehouse itself: the one place that decides what a consumer reads.

A *candidate* is data built beside what is live: the rows of one interval (marked by `_batch` in a table they share)
or a table of its own. A *release* of an asset is a set of candidates. To publish is to move, in one transaction,
the sets of several assets at once: membership, publication row and view change together or not at all. Sets are kept
by epoch (a candidate is a member from one epoch to another), so that every earlier release can be read back exactly
and going back is another move, not a rebuild.

This module never builds, checks or records events; it moves pointers and says where they point.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import stamina

from freehold.delivery.interval import Interval
from freehold.delivery.ownership import OWNER, expect_free, move_aside
from freehold.delivery.release import (
    BATCH,
    STORE,
    SYSTEM,
    Candidate,
    Judged,
    Live,
    Membership,
    Move,
    Origin,
    Release,
    Settlement,
)
from freehold.engines import Relation, Session, literal, quoted
from freehold.foundation import Exit, FreeholdError, Transient

if TYPE_CHECKING:
    from freehold.delivery.garbage import Garbage

FORMAT = 1  # of the tables below; raise it with a migration that brings older ones up to date

_TABLES = (
    f"CREATE SCHEMA IF NOT EXISTS {SYSTEM}",
    f"CREATE SCHEMA IF NOT EXISTS {STORE}",
    f"CREATE TABLE IF NOT EXISTS {SYSTEM}.format (version INTEGER NOT NULL)",
    f"CREATE SEQUENCE IF NOT EXISTS {SYSTEM}.candidate_id",
    f"CREATE SEQUENCE IF NOT EXISTS {SYSTEM}.release_number",
    f"CREATE TABLE IF NOT EXISTS {SYSTEM}.fence (env VARCHAR PRIMARY KEY, epoch BIGINT NOT NULL)",
    f"CREATE TABLE IF NOT EXISTS {SYSTEM}.definition (asset VARCHAR NOT NULL, definition VARCHAR NOT NULL, "
    "compiled VARCHAR NOT NULL, PRIMARY KEY (asset, definition))",
    f"CREATE TABLE IF NOT EXISTS {SYSTEM}.candidate (candidate BIGINT NOT NULL, asset VARCHAR NOT NULL, "
    "physical VARCHAR NOT NULL, definition VARCHAR NOT NULL, interval_start TIMESTAMP, interval_end TIMESTAMP, "
    "step_key VARCHAR NOT NULL, inputs VARCHAR NOT NULL, rows BIGINT NOT NULL, state VARCHAR NOT NULL, audit VARCHAR, "
    "run_id VARCHAR NOT NULL, built_at TIMESTAMPTZ NOT NULL, reason VARCHAR, profile VARCHAR)",
    f"CREATE TABLE IF NOT EXISTS {SYSTEM}.publication (env VARCHAR NOT NULL, asset VARCHAR NOT NULL, "
    "deployment VARCHAR NOT NULL, epoch BIGINT NOT NULL, physical VARCHAR NOT NULL, view_sql VARCHAR NOT NULL, "
    "pinned BOOLEAN NOT NULL, published_at TIMESTAMPTZ NOT NULL, PRIMARY KEY (env, asset))",
    f"CREATE TABLE IF NOT EXISTS {SYSTEM}.member (env VARCHAR NOT NULL, asset VARCHAR NOT NULL, "
    "candidate BIGINT NOT NULL, from_epoch BIGINT NOT NULL, to_epoch BIGINT)",
    f"CREATE TABLE IF NOT EXISTS {SYSTEM}.release (env VARCHAR NOT NULL, asset VARCHAR NOT NULL, "
    "epoch BIGINT NOT NULL, deployment VARCHAR NOT NULL, number BIGINT NOT NULL, restores BIGINT, "
    "physical VARCHAR NOT NULL, view_sql VARCHAR NOT NULL, reads VARCHAR NOT NULL, published_at TIMESTAMPTZ NOT NULL)",
    OWNER,
    f"CREATE TABLE IF NOT EXISTS {SYSTEM}.outbox (env VARCHAR NOT NULL, deployment VARCHAR NOT NULL, "
    "events VARCHAR NOT NULL)",
)

_RESERVE = 16
SETTLE_S = 60.0  # how long a transaction is tried again that others stand in the way of

# Everything of a candidate but its profile, which is large and seldom wanted.
_COLUMNS = (
    "c.candidate, c.asset, c.physical, c.definition, c.interval_start, c.interval_end, c.step_key, c.inputs, c.rows, "
    "c.state, c.audit, c.run_id, c.built_at, c.reason"
)


class Publication:
    """The publication tables of one environment."""

    def __init__(self, env: str) -> None:
        self.env = env
        self._is_prepared = False
        self._reserved: list[int] = []
        self._reserving = threading.Lock()

    def prepare(self, session: Session) -> None:
        """Make the tables if they are not there. Only who is about to write calls this."""
        if not self.is_there(session):
            with session.transaction():
                for statement in _TABLES:
                    session.run(statement)
                session.run(f"INSERT INTO {SYSTEM}.format VALUES (?)", (FORMAT,))
            self._is_prepared = True

    def is_there(self, session: Session) -> bool:
        """Say whether anything was ever written here; reading a warehouse must not change it."""
        if not self._is_prepared:
            known = {r.name for r in session.relations(SYSTEM)}
            self._is_prepared = "format" in known and self._speaks_ours(session)
            if known and not self._is_prepared:
                raise _foreign()
        return self._is_prepared

    def _speaks_ours(self, session: Session) -> bool:
        return session.rows(f"SELECT max(version) FROM {SYSTEM}.format") == [(FORMAT,)]

    def take(self, session: Session) -> int:
        """Take over writing: return a fencing token newer than any before; holders of older ones are refused."""
        for attempt in _attempts():
            with attempt, session.transaction():
                taken = session.rows(
                    f"INSERT INTO {SYSTEM}.fence VALUES (?, 1) "
                    "ON CONFLICT (env) DO UPDATE SET epoch = fence.epoch + 1 RETURNING epoch",
                    (self.env,),
                )
        return int(taken[0][0])

    def is_held(self, session: Session, token: int) -> bool:
        """Say whether nobody has taken over since a token was taken, so that it is still the newest."""
        return token > 0 and session.rows(f"SELECT epoch FROM {SYSTEM}.fence WHERE env = ?", (self.env,)) == [(token,)]

    def next_candidate(self, session: Session) -> int:
        """Return an identifier that no one else will ever get; they are reserved some at a time."""
        with self._reserving:
            if not self._reserved:
                found = session.rows(f"SELECT nextval('{SYSTEM}.candidate_id') FROM generate_series(1, {_RESERVE})")
                self._reserved = sorted((row[0] for row in found), reverse=True)
            return self._reserved.pop()

    def next_number(self, session: Session) -> int:
        """Return the number of the releases of a run; greater than all before."""
        return int(session.rows(f"SELECT nextval('{SYSTEM}.release_number')")[0][0])

    def stage(self, session: Session, candidate: Candidate) -> None:
        """Remember a candidate; call it in the transaction that writes its rows."""
        session.run(
            f"INSERT INTO {SYSTEM}.candidate VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(candidate)
        )

    def settle(self, session: Session, settlement: Settlement, fence: int, now: datetime) -> dict[str, int]:
        """Publish: move every asset of the settlement at once; return the new epoch of each.

        Raises:
            FreeholdError: FH-D101 another writer has taken over; FH-D102 an asset moved since this was planned.
        """
        for attempt in _attempts():
            with attempt, session.transaction():
                self._hold(session, fence)
                self._expect_kept(session, settlement.reused)
                self._judge(session, settlement.judged)
                epochs = self._move(session, settlement, now) if settlement.moves else {}
                self.sent(session)  # what was owed before this was paid before this began
                self._owe(session, settlement.deployment, settlement.events)
        return epochs

    def unsent(self, session: Session) -> list[tuple[str, list[list[Any]]]]:
        """Return the events that settled deployments still owe the ledger, maybe already there."""
        found = session.rows(f"SELECT deployment, events FROM {SYSTEM}.outbox WHERE env = ?", (self.env,))
        return [(deployment, json.loads(events)) for deployment, events in found]

    def released(self, session: Session, deployment: str) -> bool:
        """Say whether a deployment reached the publication table."""
        query = f"SELECT count(*) FROM {SYSTEM}.release WHERE env = ? AND deployment = ?"
        return bool(session.rows(query, (self.env, deployment))[0][0])

    def live(self, session: Session) -> dict[str, Live]:
        """Return what is live, by asset."""
        if not self.is_there(session):
            return {}
        members: dict[str, list[Candidate]] = defaultdict(list)
        for asset, *row in session.rows(
            f"SELECT m.asset, {_COLUMNS} FROM {SYSTEM}.member m JOIN {SYSTEM}.candidate c USING (candidate) "
            "WHERE m.env = ? AND m.to_epoch IS NULL ORDER BY c.interval_start, c.candidate",
            (self.env,),
        ):
            members[asset].append(_candidate(row))
        found = session.rows(
            "SELECT asset, deployment, epoch, physical, view_sql, pinned, published_at "
            f"FROM {SYSTEM}.publication WHERE env = ? ORDER BY asset",
            (self.env,),
        )
        return {
            asset: Live(asset, *rest, members=tuple(members[asset]))  # type: ignore[misc]
            for asset, *rest in found
        }

    def profiles(self, session: Session, candidates: Iterable[int]) -> list[tuple[int, str]]:
        """Return the stored partition states of candidates that have one."""
        listed = _listed(candidates)
        if not listed:
            return []
        kept = f"SELECT candidate, profile FROM {SYSTEM}.candidate WHERE candidate IN ({listed})"
        return [(id_, profile) for id_, profile in session.rows(f"{kept} AND profile IS NOT NULL")]

    def waiting(self, session: Session) -> tuple[Candidate, ...]:
        """Return candidates that are not live here: in quarantine, not yet published, or of an earlier release."""
        if not self.is_there(session):
            return ()
        found = session.rows(
            f"SELECT {_COLUMNS} FROM {SYSTEM}.candidate c WHERE NOT EXISTS (SELECT 1 FROM {SYSTEM}.member m "
            "WHERE m.candidate = c.candidate AND m.env = ? AND m.to_epoch IS NULL) ORDER BY c.candidate",
            (self.env,),
        )
        return tuple(_candidate(row) for row in found)

    def idle(self, session: Session) -> int:
        """Count the candidates that are live in no environment."""
        found = session.rows(
            f"SELECT count(*) FROM {SYSTEM}.candidate c WHERE NOT EXISTS (SELECT 1 FROM {SYSTEM}.member m "
            "WHERE m.candidate = c.candidate AND m.to_epoch IS NULL)"
        )
        return int(found[0][0])

    def judge(self, session: Session, candidate: int, state: str, fence: int) -> None:
        """Change the state of one candidate that is not live."""
        with session.transaction():
            self._hold(session, fence)
            session.run(f"UPDATE {SYSTEM}.candidate SET state = ? WHERE candidate = ?", (state, candidate))

    def sent(self, session: Session) -> None:
        """Forget events that the ledger has."""
        session.run(f"DELETE FROM {SYSTEM}.outbox WHERE env = ?", (self.env,))

    def members_at(
        self, session: Session, asset: str, epoch: int, *, env: str | None = None
    ) -> dict[int, Interval | None]:
        """Return the candidates of one release (of another environment, if one is named), with their intervals."""
        found = session.rows(
            f"SELECT c.candidate, c.interval_start, c.interval_end FROM {SYSTEM}.candidate c "
            f"WHERE c.candidate IN ({self.members_sql(asset, epoch, env)})"
        )
        return {id_: Interval(start, end) if start is not None else None for id_, start, end in found}

    def releases(self, session: Session, assets: Iterable[str] = (), *, everywhere: bool = False) -> list[Release]:
        """Return every release of these assets (of all, if none are named), newest first."""
        if not self.is_there(session):
            return []
        names = sorted(assets)
        chosen = f"AND asset IN ({', '.join('?' for _ in names)})" if names else ""
        found = session.rows(
            "SELECT env, asset, epoch, deployment, number, restores, physical, view_sql, reads, published_at "
            f"FROM {SYSTEM}.release WHERE (env = ? OR ?) {chosen} ORDER BY number DESC, epoch DESC, asset",
            (self.env, everywhere, *names),
        )
        return [replace(Release(*row), reads=tuple((a, e) for a, e in json.loads(row[8]))) for row in found]

    def everything(self, session: Session) -> tuple[tuple[Candidate, ...], list[Membership]]:
        """Return every candidate and every membership of every environment."""
        if not self.is_there(session):
            return (), []
        candidates = session.rows(f"SELECT {_COLUMNS} FROM {SYSTEM}.candidate c ORDER BY candidate")
        members = session.rows(f"SELECT env, asset, candidate, from_epoch, to_epoch FROM {SYSTEM}.member")
        return tuple(_candidate(row) for row in candidates), [Membership(*row) for row in members]

    def drop(self, session: Session, gone: Garbage, fence: int, deployment: str, events: str) -> bool:
        """Drop what nothing can reach, and what names it, in one transaction; `events` wait in the outbox.

        Return false, with nothing dropped, where another environment took over some of it meanwhile.
        """
        for attempt in _attempts():
            with attempt, session.transaction():
                self._hold(session, fence)
                session.run(f"UPDATE {SYSTEM}.fence SET epoch = epoch WHERE env <> ?", (self.env,))  # all writers wait
                if self._is_live_anywhere(session, gone.candidates):
                    return False
                for table in gone.tables:
                    session.run(f"DROP TABLE IF EXISTS {STORE}.{quoted(table)}")
                for table, ids in gone.batches.items():
                    session.run(f"DELETE FROM {STORE}.{quoted(table)} WHERE {BATCH} IN ({_listed(ids)})")
                for kept in ("candidate", "member"):
                    if gone.candidates:
                        session.run(f"DELETE FROM {SYSTEM}.{kept} WHERE candidate IN ({_listed(gone.candidates)})")
                if gone.releases:
                    named = [(r.env, r.asset, r.epoch) for r in gone.releases]
                    session.run(
                        f"DELETE FROM {SYSTEM}.release WHERE (env, asset, epoch) IN (VALUES {_marks(named)})",
                        _flat(named),
                    )
                self._owe(session, deployment, events)
        return True

    def environments(self, session: Session) -> dict[str, datetime]:
        """Return every environment in which something is live, with when something was last published there."""
        if not self.is_there(session):
            return {}
        return dict(session.rows(f"SELECT env, max(published_at) FROM {SYSTEM}.publication GROUP BY env"))

    def retire(
        self,
        session: Session,
        gone: Mapping[str, Relation],
        fence: int,
        deployment: str,
        events: str,
        *,
        whole: bool = False,
    ) -> None:
        """Take assets from consumers for good: their views, and what says that they are live, in one transaction.

        `whole` takes their schemas too, where nothing of anybody else is in them.
        """
        for attempt in _attempts():
            with attempt, session.transaction():
                self._hold(session, fence)
                for asset, view in gone.items():
                    session.run(f"DROP VIEW IF EXISTS {view.sql}")
                    session.run(f"DELETE FROM {SYSTEM}.publication WHERE env = ? AND asset = ?", (self.env, asset))
                    session.run(f"DELETE FROM {SYSTEM}.member WHERE env = ? AND asset = ?", (self.env, asset))
                    session.run(f"DELETE FROM {SYSTEM}.release WHERE env = ? AND asset = ?", (self.env, asset))
                for schema in {view.schema for view in gone.values()} if whole else ():
                    if schema and not session.relations(schema):
                        session.run(f"DROP SCHEMA {quoted(schema)}")
                self._owe(session, deployment, events)

    def pin(
        self, session: Session, assets: Sequence[str], fence: int, deployment: str, events: str, *, pinned: bool
    ) -> None:
        """Keep runs from publishing these assets, or let them again; `events` wait in the outbox from then on."""
        with session.transaction():
            self._hold(session, fence)
            for asset in assets:
                session.run(
                    f"UPDATE {SYSTEM}.publication SET pinned = ? WHERE env = ? AND asset = ?", (pinned, self.env, asset)
                )
            self._owe(session, deployment, events)

    def definitions(self, session: Session) -> dict[str, dict[str, str]]:
        """Return the compiled text of every definition that ever built something, by asset and definition."""
        if not self.is_there(session):
            return {}
        kept: dict[str, dict[str, str]] = defaultdict(dict)
        for asset, definition, compiled in session.rows(f"SELECT * FROM {SYSTEM}.definition"):
            kept[asset][definition] = compiled
        return kept

    def define(self, session: Session, asset: str, definition: str, compiled: str) -> None:
        """Remember the compiled text of a definition."""
        session.run(
            f"INSERT INTO {SYSTEM}.definition VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (asset, definition, compiled)
        )

    def members_sql(self, asset: str, epoch: int | None = None, env: str | None = None) -> str:
        """Return the SELECT of the candidates that are live now, or were at an epoch."""
        span = (
            "to_epoch IS NULL" if epoch is None else f"from_epoch <= {epoch} AND coalesce(to_epoch, {2**62}) > {epoch}"
        )
        return (
            f"SELECT candidate FROM {SYSTEM}.member "
            f"WHERE env = {literal(env or self.env)} AND asset = {literal(asset)} AND {span}"
        )

    def _hold(self, session: Session, fence: int) -> None:
        held = session.rows(f"SELECT epoch FROM {SYSTEM}.fence WHERE env = ?", (self.env,))
        if not held or held[0][0] != fence:
            raise FreeholdError(
                "FH-D101",
                f"Another writer has taken over `{self.env}` (its token is newer than {fence}); "
                "nothing of this run was published.",
                fix="Run again: what the other writer published is kept.",
                exit_code=Exit.ENVIRONMENT,
            )
        # The update makes two writers of one instant conflict, so that one of them fails even if both just read.
        session.run(f"UPDATE {SYSTEM}.fence SET epoch = ? WHERE env = ?", (fence, self.env))

    def _move(self, session: Session, settlement: Settlement, now: datetime) -> dict[str, int]:
        moves = settlement.moves
        found = session.rows(f"SELECT asset, epoch, view_sql FROM {SYSTEM}.publication WHERE env = ?", (self.env,))
        current = {asset: epoch for asset, epoch, _ in found}
        shown = {asset: view_sql for asset, _, view_sql in found}
        fresh = {m.asset: m.view for m in moves if m.view_sql and not shown.get(m.asset)}
        if fresh and not settlement.takes_over:
            expect_free(session, self, fresh)
        number = settlement.number or self.next_number(session)
        for move in moves:
            self._expect(move, current.get(move.asset, 0))
        epochs = {move.asset: move.expected_epoch + 1 for move in moves}
        self._membership(session, moves, epochs)
        self._point(session, settlement, epochs, number, now)
        for move in moves:
            if not move.view_sql:
                session.run(f"DROP VIEW IF EXISTS {move.view.sql}")
            elif shown.get(move.asset) != move.view_sql:  # a view of the live set shows a new set by itself
                rights = move_aside(session, move.view) if move.asset in fresh and settlement.takes_over else ()
                if move.asset not in shown:
                    session.run(f"CREATE SCHEMA IF NOT EXISTS {quoted(move.view.schema)}")
                session.replace_view(move.view, move.view_sql)
                session.grant(move.view, rights)
        return epochs

    def _point(
        self, session: Session, settlement: Settlement, epochs: Mapping[str, int], number: int, now: datetime
    ) -> None:
        """Write the publication and release rows of a settlement."""
        deployment = settlement.deployment
        live = [
            (self.env, m.asset, deployment, epochs[m.asset], m.physical, m.view_sql, m.pinned, now)
            for m in settlement.moves
        ]
        session.run(
            f"INSERT INTO {SYSTEM}.publication VALUES {_marks(live)} "
            "ON CONFLICT (env, asset) DO UPDATE SET deployment = excluded.deployment, "
            "epoch = excluded.epoch, physical = excluded.physical, "
            "view_sql = excluded.view_sql, pinned = excluded.pinned, published_at = excluded.published_at",
            _flat(live),
        )
        released = [
            (
                *(self.env, m.asset, epochs[m.asset], deployment, number),
                *(m.restores, m.physical, m.view_sql, json.dumps(m.reads), now),
            )
            for m in settlement.moves
        ]
        session.run(f"INSERT INTO {SYSTEM}.release VALUES {_marks(released)}", _flat(released))

    def _judge(self, session: Session, judged: Sequence[Judged]) -> None:
        if judged:
            rows = [(j.candidate, j.state, j.audit, j.reason, j.profile, j.rows) for j in judged]
            session.run(
                f"UPDATE {SYSTEM}.candidate AS c SET state = v.state, audit = v.audit, reason = v.reason, "
                f"profile = v.profile, rows = v.rows FROM (VALUES {_marks(rows)}) "
                "AS v (candidate, state, audit, reason, profile, rows) WHERE c.candidate = v.candidate",
                _flat(rows),
            )

    def _owe(self, session: Session, deployment: str, events: str) -> None:
        session.run(f"INSERT INTO {SYSTEM}.outbox VALUES (?, ?, ?)", (self.env, deployment, events))

    def _expect(self, move: Move, epoch: int) -> None:
        if epoch != move.expected_epoch:
            raise FreeholdError(
                "FH-D102",
                f"`{move.asset}` was published by someone else meanwhile (epoch {epoch}, planned against "
                f"{move.expected_epoch}); nothing of this deployment was published.",
                fix="Run again; it starts from what is live now.",
                exit_code=Exit.ENVIRONMENT,
            )

    def _is_live_anywhere(self, session: Session, candidates: Sequence[int]) -> bool:
        query = f"SELECT count(*) FROM {SYSTEM}.member WHERE to_epoch IS NULL AND candidate IN ({_listed(candidates)})"
        return bool(candidates) and bool(session.rows(query)[0][0])

    def _expect_kept(self, session: Session, candidates: Sequence[int]) -> None:
        if not candidates:
            return
        query = f"SELECT count(*) FROM {SYSTEM}.candidate WHERE candidate IN ({_listed(candidates)})"
        if session.rows(query)[0][0] != len(set(candidates)):
            raise FreeholdError(
                "FH-D103",
                "Some of what was to be taken over was collected meanwhile; nothing of this deployment was published.",
                fix="Run again; it is built anew.",
                exit_code=Exit.ENVIRONMENT,
            )

    def _membership(self, session: Session, moves: Sequence[Move], epochs: Mapping[str, int]) -> None:
        left = [(m.asset, gone, epochs[m.asset]) for m in moves for gone in m.removed]
        if left:
            session.run(
                f"UPDATE {SYSTEM}.member AS m SET to_epoch = v.epoch FROM (VALUES {_marks(left)}) "
                "AS v (asset, candidate, epoch) WHERE m.asset = v.asset AND m.candidate = v.candidate "
                "AND m.env = ? AND m.to_epoch IS NULL",
                (*_flat(left), self.env),
            )
        joined = [(self.env, m.asset, added, epochs[m.asset], None) for m in moves for added in m.added]
        if joined:
            session.run(f"INSERT INTO {SYSTEM}.member VALUES {_marks(joined)}", _flat(joined))


def _attempts() -> Iterable[stamina.Attempt]:
    """Return attempts at a transaction that others may stand in the way of.

    Somebody who reads for long keeps a view from being changed. To wait for them would make every new reader wait
    behind us, so an engine gives up soon and we come again, at moments drawn by chance.
    """
    return stamina.retry_context(on=Transient, attempts=None, timeout=SETTLE_S, wait_max=1.0)


def _foreign() -> FreeholdError:
    return FreeholdError(
        "FH-D104",
        f"The tables of schema `{SYSTEM}` in this warehouse are of another version of Freehold (wanted: {FORMAT}).",
        fix="Use the version of Freehold that wrote them, or another warehouse.",
        exit_code=Exit.ENVIRONMENT,
    )


def _marks(rows: Sequence[Sequence[Any]]) -> str:
    """Return `(?, ?), (?, ?)` for these rows."""
    return ", ".join(f"({', '.join('?' for _ in row)})" for row in rows)


def _flat(rows: Iterable[Sequence[Any]]) -> tuple[Any, ...]:
    return tuple(value for row in rows for value in row)


def _listed(ids: Iterable[int]) -> str:
    return ", ".join(str(int(i)) for i in ids)


def _row(c: Candidate) -> tuple[Any, ...]:
    start, end = (c.interval.start, c.interval.end) if c.interval else (None, None)
    return (
        *(c.id, c.asset, c.physical, c.definition, start, end, c.step_key, _noted(c)),
        *(c.rows, c.state, c.audit, c.run_id, c.built_at, c.reason, None),
    )


def _noted(c: Candidate) -> str:
    """Return what a candidate was built from, as it is kept; before origins were noted, it was a list of names."""
    noted: dict[str, Any] = {"of": c.inputs}
    if c.origin is not None:
        noted |= {"means": c.origin.means, "roots": c.origin.roots}
    return json.dumps(noted | ({"seen": c.seen} if c.seen else {}))


def _candidate(row: Sequence[Any]) -> Candidate:
    id_, asset, physical, definition, start, end, step_key, inputs, rows, state, audit, run_id, built_at, reason = row
    interval = Interval(start, end) if start is not None else None
    noted = json.loads(inputs)
    of = noted["of"] if isinstance(noted, dict) else [i for i in noted if not i.startswith("seen:")]
    more = noted if isinstance(noted, dict) else {}
    return Candidate(
        *(id_, asset, physical, definition, interval, step_key, tuple(of), rows, run_id, built_at),
        *(state, audit, reason),
        origin=Origin(more["means"], tuple(more["roots"])) if "means" in more else None,
        seen=tuple((env, name, epoch) for env, name, epoch in more.get("seen", ())),
    )

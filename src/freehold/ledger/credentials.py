"""Who is signed in, and which programs may: sessions and tokens, kept as hashes of what their holders show.

Opening, closing, making and revoking each change a row and append its event in one transaction. Rules (how long, for
what) belong to the server; here is what is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from freehold.foundation import Clock
from freehold.ledger import tables
from freehold.ledger.event import Event, from_micros, micros

if TYPE_CHECKING:
    from sqlalchemy import BindParameter, Connection, Row

    from freehold.ledger.store import Store

Within = Callable[["Connection", Event], None]  # appends an event in an open transaction


@dataclass(frozen=True, slots=True)
class Session:
    """A person who is signed in at one browser.

    Attributes:
        id: the SHA-256 of the secret the browser holds, in hex.
        handle: the name by which it is listed and revoked.
        principal: who; `name` is how pages call them.
        groups: of the identity provider, as it told them at sign-in.
        assurance: how they were authenticated: `local` or `oidc`.
        client: the browser as it calls itself, shortened.
    """

    id: str
    handle: str
    principal: str
    name: str
    groups: tuple[str, ...]
    assurance: str
    client: str
    created_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Token:
    """What a program signs in with; `secret` is the SHA-256 of what it shows, in hex.

    Attributes:
        kind: `user` for one a person made for their own programs, `service` for one of a service account, `ci` for one
            of those that a CI job was given for its identity.
        owner: the principal it acts as.
        scopes: what it may be used for.
        used_at: when it was last used, to the minute; None if never.
        revoked_at: since when it is of no use; None if it is.
    """

    id: str
    kind: str
    owner: str
    name: str
    secret: str
    groups: tuple[str, ...]
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None


class Sessions:
    """The sessions of a workspace."""

    def __init__(self, store: Store, clock: Clock, within: Within) -> None:
        self._store = store
        self._clock = clock
        self._within = within

    def open(self, session: Session, replaces: str | None = None) -> None:
        """Keep a session, in place of another if `replaces` is the id of one.

        Where an identity provider vouches for it, its groups are those of all sessions and tokens of the same person
        from now on: whoever left a group keeps it in none.
        """
        row = {
            "workspace": self._store.workspace,
            "groups": json.dumps(session.groups),
            "created_at": micros(session.created_at),
            "seen_at": micros(session.seen_at),
        }
        same = ("id", "handle", "principal", "name", "assurance", "client")
        row |= {name: getattr(session, name) for name in same}
        said = {"session": session.handle, "principal": session.principal, "assurance": session.assurance}
        with self._store.write() as connection:
            if replaces is not None:
                connection.execute(delete(tables.session).where(self._is(replaces)))
            connection.execute(insert(tables.session), row)
            if session.assurance == "oidc":
                here, groups = self._store.workspace, row["groups"]
                for table, whose in ((tables.session, "principal"), (tables.token, "owner")):
                    mine = (table.c.workspace == here) & (table.c[whose] == session.principal)
                    connection.execute(update(table).where(mine).values(groups=groups))
            self._within(connection, Event("session.opened", said, subject=session.principal))

    def get(self, id: str) -> Session | None:
        """Return the session of an id, however old."""
        with self._store.read() as connection:
            row = connection.execute(select(tables.session).where(self._is(id))).first()
        return None if row is None else _session(row)

    def of(self, principal: str) -> tuple[Session, ...]:
        """Return the sessions of a principal, the newest first."""
        mine = (tables.session.c.workspace == self._store.workspace) & (tables.session.c.principal == principal)
        query = select(tables.session).where(mine).order_by(tables.session.c.created_at.desc())
        with self._store.read() as connection:
            return tuple(_session(row) for row in connection.execute(query))

    def seen(self, id: str) -> None:
        """Remember that a session was used now."""
        with self._store.write() as connection:
            now = micros(self._clock.now())
            connection.execute(update(tables.session).where(self._is(id)).values(seen_at=now))

    def close(self, session: Session, why: str) -> bool:
        """End a session: `signed_out`, `revoked` or `expired`; say whether it was there."""
        with self._store.write() as connection:
            if not connection.execute(delete(tables.session).where(self._is(session.id))).rowcount:
                return False
            said = {"session": session.handle, "principal": session.principal, "why": why}
            self._within(connection, Event("session.closed", said, subject=session.principal))
        return True

    def _is(self, id: str) -> Any:
        return (tables.session.c.workspace == self._store.workspace) & (tables.session.c.id == id)


class Tokens:
    """The tokens of a workspace."""

    def __init__(self, store: Store, clock: Clock, within: Within) -> None:
        self._store = store
        self._clock = clock
        self._within = within

    def add(self, token: Token, more: Mapping[str, str] | None = None) -> bool:
        """Keep a token, and tell `more` in its event; say whether its id was new, else nothing is kept or told."""
        row = {
            "workspace": self._store.workspace,
            "groups": json.dumps(token.groups),
            "scopes": json.dumps(token.scopes),
            "created_at": micros(token.created_at),
            "expires_at": micros(token.expires_at),
            "used_at": 0,
            "revoked_at": 0,
        }
        row |= {name: getattr(token, name) for name in ("id", "kind", "owner", "name", "secret")}
        said: dict[str, Any] = {
            "token": token.id, "kind": token.kind, "owner": token.owner, "scopes": list(token.scopes),
        }  # fmt: skip
        said |= {"expires": token.expires_at.isoformat(), **(more or {})}
        try:
            with self._store.write() as connection:
                connection.execute(insert(tables.token), row)
                self._within(connection, Event("token.created", said, subject=token.owner))
        except IntegrityError:
            if self.get(token.id) is None:
                raise
            return False
        return True

    def forget(self, kind: str, before: datetime) -> None:
        """Forget the tokens of a kind that ended before a moment; the ledger goes on telling of them."""
        over = (tables.token.c.kind == kind) & (tables.token.c.expires_at < micros(before))
        with self._store.write() as connection:
            connection.execute(delete(tables.token).where(over & (tables.token.c.workspace == self._store.workspace)))

    def get(self, id: str) -> Token | None:
        """Return the token of an id, whether or not it is of use."""
        with self._store.read() as connection:
            row = connection.execute(select(tables.token).where(self._is(id))).first()
        return None if row is None else _token(row)

    def all(self, owner: str | None = None) -> tuple[Token, ...]:
        """Return the tokens of an owner, or of everybody, the newest first."""
        mine = tables.token.c.workspace == self._store.workspace
        if owner is not None:
            mine &= tables.token.c.owner == owner
        with self._store.read() as connection:
            found = connection.execute(select(tables.token).where(mine).order_by(tables.token.c.created_at.desc()))
            return tuple(_token(row) for row in found)

    def used(self, at: Mapping[str, datetime]) -> None:
        """Remember when tokens were last used, by their ids."""
        query = update(tables.token).where(self._is(bindparam("of"))).values(used_at=bindparam("at"))
        with self._store.write() as connection:
            connection.execute(query, [{"of": id, "at": micros(moment)} for id, moment in at.items()])

    def revoke(self, token: Token, why: str = "revoked") -> bool:
        """Make a token of no use from now on; say whether it still was of use."""
        with self._store.write() as connection:
            unrevoked = self._is(token.id) & (tables.token.c.revoked_at == 0)
            now = micros(self._clock.now())
            if not connection.execute(update(tables.token).where(unrevoked).values(revoked_at=now)).rowcount:
                return False
            said = {"token": token.id, "owner": token.owner, "why": why}
            self._within(connection, Event("token.revoked", said, subject=token.owner))
        return True

    def _is(self, id: str | BindParameter[str]) -> Any:
        return (tables.token.c.workspace == self._store.workspace) & (tables.token.c.id == id)


def _session(row: Row[Any]) -> Session:
    return Session(
        id=row.id,
        handle=row.handle,
        principal=row.principal,
        name=row.name,
        groups=tuple(json.loads(row.groups)),
        assurance=row.assurance,
        client=row.client,
        created_at=from_micros(row.created_at),
        seen_at=from_micros(row.seen_at),
    )


def _token(row: Row[Any]) -> Token:
    return Token(
        id=row.id,
        kind=row.kind,
        owner=row.owner,
        name=row.name,
        secret=row.secret,
        groups=tuple(json.loads(row.groups)),
        scopes=tuple(json.loads(row.scopes)),
        created_at=from_micros(row.created_at),
        expires_at=from_micros(row.expires_at),
        used_at=from_micros(row.used_at) if row.used_at else None,
        revoked_at=from_micros(row.revoked_at) if row.revoked_at else None,
    )

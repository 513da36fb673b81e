"""Counters straight from a PostgreSQL that the estate declares, and an import that is killed, by real processes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import psycopg
import pytest

from freehold.ledger import Ledger
from live_process import FREEHOLD, freehold, until
from used_shop import Shop

# The wheel that tests take PostgreSQL from brings no contrib modules: a view of the name and columns of the
# extension's, over a table that a test counts up, stands for it.
COUNTERS = """
CREATE TABLE counted (userid oid, queryid bigint, query text, calls bigint, total_exec_time float8, rows bigint,
                      temp_blks_written bigint DEFAULT 0);
CREATE VIEW pg_stat_statements AS
  SELECT userid, (SELECT oid FROM pg_database WHERE datname = current_database()) AS dbid, true AS toplevel, queryid,
         query, 0::bigint AS plans, calls, total_exec_time, rows, temp_blks_written,
         '2026-11-01'::timestamptz AS stats_since
  FROM counted;
INSERT INTO counted SELECT oid, 7, 'SELECT amount FROM shop_orders.orders WHERE order_id = $1', 10, 100, 10
  FROM pg_roles WHERE rolname = current_user;
"""


def on(url: str, shop: Shop) -> None:
    """Have the warehouse of a shop be a database."""
    file = shop.root / "estate.yaml"
    said = re.sub(r'\{url: "?duckdb[^}]+\}', f'{{url: "{url}"}}', file.read_text(encoding="utf-8"))
    file.write_text(said, encoding="utf-8")


def imported(shop: Shop, *words: str, code: int = 0) -> dict[str, object]:
    """Import from the warehouse, and return what the command says."""
    done = freehold(shop.root, "usage", "import", "--from", "pg_stat_statements", "--json", *words)
    assert done.returncode == code, done.stdout + done.stderr
    told: dict[str, object] = json.loads(done.stdout)
    return told


def test_counters_are_read_from_the_warehouse(shop: Shop, postgres_url: str) -> None:
    """The first import is where counting begins; then five more calls are five reads of the role that made them."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(COUNTERS)
        (role,) = connection.execute("SELECT current_user").fetchone() or ("",)
        on(postgres_url, shop)
        shop.name(postgres={role: ["user:idp/ana"]})

        assert imported(shop)["is_baseline"]
        assert imported(shop)["recorded"] == 0
        connection.execute(
            "UPDATE counted SET calls = calls + 5, total_exec_time = total_exec_time + 60, temp_blks_written = 10"
        )
        told = imported(shop)

    assert (told["recorded"], told["resets"], told["of"]) == (1, 0, "warehouse")
    assert shop.rows("SELECT consumer, reads, duration_ms, spilled_bytes, columns, source FROM uses") == [
        ("user:idp/ana", 5, 12.0, 2 * 8_192, ["amount", "order_id"], "postgres")
    ]


def test_a_server_without_counters_says_how_to_get_them(shop: Shop, postgres_url: str) -> None:
    """What is to be loaded and created, and which role may read it, is in the error."""
    on(postgres_url, shop)

    (error,) = imported(shop, code=3)["errors"]  # type: ignore[misc, attr-defined]

    assert error["code"] == "FH-X405"
    assert "shared_preload_libraries" in error["fix"]


@pytest.mark.parametrize("words", [("--from", "snowflake"), ("--from", "pg_stat_statements")])
def test_what_is_not_asked_needs_a_file(shop: Shop, words: tuple[str, ...]) -> None:
    """Neither a system that no connection leads to, nor a warehouse that keeps no counters, is asked for anything."""
    done = freehold(shop.root, "usage", "import", *words)

    assert done.returncode == 2
    assert "FH-X406" in done.stderr


def test_an_import_that_is_killed_goes_on_where_it_was(shop: Shop, tmp_path: Path) -> None:
    """Killed after its first segment, and started again, an import tells each statement once."""
    rows = 60_000
    place = tmp_path / "history.csv"
    with place.open("w", encoding="utf-8") as file:
        file.write("QUERY_ID,QUERY_TEXT,USER_NAME,START_TIME\n")
        for n in range(rows):
            at = f"2026-11-{n * 20 // rows + 1:02}T10:{n // 60 % 60:02}:{n % 60:02}Z"
            file.write(f"q{n},SELECT amount FROM shop_orders.orders WHERE order_id = {n % 50},ANA,{at}\n")
    command = [str(FREEHOLD), "-C", str(shop.root), "usage", "import", str(place), "--from", "snowflake", "--json"]
    segments = shop.root / ".freehold" / "segments"

    with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as first:
        until(lambda: [*segments.rglob("usage.query/*.parquet")], "a segment was written")
        os.killpg(first.pid, signal.SIGKILL)
    shop.ledger.close()
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)

    told = json.loads(done.stdout)
    assert told["told"] == rows
    assert told["known"] + told["recorded"] == rows
    with Ledger.open("sqlite:///.freehold/state.db", root=shop.root) as ledger, ledger.evidence() as evidence:
        assert evidence.query("SELECT count(*), count(DISTINCT query_id) FROM usage_query") == [(rows, rows)]
        assert ledger.verify().ok

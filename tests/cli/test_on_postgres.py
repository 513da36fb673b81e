"""The journey of the README with state and warehouse in PostgreSQL: every command, as a process, with a password."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from live_postgres import LivePostgres

Told = Callable[..., dict[str, Any]]
SECRET = "hush-nobody-sees-this"


@pytest.fixture
def freehold(tmp_path: Path, postgres: LivePostgres) -> Iterator[Told]:
    """Call commands on the scaffold of an estate whose two databases are on a server."""
    urls = [postgres.fresh(), postgres.fresh()]
    estate = tmp_path / "shop"
    subprocess.run([*_program(), "init", str(estate)], check=True, capture_output=True)
    said = (estate / "estate.yaml").read_text()
    said = re.sub(r"state: sqlite\S+", f'state: {{url: "{urls[0]}", password: "env:PG_PASSWORD"}}', said)
    said = re.sub(r'\{url: "duckdb[^"]+"\}', f'{{url: "{urls[1]}", password: "env:PG_PASSWORD"}}', said)
    (estate / "estate.yaml").write_text(said)

    def call(*words: str, code: int = 0) -> dict[str, Any]:
        environ = {**os.environ, "PG_PASSWORD": SECRET}
        command = [*_program(), *words, "--json"]
        done = subprocess.run(command, cwd=estate, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        assert SECRET not in done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    yield call
    for url in urls:
        postgres.drop(url)


def _program() -> list[str]:
    return [sys.executable, "-c", "from freehold.cli import main; main()"]


def _spoil(estate: Path) -> None:
    """Take the first value, which is a key, from a line of the newest delivered file."""
    newest = sorted(estate.rglob("landing/**/*.csv"))[-1]
    head, first, *rest = newest.read_text().splitlines()
    newest.write_text("\n".join([head, "," + first.partition(",")[2], *rest]) + "\n")


def _correct(estate: Path) -> None:
    """Deliver the newest file again, without its last line."""
    newest = sorted(estate.rglob("landing/**/*.csv"))[-1]
    newest.write_text("\n".join(newest.read_text().splitlines()[:-1]) + "\n")


def test_every_command_works_on_a_server(freehold: Told, tmp_path: Path) -> None:
    """Run, look, spoil a day, keep it aside, go back, collect, prove; no secret in any word."""
    done = freehold("run")
    assert {step["status"] for step in done["steps"]} == {"published"}
    assert freehold("run")["steps"] == []
    assert "shop.orders" in json.dumps(freehold("status"))
    assert freehold("check")

    _correct(tmp_path / "shop")
    assert {step["status"] for step in freehold("run")["steps"]} == {"published"}
    _spoil(tmp_path / "shop")
    kept = freehold("run", code=1)
    assert "quarantined" in {step["status"] for step in kept["steps"]}
    assert len(freehold("quarantine", "list")["candidates"]) == 1
    assert freehold("rollback", "shop.orders")
    assert freehold("rollback", "shop.orders", "--unpin")
    assert freehold("collect")
    assert freehold("audit", "verify")["ok"]
    assert freehold("ledger", "tail", "--type", "candidate.quarantined")["events"]


def test_consumers_read_the_views_with_any_tool(freehold: Told, tmp_path: Path) -> None:
    """Through plain SQL, with rights on the schema alone, and without the column of batches."""
    freehold("run")
    said = (tmp_path / "shop" / "estate.yaml").read_text()
    url = re.search(r'warehouse: \{url: "([^"]+)"', said)
    assert url is not None
    with psycopg.connect(url[1], autocommit=True) as owner:
        owner.execute("DROP ROLE IF EXISTS fh_analyst")
        owner.execute("CREATE ROLE fh_analyst LOGIN")
        owner.execute("GRANT USAGE ON SCHEMA shop_orders TO fh_analyst")
        owner.execute("GRANT SELECT ON ALL TABLES IN SCHEMA shop_orders TO fh_analyst")
        with psycopg.connect(url[1].replace("postgres@", "fh_analyst@")) as consumer:
            read = consumer.execute("SELECT * FROM shop_orders.orders")
            assert "_batch" not in [column.name for column in read.description or ()]
            assert len(read.fetchall()) > 100
        owner.execute("DROP OWNED BY fh_analyst")
        owner.execute("DROP ROLE fh_analyst")

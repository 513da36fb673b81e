"""A server looks at tables that others fill, by itself."""

from __future__ import annotations

from pathlib import Path

import duckdb

import filled_estate
from filled_estate import FEED
from freehold.server import Settings
from live_process import until
from live_server import free_port, started


def test_a_round_of_the_server_looks(tmp_path: Path) -> None:
    """Columns of both tables are told, by the server."""
    root = filled_estate.write(tmp_path)
    with duckdb.connect(str(root / "shop.db")) as writer:
        writer.execute("CREATE SCHEMA landing; CREATE TABLE landing.feed (id INTEGER, sold VARCHAR)")
    running, stop = started(root, Settings(port=free_port(), url=""))
    ledger = running.app.state.served.snapshots.ledger
    try:
        told = until(lambda: list(ledger.read(types=("schema.observed",), subject=FEED)), "the round looked")
    finally:
        stop()
    assert (told[0].data["breaking"], told[0].data["columns"]) == (False, {"id": "INTEGER", "sold": "VARCHAR"})
    assert told[0].actor == "system:server"

"""Whoever checks looks at tables that others fill, too."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
from click.testing import CliRunner

import filled_estate
from filled_estate import FEED
from freehold.cli import cli
from freehold.ledger import Ledger
from freehold.reliability.tables import LOOKED, Looked


def test_a_check_looks_at_tables_and_raises_what_is_wrong(tmp_path: Path) -> None:
    """Without a server, too: what a contract promises of columns is missing, and an alert says so."""
    root = filled_estate.write(tmp_path)
    with duckdb.connect(str(root / "shop.db")) as writer:
        writer.execute("CREATE SCHEMA landing; CREATE TABLE landing.feed (id INTEGER)")
    done = CliRunner().invoke(cli, ["-C", str(root), "check"])

    assert "alerts raised" in done.output, done.output
    with Ledger.open("sqlite:///.freehold/state.db", root=root) as ledger:
        rules = [event.data["rule"] for event in ledger.read(types=("alert.raised",), subject=FEED)]
        (told,) = ledger.read(types=("schema.observed",), subject=FEED)
    assert told.data["diff"]["missing"] == ["sold"]
    assert "columns" in rules


def test_status_says_where_a_warehouse_does_not_answer(tmp_path: Path) -> None:
    """Since when nobody could look, and why; nothing while it answers."""
    root = filled_estate.write(tmp_path)
    with duckdb.connect(str(root / "shop.db")) as writer:
        writer.execute("CREATE SCHEMA landing; CREATE TABLE landing.feed (id INTEGER, sold VARCHAR)")
    assert "not looked at" not in CliRunner().invoke(cli, ["-C", str(root), "status"]).output
    with Ledger.open("sqlite:///.freehold/state.db", root=root) as ledger:
        now = datetime(2026, 3, 2, 12, tzinfo=UTC)
        ledger.append(keep={(LOOKED, "prod"): Looked(None, now, 1, "FH-E112 The server does not answer.").to_json()})
    said = " ".join(CliRunner().invoke(cli, ["-C", str(root), "status"]).output.split())
    assert "Tables that others fill are not looked at (FH-E112 The server does not answer.)" in said

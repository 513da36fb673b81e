"""A shop whose accounts elsewhere a team names, its ledger, and what exports that are told to it came to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freehold.connect.bi import told as dashboards_told
from freehold.connect.listing import graph_of
from freehold.connect.usage import FORMATS, Imported, import_file
from freehold.connect.usage.importing import Known
from freehold.estate import load_estate
from freehold.ledger import Ledger

EXPORTS = Path(__file__).parent / "connect" / "usage" / "exports"
TEAM = """---
apiVersion: freehold.dev/v1
kind: Team
metadata: {id: finance}
spec:
  members: ["user:idp/ana", "service:nightly"]
  handles:
"""
BOARDS = "dashboard,name,reads\nweekly,Weekly board,shop.orders.orders.amount\ndaily,Daily board,shop.orders.orders\n"


@dataclass
class Shop:
    """An estate on disk and its ledger."""

    root: Path
    ledger: Ledger

    def name(self, **handles: dict[str, list[str]]) -> None:
        """Have a team name accounts: by system, whose each is."""
        teams = self.root / "teams.yaml"
        rows = "".join(f"    {system}: {accounts!r}\n".replace("'", '"') for system, accounts in handles.items())
        teams.write_text(teams.read_text(encoding="utf-8").partition("---\napiVersion: freehold.dev/v1\nkind: Team\n"
                         "metadata: {id: finance}")[0] + TEAM + rows, encoding="utf-8")  # fmt: skip

    def known(self) -> Known:
        """Return what use can be of."""
        estate = load_estate(self.root, cache=False)
        boards = dashboards_told(self.root, estate.dashboards, "duckdb").dashboards
        return Known(estate, "prod", "prod", graph_of(estate, "prod", "duckdb").assets, boards)

    def take(self, path: Path, system: str, **said: Any) -> Imported:
        """Import a file."""
        return import_file(path, FORMATS[system], self.known(), self.ledger, **said)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the evidence."""
        with self.ledger.evidence() as evidence:
            return evidence.query(sql)

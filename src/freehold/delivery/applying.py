"""Which estate is in force in an environment, recorded with its files when it is another than before."""

from __future__ import annotations

from pathlib import Path

from freehold.delivery.graph import Graph
from freehold.delivery.plan.versions import keep, last_applied
from freehold.estate.model import Estate
from freehold.ledger import Event, Ledger


def apply(estate: Estate, graph: Graph, ledger: Ledger, root: Path, env: str) -> None:
    """Record that an estate is in force, unless it is already, and keep its files to go back to and compare with."""
    hashes = dict(estate.hashes)
    last = last_applied(ledger, env)
    before = dict(last.data.get("resources") or {}) if last else {}
    version = str(last.data.get("version") or "") if last else ""
    if before == hashes and version:
        return
    content = {
        "estate": estate.id,
        "env": env,
        "version": keep(ledger, root, version),
        "resources": hashes,
        "added": sorted(set(hashes) - set(before)),
        "changed": sorted(k for k in hashes if k in before and hashes[k] != before[k]),
        "removed": sorted(set(before) - set(hashes)),
        "assets": {
            a.id: {
                "tier": a.product.tier,
                "owner": a.product.team,
                "product": a.product.id,
                "domain": a.product.domain,
            }
            for a in graph.assets.values()
        },
    }
    ledger.append(Event("estate.applied", content, env=env, subject=estate.id))

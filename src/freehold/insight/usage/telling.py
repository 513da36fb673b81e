"""How use is said: as JSON, and in the one sentence that keeps figures from saying more than was recorded."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from freehold.insight.usage.assets import UNUSED_AFTER, AssetUse, Instrumented
from freehold.insight.usage.products import ProductUse


def recorded_since(recorded: Instrumented, now: datetime) -> str:
    """Say since when reads are recorded, by what beside Freehold, and from when on that tells what is unused."""
    if recorded.since is None:
        return "No read was ever recorded: read through Freehold, or bring in a history with `freehold usage import`."
    said = [f"Reads are recorded since {recorded.since:%d %b %Y}."]
    if recorded.sources:
        said.append(f"What goes past Freehold is told by {', '.join(recorded.sources)}.")
    else:
        said.append("Nothing tells of what goes past Freehold.")
    if not recorded.tells_unused(now):
        said.append(f"What nobody uses can be told from {recorded.since + UNUSED_AFTER:%d %b %Y} on.")
    return " ".join(said)


def asset_json(one: AssetUse, recorded: Instrumented, now: datetime) -> dict[str, Any]:
    """Return the use of an asset as JSON can hold it."""
    return asdict(one) | {"is_unused": one.is_unused(recorded, now)}


def use_json(use: ProductUse, now: datetime) -> dict[str, Any]:
    """Return the use of a product as JSON can hold it."""
    return {
        "product": use.product,
        "recorded_since": use.recorded.since,
        "sources": list(use.recorded.sources),
        "audience": use.audience,
        "active": use.active,
        "never": use.never,
        "readers": [asdict(one) for one in use.readers],
        "weeks": [asdict(one) for one in use.weeks],
        "assets": [asset_json(one, use.recorded, now) for one in use.assets],
        "columns": {asset: dict(columns) for asset, columns in use.columns.items()},
        "metrics": [asdict(one) for one in use.metrics],
        "dashboards": [asdict(one) for one in use.dashboards],
    }

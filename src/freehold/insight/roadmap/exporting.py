"""The roadmap as a text: Markdown for people, CSV for spreadsheets. Both say what the page says."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

_HORIZONS = {"now": "Now", "next": "Next", "later": "Later"}
_COLUMNS = (
    "horizon", "id", "title", "state", "product", "period", "due", "is_late", "flagged_at", "outcome", "objectives",
    "because",
)  # fmt: skip


def as_markdown(told: Mapping[str, Any], name: str) -> str:
    """Return the roadmap of an estate of some name as Markdown."""
    lines = [f"# Roadmap of {name}", "", f"In {told['period']}.", ""]
    for key, title in _HORIZONS.items():
        lines += [f"## {title}", "", *(_table(told[key]) if told[key] else ("Nothing.",)), ""]
    lines += ["## Not doing", ""]
    lines += [f"- {_cell(one['title'])}: {_cell(one['because'] or 'no reason is kept')} ({one['since']:%Y-%m-%d})"
              for one in told["not_doing"]] or ["Nothing was decided against."]  # fmt: skip
    return "\n".join(lines) + "\n"


def _table(rows: list[Mapping[str, Any]]) -> Iterator[str]:
    yield "| item | state | product | for | due | objectives |"
    yield "|---|---|---|---|---|---|"
    for one in rows:
        due = f"{one['due'] or ''}{', late' * one['is_late']}{', at risk' * bool(one['flagged_at'])}"
        cells = (
            one["title"],
            one["state"],
            one["product"] or "",
            one["period"] or "",
            due,
            ", ".join(one["objectives"]),
        )
        yield f"| {' | '.join(_cell(str(cell)) for cell in cells)} |"


def _cell(text: str) -> str:
    """Return a text that stays in its cell, and is text there."""
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def as_csv(told: Mapping[str, Any]) -> str:
    """Return the roadmap as CSV (RFC 4180), one row an item; instants in UTC."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, _COLUMNS, extrasaction="ignore")
    writer.writeheader()
    for horizon in (*_HORIZONS, "not_doing"):
        for one in told[horizon]:
            writer.writerow({name: _plain(value) for name, value in {"horizon": horizon, **one}.items()})
    return out.getvalue()


def _plain(value: Any) -> str:
    """Return a value as a cell; what a spreadsheet would take for a formula is taken for text."""
    if isinstance(value, datetime):
        return value.isoformat()
    text = ", ".join(value) if isinstance(value, list) else "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text

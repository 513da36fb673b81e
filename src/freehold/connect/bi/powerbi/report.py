"""A report: the fields that its visuals, filters and slicers mention, in either form that projects keep.

In `report.json` of the older form, parts are JSON inside of texts; in the newer one each visual has a file. A mention
is the same in both: `Column`, `Measure` or `HierarchyLevel` with an expression that leads to a table, by name or by an
alias that a `From` above it declares.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

Mentioned = tuple[str, str]
"""(table, name of a column or measure)."""

_DEEPEST = 200


def mentioned(said: Any) -> dict[Mentioned, None]:
    """Return what a part of a report mentions, each once, in order."""
    return dict.fromkeys(_mentioned(said, {}, 0))


def measures(said: Any) -> dict[str, str]:
    """Return the measures that a report adds to its model, by name (`reportExtensions.json`)."""
    entities = said.get("entities", []) if isinstance(said, dict) else []
    return {
        str(one.get("name")): str(one.get("expression", ""))
        for entity in entities
        if isinstance(entity, dict)
        for one in entity.get("measures", [])
        if isinstance(one, dict)
    }


def _mentioned(said: Any, aliases: Mapping[str, str], depth: int) -> Iterator[Mentioned]:
    if depth > _DEEPEST:
        return
    if isinstance(said, list):
        for one in said:
            yield from _mentioned(one, aliases, depth + 1)
    elif isinstance(said, str) and said[:1] in ("{", "["):
        try:
            inner = json.loads(said)
        except (ValueError, RecursionError):
            return  # a text that only looks like JSON
        if not isinstance(inner, str):
            yield from _mentioned(inner, aliases, depth + 1)
    elif isinstance(said, dict):
        sources = said.get("From")
        if isinstance(sources, list):
            named = [s for s in sources if isinstance(s, dict) and s.get("Entity")]
            aliases = {**aliases, **{str(s.get("Name")): str(s["Entity"]) for s in named}}
        for key, value in said.items():
            found = _field(key, value, aliases)
            if found:
                yield found
            yield from _mentioned(value, aliases, depth + 1)


def _field(key: str, value: Any, aliases: Mapping[str, str]) -> Mentioned | None:
    """Return the field that a mention names."""
    if not isinstance(value, dict):
        return None
    if key in ("Column", "Measure", "PropertyVariationSource") and value.get("Property"):
        table = _table(value.get("Expression"), aliases)
        return (table, str(value["Property"])) if table else None
    if key == "HierarchyLevel" and value.get("Level"):
        hierarchy = (value.get("Expression") or {}).get("Hierarchy") or {}
        table = _table(hierarchy.get("Expression"), aliases)
        return (table, str(value["Level"])) if table else None
    return None


def _table(expression: Any, aliases: Mapping[str, str]) -> str:
    reference = expression.get("SourceRef") if isinstance(expression, dict) else None
    if not isinstance(reference, dict):
        return ""
    return str(reference.get("Entity") or aliases.get(str(reference.get("Source")), ""))

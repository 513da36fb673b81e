"""What can be said against models without a warehouse: columns that are read or promised, and are not there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from freehold.delivery.asset import Asset, Kind
from freehold.delivery.spelling import folded
from freehold.foundation import FreeholdError, Where, near

if TYPE_CHECKING:
    from freehold.delivery.graph import Graph
    from freehold.estate.model import Estate
    from freehold.sql import Meaning


def column_findings(
    estate: Estate,
    graph: Graph,
    meanings: Mapping[str, Meaning],
    dialect: str,
    renamed: Mapping[tuple[str, str], str] = MappingProxyType({}),
) -> tuple[FreeholdError, ...]:
    """Return an error for every model that reads a column that is not there, or lacks one its contract promises.

    `renamed` maps relation and old name of a column to the new one, where a change renames it.
    """
    found: list[FreeholdError] = []
    for asset in graph.assets.values():
        meaning = meanings[asset.id]
        if meaning.missing is not None:
            found.append(_unread(estate, asset, meaning.missing, meanings, renamed))
        elif asset.compiled is not None and not meaning.is_open:
            found += _unmade(asset, meaning, dialect, renamed)
            found += _unset(estate, asset, meaning, dialect)
    return tuple(found)


def _unread(
    estate: Estate,
    asset: Asset,
    missing: tuple[str, str],
    meanings: Mapping[str, Meaning],
    renamed: Mapping[tuple[str, str], str],
) -> FreeholdError:
    relation, column = missing
    there = [relation] if relation in meanings else [name for name in asset.inputs if name in meanings]
    known = [name for one in there for name in meanings[one].columns]
    of = f"`{relation}` has" if relation else "nothing it reads has"
    listed = f"There: {', '.join(known[:12])}{' …' if len(known) > 12 else ''}." if known else ""
    return FreeholdError(
        "FH-M015",
        f"The model `{asset.id}` reads a column `{column}`, which {of} not.",
        where=_place(estate, asset, column),
        fix=_moved(relation, column, renamed) or near(column, known) or listed,
    )


def _moved(relation: str, column: str, renamed: Mapping[tuple[str, str], str]) -> str:
    new = renamed.get((relation, column))
    return f"This change renames it to `{new}`." if new else ""


def _unmade(
    asset: Asset, meaning: Meaning, dialect: str, renamed: Mapping[tuple[str, str], str]
) -> Iterator[FreeholdError]:
    if asset.schema is None or asset.kind is Kind.SOURCE:
        return
    for promised in asset.schema.columns:
        if folded(promised.column, dialect) not in meaning.columns:
            yield FreeholdError(
                "FH-M016",
                f"The contract promises a column `{promised.column}`, which the model `{asset.id}` does not give.",
                where=promised.where,
                fix=_moved(asset.id, folded(promised.column, dialect), renamed)
                or near(promised.column, meaning.columns)
                or f"Select it in {asset.where.path}, or take it out of the contract.",
            )


def _unset(estate: Estate, asset: Asset, meaning: Meaning, dialect: str) -> Iterator[FreeholdError]:
    """Say which columns `config()` names that the model does not give."""
    said = asset.config
    named = [("unique_key", key) for key in asset.unique_key]
    if asset.kind is Kind.INTERVAL and said.get("event_time"):
        named.append(("event_time", str(said["event_time"])))
    for setting, column in named:
        if folded(column, dialect) not in meaning.columns:
            yield FreeholdError(
                "FH-M017",
                f"`config({setting}=…)` names a column `{column}`, which the model `{asset.id}` does not give.",
                where=_place(estate, asset, column),
                fix=near(column, meaning.columns) or f"It gives: {', '.join(meaning.columns)}.",
            )


def _place(estate: Estate, asset: Asset, column: str) -> Where:
    """Return where a model's file first has a word: the SQL that was parsed is not the file, it is rendered."""
    model = estate.models.get(asset.id)
    for number, line in enumerate(model.text.splitlines() if model else (), start=1):
        code = line.partition("--")[0]
        found = re.search(
            rf"(?<![\w.]){re.escape(column)}(?!\w)|\.\"?{re.escape(column)}\"?(?!\w)", code, re.IGNORECASE
        )
        if found:
            return Where(asset.where.path, number, found.start() + 1)
    return asset.where

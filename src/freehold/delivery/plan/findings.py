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
    from freehold.estate.model import Estate, Property
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
    return tuple(
        found for one in graph.assets.values() for found in findings_of(one, estate, graph, meanings, dialect, renamed)
    )


def findings_of(
    asset: Asset,
    estate: Estate,
    graph: Graph,
    meanings: Mapping[str, Meaning],
    dialect: str,
    renamed: Mapping[tuple[str, str], str] = MappingProxyType({}),
) -> Iterator[FreeholdError]:
    """Yield what `column_findings` says of one asset."""
    meaning = meanings[asset.id]
    if meaning.missing is not None:
        # A list that another tool made of the columns of a source may be older than the column.
        if not _is_listed_elsewhere(asset, meaning.missing[0], graph):
            yield _unread(estate, asset, meaning.missing, meanings, renamed)
    elif asset.compiled is not None and not meaning.is_open:
        yield from _unmade(asset, meaning, asset.dialect(dialect), renamed)
        yield from _unset(estate, asset, meaning, asset.dialect(dialect))


def unmade(asset: Asset, meaning: Meaning, dialect: str) -> tuple[Property, ...]:
    """Return the columns that a contract promises of a model and that it does not give."""
    is_told = asset.compiled is not None and not meaning.is_open and meaning.missing is None
    if asset.schema is None or asset.kind is Kind.SOURCE or not is_told:
        return ()
    return tuple(p for p in asset.schema.columns if folded(p.column, dialect) not in meaning.columns)


def _is_listed_elsewhere(asset: Asset, relation: str, graph: Graph) -> bool:
    read = [graph.assets[name] for name in ([relation] if relation else asset.inputs) if name in graph.assets]
    return any(one.observed is not None and one.compiled is None for one in read)


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
    for promised in unmade(asset, meaning, dialect):
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
    text = model.text if model else asset.observed.text if asset.observed else ""
    for number, line in enumerate(text.splitlines(), start=1):
        code = line.partition("--")[0]
        found = re.search(
            rf"(?<![\w.]){re.escape(column)}(?!\w)|\.\"?{re.escape(column)}\"?(?!\w)", code, re.IGNORECASE
        )
        if found:
            return Where(asset.where.path, number, found.start() + 1)
    return asset.where

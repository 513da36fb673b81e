"""The meaning of every asset of a graph, from its sources down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.delivery.asset import Asset, Kind
from freehold.delivery.kept import Kept
from freehold.delivery.python_model import definition as python_definition
from freehold.delivery.spelling import folded as folded
from freehold.delivery.template import REF, THIS
from freehold.delivery.textual import column_type
from freehold.sql import Meaning, digest, meaning_of
from freehold.sql.meaning import VERSION

if TYPE_CHECKING:
    from sqlglot import exp

    from freehold.delivery.graph import Graph

_THIS = "this"


def meanings_of(graph: Graph, dialect: str, kept: KeptMeanings | None = None) -> dict[str, Meaning]:
    """Return the meaning of every asset, each from the meanings of what it reads."""
    found: dict[str, Meaning] = {}
    for asset in graph.assets.values():
        found[asset.id] = meaning_of_asset(asset, dialect, found, kept)
    return found


def meaning_of_asset(
    asset: Asset, dialect: str, known: Mapping[str, Meaning], kept: KeptMeanings | None = None
) -> Meaning:
    """Return the meaning of an asset, given those of the assets it reads."""
    made = _own_meaning(asset, asset.dialect(dialect), known, kept)
    if asset.observed is not None and asset.observed.state:
        return replace(made, rows=digest("state", made.rows, asset.observed.state))
    return made


def _own_meaning(asset: Asset, dialect: str, known: Mapping[str, Meaning], kept: KeptMeanings | None) -> Meaning:
    read = {name: known[name] for name in asset.inputs if name in known}
    if asset.compiled is not None:
        made = _of_query(asset, dialect, read, kept)
        grown = (str(asset.kind), asset.grain, *asset.unique_key)
        if asset.kind in (Kind.KEY, Kind.INTERVAL):  # how rows are brought up to date decides which there are
            return Meaning(digest("grown", made.rows, *grown), made.columns, made.is_open, made.is_whole, made.missing)
        return made
    if asset.python is not None:
        said = python_definition(asset.python)
        rows = digest("python", said, *(f"{name}={m.all}" for name, m in read.items()))
        return Meaning(rows, _declared(asset, rows, dialect), is_open=True, is_whole=True)
    return _of_source(asset, dialect)


def _of_source(asset: Asset, dialect: str) -> Meaning:
    if asset.observed is not None:  # named otherwise in the tool that tells of it, it is the same relation still
        rows, names = digest("relation", asset.observed.identity or asset.relation.sql), asset.observed.columns
        listed = {folded(name, dialect): digest("relation column", rows, folded(name, dialect)) for name in names}
        return Meaning(rows, listed, is_open=not listed)
    files = asset.files
    said = f"{files.pattern} {files.format} {files.delimiter} {files.encoding}" if files else asset.relation.sql
    said += f" {files.digest}" if files and files.digest else ""
    rows = digest("source", asset.id, said)
    columns = asset.schema.columns if asset.schema else ()
    typed = {folded(p.column, dialect): digest("source column", asset.id, p.column, column_type(p)) for p in columns}
    return Meaning(rows, typed, is_open=asset.kind is Kind.EXTERNAL or not columns)


def _declared(asset: Asset, rows: str, dialect: str) -> dict[str, str]:
    columns = asset.schema.columns if asset.schema else ()
    return {folded(p.column, dialect): digest("declared", rows, p.column) for p in columns}


def _of_query(asset: Asset, dialect: str, read: Mapping[str, Meaning], kept: KeptMeanings | None) -> Meaning:
    compiled = asset.compiled
    assert compiled is not None
    if asset.observed is not None and asset.observed.columns and THIS in compiled.first:
        listed = [folded(name, dialect) for name in asset.observed.columns]  # it was compiled where it stands already
        read = {**read, _THIS: Meaning(digest(_THIS), {name: digest(_THIS, name) for name in listed})}
    key = digest(dialect, compiled.first, compiled.again, *(f"{name}={m.all}" for name, m in read.items()))
    if kept is not None and (found := kept.get(key)):
        return found
    first = meaning_of(compiled.first, dialect, read, _name)
    made = first
    if compiled.again != compiled.first:
        itself = Meaning(digest(_THIS), {name: digest(_THIS, name) for name in first.columns}, is_open=first.is_open)
        again = meaning_of(compiled.again, dialect, {**read, _THIS: itself}, _name)
        made = _both(first, again)
    if kept is not None:
        kept.put(key, made)
    return made


def _both(first: Meaning, again: Meaning) -> Meaning:
    columns = {name: digest(value, again.columns.get(name, "")) for name, value in first.columns.items()}
    return Meaning(
        digest(first.rows, again.rows),
        columns,
        first.is_open or again.is_open,
        first.is_whole or again.is_whole,
        first.missing or again.missing,
    )


def _name(table: exp.Table) -> str:
    first, *rest = [part.name for part in table.parts]
    if first.lower() == REF and rest:  # BigQuery takes the dots in a quoted name for its own
        return ".".join(rest)
    if table.name.lower() == THIS:
        return _THIS
    return ".".join(part.name for part in table.parts)


class KeptMeanings:
    """Meanings found earlier, by what they follow from."""

    def __init__(self, root: Path) -> None:
        self._kept = Kept(root, "meanings", f"{VERSION} {version('sqlglot')}")

    def get(self, key: str) -> Meaning | None:
        """Return the meaning kept under a key."""
        row = self._kept.get(key)
        if row is None:
            return None
        rows, names, digests, is_open, is_whole, missing = row
        columns = dict(zip(names, digests, strict=True))
        return Meaning(rows, columns, is_open, is_whole, (missing[0], missing[1]) if missing else None)

    def put(self, key: str, meaning: Meaning) -> None:
        """Keep a meaning."""
        columns = meaning.columns
        row = [meaning.rows, list(columns), list(columns.values()), meaning.is_open, meaning.is_whole, meaning.missing]
        self._kept.put(key, row)

    def save(self) -> None:
        """Write what is new to disk."""
        self._kept.save()

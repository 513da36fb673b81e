"""Which assets and columns of the estate a statement read, by its text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from freehold.delivery.asset import Asset, Kind
from freehold.delivery.graph import relation_of
from freehold.delivery.spelling import unquoted
from freehold.sql.lineage import Lineage, Reader
from freehold.sql.shapes import cut, fingerprint_of

if TYPE_CHECKING:
    from freehold.engines import Relation

T = TypeVar("T")
ALL = "*"
_MOST_KEPT = 20_000  # shapes, and texts: a history says the same few again and again
_BUILDERS = ('{"app":"freehold"', '{"app": "dbt"', '{"app":"dbt"')  # the comment by which each tags what it asks


@dataclass(frozen=True, slots=True)
class Read:
    """What a statement read of one asset: columns as contracts spell them, `*` for all; None where nobody can say."""

    asset: str
    columns: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Statement:
    """What a text came to.

    Attributes:
        fingerprint: of its shape.
        reads: the assets that it read.
        is_own: it was asked by what builds the estate, or writes what the estate builds, and so is no use of it.
        failure: why it could not be read, or not its columns; its tables may still be known.
    """

    fingerprint: str
    reads: tuple[Read, ...] = ()
    is_own: bool = False
    failure: str = ""


class Statements:
    """Reads statements, in a process apart, each shape once.

    Args:
        assets: of one environment.
        default_env: the environment whose relations carry no prefix.
        dialect: in which the statements are written, as sqlglot names it.
    """

    def __init__(self, assets: Iterable[Asset], default_env: str, dialect: str) -> None:
        self._dialect = dialect
        self._default_env = default_env
        self._assets = {asset.id: asset for asset in assets}
        self._reader = Reader()
        self._by_text: dict[tuple[str, str], Statement] = {}
        self._by_shape: dict[tuple[str, str, str], Statement] = {}

    def read(self, sql: str, within: str = "") -> Statement:
        """Return what a text read; `within` is the schema, or catalog and schema, of names that say none."""
        key = (sql, within)
        if (known := self._by_text.get(key)) is not None:
            return known
        shape, torn = cut(sql, self._dialect)
        is_own = any(mark in sql for mark in _BUILDERS)
        found = Statement(fingerprint_of(shape), is_own=True) if is_own else self._of(shape, within, torn)
        _kept(self._by_text, key, found)
        return found

    def close(self) -> None:
        """End the process apart."""
        self._reader.close()

    def __enter__(self) -> Statements:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _of(self, shape: str, within: str, torn: str) -> Statement:
        key = (shape, within, torn)
        if (known := self._by_shape.get(key)) is None:
            known = self._found(shape, within, torn)
            _kept(self._by_shape, key, known)
        return known

    def _found(self, shape: str, within: str, torn: str) -> Statement:
        lineage = self._reader.read(shape, self._dialect, default=within)
        known = {name: asset for name in lineage.reads if (asset := self._asset(name)) is not None}
        if known and lineage.ambiguous:  # whose column a bare name is, the columns of the tables tell
            columns = {name: self._spelt(asset) for name, asset in known.items() if self._columns(asset)}
            lineage = self._reader.read(shape, self._dialect, columns, default=within)
        failure = torn or (lineage.failures[0] if lineage.failures else "")
        return Statement(
            fingerprint_of(shape),
            tuple(self._reads(lineage, known, is_whole=not failure)),
            is_own=any(self._asset(name) is not None for name in lineage.writes),
            failure=failure,
        )

    def _reads(self, lineage: Lineage, known: Mapping[str, str], *, is_whole: bool) -> Iterable[Read]:
        """Yield each asset once with what was read of it, by whichever of its names."""
        named: dict[str, dict[str, None]] = {asset: {} for asset in known.values()}
        pairs = [(s.table, s.column) for output in lineage.outputs for s in output.sources]
        for table, column in (*pairs, *((i.table, i.column) for i in lineage.influences)):
            if table in known:
                asset = known[table]
                named[asset][self._columns(asset).get(column.casefold(), column)] = None
        for asset, columns in named.items():
            yield Read(asset, tuple(sorted(columns)) if is_whole and not lineage.ambiguous else None)

    def _asset(self, name: str) -> str | None:
        """Return the asset of `schema.table` or `database.schema.table`; None for what is none of the estate."""
        parts = name.casefold().split(".")
        return self._relations.get((parts[-2], parts[-1])) if len(parts) > 1 else None

    @cached_property
    def _relations(self) -> dict[tuple[str, str], str]:
        """Assets by schema and name. No case: a history may come from a warehouse that folds names otherwise."""
        found: dict[tuple[str, str], str] = {}
        for asset in self._assets.values():
            public = relation_of(self._default_env, self._default_env, asset.id)
            for one in (asset.relation,) if asset.kind is Kind.EXTERNAL else (asset.relation, public):
                found[_key(one)] = asset.id
        return found

    def _columns(self, asset: str) -> dict[str, str]:
        """Return the columns of an asset as its contract spells them, by their names without case."""
        one = self._assets[asset]
        names = [p.column for p in one.schema.columns] if one.schema is not None else []
        return {name.casefold(): name for name in names or (one.observed.columns if one.observed else ())}

    def _spelt(self, asset: str) -> tuple[str, ...]:
        return tuple(unquoted(name, self._dialect) for name in self._columns(asset))


def _key(relation: Relation) -> tuple[str, str]:
    return relation.schema.casefold(), relation.name.casefold()


def _kept(place: dict[T, Statement], key: T, found: Statement) -> None:
    if len(place) >= _MOST_KEPT:
        place.clear()
    place[key] = found

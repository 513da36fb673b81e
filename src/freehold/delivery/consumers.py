"""Which assets and columns dashboards read: what their tools name, found again in the graph."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from freehold.delivery.asset import Asset, Kind
from freehold.delivery.graph import relation_of
from freehold.delivery.spelling import folded, unquoted
from freehold.estate.dashboards import Dashboard, Reading
from freehold.foundation import FreeholdError, near

ANY = "*"  # where it stands among the columns of an asset, nobody listed them all
_PART = re.compile(r'"(?P<double>(?:[^"]|"")+)"|`(?P<tick>[^`]+)`|\[(?P<bracket>[^\]]+)\]|(?P<bare>[^".`\[\]]+)')
_QUOTED = ("double", "tick", "bracket")


@dataclass(frozen=True, slots=True)
class Read:
    """What a dashboard reads of one asset: columns as the kernel spells them, and whether all of it besides."""

    dashboard: Dashboard
    columns: frozenset[str]
    is_whole: bool = False

    def has(self, column: str) -> bool:
        """Whether it reads a column, `*` for any."""
        return column == ANY or self.is_whole or column in self.columns


@dataclass(frozen=True, slots=True)
class Consumers:
    """Who reads which asset outside the estate, and what of it was not found there.

    `strange` are FH-X210, a reading that names no asset, and FH-X211, one that names no column of its asset.
    """

    reads: Mapping[str, tuple[Read, ...]] = field(default_factory=dict)
    strange: tuple[FreeholdError, ...] = ()

    def of(self, asset: str, column: str = ANY) -> tuple[Dashboard, ...]:
        """Return who reads a column of an asset, those first that more people look at; `*` for any column."""
        found = [read.dashboard for read in self.reads.get(asset, ()) if read.has(column)]
        return tuple(sorted(found, key=by_viewers))


NOBODY = Consumers()


def by_viewers(one: Dashboard) -> tuple[int, str]:
    """Return what sorts dashboards: most viewers first, then by name; those nobody counted are last."""
    return 1 if one.viewers is None else -one.viewers, one.name


def described(one: Dashboard) -> str:
    """Return who looks at a dashboard and who owns it, as far as it is known: `41 viewers, owner finance`."""
    people = "" if one.viewers is None else f"{one.viewers:,} viewer{'' if one.viewers == 1 else 's'}"
    return ", ".join(part for part in (people, one.owner and f"owner {one.owner}") if part)


def dashboard_json(one: Dashboard) -> dict[str, Any]:
    """Return a dashboard as JSON can hold it, without what it reads."""
    return {
        "id": one.id,
        "name": one.name,
        "tool": one.tool,
        "kind": one.kind,
        "owner": one.owner or None,
        "viewers": one.viewers,
        "url": one.url or None,
        "metrics": list(one.metrics),
        "where": str(one.where),
    }


def consumers_of(
    dashboards: Sequence[Dashboard],
    assets: Iterable[Asset],
    default_env: str,
    dialect: str,
    columns: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> Consumers:
    """Return who reads which asset.

    A reading means an asset by its id, or by the relation in which consumers find it: that of the environment without
    a prefix, or of the one the assets are of. Names are compared as the dialect compares them.

    Args:
        dashboards: whoever reads.
        assets: of one environment.
        default_env: the environment whose relations carry no prefix.
        dialect: of the warehouse, as sqlglot names it.
        columns: of each asset as the kernel spells them; an asset that is missing, or has `*`, may have any.
    """
    if not dashboards:
        return NOBODY
    names = _Names(assets, default_env, dialect)
    found: dict[str, dict[str, set[str]]] = {}
    strange: list[FreeholdError] = []
    for one in dashboards:
        for reading in one.reads:
            asset = names.asset(reading.of)
            if asset is None:
                strange.append(names.unknown(one, reading))
                continue
            column = names.column(reading.column, columns.get(asset, (ANY,)))
            if column is None:
                strange.append(_no_column(one, reading, asset, columns[asset]))
                column = reading.column
            found.setdefault(asset, {}).setdefault(one.id, set()).add(column or ANY)
    by_id = {one.id: one for one in dashboards}
    return Consumers(
        {
            asset: tuple(Read(by_id[id_], frozenset(read - {ANY}), ANY in read) for id_, read in of.items())
            for asset, of in found.items()
        },
        tuple(strange),
    )


class _Names:
    """The names that readings may use for assets."""

    def __init__(self, assets: Iterable[Asset], default_env: str, dialect: str) -> None:
        self._dialect = dialect
        self._ids: dict[str, str] = {}
        self._relations: dict[tuple[str, str], str] = {}
        self._public: list[str] = []
        for asset in assets:
            self._ids[asset.id] = asset.id
            public = asset.relation if asset.kind is Kind.EXTERNAL else relation_of(default_env, default_env, asset.id)
            self._public.append(str(public))
            for relation in (asset.relation, public):
                self._relations[folded(relation.schema, dialect), folded(relation.name, dialect)] = asset.id

    def asset(self, written: str) -> str | None:
        """Return the asset of an id, of `schema.table` or of `database.schema.table`; None for no asset."""
        if written in self._ids:
            return written
        parts = list(self._parts(written))
        if not 2 <= len(parts) <= 3:
            return None
        schemas, names = parts[-2], parts[-1]
        return next((found for s in schemas for n in names if (found := self._relations.get((s, n)))), None)

    def column(self, written: str, known: Collection[str]) -> str | None:
        """Return a column as the kernel spells it, None if the asset has no such column; `""` stays what it is."""
        spelt = list(self._spelt(written, is_quoted=False)) if written else [""]
        if not written or ANY in known:
            return spelt[-1]
        return next((name for name in spelt if name in known), None)

    def unknown(self, one: Dashboard, reading: Reading) -> FreeholdError:
        """Return what to say of a reading that names no asset."""
        known = [*self._ids, *self._public]
        return FreeholdError(
            "FH-X210",
            f"The {one.kind} `{one.id}` reads `{reading.of}`, which is no asset of the estate.",
            where=reading.where or one.where,
            fix=near(reading.of, known)
            or "Write an asset, such as sales.orders.daily, or schema.table as consumers see it.",
        )

    def _parts(self, written: str) -> Iterator[tuple[str, ...]]:
        """Yield what each part of a dotted name may be as the dialect compares names."""
        for match in _PART.finditer(written):
            is_quoted = match.lastgroup in _QUOTED
            yield tuple(self._spelt(match[match.lastgroup or 0].replace('""', '"'), is_quoted=is_quoted))

    def _spelt(self, name: str, *, is_quoted: bool) -> Iterator[str]:
        """Yield a name as it would be stored: exactly so, and, unless quotes hold it, as the dialect folds it."""
        yield folded(name, self._dialect)
        if not is_quoted:
            yield unquoted(name, self._dialect)


def _no_column(one: Dashboard, reading: Reading, asset: str, known: Collection[str]) -> FreeholdError:
    return FreeholdError(
        "FH-X211",
        f"The {one.kind} `{one.id}` reads a column `{reading.column}`, which `{asset}` has not.",
        where=reading.where or one.where,
        fix=near(reading.column, known) or f"There: {', '.join(list(known)[:12])}{' …' if len(known) > 12 else ''}.",
    )

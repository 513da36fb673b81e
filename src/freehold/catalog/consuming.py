"""Who reads something, by name, for its owner: people and programs that did lately, and what stands on it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from freehold.catalog.entry import Key
from freehold.catalog.walking import AMONG, listed

READS = ("asset", "metric")  # kinds of entry whose reads are counted


@dataclass(frozen=True, slots=True)
class Consumer:
    """Somebody, or something, that would be without what it reads.

    Attributes:
        name: a principal for whoever reads; `product:…`, `asset:…`, `metric:…`, `dashboard:…` … for what stands on it.
        kind: person, service, agent or simulated; for what stands on it the kind of entry.
        reads: how often it was read since the day that was asked for; 0 for what stands on it.
        last_on: the last day of those; None for what stands on it.
        via: what of it is read, by id.
    """

    name: str
    kind: str
    reads: int = 0
    last_on: date | None = None
    via: tuple[str, ...] = ()

    @property
    def stands(self) -> bool:
        """Whether it stands on it in lineage, whether anybody looks or not."""
        return self.last_on is None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "name": self.name, "kind": self.kind, "reads": self.reads, "last_on": self.last_on, "via": list(self.via)
        }  # fmt: skip


def consumers_of(connection: sqlite3.Connection, key: Key, since_day: str) -> tuple[Consumer, ...]:
    """Return who reads an entry, those who read most first, then what stands on it; of a product, on any of its parts.

    What is part of the product itself reads none of it; another asset of its product reads an asset.

    Args:
        connection: to the catalog.
        key: a product, an asset or a metric; one that is gone by now is read by nobody.
        since_day: from which day on reads count, as ISO has it.
    """
    parts = _parts(connection, key)
    read = [f"{kind}:{id_}" for kind, id_ in parts.values() if kind in READS]
    found = [*_readers(connection, read, since_day), *_standing(connection, key, parts)]
    return tuple(sorted(found, key=lambda one: (one.stands, -one.reads, one.name)))


def _parts(connection: sqlite3.Connection, key: Key) -> dict[int, Key]:
    """Return the entry, and of a product those of its assets and metrics, by their numbers."""
    sql = "SELECT key, kind, id FROM asset WHERE kind = ? AND id = ? AND is_gone = 0"
    of_product = "SELECT key, kind, id FROM asset WHERE product = ? AND kind IN ('asset', 'metric') AND is_gone = 0"
    rows = connection.execute(sql, key).fetchall()
    rows += connection.execute(of_product, (key.id,)).fetchall() if key.kind == "product" else []
    return {number: Key(kind, id_) for number, kind, id_ in rows}


def _readers(connection: sqlite3.Connection, entries: Sequence[str], since_day: str) -> Iterator[Consumer]:
    rows = connection.execute(
        "SELECT reader, max(actor_kind), sum(reads), max(day), group_concat(DISTINCT entry) FROM usage_day "
        f"WHERE day >= ? AND entry {AMONG} GROUP BY reader",
        (since_day, json.dumps(entries)),
    )
    for reader, kind, reads, day, read in rows:
        via = sorted(one.partition(":")[2] for one in read.split(","))
        yield Consumer(reader, kind or "unknown", int(reads), date.fromisoformat(day), tuple(via))


def _standing(connection: sqlite3.Connection, key: Key, parts: Mapping[int, Key]) -> Iterator[Consumer]:
    """Yield what stands on some entries: assets of other products as their product, anything else by itself."""
    rows = connection.execute(
        "SELECT e.source, a.key, a.kind, a.id, a.product FROM asset_edge e JOIN asset a ON a.key = e.target "
        f"WHERE e.valid_to IS NULL AND a.is_gone = 0 AND e.source {AMONG}",
        (listed(list(parts)),),
    ).fetchall()
    home = key.id if key.kind == "product" else _product_of(connection, parts)
    found: dict[tuple[str, str], dict[str, None]] = {}
    for source, number, kind, id_, product in rows:
        if number not in parts:
            is_elsewhere = kind == "asset" and product and product != home
            who = ("product", f"product:{product}") if is_elsewhere else (kind, f"{kind}:{id_}")
            found.setdefault(who, {})[parts[source].id] = None
    for (kind, name), via in found.items():
        yield Consumer(name, kind, via=tuple(sorted(via)))


def _product_of(connection: sqlite3.Connection, parts: Iterable[int]) -> str:
    sql = f"SELECT product FROM asset WHERE key {AMONG}"
    return str(next((product for (product,) in connection.execute(sql, (listed(list(parts)),))), ""))

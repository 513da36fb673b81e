"""Entries and jobs for tests, in few words, and everything a catalog says of itself, to be compared."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from freehold.catalog import Key, Told
from freehold.catalog.entry import WHOLE, Alias, Column, Description, End, Entry, Flow, Job
from freehold.catalog.store import FOLDER
from freehold.foundation import Where

HERE = Where("estate.yaml", 1, 1)


def asset(id_: str, *columns: str, aliases: Iterable[tuple[str, str]] = (), **more: Any) -> Entry:
    """Return an asset; its product is all but the last part of its id."""
    product = id_.rpartition(".")[0]
    return entry(
        "asset", id_, product=product, columns=tuple(map(Column, columns)),
        aliases=tuple(Alias(*one) for one in aliases), **more,
    )  # fmt: skip


def entry(kind: str, id_: str, **more: Any) -> Entry:
    """Return an entry that may be seen by who may see its product."""
    more.setdefault("title", id_.rpartition(".")[2])
    more.setdefault("scope", (more["product"],) if more.get("product") else ())
    return Entry(Key(kind, id_), where=HERE, **more)


def flow(source: str, target: str, how: str = "identity", *, is_direct: bool = True) -> Flow:
    """Return an edge from `a.b.column` to another."""
    return Flow(end(source), end(target), how, is_direct, HERE)


def end(name: str) -> End:
    """Return `a.b.column` of an asset; `metric:m` and the like for all of another entry."""
    if ":" in name:
        return End(Key.of(name), WHOLE)
    before, _, column = name.rpartition(".")
    return End(Key("asset", before), column)


def model(target: str, *flows: Flow, reads: Iterable[str] = ()) -> Job:
    """Return the job that builds an asset, or the reading of another entry."""
    key = Key.of(target) if ":" in target else Key("asset", target)
    entries = (*(f.source.entry for f in flows), *(Key("asset", name) for name in reads))
    return Job(f"model:{target}", "model", key, HERE, tuple(dict.fromkeys(entries)), flows)


def told(entries: Iterable[Entry], jobs: Iterable[Job] = ()) -> Told:
    """Return these as what files say."""
    said = Description(tuple(entries), tuple(jobs))
    digest = hashlib.sha256(repr(said).encode("utf-8", "surrogatepass")).hexdigest()
    return Told({"all": digest}, lambda: said)


def content(root: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return all that a catalog says now, by names: what numbers rows have, and when they came, is no part of it."""
    connection = sqlite3.connect(root / FOLDER / "catalog.db")
    try:
        return {what: sorted(connection.execute(sql).fetchall(), key=repr) for what, sql in _CONTENT.items()}
    finally:
        connection.close()


_ENDS = (
    "s.kind || ':' || s.id || '.' || f.name, t.kind || ':' || t.id || '.' || g.name FROM edge e "
    "JOIN field f ON f.key = e.source JOIN asset s ON s.key = f.asset "
    "JOIN field g ON g.key = e.target JOIN asset t ON t.key = g.asset"
)
_CONTENT = {
    "assets": "SELECT kind, id, title, product, scope, owner, description, status, replaced_by, certified_by, tags, "
    "digest, signal FROM asset WHERE is_gone = 0",
    "aliases": "SELECT a.kind, a.id, l.name, l.reason FROM alias l JOIN asset a ON a.key = l.asset",
    "fields": "SELECT a.kind, a.id, f.name, f.position, f.type FROM field f JOIN asset a ON a.key = f.asset "
    "WHERE f.is_gone = 0 AND a.is_gone = 0",
    "jobs": "SELECT j.id, j.kind, a.id, j.digest FROM job j JOIN asset a ON a.key = j.target",
    "edges": f"SELECT e.how, e.is_direct, e.step, e.path, e.line, {_ENDS} WHERE e.valid_to IS NULL",
    "asset edges": "SELECT s.kind, s.id, t.kind, t.id FROM asset_edge e JOIN asset s ON s.key = e.source "
    "JOIN asset t ON t.key = e.target WHERE e.valid_to IS NULL",
    "live": "SELECT * FROM live",
    "waiting": "SELECT * FROM waiting",
    "usage": "SELECT * FROM usage_day",
    "documents": "SELECT * FROM document",
    "heard": "SELECT 'job', id, said FROM heard_job UNION ALL SELECT 'run', job || run, said FROM heard_run UNION ALL "
    "SELECT 'set', id, said FROM heard_set UNION ALL SELECT 'use', job, name FROM heard_use UNION ALL "
    "SELECT 'link', name, other FROM heard_link UNION ALL SELECT 'producer', producer, events || warning "
    "FROM heard_producer",
    "ledger": "SELECT * FROM stamp WHERE name LIKE 'ledger%' OR name = 'usage_until'",
}

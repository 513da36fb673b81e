"""Everything the catalog lists, gathered: the estate with its lineage and metrics, and what other tools tell of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from freehold import __version__
from freehold.catalog import Description, Told
from freehold.leaving.departed import departed
from freehold.leaving.leaving import Leaving, announced, leaving_in

if TYPE_CHECKING:
    from freehold.delivery.deprecated import Deprecated
    from freehold.delivery.graph import Graph
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger

_FORMAT = "4"  # raised when a description says something else of the same files


def listed(estate: Estate, env: str, dialect: str, ledger: Ledger | None = None) -> Told:
    """Return what the catalog is told of an estate, read as far as it takes to see whether anything differs.

    Args:
        estate: with the names its outputs are published by (`delivery.majors.placed_by_ledger`).
        env: the environment whose relations it is about.
        dialect: of its engine, as sqlglot names it.
        ledger: tells what was announced to go, and what went; None where there is none yet.
    """
    items = tuple(_announced(ledger)) if ledger is not None else ()
    former = _former(ledger, env) if ledger is not None else {}
    read_from = {**dict(_read_from(estate, env, dialect)), "ends": _digest(repr((items, sorted(former.items()))))}
    return Told(read_from, lambda: _described(estate, env, dialect, ledger, former))


def _announced(ledger: Ledger) -> Iterator[tuple[str, str, object]]:
    """Yield what describes the deprecations that are announced, so far as the catalog tells of them."""
    for item in announced(ledger):
        yield item.id, item.state, sorted((name, str(value)) for name, value in item.fields.items())


def _former(ledger: Ledger, env: str) -> dict[str, str]:
    """Return the names of what went and was replaced, each with the name of what took its place."""
    return {name: one.replaced_by for name, one in departed(ledger, env).items() if one.replaced_by}


def _read_from(estate: Estate, env: str, dialect: str) -> Iterator[tuple[str, str]]:
    from freehold.connect.bi.files import exports

    yield from estate.hashes.items()
    yield "freehold", f"{__version__} {_FORMAT} {env} {dialect}"
    yield (
        "placed",
        _digest(repr((sorted(estate.declared.items()), sorted(estate.earlier.items()), known_as(estate, env)))),
    )
    for export in exports(estate.root, estate.dashboards)[0]:
        yield f"file:{export.path}", _stat(estate.root / export.path)
    for one in estate.dbt:
        for path in sorted((estate.root / one.project / one.target).glob("*.json")):
            yield f"file:{path}", _stat(path)


def known_as(estate: Estate, env: str) -> tuple[tuple[str, str], ...]:
    """Return how OpenLineage names relations of a warehouse: each namespace, and what stands before `schema.name`.

    By the naming rules of the standard for PostgreSQL; for DuckDB, for which it has none, as its dbt integration does.
    """
    chosen = estate.environment(env)
    url = estate.connections[chosen.connection].url if chosen is not None else ""
    if url.startswith("duckdb:///"):
        path = estate.root / url.removeprefix("duckdb:///")
        return tuple((f"duckdb://{place}", f"{path.stem}.") for place in (path.absolute(), path.name))
    parts = urlsplit(url)
    if parts.scheme in ("postgresql", "postgres") and parts.hostname:
        database = parts.path.strip("/")
        return ((f"postgres://{parts.hostname}:{parts.port or 5432}", f"{database}."),)
    return ()


def _stat(path: Path) -> str:
    try:
        status = path.stat()
    except FileNotFoundError:
        return "gone"
    return f"{status.st_size} {status.st_mtime_ns}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def graph_of(estate: Estate, env: str, dialect: str) -> Graph:
    """Return the graph of an estate in an environment, with what dbt builds of it; reads no warehouse."""
    from freehold.connect.dbt import joined, projects_of
    from freehold.delivery.graph import Graph
    from freehold.delivery.template import KeptCompiled

    compiled = KeptCompiled(estate.root)
    graph = Graph.of(estate, env, dialect, compiled)
    compiled.save()
    return joined(graph, projects_of(estate), estate.root) if estate.dbt else graph


def _described(estate: Estate, env: str, dialect: str, ledger: Ledger | None, former: dict[str, str]) -> Description:
    from freehold.catalog.describing import Sources, described
    from freehold.connect.bi import told as read_by
    from freehold.delivery.consumers import consumers_of
    from freehold.delivery.deprecated import deprecated_in
    from freehold.delivery.graph import default_environment
    from freehold.delivery.lineage import lineage_of
    from freehold.insight import builtin_kpis
    from freehold.metrics import catalogue_of
    from freehold.metrics.readers import as_readers

    graph = graph_of(estate, env, dialect)
    lineage = lineage_of(graph, estate, dialect)
    catalogue = catalogue_of(estate) if estate.semantic_models else None
    dashboards = read_by(estate.root, estate.dashboards, dialect).dashboards if estate.dashboards else ()
    readers = (*dashboards, *(as_readers(catalogue, estate) if catalogue is not None else ()))
    default = default_environment(estate)
    lineage.consumers = consumers_of(readers, graph.assets.values(), default, dialect, lineage.columns)
    told: Mapping[str, Deprecated | Leaving] = (
        leaving_in(ledger, estate, graph, env, catalogue)
        if ledger is not None
        else deprecated_in(estate, graph, catalogue)
    )
    leaving = {name: (str(one.sunset or ""), one.replaced_by) for name, one in told.items()}
    kpis, names = builtin_kpis(), known_as(estate, env)
    return described(Sources(estate, graph, lineage, dashboards, catalogue, kpis, names, leaving, former))

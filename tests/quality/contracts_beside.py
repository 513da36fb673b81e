"""Rows of the frozen table as contracts: the fragment of a row stands where its `at` says, the rest is the same."""

from __future__ import annotations

import json
from typing import Any

from freehold.estate.contracts import contract_from
from freehold.estate.inspecting import document_errors
from freehold.estate.model import Contract
from freehold.estate.reading import read_documents

_SERVERS: dict[str, dict[str, Any]] = {
    "postgres": {"host": "h", "port": 1, "database": "d", "schema": "s"},
    "snowflake": {"account": "a", "database": "d", "schema": "s"},
    "bigquery": {"project": "p", "dataset": "d"},
    "databricks": {"host": "h", "catalog": "c", "schema": "s"},
}


def contract_of(at: str, fragment: Any, server: str | None = None, version: str = "1.0.0") -> Contract:
    """Return a contract that says a fragment at a place: `column`, `columns`, `object`, `objects` or `contract`."""
    said: dict[str, Any] = {
        "apiVersion": "v3.2.0", "kind": "DataContract", "id": "sales.orders.lines", "version": version,
        "status": "active", "schema": _objects(at, fragment),
    }  # fmt: skip
    if server:
        said["servers"] = [{"server": "prod", "type": server, **_SERVERS[server]}]
    if at == "contract":
        said.update(fragment)
    return read(said)


def read(said: dict[str, Any]) -> Contract:
    """Return the contract a document says; it has to pass the schema of the standard, as a file has."""
    (document,) = read_documents(json.dumps(said, indent=1).encode(), "lines.odcs.yaml")
    assert not [str(e) for e in document_errors(document, "DataContract")]
    return contract_from(document)


def _objects(at: str, fragment: Any) -> list[dict[str, Any]]:
    column = {"name": "it", **(fragment if at == "column" else {})}
    columns = fragment if at == "columns" else [column]
    if at == "objects":
        names = {"lines": ("id", "net"), "order_lines": ("id", "net"), "returns": ("code", "why")}
        return [{"name": n, "properties": [{"name": c} for c in names[n]]} for n in fragment]
    return [{"name": "lines", "properties": columns, **(fragment if at == "object" else {})}]

"""OpenLineage events for tests, in few words, and sealed as a server seals them."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from freehold.catalog.openlineage.keeping import RAW
from freehold.catalog.openlineage.reading import told
from freehold.ledger import Event, Ledger

SPACE = "pg://db:5432"
SCHEMA = "https://openlineage.io/spec/facets/1-0-0/Facet.json"


def facet(**said: Any) -> dict[str, Any]:
    """Return a facet as the standard wants it."""
    return {"_producer": "https://example.org/tool", "_schemaURL": SCHEMA, **said}


def dataset(name: str, space: str = SPACE, **facets: dict[str, Any]) -> dict[str, Any]:
    """Return a data set of an event."""
    return {"namespace": space, "name": name, "facets": {k: facet(**v) for k, v in facets.items()}}


def from_columns(**into: Iterable[str]) -> dict[str, Any]:
    """Return the facet `columnLineage` of `target=["table.column", …]`, as identity."""
    way = [{"type": "DIRECT", "subtype": "IDENTITY", "description": "", "masking": False}]
    fields = {}
    for target, sources in into.items():
        parts = [source.rpartition(".") for source in sources]
        inputs = [{"namespace": SPACE, "name": a, "field": b, "transformations": way} for a, _, b in parts]
        fields[target] = {"inputFields": inputs}
    return {"fields": fields}


def run(
    type_: str, minute: int, *, run: str = "r1", job: str = "daily.load", inputs: Iterable[Any] = (),
    outputs: Iterable[Any] = (), facets: dict[str, Any] | None = None, **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """Return a run event at a minute of 1 March 2026."""
    return {
        "eventType": type_,
        "eventTime": f"2026-03-01T{minute // 60:02}:{minute % 60:02}:00Z",
        "producer": "https://example.org/tool",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": str(uuid.uuid5(uuid.NAMESPACE_URL, run)), "facets": facets or {}},
        "job": {"namespace": "airflow", "name": job, "facets": {}},
        "inputs": [dataset(one) if isinstance(one, str) else one for one in inputs],
        "outputs": [dataset(one) if isinstance(one, str) else one for one in outputs],
        **more,
    }


def sealed(ledger: Ledger, *events: dict[str, Any], received: datetime = datetime(2026, 3, 2, tzinfo=UTC)) -> None:
    """Let events be received and sealed."""
    made = []
    for said in events:
        body = json.dumps(said)
        digest = hashlib.sha256(body.encode()).hexdigest()
        one = told(said, digest, 0)
        payload = {"kind": one.kind, "event_type": one.type or None, "digest": digest, "body": body, "warnings": []}
        made.append(Event(RAW, payload, occurred_at=received))
    ledger.raw.append(RAW, made)

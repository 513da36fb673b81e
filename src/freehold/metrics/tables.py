"""An answer as other programs take it: an object for JSON, CSV, Parquet; and the unit that a column is in."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from freehold.foundation import FreeholdError

if TYPE_CHECKING:
    import pyarrow as pa

    from freehold.metrics.answering import Answer
    from freehold.metrics.catalogue import Catalogue


def as_object(catalogue: Catalogue, answer: Answer) -> dict[str, Any]:
    """Return an answer as a machine wants it: rows as objects, and what to know about them."""
    from freehold.metrics.answering import unfinished
    from freehold.metrics.telling import unit_in_data

    return {
        "query_id": answer.id,
        "columns": [
            {
                "name": name,
                "kind": "key" if name in answer.compiled.keys else "metric",
                "unit": unit_in_data(unit_of(catalogue, name)),
            }
            for name in answer.compiled.columns
        ],
        "rows": answer.table.to_pylist(),
        "state": answer.state,
        "data_until": answer.data_until,
        "unfinished": unfinished(catalogue, answer),
        "is_kept": answer.is_kept,
        "is_cut": answer.is_cut,
        "policies": list(answer.policies),
        "notes": list(answer.notes),
        "metrics": {
            name: {
                "id": answer.compiled.lowered.ids[name],
                "definition": hash_,
                "status": catalogue.metric(name).status,
            }
            for name, hash_ in answer.definitions.items()
        },
        "sources": [
            {"asset": s.name, "version": s.version or None, "state": s.state, "reasons": s.reasons}
            for s in answer.sources
        ],
        "read_from": [use.to_json() for use in answer.compiled.uses],
        "seconds": round(answer.seconds, 4),
    }


def as_csv(found: pa.Table) -> str:
    """Return a table as CSV with a header; an unknown value is empty."""
    import csv

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(found.column_names)
    writer.writerows([row[name] for name in found.column_names] for row in found.to_pylist())
    return text.getvalue()


def as_parquet(found: pa.Table) -> bytes:
    """Return a table as one Parquet file."""
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(found, sink, compression="zstd")
    return sink.getvalue()


def unit_of(catalogue: Catalogue, name: str) -> str:
    """Return the unit in which people read a column: that of its metric; a relative change is a share."""
    for ending in ("_change_share", "_change", "_prior", ""):
        base = name.removesuffix(ending) if ending else name
        if name.endswith(ending):
            try:
                unit = catalogue.metric(base).words.get("unit", "")
            except FreeholdError:
                continue
            return "%" if ending == "_change_share" else unit
    return ""

"""An answer, remembered: an event for each asset it was read from; the question beside them, where it can be erased."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from freehold.ledger import Event
from freehold.metrics.answering import Answer

if TYPE_CHECKING:
    from freehold.foundation import Caller
    from freehold.ledger import Ledger

ASIDE = "side:"


def remembered(
    ledger: Ledger, answer: Answer, question: Mapping[str, Any], caller: Caller, *, env: str, channel: str
) -> Answer:
    """Record that a question was answered; return the answer with the id under which `recalled` finds it.

    The question itself may name persons (`customer = …`), so it stands in the side store and not in the chain.
    """
    ids = {name: answer.compiled.lowered.ids[name] for name in answer.compiled.query.metrics}
    kept = ledger.side.put(
        "question",
        {
            "question": dict(question), "sql": answer.compiled.sql, "env": env, "state": answer.state,
            "definitions": {ids[n]: h for n, h in answer.definitions.items()},
            "versions": {s.name: s.version for s in answer.sources},
        },
        subject=caller.principal,
    )  # fmt: skip
    id_ = kept.removeprefix(ASIDE)
    common = {
        "consumer": caller.principal,
        "consumer_type": "person" if caller.principal.startswith("user:") else "service",
        "channel": channel,
        "fingerprint": hashlib.sha256(answer.compiled.sql.encode()).hexdigest()[:16],
        "duration_ms": round(answer.seconds * 1000, 3),
        "bytes": answer.table.nbytes,
        "status": "ok",
        "query_id": id_,
        "metrics": list(ids.values()),
        "definitions": list(answer.definitions.values()),
        "rows": answer.table.num_rows,
        "is_kept": answer.is_kept,
        "rollups": sorted({use.asset for use in answer.compiled.uses if use.rollup}),
    }
    each = [
        Event(
            "usage.query",
            {
                **common, "product": s.product or None, "resource": s.name, "version": s.version or None,
                "quality": s.state,
            },
            env=env, subject=s.name, product=s.product,
        )
        for s in answer.sources
    ]  # fmt: skip
    ledger.raw.append("usage.query", each)
    return replace(answer, id=id_)


def recalled(ledger: Ledger, id_: str) -> Mapping[str, Any] | None:
    """Return what was remembered of a question, or None where there is none, or it was erased."""
    found = ledger.side.get(ASIDE + id_)
    return found.payload if found is not None and found.kind == "question" else None

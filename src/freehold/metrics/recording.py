"""An answer, remembered: an event for each asset it was read from; the question beside them, where it can be erased."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from freehold.ledger import Event
from freehold.metrics.answering import Answer, Source

if TYPE_CHECKING:
    from freehold.foundation import Caller
    from freehold.ledger import Ledger
    from freehold.metrics.compiling import Compiled

ASIDE = "side:"


def remembered(
    ledger: Ledger, answer: Answer, question: Mapping[str, Any], caller: Caller, *, env: str, channel: str
) -> Answer:
    """Record that a question was answered; return the answer with the id under which `recalled` finds it."""
    kept = kept_question(ledger, answer, question, caller, env=env)
    ledger.raw.append("usage.query", used(kept, caller, env=env, channel=channel))
    return kept


def kept_question(ledger: Ledger, answer: Answer, question: Mapping[str, Any], caller: Caller, *, env: str) -> Answer:
    """Keep a question beside the chain; return the answer with the id under which `recalled` finds it.

    The question itself may name persons (`customer = …`), so it stands in the side store and not in the chain.
    """
    ids = answer.compiled.lowered.ids
    kept = ledger.side.put(
        "question",
        {
            "question": dict(question), "sql": answer.compiled.sql, "env": env, "state": answer.state,
            "definitions": {ids[n]: h for n, h in answer.definitions.items()},
            "versions": {s.name: s.version for s in answer.sources},
        },
        subject=caller.principal,
    )  # fmt: skip
    return replace(answer, id=kept.removeprefix(ASIDE))


def used(
    answer: Answer, caller: Caller, *, env: str, channel: str, consumer_type: str = "", at: datetime | None = None
) -> list[Event]:
    """Return the events of an answer: one for each asset it was read from.

    Args:
        answer: what was given.
        caller: to whom.
        env: of which environment.
        channel: `cli`, `python`, `portal`, `api` or `mcp`.
        consumer_type: `agent` where one asks on somebody's behalf; default: by the caller.
        at: when, where it is recorded later.
    """
    common = {
        **_asked(answer.compiled, caller, answer.seconds),
        **({"consumer_type": consumer_type} if consumer_type else {}),
        "certified": answer.is_certified,
        "channel": channel,
        "bytes": answer.table.nbytes,
        "status": "ok",
        "query_id": answer.id or None,
        "definitions": list(answer.definitions.values()),
        "rows": answer.table.num_rows,
        "is_kept": answer.is_kept,
        "rollups": sorted({use.asset for use in answer.compiled.uses if use.rollup}),
    }
    return [
        Event(
            "usage.query",
            {
                **common, "product": s.product or None, "resource": s.name, "version": s.version or None,
                "quality": s.state,
            },
            occurred_at=at, env=env, subject=s.name, product=s.product,
        )
        for s in answer.sources
    ]  # fmt: skip


def failed(asked: Compiled, sources: Collection[Source], seconds: float, caller: Caller, *, env: str) -> list[Event]:
    """Return the events of a question that the warehouse could not answer: one for each asset that it was about."""
    common = {**_asked(asked, caller, seconds), "status": "error"}
    return [
        Event(
            "usage.query", {**common, "product": s.product or None, "resource": s.name},
            env=env, subject=s.name, product=s.product,
        )
        for s in sources
    ]  # fmt: skip


def _asked(asked: Compiled, caller: Caller, seconds: float) -> dict[str, Any]:
    return {
        "consumer": caller.principal,
        "consumer_type": "person" if caller.principal.startswith("user:") else "service",
        "fingerprint": hashlib.sha256(asked.sql.encode()).hexdigest()[:16],
        "duration_ms": round(seconds * 1000, 3),
        "metrics": [asked.lowered.ids[name] for name in asked.query.metrics],
    }


def recalled(ledger: Ledger, id_: str) -> Mapping[str, Any] | None:
    """Return what was remembered of a question, or None where there is none, or it was erased."""
    found = ledger.side.get(ASIDE + id_)
    return found.payload if found is not None and found.kind == "question" else None

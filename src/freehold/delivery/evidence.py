"""What a run remembers, as events. The identifiers are made from what happened, so telling it twice tells it once."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any

from freehold.delivery.arrival import Expected
from freehold.delivery.asset import Asset
from freehold.delivery.interval import Interval
from freehold.delivery.release import Candidate, Move
from freehold.delivery.step import Status, StepOutcome
from freehold.delivery.strayed import Strayed
from freehold.ledger import Event
from freehold.quality import ColumnProfile, Result, TableState

_EXACT = 2**53 - 1  # the largest whole number that JSON holds exactly everywhere
_NAMESPACE = uuid.UUID("6f9f6a52-6d6b-4c56-8f0e-3c6f0a8d2f11")

# The class of a check is what coverage is counted by; kinds are finer.
_CLASSES = {"schema": "schema", "type": "schema", "not_null": "null", "missing": "null", "reference": "referential"}
_FAILURES = {Status.QUARANTINED: "correctness", Status.FAILED: "execution"}
_CLASSES |= dict.fromkeys(("range", "in_set", "pattern", "length", "invalid"), "range")


class Evidence:
    """Makes the events of one deployment."""

    def __init__(
        self, env: str, run_id: str, deployment: str, now: datetime, change: str = "", trigger: str = "command"
    ) -> None:
        self._env = env
        self._run_id = run_id
        self._deployment = deployment
        self._now = now
        self._changes = [change] if change else []
        self._trigger = trigger

    def started(self, moves: Iterable[Move]) -> Event:
        """Say what is about to be published: the intent."""
        assets = sorted(m.asset for m in moves)
        return self._event(
            "deploy.started", "", "", {"deploy_id": self._deployment, "env": self._env, "resources": assets}
        )

    def ended(self, moves: Iterable[Move], status: str, reason: str = "") -> Event:
        """Say how a deployment ended."""
        content = {
            "deploy_id": self._deployment,
            "env": self._env,
            "status": status,
            "resources": sorted(m.asset for m in moves),
            "change_ids": self._changes,
        }
        return self._event("deploy.completed", "", "", content | ({"reason": reason} if reason else {}))

    def published(self, move: Move, product: str, candidates: Mapping[int, Candidate]) -> Event:
        """Say which release of an asset became live."""
        added = [candidates[i] for i in move.added if i in candidates]
        newest = added[-1] if added else None
        content = {
            "asset": move.asset,
            "deployment": self._deployment,
            "epoch": move.expected_epoch + 1,
            "batches_added": [str(i) for i in move.added],
            "batches_removed": [str(i) for i in move.removed],
            "physical": move.physical,
            "rows": sum(c.rows for c in added) if added else None,
            "step_key": newest.step_key if newest else None,
            "data_fingerprint": newest.definition if newest else None,
            **_span(newest.interval if newest else None),
        }
        return self._event("asset.published", move.asset, product, content)

    def restated(self, move: Move, product: str, changed: Sequence[tuple[Candidate, Candidate]]) -> Event:
        """Say that intervals which were live are published again; of each what it was and what it is."""
        spans = [span for _, new in changed if (span := new.interval) is not None]
        is_redefined = any(old.definition != new.definition for old, new in changed)
        content = {
            "asset": move.asset,
            "deployment": self._deployment,
            "intervals": len(changed),
            "interval_start": _instant(min(span.start for span in spans)),
            "interval_end": _instant(max(span.end for span in spans)),
            "rows_before": sum(old.rows for old, _ in changed),
            "rows": sum(new.rows for _, new in changed),
            "why": "rollback" if move.restores is not None else "definition" if is_redefined else "inputs",
        }
        return self._event("asset.restated", move.asset, product, content)

    def step(self, outcome: StepOutcome, now: datetime) -> Event:
        """Say how one step ended, and when it was worked on: one for which nothing was done took no time."""
        started = outcome.began or now
        status = "success" if outcome.status is Status.PUBLISHED else str(outcome.status)
        content = {
            "run_id": self._run_id,
            "asset": outcome.asset,
            "trigger": self._trigger,
            "attempt": outcome.attempts,
            "final": True,
            "status": status,
            "started": _instant(started),
            "ended": _instant(started + timedelta(seconds=outcome.seconds)),
            "rows": outcome.rows,
            "step_key": outcome.step_key or None,
            "batch": str(outcome.candidate) if outcome.candidate else None,
            "failure_mode": _FAILURES.get(outcome.status),
            "code": outcome.code or None,
            "cost_s": plain(round(outcome.seconds, 4)),
            "deployment": self._deployment,
            **_span(outcome.interval),
        }
        return self._event("run.completed", outcome.asset, outcome.product, content, str(outcome.interval))

    def check(
        self,
        result: Result,
        product: str,
        interval: Interval | None,
        sample: str | None,
        *,
        candidate: int | None = None,
        target: str = "candidate",
    ) -> Event:
        """Say the verdict on one check: of a candidate, or of all that is live."""
        check = result.check
        content = {
            "check_id": check.id,
            "asset": check.asset,
            "class": _CLASSES.get(check.kind, check.kind),
            "kind": check.kind,
            "dimension": check.dimension,
            "status": str(result.verdict),
            "severity": check.severity,
            "blocking": check.blocking,
            "value": plain(result.value),
            "threshold": plain(check.threshold),
            "operator": check.operator,
            "unit": check.unit,
            "failing": result.failing,
            "total": result.total,
            "decided_by": result.decided_by,
            "cost_s": plain(round(result.cost_s, 4)),
            "suite_run": self._deployment,
            "target": target,
            "candidate": str(candidate) if candidate else None,
            "interval_start": _instant(interval.start) if interval else None,
            "sample": sample,
            "reason": result.reason or None,
        }
        return self._event("check.completed", check.asset, product, content, f"{check.id}@{interval}")

    def quarantined(self, outcome: StepOutcome, physical: str) -> Event:
        """Say that a candidate was kept from consumers, and what they read instead."""
        content = {
            "asset": outcome.asset,
            "candidate": str(outcome.candidate),
            "failed_checks": [r.check.id for r in outcome.results if r.blocks],
            "physical": physical or None,
            "rows": outcome.rows,
            "kept_deployment": outcome.kept or None,
            "step_key": outcome.step_key,
            **_span(outcome.interval),
        }
        return self._event("candidate.quarantined", outcome.asset, outcome.product, content, str(outcome.candidate))

    def schema(self, outcome: StepOutcome, differs: Strayed) -> Event:
        """Say that a delivery came with other columns than its contract promises."""
        content = {"asset": outcome.asset, **differs.to_json()}
        return self._event("schema.observed", outcome.asset, outcome.product, content, str(outcome.interval))

    def profile(self, outcome: StepOutcome, state: TableState, categories: Mapping[str, Mapping[str, int]]) -> Event:
        """Remember the shape of a candidate's rows: counts and numbers, never a text somebody wrote.

        `categories` are how many rows each value has of columns of few, by its digest.
        """
        columns = {name: _shape(column, state.rows, categories.get(name)) for name, column in state.columns.items()}
        content = {"asset": outcome.asset, "batch": str(outcome.candidate), "rows": outcome.rows, "columns": columns}
        # rows that were there already took no time to build, which tells nothing of those that are built
        content |= {"seconds": None if outcome.reused else plain(round(outcome.seconds, 4))} | _span(outcome.interval)
        return self._event("profile.observed", outcome.asset, outcome.product, content, str(outcome.candidate))

    def freshness(self, asset: Asset, data_time: datetime, now: datetime, target_s: float | None) -> Event:
        """Say how old the newest live data of an asset is; `data_time` without a zone counts as UTC."""
        age_s = (now - data_time.replace(tzinfo=UTC)).total_seconds()
        content = {
            "asset": asset.id,
            "data_time": _instant(data_time),
            "target_s": plain(target_s),
            "age_s": plain(age_s),
        }
        return self._event("freshness.observed", asset.id, asset.product.id, content)

    def rolled_back(self, product: str, assets: Iterable[str], taken_back: str, to: str, reason: str | None) -> Event:
        """Say that an earlier deployment is live again; the event correlates with the deployment that did it."""
        content = {"deploy_id": taken_back, "to": to, "env": self._env, "product": product, "pinned": True}
        content |= {"assets": sorted(assets), "reason": reason}
        return self._event("deploy.rolled_back", product, product, content)

    def pinned(self, product: str, assets: Iterable[str]) -> Event:
        """Say that runs may not publish a product until somebody lets them again."""
        return self._event("deploy.pinned", product, product, {"product": product, "assets": sorted(assets)})

    def unpinned(self, product: str, assets: Iterable[str]) -> Event:
        """Say that runs may publish a product again."""
        return self._event("deploy.unpinned", product, product, {"product": product, "assets": sorted(assets)})

    def discarded(
        self,
        asset: str,
        candidate: int,
        product: str,
        interval: Interval | None,
        reason: str | None = None,
        *,
        is_unwanted: bool = False,
    ) -> Event:
        """Say that somebody accepted doing without a candidate, or that nobody wants it any more."""
        content = {
            "asset": asset,
            "candidate": str(candidate),
            "why": "unwanted" if is_unwanted else "accepted",
            "reason": reason,
            **_span(interval),
        }
        return self._event("candidate.discarded", asset, product, content, str(candidate))

    def collected(
        self, tables: Iterable[str], batches: Mapping[str, Iterable[int]], rows: int, *, assets: Iterable[str] = ()
    ) -> Event:
        """Say what was dropped because nothing could reach it, or which assets were taken from consumers."""
        listed = sorted(str(i) for ids in batches.values() for i in ids)
        content = {"env": self._env, "tables": sorted(tables), "batches": listed, "rows": rows}
        content |= {"assets": taken} if (taken := sorted(assets)) else {}
        return self._event("asset.collected", "", "", content)

    def id_of(self, type_: str, subject: str, part: str = "") -> str:
        """Return the id that an event of this deployment has: told twice, it is the same event."""
        return str(uuid.uuid5(_NAMESPACE, f"{self._deployment}|{type_}|{subject}|{part}"))

    def _event(self, type_: str, subject: str, product: str, content: Mapping[str, Any], part: str = "") -> Event:
        return Event(
            type=type_,
            data=content,
            id=self.id_of(type_, subject, part),
            occurred_at=self._now,
            env=self._env,
            subject=subject,
            product=product,
            run_id=self._run_id,
            correlation_id=self._deployment,
        )


def expectation(env: str, asset: Asset, due: Expected) -> Event:
    """Say that a delivery was due; it happened when it was due, whenever it is told."""
    content = {
        "asset": asset.id,
        "due_at": _instant(due.due_at.astimezone(UTC)),
        "deadline_at": _instant(due.late_at.astimezone(UTC)),
        **_span(due.interval),
    }
    id_ = str(uuid.uuid5(_NAMESPACE, f"{env}|expected|{asset.id}|{due.interval}"))
    occurred = due.due_at.astimezone(UTC)
    return Event("run.expected", content, id_, occurred, env=env, subject=asset.id, product=asset.product.id)


def packed(events: Iterable[Event]) -> str:
    """Return events as the text that waits in the outbox."""
    return json.dumps([_row(e) for e in events])


def unpacked(rows: Iterable[list[Any]]) -> list[Event]:
    """Return the events that `packed` wrote."""
    return [
        Event(type_, content, id_, datetime.fromisoformat(occurred), env, subject, product, run_id, correlation_id)
        for type_, content, id_, occurred, env, subject, product, run_id, correlation_id in rows
    ]


def _row(e: Event) -> list[Any]:
    occurred = e.occurred_at.isoformat() if e.occurred_at else None
    return [e.type, e.data, e.id, occurred, e.env, e.subject, e.product, e.run_id, e.correlation_id]


def _span(interval: Interval | None) -> dict[str, str | None]:
    return {
        "interval_start": _instant(interval.start) if interval else None,
        "interval_end": _instant(interval.end) if interval else None,
    }


def _instant(value: datetime) -> str:
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat().replace("+00:00", "Z")


def _shape(column: ColumnProfile, rows: int, categories: Mapping[str, int] | None) -> dict[str, Any]:
    """Return the numbers of a column: how many values are missing and how many differ, from, to, mean and quantiles.

    Of a column of few values also how many rows each has, by its digest.
    """
    more: dict[str, Any] = {"quantiles": [_number(q) for q in column.quantiles]} if column.quantiles else {}
    if categories:
        more |= {"categories": dict(categories)}
    filled = None if column.nulls is None else rows - column.nulls
    total = _number(column.total)
    return {
        "nulls": column.nulls,
        "distinct": column.distinct_about,
        "minimum": _number(column.minimum),
        "maximum": _number(column.maximum),
        "mean": total / filled if filled and total is not None else None,
    } | more


def _number(value: Any) -> int | float | None:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _EXACT:
        return float(value)
    found = plain(value)
    return found if isinstance(found, int | float) and not isinstance(found, bool) else None


def plain(value: Any) -> Any:
    """Return a measured value as JSON can hold it; what it cannot hold is given as text."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _EXACT else str(value)
    if isinstance(value, float):
        if not isfinite(value):
            return str(value)
        return int(value) if value.is_integer() and abs(value) <= _EXACT else value
    if isinstance(value, Decimal):
        if not value.is_finite():
            return str(value)
        return plain(int(value)) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return "..".join(str(plain(v)) for v in value)
    return str(value)

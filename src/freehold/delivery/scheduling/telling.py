"""The events of scheduled runs: that one was due, and how each attempt at it ended."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from freehold.delivery.outcome import RunOutcome
from freehold.delivery.scheduling.board import Scheduled
from freehold.delivery.scheduling.state import Due
from freehold.delivery.step import Status
from freehold.foundation import FreeholdError
from freehold.ledger import Event

_NAMESPACE = uuid.UUID("0d0c3f0e-7f0e-4c6b-9a41-5a6f5f2f9f6e")
_WORST = (Status.FAILED, Status.QUARANTINED, Status.HELD)
_FAILURES = {"failed": "execution", "quarantined": "correctness"}


def expected(env: str, one: Scheduled, due: Due, mark: int, *, missed: bool) -> Event:
    """Say that a run was due; `mark` tells two of one instant apart. It happened when it was due, whenever told."""
    content = {
        "asset": one.subject,
        "due_at": _instant(due.due_at),
        "deadline_at": _instant(due.deadline_at),
        "schedule": one.schedule.told if due.cause == "cron" else _CAUSES[due.cause],
        "missed": missed,
    }
    id_ = str(uuid.uuid5(_NAMESPACE, f"{env}|due|{one.subject}|{due.cause}|{due.due_at.isoformat()}|{mark}"))
    return Event("run.expected", content, id_, due.due_at, env=env, subject=subject_of(one), product=one.product)


def ended(
    env: str,
    one: Scheduled,
    due: Due,
    attempt: int,
    status: str,
    *,
    run_id: str,
    started: datetime,
    now: datetime,
    epoch: int,
    code: str = "",
    final: bool = True,
) -> Event:
    """Say how an attempt at a due run ended; `epoch` is that of the lease it was made under."""
    content = {
        "run_id": run_id,
        "asset": one.subject,
        "trigger": "schedule",
        "attempt": attempt,
        "final": final,
        "status": status,
        "started": _instant(started),
        "ended": _instant(now),
        "due_at": _instant(due.due_at),
        "failure_mode": _FAILURES.get(status),
        "code": code or None,
    }
    id_ = str(uuid.uuid5(_NAMESPACE, f"{env}|ran|{one.subject}|{due.cause}|{due.due_at.isoformat()}|{attempt}|{epoch}"))
    return Event(
        "run.completed", content, id_, now, env=env, subject=subject_of(one), product=one.product, run_id=run_id
    )


_CAUSES = {"upstream": "after upstream", "file": "on file"}


def subject_of(one: Scheduled) -> str:
    """Return what the events of a schedule are about: apart from those of the asset's own steps."""
    return f"schedule/{one.subject}"


def status_of(outcome: RunOutcome) -> str:
    """Return how a run ended for whoever waited for it: by its worst step; skipped where nothing was new."""
    if any(r.blocks for e in outcome.judged.values() for r in e.results):
        return "failed"
    worst = next((s for s in _WORST if outcome.of(s)), None)
    if worst is not None:
        return str(worst)
    return "success" if outcome.steps else "skipped"


def code_of(outcome: RunOutcome) -> str:
    """Return the code of the first step that failed, if one did."""
    return next((s.code for s in outcome.steps if s.code), "")


def will_pass(error: FreeholdError) -> bool:
    """Say whether somebody else only has, or took, what a run needs: the environment, or the file of the warehouse."""
    return error.code in ("FH-L201", "FH-L202", "FH-E101", "FH-D101", "FH-D102")


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")

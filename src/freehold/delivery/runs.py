"""Runs as the ledger tells of them: what each built, what it kept back, what it published, and for whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from freehold.delivery.unfinished import unfinished
from freehold.foundation import Exit, FreeholdError
from freehold.foundation.times import instant_of

if TYPE_CHECKING:
    from freehold.ledger import Ledger, Recorded

Outcome = Literal["published", "held", "quarantined", "failed"]
OUTCOMES: tuple[Outcome, ...] = ("published", "held", "quarantined", "failed")  # the worst last
TROUBLES = OUTCOMES[2:]  # what steps that were held wait for
SETTLED_WITHIN = 10_000  # events: verdicts on a last step, and its settlement, are told after it
_DAY = timedelta(days=1)

Sees = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class StepTold:
    """How one step of a run ended; `deployment` is the settlement it was part of, whether or not that published it."""

    seq: int
    asset: str
    product: str
    interval: str
    outcome: Outcome
    rows: int | None
    seconds: float
    code: str
    attempt: int
    candidate: str
    deployment: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CheckTold:
    """The verdict on one check of a candidate. `sample` names rows that failed it, where some were kept."""

    id: str
    asset: str
    candidate: str
    interval: str
    status: str
    blocking: bool
    value: object
    threshold: object
    operator: str
    unit: str
    failing: int | None
    total: int | None
    decided_by: str
    seconds: float
    reason: str
    sample: str
    deployment: str

    @property
    def is_measured(self) -> bool:
        """Whether its value was measured of rows, and is not a count of those that fail."""
        return self.value is not None and self.failing is None


@dataclass(frozen=True, slots=True)
class HeldTold:
    """A candidate that was kept from consumers, and the deployment they read on instead."""

    asset: str
    product: str
    candidate: str
    failed: tuple[str, ...]
    kept: str


@dataclass(frozen=True, slots=True)
class RunTold:
    """One run: its steps in the order they were told, what it published, and by whose word it began.

    Attributes:
        first, last: the numbers of the first and the last event of its steps.
        deployments: the settlements of it that published something.
        changes: the changes of the estate that it put in force; none for new data.
        trigger: what made it run: command, schedule and the like.
        went_on: the run that went on, where this one broke off.
        is_open: whether it has no end yet: it is at work, or broke off and no other has gone on.
    """

    id: str
    at: datetime
    told_at: datetime
    actor: str
    trigger: str
    steps: tuple[StepTold, ...]
    first: int
    last: int
    deployments: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    went_on: str = ""
    is_open: bool = False

    @property
    def outcome(self) -> Outcome:
        """The worst that became of any of its steps, a cause before what waits for it."""
        return max((step.outcome for step in self.steps), key=OUTCOMES.index)

    @property
    def jobs(self) -> tuple[str, ...]:
        """The jobs of other tools that it is, where such a tool told of it and it built nothing of ours."""
        return () if any(step.product for step in self.steps) else tuple(dict.fromkeys(s.asset for s in self.steps))

    @property
    def products(self) -> tuple[str, ...]:
        """The products it touched, in the order it did."""
        return tuple(dict.fromkeys(step.product for step in self.steps))

    @property
    def seconds(self) -> float:
        """What its steps took in the warehouse, all together."""
        return sum(step.seconds for step in self.steps)

    def count(self, outcome: Outcome) -> int:
        """Return how many of its steps ended so."""
        return sum(step.outcome == outcome for step in self.steps)


@dataclass(frozen=True, slots=True)
class RunDetail:
    """A run with the verdicts on what it built, and what it kept back."""

    run: RunTold
    checks: tuple[CheckTold, ...] = ()
    held: tuple[HeldTold, ...] = ()


def run(ledger: Ledger, env: str, id_: str, sees: Sees = lambda _: True) -> RunDetail:
    """Return one run with its checks, and what it kept back.

    Raises:
        FreeholdError: FH-D227 there is no such run.
    """
    told = [e for e in ledger.read(types=("run.completed",), env=env, run_id=id_) if is_step(e) and sees(e.product)]
    if not told:
        raise FreeholdError(
            "FH-D227", f"`{env}` has no run `{id_[:80]}`.", fix="See `/runs`.", exit_code=Exit.USAGE
        )  # fmt: skip
    found = _run(told)
    after, upto = found.first - 1, found.last + SETTLED_WITHIN
    ended = ledger.read(types=("deploy.completed",), env=env, run_id=id_, after=after, upto=upto)
    settled = [e.data for e in ended if e.data["status"] == "success"]
    changes = dict.fromkeys(str(name) for said in settled for name in said.get("change_ids") or ())
    ends = unfinished(ledger, env)
    found = replace(
        found,
        deployments=tuple(str(said["deploy_id"]) for said in settled),
        changes=tuple(changes),
        went_on=ends.went_on.get(id_, ""),
        is_open=id_ == ends.begun,
    )
    checks = ledger.read(types=("check.completed",), env=env, run_id=id_, after=after, upto=upto)
    held = ledger.read(types=("candidate.quarantined",), env=env, run_id=id_, after=after, upto=upto)
    return RunDetail(
        found,
        tuple(check_told(e) for e in checks if e.data.get("target") != "live" and sees(e.product)),
        tuple(_held(e) for e in held if sees(e.product)),
    )


def is_step(event: Recorded) -> bool:
    """Whether an event is of a step; a schedule tells of a whole attempt by an event of its own."""
    return not event.data.get("due_at")


def _run(events: list[Recorded]) -> RunTold:
    """Return a run from the events of its steps, oldest first."""
    first, last = events[0], events[-1]
    return RunTold(
        id=first.run_id,
        at=first.occurred_at,
        told_at=last.recorded_at,
        actor=first.actor,
        trigger=str(first.data.get("trigger") or ""),
        steps=tuple(step_told(e) for e in events),
        first=first.seq,
        last=last.seq,
    )


def step_told(event: Recorded) -> StepTold:
    """Return how a step ended, as its event tells."""
    said = event.data
    status = str(said["status"])
    outcome: Outcome = "published" if status == "success" else "held" if status == "skipped" else status  # type: ignore[assignment]
    return StepTold(
        seq=event.seq,
        asset=str(said["asset"]),
        product=event.product,
        interval=interval_told(said.get("interval_start"), said.get("interval_end")),
        outcome=outcome,
        rows=said.get("rows"),
        seconds=float(said.get("cost_s") or 0.0),
        code=str(said.get("code") or ""),
        attempt=int(said.get("attempt") or 1),
        candidate=str(said.get("batch") or ""),
        deployment=str(said.get("deployment") or ""),
        at=event.occurred_at,
    )


def check_told(event: Recorded) -> CheckTold:
    """Return the verdict that an event of a check tells."""
    said = event.data
    return CheckTold(
        id=str(said["check_id"]),
        asset=str(said["asset"]),
        candidate=str(said.get("candidate") or ""),
        interval=interval_told(said.get("interval_start"), None),
        status=str(said["status"]),
        blocking=bool(said.get("blocking")),
        value=said.get("value"),
        threshold=said.get("threshold"),
        operator=str(said.get("operator") or ""),
        unit=str(said.get("unit") or ""),
        failing=said.get("failing"),
        total=said.get("total"),
        decided_by=str(said.get("decided_by") or ""),
        seconds=float(said.get("cost_s") or 0.0),
        reason=str(said.get("reason") or ""),
        sample=str(said.get("sample") or ""),
        deployment=event.correlation_id,
    )


def _held(event: Recorded) -> HeldTold:
    said = event.data
    return HeldTold(
        asset=str(said["asset"]),
        product=event.product,
        candidate=str(said["candidate"]),
        failed=tuple(str(name) for name in said.get("failed_checks") or ()),
        kept=str(said.get("kept_deployment") or ""),
    )


def interval_told(start: str | None, end: str | None) -> str:
    """Return an interval in a few words: a day by its date, another by its two ends; empty for all of an asset."""
    if not start:
        return ""
    begins = instant_of(start)
    if end and instant_of(end) - begins != _DAY:
        return f"{_short(begins)} to {_short(instant_of(end))}"
    return _short(begins)


def _short(at: datetime) -> str:
    return f"{at:%Y-%m-%d}" if (at.hour, at.minute, at.second) == (0, 0, 0) else f"{at:%Y-%m-%d %H:%M}"

"""One run: what it did in a sentence, what it kept back and why, what stays live instead, what it checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from freehold.delivery.audit import checks_of
from freehold.delivery.runs import CheckTold, HeldTold, RunDetail, RunTold, StepTold, run
from freehold.delivery.times import interval_check
from freehold.foundation import FreeholdError
from freehold.foundation.words import counted
from freehold.quality.drafting import judged
from freehold.server.rows_seen import rows_seen, why_words_are_hidden, words_are_hidden
from freehold.server.web.model import VERDICTS, Crumb, Fact, Fault, Heading, Mark, joined
from freehold.server.web.pages.runs import OUTCOME, mark_of, took, whose
from freehold.server.web.showing import Asked, Shown

if TYPE_CHECKING:
    from freehold.delivery import Delivery

_STEPS = (
    Heading("Asset"),
    Heading("Of"),
    Heading("Outcome"),
    Heading("Rows", "num"),
    Heading("Checks", "num"),
    Heading("Took", "num", narrow=False),
    Heading("Why", "wide", sorts=False),
)
_CHECKS = (
    Heading("Claim", "wide"),
    Heading("Verdict"),
    Heading("Found", "num", sorts=False),
    Heading("Bound", sorts=False, narrow=False),
    Heading("Settled by", narrow=False),
    Heading("Took", "num", narrow=False),
)
_ENGINES_WORDS = "FH-E201"
_GONE = "what the contract does not say any more"


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step: an asset, or one interval of it."""

    asset: str
    name: str
    interval: str
    outcome: Mark
    rows: int | None
    checks: str
    seconds: float
    took: str
    why: str
    deployment: str


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A claim, and the verdict on it."""

    id: str
    claim: str
    mark: Mark
    found: str
    bound: str
    decided_by: str
    seconds: float
    took: str


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """A check that kept a candidate back, with rows that failed it as far as the reader may see them."""

    id: str
    claim: str
    mark: Mark
    found: str
    allowed: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    why_not: str


@dataclass(frozen=True, slots=True)
class HeldPart:
    """A candidate that was kept from consumers: why, what they read on, and what to do."""

    asset: str
    product: str
    interval: str
    candidate: str
    rows: int | None
    is_open: bool
    reason: Fault | None
    checks: tuple[FailedCheck, ...]
    kept: str
    kept_at: datetime | None
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckedPart:
    """What was checked of one asset or interval."""

    title: str
    state: Mark
    checks: tuple[CheckRow, ...]


@dataclass(frozen=True, slots=True)
class RunPage:
    """A run as the ledger tells of it."""

    id: str
    outcome: Mark
    title: str
    reasons: tuple[str, ...]
    held: tuple[HeldPart, ...]
    step_headings: tuple[Heading, ...]
    steps: tuple[StepRow, ...]
    check_headings: tuple[Heading, ...]
    checked: tuple[CheckedPart, ...]
    facts: tuple[Fact, ...]
    deployments: tuple[str, ...]
    products: tuple[str, ...]


def shown_run(asked: Asked) -> Shown:
    """Show the run of an id.

    Raises:
        FreeholdError: FH-D227 there is none, or none of what the reader may see.
    """
    detail = detail_of(asked, asked.request.path_params["id"])
    one = detail.run
    claims = claims_of(asked, {step.asset for step in one.steps})
    held = tuple(_held(asked, detail, h, claims) for h in detail.held)
    title, reasons = _told(asked, detail, held)
    model = RunPage(
        id=one.id,
        outcome=mark_of(one),
        title=title,
        reasons=reasons,
        held=held,
        step_headings=_STEPS,
        steps=tuple(_step(asked, detail, step) for step in one.steps),
        check_headings=_CHECKS,
        checked=tuple(_checked(detail, claims)),
        facts=tuple(_facts(asked, one)),
        deployments=one.deployments,
        products=one.products,
    )
    crumbs = (Crumb("Runs", "/runs"),)
    return Shown("pages/run.html", f"Run of {one.at:%d %b %Y, %H:%M}", model, _sentence(one), crumbs, nav="runs")


def detail_of(asked: Asked, id_: str) -> RunDetail:
    """Return a run with its checks, as far as the asker may see it.

    Raises:
        FreeholdError: FH-D227 there is none.
    """
    seen = asked.snapshot.seen
    ledger, env = asked.served.snapshots.ledger, asked.snapshot.env
    found = run(ledger, env, id_, lambda product: seen is None or product in seen)
    return replace(found, checks=checks_seen(asked, found.checks))


def checks_seen(asked: Asked, checks: Sequence[CheckTold]) -> tuple[CheckTold, ...]:
    """Return verdicts as the asker may read them: without what quotes rows where a policy hides some.

    An engine's words do, and so does a measure, unless it is a count of rows that fail.
    """
    why = {name: words_are_hidden(asked, name) for name in {c.asset for c in checks if c.reason or c.is_measured}}
    return tuple(_seen(check, why.get(check.asset, "")) for check in checks)


def _seen(check: CheckTold, why: str) -> CheckTold:
    if not why or not (check.reason or check.is_measured):
        return check
    return replace(check, reason=why, value=None if check.is_measured else check.value)


def claims_of(asked: Asked, assets: set[str]) -> dict[str, str]:
    """Return what checks claim, by their ids, as the contracts of some assets say it now."""
    graph = asked.snapshot.graph
    known = [graph.assets[name] for name in sorted(assets) if name in graph.assets]
    timed = (check for asset in known if (check := interval_check(asset)) is not None)
    return {check.id: check.claim for check in (*timed, *(c for asset in known for c in checks_of(graph, asset)))}


def found_told(check: CheckTold) -> str:
    """Say what a check found: rows that fail, or the value that was measured."""
    if check.failing is not None and check.total is not None and check.failing:
        return f"{check.failing:,} of {check.total:,} rows"
    if check.value is None:
        return check.reason
    value = figure(check.value) if isinstance(check.value, int | float) else str(check.value)
    return f"{value} %" if check.unit == "percent" else value


def figure(value: float) -> str:
    """Return a measured number with as many digits as a reader can use."""
    if isinstance(value, int) or value.is_integer():
        return f"{int(value):,}"
    return f"{value:,.4f}".rstrip("0").rstrip(".") if abs(value) >= 0.001 else f"{value:.3g}"


def bound_told(check: CheckTold) -> str:
    """Say what a check was held against: `is at most 5 %`."""
    if check.unit == "rows" and check.operator == "mustBe" and check.threshold == 0:
        return "none" if check.failing is not None else "0"
    try:
        return judged(check.operator or None, _bounds(check.threshold), check.unit)
    except (KeyError, IndexError):  # an operator that this version has no words for
        return f"{check.operator} {check.threshold}"


def _allowed(check: CheckTold) -> str:
    """Say in a sentence what would have passed."""
    told = bound_told(check)
    return "None may be like that." if told == "none" else f"It passes where it {told}."


def _bounds(threshold: object) -> object:
    return threshold.split("..") if isinstance(threshold, str) and ".." in threshold else threshold


def _sentence(one: RunTold) -> str:
    if one.jobs:
        return f"Another tool told of it: it ran {joined(one.jobs)}, for {whose(one)}."
    published, total = one.count("published"), len(one.steps)
    told = f"It published {'all' if published == total else published} of {counted(total, 'steps')}"
    kept = [f"{one.count(outcome)} {outcome}" for outcome in ("failed", "quarantined", "held") if one.count(outcome)]
    return f"{told}, for {whose(one)}" + (f"; {', '.join(kept)}." if kept else ".")


def _told(asked: Asked, detail: RunDetail, held: Sequence[HeldPart]) -> tuple[str, tuple[str, ...]]:
    """Return the verdict on a run and its reasons: what failed first."""
    one = detail.run
    failed = [step for step in one.steps if step.outcome == "failed"]
    if failed:
        reasons = tuple(f"`{s.asset}` {s.interval}: {s.code or 'it could not be built'}" for s in failed[:5])
        return f"Failed: {counted(len(failed), 'steps')} could not be built", reasons
    if held:
        names = ", ".join(f"{part.asset.rpartition('.')[2]} {part.interval}".strip() for part in held[:3])
        claims = [f"{check.claim.rstrip('.')}: {check.found}" for part in held for check in part.checks]
        told = claims or [part.reason.problem for part in held if part.reason]
        if waiting := one.count("held"):
            told.append(f"{counted(waiting, 'steps')} that {'reads' if waiting == 1 else 'read'} it waited")
        return f"Kept from consumers: {names}", tuple(told[:6])
    if one.outcome == "held":
        return "Waited for what earlier runs kept back", tuple(_waits(asked, detail))
    if one.jobs:
        return f"Done: {joined(one.jobs)}, by another tool", ()
    if one.went_on:
        return "Broke off: its process ended before it did", (f"What it published stays; run `{one.went_on}` went on.",)
    if one.is_open:
        return "Not ended", (
            "It is at work, or its process ended before it did; then the next run goes on from there.",
        )
    return "Published: everything passed what could have stopped it", ()


def _waits(asked: Asked, detail: RunDetail) -> Iterator[str]:
    for step in detail.run.steps:
        if step.outcome == "held" and (why := _why(asked, detail, step)):
            yield why
            return


def _held(asked: Asked, detail: RunDetail, one: HeldTold, claims: Mapping[str, str]) -> HeldPart:
    step = next((s for s in detail.run.steps if s.candidate == one.candidate), None)
    open_ = {str(c.id): c for status in asked.snapshot.products for asset in status.assets for c in asset.quarantined}
    kept = next((d for d in asked.snapshot.deployments if d.id == one.kept), None)
    checks = [c for c in detail.checks if c.candidate == one.candidate and c.id in one.failed]
    is_open = one.candidate in open_
    return HeldPart(
        asset=one.asset,
        product=one.product,
        interval=step.interval if step else "",
        candidate=one.candidate,
        rows=step.rows if step else None,
        is_open=is_open,
        reason=None if checks else _why_kept(asked, one, step.code if step else ""),
        checks=tuple(_failed(asked, one, check, claims) for check in checks),
        kept=one.kept,
        kept_at=kept.at if kept else None,
        commands=(
            f"freehold quarantine show {one.candidate}",
            f"freehold quarantine discard {one.candidate} --why '…'",
        )
        if is_open
        else (),
    )


def _failed(asked: Asked, held: HeldTold, check: CheckTold, claims: Mapping[str, str]) -> FailedCheck:
    kept = asked.served.snapshots.ledger.side.get(check.sample) if check.sample else None
    rows: list[dict[str, Any]] = list(kept.payload["rows"]) if kept else []
    seen = rows_seen(asked, held.asset, held.product, rows) if rows else None
    shown = seen.rows if seen else ()
    return FailedCheck(
        id=check.id,
        claim=claims.get(check.id, _GONE),
        mark=VERDICTS.get(check.status, Mark("idle", check.status)),
        found=found_told(check),
        allowed=_allowed(check),
        columns=tuple(shown[0]) if shown else (),
        rows=tuple(tuple("" if v is None else str(v) for v in row.values()) for row in shown),
        why_not=seen.why if seen else "",
    )


def _why_kept(asked: Asked, held: HeldTold, code: str) -> Fault:
    """Say why a candidate without a failed check was kept back; what quotes rows is told to who may see those."""
    fault = _fault(_reason(asked, held.candidate), code)
    if fault.code == _ENGINES_WORDS and (why := why_words_are_hidden(asked, held.asset, held.product)):
        return Fault(fault.code, f"What the engine said quotes rows, so it is not shown. {why}", where=fault.where)
    return fault


def _reason(asked: Asked, candidate: str) -> str:
    """Return why a candidate without a failed check was kept back, as the warehouse remembers; empty if it is busy."""

    def take(delivery: Delivery) -> str:
        return delivery.candidate(int(candidate)).reason or ""

    whole = asked.snapshot.whole or asked.snapshot
    try:
        return asked.served.snapshots.detail(whole, ("candidate", candidate), take)
    except FreeholdError as error:
        if error.code not in ("FH-E101", "FH-D203"):
            raise
        return ""


def _fault(reason: str, code: str) -> Fault:
    """Return an error as it was kept, in the lines that it is said in."""
    head, _, rest = reason.partition("\n")
    if not head.startswith("FH-"):
        return Fault(code, reason or "Nothing more is remembered of why.")
    problem, _, fix = rest.partition("\nFix: ")
    named, _, where = head.partition("  ")
    return Fault(named, problem.replace("\n", " "), fix, where)


def _step(asked: Asked, detail: RunDetail, step: StepTold) -> StepRow:
    verdicts = [c for c in detail.checks if c.candidate == step.candidate and c.asset == step.asset and step.candidate]
    verdicts = [c for c in verdicts if c.status != "skipped"]
    passed = sum(c.status in ("pass", "warn") for c in verdicts)
    is_out = step.outcome == "published" and step.deployment in detail.run.deployments
    return StepRow(
        asset=step.asset,
        name=step.asset.rpartition(".")[2],
        interval=step.interval,
        outcome=OUTCOME[step.outcome],
        rows=step.rows if step.outcome != "held" else None,
        checks=f"{passed}/{len(verdicts)}" if verdicts else "",
        seconds=step.seconds,
        took=took(step.seconds) if step.seconds else "",
        why=_why(asked, detail, step),
        deployment=step.deployment if is_out else "",
    )


def _why(asked: Asked, detail: RunDetail, step: StepTold) -> str:
    if step.outcome == "held":
        above = asked.snapshot.graph.upstream({step.asset}) - {step.asset}
        bad = [s for s in detail.run.steps if s.asset in above and s.outcome in ("quarantined", "failed")]
        name = bad[0].asset.rpartition(".")[2] if bad else "what was kept back before"
        return f"waits for {name}"
    failed = [
        c for c in detail.checks if c.candidate == step.candidate and c.blocking and c.status in ("fail", "error")
    ]
    if step.outcome == "quarantined" and failed:
        claims = claims_of(asked, {step.asset})
        more = f" and {len(failed) - 1} more" if failed[1:] else ""
        return claims.get(failed[0].id, failed[0].id) + more
    return step.code


def _checked(detail: RunDetail, claims: Mapping[str, str]) -> Iterator[CheckedPart]:
    """Yield what was checked, what failed first."""
    by_candidate: dict[tuple[str, str], list[CheckTold]] = {}
    for check in detail.checks:
        by_candidate.setdefault((check.asset, check.interval), []).append(check)
    parts = [
        CheckedPart(
            f"{asset} {interval}".strip(),
            _summed(checks),
            tuple(_check(c, claims) for c in sorted(checks, key=_worst_first)),
        )
        for (asset, interval), checks in by_candidate.items()
    ]
    yield from sorted(parts, key=lambda part: part.state.tone != "bad")


def _worst_first(check: CheckTold) -> int:
    order = ("error", "fail", "warn", "skipped", "pass")
    return order.index(check.status) if check.status in order else len(order)


def _summed(checks: Sequence[CheckTold]) -> Mark:
    verdicts = Counter(check.status for check in checks)
    bad = verdicts["fail"] + verdicts["error"]
    if bad:
        return Mark("bad", f"{bad} of {len(checks)} fail")
    return (
        Mark("warn", f"{verdicts['warn']} of {len(checks)} warn")
        if verdicts["warn"]
        else Mark("ok", f"all {len(checks)} hold")
    )


def _check(check: CheckTold, claims: Mapping[str, str]) -> CheckRow:
    return CheckRow(
        id=check.id,
        claim=claims.get(check.id, _GONE),
        mark=VERDICTS.get(check.status, Mark("idle", check.status)),
        found=found_told(check),
        bound=bound_told(check),
        decided_by=check.decided_by,
        seconds=check.seconds,
        took=took(check.seconds) if check.seconds else "",
    )


def _facts(asked: Asked, one: RunTold) -> Iterator[Fact]:
    yield Fact("Run", one.id, is_code=True)
    yield Fact("Began", at=one.at)
    yield Fact("For", whose(one))
    yield Fact("By", one.actor, is_code=True)
    yield Fact("Environment", asked.snapshot.env)
    yield Fact("In the warehouse", took(one.seconds))
    for change in one.changes:
        yield Fact("Change", change, is_code=True)
    for id_ in one.deployments[:6]:
        yield Fact("Deployment", f"…{id_[-12:]}", href=f"/deployments/{id_}")
    for product in one.products:
        yield Fact("Product", product, href=f"/products/{product}")
    first = next((s.asset for s in one.steps if s.outcome != "published"), one.steps[0].asset)
    yield Fact("Lineage", f"what {first.rpartition('.')[2]} goes into", href=f"/lineage?of=asset:{first}")
    yield Fact("Recorded", f"events {one.first:,} to {one.last:,}")
